"""The router's two daemons, Kamailio and rtpengine, run from the root filesystem."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from callseal.lab import log_door
from callseal.lab.daemon import Daemon
from callseal.lab.place import HERE, Place
from callseal.lab.rootfs import Rootfs
from callseal.lab.site import Site

# rtpengine prints every pressed digit at level 7: the edge and the partner never go above 6.
RTPENGINE_LOG_LEVEL = 5
# rtpengine lifts the limit of its core files by itself; without this capability it cannot lift what is set before.
NO_CORE = (
    "prlimit",
    "--core=0:0",
    "setpriv",
    "--bounding-set=-sys_resource",
    "--inh-caps=-sys_resource",
    "--",
)
RTPENGINE_LOUD = ("--log-level=6",)
KAMAILIO_LOUD = ("-dddd",)
"""The highest levels with which they may be started: rtpengine's 7 is refused by `callseal doctor`, Kamailio's modules take no notice."""
INSIDE = "/run/callseal"
TONE_FILTER_INSIDE = "/run/callseal-tone-filter"
PEER_CHECK_INSIDE = "/run/callseal-peer-check"
LOG_DOOR_INSIDE = "/run/callseal-log-door"
SHARED_MIB = "512"
"""Kamailio's shared memory (`-m`): a transaction is 18 KB and lies there for eight seconds after its end, so 64, its default, is full
at 450 requests a second."""
PRIVATE_MIB = "32"
"""Kamailio's private memory a process (`-M`): 8, its default, does not hold this configuration with TLS and SRTP."""


def ng_answers(address: str, port: int, place: Place = HERE) -> bool:
    """True when an rtpengine answers `ping` on its ng port; asked from `place`."""
    with place.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.2)
        try:
            probe.connect((address, port))
            probe.send(f"{secrets.token_hex(6)} d7:command4:pinge".encode())
            return b"pong" in probe.recv(2048)
        except OSError:
            return False


def sip_answers(address: str, port: int, source: str, place: Place = HERE) -> bool:
    """True when a SIP server answers OPTIONS from `source`, an address of `place` (any status).

    Strangers get silence, so `source` must be known.
    """
    tag = secrets.token_hex(6)
    with place.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.3)
        try:
            probe.bind((source, 0))
            local = "{}:{}".format(*probe.getsockname())
            request = (
                f"OPTIONS sip:{address}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{tag};rport\r\n"
                f"From: <sip:probe@{local}>;tag={tag}\r\nTo: <sip:{address}:{port}>\r\nCall-ID: {tag}@{local}\r\n"
                f"CSeq: 1 OPTIONS\r\nContact: <sip:probe@{local}>\r\nMax-Forwards: 10\r\nContent-Length: 0\r\n\r\n"
            )
            probe.sendto(request.encode(), (address, port))
            return probe.recv(4096).startswith(b"SIP/2.0 ")
        except OSError:
            return False


def resolver_inside(site: Site) -> dict[Path, str]:
    """Binds for a root filesystem, so that a daemon inside asks the lab's name server."""
    return {} if site.resolver is None else {site.resolver: "/etc/resolv.conf"}


class Rtpengine(Daemon):
    """rtpengine in user space: `media` is the address of its ports, `ng` is where it takes commands (UDP).

    `tone_filter` (`lab.tone_filter`) is what the fence `tones` needs in it.
    """

    def __init__(
        self,
        rootfs: Rootfs,
        *,
        media: str,
        ng: tuple[str, int],
        log: Path,
        ports: tuple[int, int] = (30000, 39999),
        name: str = "rtpengine",
        extra: Sequence[str] = (),
        binds: Mapping[Path, str] | None = None,
        place: Place = HERE,
        tone_filter: Path | None = None,
    ) -> None:
        binds = dict(binds or {})
        preload = []
        if tone_filter is not None:
            binds[tone_filter.parent] = TONE_FILTER_INSIDE
            preload = ["env", f"LD_PRELOAD={TONE_FILTER_INSIDE}/{tone_filter.name}"]
        command = [
            *NO_CORE,
            *preload,
            "rtpengine",
            "--config-file=none",
            "--table=-1",
            "--foreground",
            "--log-stderr",
            f"--log-level={RTPENGINE_LOG_LEVEL}",
            f"--interface={media}",
            f"--listen-ng={ng[0]}:{ng[1]}",
            f"--port-min={ports[0]}",
            f"--port-max={ports[1]}",
            "--num-threads=2",
            *extra,
        ]
        super().__init__(
            name, rootfs.argv(command, binds), log=log, ready=lambda: ng_answers(*ng, place), place=place
        )
        self.media = media
        self.ng = ng


class Kamailio(Daemon):
    """Kamailio with a rendered directory bound to /run/callseal; ready when it answers OPTIONS from a known peer.

    `ready` asks in another way, where no peer speaks UDP. `peer_check` (`lab.peer_check`) is what `tls_name` needs in it. Without
    `door` it does not get the log door.
    """

    def __init__(
        self,
        rootfs: Rootfs,
        *,
        config: Path,
        sip: tuple[str, int],
        known_peer: str,
        log: Path,
        name: str = "kamailio",
        extra: Sequence[str] = (),
        ready: Callable[[], bool] | None = None,
        place: Place = HERE,
        peer_place: Place = HERE,
        peer_check: Path | None = None,
        door: bool = True,
    ) -> None:
        libraries = {
            inside: library
            for inside, library in (
                (PEER_CHECK_INSIDE, peer_check),
                (LOG_DOOR_INSIDE, log_door.log_door() if door else None),
            )
            if library is not None
        }
        preload = ":".join(f"{inside}/{library.name}" for inside, library in libraries.items())
        command = [
            *(["env", f"LD_PRELOAD={preload}"] if preload else []),
            "kamailio",
            "--atexit=no",
            "-DD",
            "-E",
            "-m",
            SHARED_MIB,
            "-M",
            PRIVATE_MIB,
            "-f",
            f"{INSIDE}/kamailio.cfg",
            *extra,
        ]
        resolvers = config / "data" / "resolv.conf"
        given = {config: INSIDE} | ({resolvers: "/etc/resolv.conf"} if resolvers.exists() else {})
        given |= {library.parent: inside for inside, library in libraries.items()}
        super().__init__(
            name,
            rootfs.argv(command, given),
            log=log,
            ready=ready or (lambda: sip_answers(*sip, source=known_peer, place=peer_place)),
            place=place,
            death_signal="TERM",  # Kamailio's workers outlive a main process that is killed
            env={"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")},
        )
        self.sip = sip


def check_config(rootfs: Rootfs, config: Path) -> str:
    """`kamailio -c` on a rendered directory: an empty string when it is good, else what Kamailio says."""
    done = rootfs.run(["kamailio", "-c", "-M", PRIVATE_MIB, "-f", f"{INSIDE}/kamailio.cfg"], {config: INSIDE})
    return "" if done.returncode == 0 else done.stdout + done.stderr
