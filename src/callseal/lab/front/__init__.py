"""The sandbox partner's TLS: a small Kamailio in front of its B2BUA (docs/explanation/sandbox-partner.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from callseal.lab.daemon import Daemon
from callseal.lab.encryption import TLS_PORT
from callseal.lab.place import HERE, Place
from callseal.lab.rootfs import Rootfs

INSIDE_PORT = 5070
"""UDP port of the front, on the partner's own address: the B2BUA's next hop."""
INSIDE = "/run/callseal"

_DEFINES = """\
#!define FRONT_TLS tls:{partner}:{tls_port}
#!define FRONT_UDP udp:{partner}:{inside_port}
#!define FRONT_TLS_CONFIG "{inside}/tls.cfg"
#!define PARTNER_ADDRESS {partner}
#!define PARTNER_ADDRESS_TEXT "{partner}"
#!define PARTNER_URI "sip:{partner}:5060"
#!define EDGE_TLS_URI "sip:{edge}:{tls_port};transport=tls"
"""
_PROFILE = """\
[{side}:default]
method = TLSv1.2+
certificate = {inside}/tls/partner.pem
private_key = {inside}/tls/partner.key
ca_list = {inside}/tls/ca.pem
verify_certificate = yes
require_certificate = yes
"""


def write_front(
    folder: Path, certificates: Path, *, partner: str, edge: str, certificate: str = "partner"
) -> None:
    """The configuration of the front between B2BUA (`partner`) and edge, with `certificate`, its key and `ca.pem` of `certificates`."""
    (folder / "tls").mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "kamailio.cfg").write_bytes((Path(__file__).parent / "kamailio.cfg").read_bytes())
    defines = _DEFINES.format(
        partner=partner, edge=edge, tls_port=TLS_PORT, inside_port=INSIDE_PORT, inside=INSIDE
    )
    (folder / "defines.cfg").write_text(defines, encoding="utf-8")
    profiles = "\n".join(_PROFILE.format(side=side, inside=INSIDE) for side in ("server", "client"))
    (folder / "tls.cfg").write_text(profiles, encoding="utf-8")
    for name, source in (
        ("partner.pem", f"{certificate}.pem"),
        ("partner.key", f"{certificate}.key"),
        ("ca.pem", "ca.pem"),
    ):
        copy = folder / "tls" / name
        copy.touch(mode=0o600)
        copy.write_bytes((certificates / source).read_bytes())


class Front(Daemon):
    """The front with a folder of `write_front`; `ready` says when it answers."""

    def __init__(
        self,
        rootfs: Rootfs,
        folder: Path,
        *,
        name: str = "partner-front",
        log: Path,
        ready: Callable[[], bool],
        binds: Mapping[Path, str] | None = None,
        place: Place = HERE,
    ) -> None:
        command = [
            "kamailio",
            "--atexit=no",
            "-DD",
            "-E",
            "-m",
            "32",
            "-M",
            "4",
            "-f",
            f"{INSIDE}/kamailio.cfg",
        ]
        super().__init__(
            name,
            rootfs.argv(command, {folder: INSIDE, **(binds or {})}),
            log=log,
            ready=ready,
            place=place,
            death_signal="TERM",
        )
