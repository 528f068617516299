"""What must be true before the lab starts, each fault with what to do about it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from dataclasses import dataclass

from callseal.lab.block import Block
from callseal.lab.place import Namespace, PlaceError
from callseal.lab.rootfs import project_root
from callseal.lab.site import Site
from callseal.lab.workspace import EXAMPLE

TOOLS = {"unshare": "util-linux", "setpriv": "util-linux", "mount": "mount", "chroot": "coreutils"}
HOST_TOOLS = {"ip": "iproute2", "nft": "nftables", "nsd": "nsd", "nsenter": "util-linux"}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that would make the lab fail, in the reader's words."""

    what: str
    advice: str


def faults(site: Site) -> list[Fault]:
    """Everything that stands in the way, all at once; an empty list means go."""
    if not (project_root() / EXAMPLE).is_file():
        return [
            Fault(
                "this Callseal was installed without the lab",
                "run it in a clone of the repository: make demo",
            )
        ]
    found = []
    if os.geteuid() != 0:
        found.append(
            Fault("root is needed to run the router's daemons by chroot", "run it as root: sudo make demo")
        )
    found += [
        Fault(f"the command {tool} is missing", f"apt install {package}")
        for tool, package in (TOOLS | HOST_TOOLS if site.has_hosts else TOOLS).items()
        if shutil.which(tool) is None
    ]
    if not isinstance(site, Block):
        return found or _no_namespaces()
    return found + _in_use(site)


def _no_namespaces() -> list[Fault]:
    """Hosts bring their own addresses, so nothing can be in use; the kernel must know network namespaces and nftables."""
    try:
        namespace = Namespace()
    except PlaceError as error:
        return [Fault(str(error), error.advice or "")]
    try:
        with namespace.inside():
            said = subprocess.run(
                ["nft", "-f", "-"], input="table inet probe { }", capture_output=True, text=True, check=False
            )
    finally:
        namespace.close()
    if said.returncode == 0:
        return []
    return [Fault(f"nftables does not work: {said.stderr.strip()}", "the kernel needs CONFIG_NF_TABLES_INET")]


def _in_use(block: Block) -> list[Fault]:
    found = []
    in_use = taken(block)
    if in_use and all(not _free("udp", f"127.{200 + n}.0.1", 5060) for n in range(2)):
        found.append(
            Fault(
                "some program listens on 0.0.0.0:5060 (another SIP server?), so no SIP address is free",
                "stop it for the time of the demo: `ss -lunp 'sport = 5060'` names it",
            )
        )
    elif in_use:
        other = f"127.88.{int(block.prefix.rsplit('.', 1)[1]) + 1}"
        found.append(
            Fault(
                f"{len(in_use)} address(es) of {block.prefix}.0/24 are in use: {', '.join(in_use[:4])}",
                f"is another demo running? take another block: make demo ARGS='--block {other}'",
            )
        )
    return found


def taken(block: Block) -> list[str]:
    """The addresses of `block` that somebody listens on already, as `address:port/protocol`."""
    return [
        f"{address}:{port}/{protocol}"
        for protocol, address, port in block.listeners()
        if not _free(protocol, address, port)
    ]


def _free(protocol: str, address: str, port: int) -> bool:
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(
                socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
            )  # a connection in TIME_WAIT is not a listener
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
