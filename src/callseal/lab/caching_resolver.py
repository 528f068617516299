"""The resolver that stands beside an edge: Unbound with the project's own configuration (infra/dns/unbound.conf)."""

from __future__ import annotations

from pathlib import Path

from callseal.lab.daemon import Daemon
from callseal.lab.name_server import answers
from callseal.lab.place import HERE, Place
from callseal.lab.rootfs import project_root

LISTENS = "    interface: 127.0.0.1\n"
# What a lab's process has no use for, and a world without the internet: no root servers, no trust anchor, and `.test` exists (RFC 6761).
_LAB = """\
    username: ""
    chroot: ""
    directory: ""
    pidfile: ""
    use-syslog: no
    do-not-query-localhost: no
    module-config: "iterator"
    num-threads: 1
    local-zone: "{zone}." transparent
remote-control:
    control-enable: no
stub-zone:
    name: "{zone}."
    stub-addr: {server}
"""


class CachingResolver(Daemon):
    """Answers on `address`, port 53, for `zone`, which it asks of the name server at `server`."""

    def __init__(self, folder: Path, address: str, *, zone: str, server: str, place: Place = HERE) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        text = (project_root() / "infra" / "dns" / "unbound.conf").read_text(encoding="utf-8")
        if LISTENS not in text:
            raise ValueError("infra/dns/unbound.conf does not listen where it should")
        text = text.replace(LISTENS, f"    interface: {address}\n") + _LAB.format(zone=zone, server=server)
        configuration = folder / "unbound.conf"
        configuration.write_text(text, encoding="utf-8")
        super().__init__(
            "resolver",
            ["unbound", "-d", "-p", "-c", str(configuration)],
            log=folder / "unbound.log",
            ready=lambda: answers(address, place=place),
            place=place,
        )
