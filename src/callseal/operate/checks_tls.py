"""Checks of the router's TLS: does the Kamailio that runs ask a server for its name before it says anything?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from callseal.operate import processes
from callseal.operate.finding import Finding, fail, ok, warn
from callseal.operate.patient import Patient

PEER_CHECK = "callseal-peer-check.so"


def peer_check(patient: Patient) -> Iterator[Finding]:
    """Nothing to say where no peer has a `tls_name`."""
    listener = patient.edge.bound.sip_tls
    if listener is None or not any(peer.tls_name for peer in patient.deployment.peers):
        return
    found = processes.listening(processes.listeners(patient.proc), "tcp", listener.pair)
    pid = None if found is None else processes.owner(patient.proc, found.inode)
    if pid is None:
        yield warn(
            "peer-check", "Kamailio's process cannot be seen from here", "Run this as root, on its host."
        )
        return
    yield loaded(patient.proc, pid)


def loaded(proc: Path, pid: int) -> Finding:
    try:
        maps = (proc / str(pid) / "maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return warn("peer-check", "Kamailio's memory map cannot be read", "Run this as root.")
    if PEER_CHECK in maps:
        return ok("peer-check", "Kamailio asks for a server's name in the handshake")
    return fail(
        "peer-check",
        "Kamailio runs without the peer check: a server of another name could read one INVITE",
        f"Start it with LD_PRELOAD=…/{PEER_CHECK} (docs/how-to/tls.md).",
    )
