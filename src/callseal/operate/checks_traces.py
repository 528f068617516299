"""Checks of what Kamailio and rtpengine may leave behind: core files, and logs that quote what they work on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from callseal.observe.errors import Error
from callseal.operate import processes
from callseal.operate.finding import Finding, fail, ok, warn
from callseal.operate.patient import Patient

HIGHEST_LEVEL = 1
"""Kamailio's L_NOTICE. At L_DBG its regex module prints whole messages, an INFO and its digit among them."""
CORE_LEVEL = -2
"""Its core's L_CRIT: as an error the parser prints the message that it could not read."""
LOG_DOOR = "callseal-log-door.so"
_LIMIT = "Max core file size"
_KEEPS_TO_THE_LIMIT = "systemd-coredump"


def log_levels(patient: Patient) -> Iterator[Finding]:
    """Of every module that Kamailio has loaded: they can be raised while it runs, where no log door says what they may."""
    try:
        modules = [*patient.control.call("core.modules"), "core"]
        if "debugger" in modules:
            yield levels({name: int(patient.control.call("dbg.get_mod_level", name)) for name in modules})
            return
    except Error:
        return  # that it does not answer is told by the check before
    found = processes.listening(processes.listeners(patient.proc), "udp", patient.edge.bound.sip.pair)
    pid = None if found is None else processes.owner(patient.proc, found.inode)
    if pid is None:
        yield warn(
            "kamailio-level", "Kamailio's process cannot be seen from here", "Run this as root, on its host."
        )
        return
    yield door(patient.proc, pid)


def door(proc: Path, pid: int) -> Finding:
    """Of a Kamailio without `debugger`: has it the log door in its memory?"""
    try:
        maps = (proc / str(pid) / "maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return warn("kamailio-level", "Kamailio's memory map cannot be read", "Run this as root.")
    if LOG_DOOR in maps:
        return ok("kamailio-level", "the log door is there: no module may quote a message")
    return fail(
        "kamailio-level",
        "Kamailio was told that it has a log door, and has none: digits of an INFO may be in its log",
        "Start it without WITH_LOG_DOOR in its environment (docs/how-to/operate.md), then treat its log as card data.",
    )


def levels(found: Mapping[str, int]) -> Finding:
    high = sorted(
        name for name, level in found.items() if level > (CORE_LEVEL if name == "core" else HIGHEST_LEVEL)
    )
    if high:
        return fail(
            "kamailio-level",
            f"Kamailio logs {', '.join(high)} above the level at which messages are quoted: digits of an INFO may be in its log",
            "`callseal reload --restart`, then treat its log as card data.",
        )
    return ok("kamailio-level", f"{len(found)} modules, none may quote a message")


def core_files(patient: Patient) -> Iterator[Finding]:
    """A core file is the memory of a process: messages, digits, keys."""
    edge = patient.edge
    for name, address in (("kamailio", edge.bound.sip.pair), ("rtpengine", edge.ng.pair)):
        found = processes.listening(processes.listeners(patient.proc), "udp", address)
        pid = None if found is None else processes.owner(patient.proc, found.inode)
        if pid is None:
            continue  # dead or hidden, as other checks tell
        try:
            limits = (patient.proc / str(pid) / "limits").read_text(encoding="ascii")
            pattern = (patient.proc / "sys" / "kernel" / "core_pattern").read_text(encoding="utf-8").strip()
        except OSError:
            yield warn("core-files", f"the limits of {name} cannot be read", "Run this as root.")
        else:
            yield core_file(name, limits, pattern)


def core_file(name: str, limits: str, pattern: str) -> Finding:
    """`limits` is /proc/PID/limits, `pattern` /proc/sys/kernel/core_pattern (core(5))."""
    line = next((line for line in limits.splitlines() if line.startswith(_LIMIT)), "")
    if line.removeprefix(_LIMIT).split()[:2] != ["0", "0"]:
        return fail(
            "core-files",
            f"{name} may leave a core file: messages and digits in it are on a disk then",
            "Start it without (docs/how-to/operate.md, “Start Kamailio and rtpengine”).",
        )
    if pattern.startswith("|") and _KEEPS_TO_THE_LIMIT not in pattern:
        return warn(
            "core-files",
            f"the kernel hands the core of a crashed {name} to {pattern[1:].split(maxsplit=1)[0]}, whatever the limit is",
            "`sysctl kernel.core_pattern=core`, or make sure that this program keeps nothing of it.",
        )
    return ok("core-files", f"{name} leaves none")
