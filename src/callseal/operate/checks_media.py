"""Checks of rtpengine: alive, of a tested version, and with nothing switched on that writes digits or audio anywhere."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from callseal.deployment import Edge
from callseal.edge.ng_client import sessions_own
from callseal.operate import checks_bound, processes
from callseal.operate.finding import Finding, fail, ok, warn
from callseal.operate.patient import NoAnswerError, Patient
from callseal.operate.versions import is_tested, read_version, tested
from callseal.render.firewall import ng_http
from callseal.wire.ng import NgReply

HIGHEST_LEVEL = 6
"""rtpengine prints every pressed digit at level 7."""
_FORBIDDEN = re.compile(r"dtmf-log.*|homer.*|recording-.*|redis.*|mqtt.*|log-srtp-keys|record-egress")
TONE_FILTER = "callseal-tone-filter.so"
_LEVEL = re.compile(r"log-level.*")
_PORTS_OF_AN_ANCHOR = 4
_FEW_PORTS = 0.15


def rtpengine(patient: Patient) -> Iterator[Finding]:
    edge = patient.edge
    said = patient.ng(edge.ng.pair, "statistics") or {}
    count = sessions_own(said)
    if count is None:
        yield fail(
            "rtpengine",
            f"no rtpengine answers on {edge.ng}",
            "Start it: new calls are refused with 503."
            if len(patient.deployment.edges) == 1
            else "Start it: until then another edge's relays this edge's calls, or they are refused with 503.",
        )
        return
    yield ok("rtpengine", f"answers on {edge.ng}, {count} sessions")
    yield from free_ports(said)
    pid = _pid(patient)
    if pid is None:
        yield warn(
            "rtpengine-options",
            "its process cannot be seen from here",
            "Run this as root, on the host it runs on.",
        )
    else:
        yield _version(pid, patient.proc)
        yield from options(processes.rtpengine_options(patient.proc, pid), edge)
        yield checks_bound.interface(processes.rtpengine_interfaces(patient.proc, pid), edge)
        if patient.deployment.fence == "tones":
            yield tone_filter(patient.proc, pid)
    yield from _levels_now(patient)


def free_ports(said: Mapping[str, NgReply]) -> Iterator[Finding]:
    """Of an answer to `statistics`; one line for each interface. An anchor takes four: RTP and RTCP, on both sides."""
    statistics = said.get("statistics")
    interfaces = statistics.get("interfaces") if isinstance(statistics, dict) else None
    for interface in interfaces if isinstance(interfaces, list) else []:
        if not isinstance(interface, dict) or not isinstance(ports := interface.get("ports"), dict):
            continue
        free, total = ports.get("free"), ports.get("totals")
        if not isinstance(free, int) or not isinstance(total, int) or total == 0:
            continue
        text = f"{free} of {total} media ports on {interface.get('address')} are free"
        advice = "Give it more (`media_ports`, then rtpengine's --port-max), or add an edge (docs/how-to/operate.md)."
        if free < _PORTS_OF_AN_ANCHOR:
            yield fail("rtpengine-free", f"{text}: new calls are refused with 503", advice)
        elif free / total < _FEW_PORTS:
            yield warn("rtpengine-free", text, advice)
        else:
            yield ok("rtpengine-free", text)


def _pid(patient: Patient) -> int | None:
    found = processes.listening(processes.listeners(patient.proc), "udp", patient.edge.ng.pair)
    return None if found is None else processes.owner(patient.proc, found.inode)


def tone_filter(proc: Path, pid: int) -> Finding:
    """The fence `tones` without its filter leaks: rtpengine's own detector loses its place at the first lost packet."""
    try:
        loaded = TONE_FILTER in (proc / str(pid) / "maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return warn("tone-filter", "rtpengine's memory map cannot be read", "Run this as root.")
    if loaded:
        return ok("tone-filter", "rtpengine runs with the tone filter")
    return fail(
        "tone-filter",
        "the fence is `tones`, and rtpengine runs without the tone filter: keys may be heard",
        "Start it with LD_PRELOAD=…/callseal-tone-filter.so (docs/how-to/fence.md), or write another fence.",
    )


def _version(pid: int, proc: Path) -> Finding:
    """The file that runs, asked inside its own root."""
    said = subprocess.run(
        ["chroot", str(proc / str(pid) / "root"), "rtpengine", "--config-file=none", "--version"],
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    version = read_version(said.stdout + said.stderr) if said.returncode == 0 else None
    return version_finding(version)


def version_finding(version: tuple[int, ...] | None) -> Finding:
    if version is None:
        return warn("rtpengine-version", "rtpengine did not say its version", "Run this as root.")
    name = ".".join(map(str, version))
    if not is_tested("rtpengine", version):
        return fail(
            "rtpengine-version",
            f"rtpengine {name} is not a tested version",
            f"Tested are {tested('rtpengine')}.",
        )
    return ok("rtpengine-version", f"rtpengine {name}")


def options(found: Mapping[str, str], edge: Edge) -> Iterator[Finding]:
    """`found` as rtpengine was started; forbidden ones write digits, audio or keys somewhere."""
    wrong = [name for name in found if _FORBIDDEN.fullmatch(name)]
    wrong += [
        name for name, value in found.items() if _LEVEL.fullmatch(name) and _number(value) > HIGHEST_LEVEL
    ]
    for name in sorted(wrong):
        yield fail(
            "rtpengine-options",
            f"rtpengine runs with --{name}, which may write digits, audio or keys",
            "Take it out and restart rtpengine when the edge is drained. Treat what it wrote as card data.",
        )
    ports = (_number(found.get("port-min", "")), _number(found.get("port-max", "")))
    wanted = (edge.media_ports.first, edge.media_ports.last)
    if ports != wanted:
        yield fail(
            "rtpengine-ports",
            f"rtpengine uses ports {ports[0]}-{ports[1]}, the deployment says {wanted[0]}-{wanted[1]}",
            "The firewall follows the deployment: make both the same.",
        )
    if not wrong:
        yield ok("rtpengine-options", "no log of digits, no recording, no copies")


def _number(text: str) -> int:
    return int(text) if text.isdigit() else -1


def _levels_now(patient: Patient) -> Iterator[Finding]:
    """Levels can be raised while it runs, so the command line is not the whole truth."""
    url = f"http://{ng_http(patient.edge)}/cli/list%20loglevel"
    try:
        answer = patient.get(url)
    except NoAnswerError as error:
        yield fail(
            "rtpengine-http",
            f"rtpengine's HTTP on {ng_http(patient.edge)} does not answer ({error})",
            "Start it with --listen-http: Kamailio asks there where media is.",
        )
        return
    yield levels(answer.text)


def levels(text: str) -> Finding:
    """`core = 5` and so on, one subsystem a line."""
    found = {
        name.strip(): value.strip() for name, _, value in (line.partition("=") for line in text.splitlines())
    }
    high = sorted(name for name, value in found.items() if _number(value) > HIGHEST_LEVEL)
    if high:
        return fail(
            "rtpengine-level",
            f"rtpengine logs {', '.join(high)} at level 7 now: every digit is written to its log",
            "`rtpengine-ctl set loglevel 5`, then treat its log as card data.",
        )
    if "core" not in found:
        return warn(
            "rtpengine-level", "rtpengine did not tell its log levels", "Look at it by hand: none above 6."
        )
    return ok("rtpengine-level", f"log level {found['core']}")
