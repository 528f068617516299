"""Checks as functions of what they see: each has an input on which it fails."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import pytest

from callseal.edge.router_state import Destination, Probe, RouterState, destinations
from callseal.operate import (
    checks_files,
    checks_media,
    checks_neighbours,
    checks_router,
    checks_tls,
    checks_traces,
)
from callseal.operate.doctor import examine_edge
from callseal.operate.finding import Finding, exit_code, fail, ok, warn
from callseal.operate.patient import Patient
from callseal.operate.versions import TESTED, is_tested, read_version
from callseal.render import render
from tests.unit.operate.patients import NOW, answering, levels

pytestmark = pytest.mark.unit


def test_status_of_the_whole() -> None:
    assert exit_code([ok("a", "")]) == 0
    assert exit_code([ok("a", ""), warn("b", "", "do")]) == 1
    assert exit_code([warn("b", "", "do"), fail("c", "", "do")]) == 2


def test_a_check_that_breaks_is_a_finding_and_the_next_one_runs(who: Patient) -> None:
    def broken(_: Patient) -> list[Finding]:
        raise ValueError("secret text")

    found = list(examine_edge(who, (broken, lambda _: [ok("next", "")])))
    assert levels(*found) == ["fail", "ok"]
    assert "secret text" not in found[0].text


def test_versions_are_those_of_the_image() -> None:
    lines = (Path(__file__).parents[3] / "infra/images/versions").read_text(encoding="utf-8").splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    for program, package in (("kamailio", "kamailio"), ("rtpengine", "rtpengine-daemon")):
        expected = {
            (read_version(first), read_version(below.rstrip("~")))
            for _, name, first, below in rows
            if name == package
        }
        assert set(TESTED[program]) == expected


@pytest.mark.parametrize(
    ("program", "said", "good"),
    [
        ("kamailio", "kamailio 6.1.5 (x86_64/Linux)", True),
        ("kamailio", "kamailio 6.0.1", True),
        ("kamailio", "kamailio 5.6.3", False),
        ("kamailio", "kamailio 6.2.0", False),
        ("rtpengine", "Version: 26.0.1.26-1", True),
        ("rtpengine", "Version: 12.5.1.31-1", True),
        ("rtpengine", "Version: 10.5.3.5-1", False),
    ],
)
def test_version_ranges(program: str, said: str, good: bool) -> None:
    version = read_version(said)
    assert version is not None
    assert is_tested(program, version) is good


def test_levels_told_by_kamailio() -> None:
    assert levels(checks_traces.levels({"tm": 1, "tls": 0, "core": -2})) == ["ok"]
    assert levels(checks_traces.levels({"tm": 2, "core": -2})) == ["fail"]
    assert levels(checks_traces.levels({"tm": 1, "core": -1})) == ["fail"]


@pytest.mark.parametrize(
    ("soft", "hard", "pattern", "level"),
    [
        ("0", "0", "core", "ok"),
        ("0", "0", "|/usr/lib/systemd/systemd-coredump %P %u", "ok"),
        ("0", "0", "|/usr/share/apport/apport -p%p", "warn"),
        ("unlimited", "unlimited", "core", "fail"),
        ("0", "unlimited", "core", "fail"),
        ("134217728", "134217728", "/var/crash/%e", "fail"),
    ],
)
def test_core_files(soft: str, hard: str, pattern: str, level: str) -> None:
    limits = f"Limit Soft Limit Hard Limit Units\nMax core file size        {soft:20} {hard:20} bytes\nMax open files  1 1 files\n"
    assert levels(checks_traces.core_file("kamailio", limits, pattern)) == [level]
    assert levels(checks_traces.core_file("kamailio", "", pattern)) == ["fail"]


def test_destinations() -> None:
    def judge(*up: bool) -> list[str]:
        return levels(
            *checks_router.destinations(
                tuple(Destination(1, f"sip:{n}", state) for n, state in enumerate(up))
            )
        )

    assert judge(True, True) == ["ok"]
    assert judge(True, False) == ["warn"]
    assert judge(False, False) == ["fail"]
    assert levels(*checks_router.destinations(())) == ["fail"]


def test_what_was_not_probed_is_not_called_up() -> None:
    def told(*probes: Probe) -> list[tuple[str, str]]:
        members = tuple(Destination(2, f"sip:{n}", True, probe) for n, probe in enumerate(probes))
        return [(str(one.level), one.text) for one in checks_router.destinations(members)]

    (known, new) = told(Probe.ANSWERED, Probe.NONE_YET)
    assert known == ("ok", "platform: sip:0 up")
    assert (new[0], "sip:1 not probed yet" in new[1], " up" in new[1]) == ("warn", True, False)
    (silent,) = told(Probe.UNANSWERED)
    assert (silent[0], "did not answer the last OPTIONS" in silent[1]) == ("warn", True)


def test_dispatcher_flags() -> None:
    def flags(text: str) -> tuple[bool, Probe]:
        listing = {"RECORDS": [{"SET": {"ID": 2, "TARGETS": [{"DEST": {"URI": "sip:x", "FLAGS": text}}]}}]}
        (one,) = destinations(listing)
        assert (one.group, one.uri) == (2, "sip:x")
        return one.up, one.probe

    assert flags("AX") == (True, Probe.NONE_YET)
    assert flags("AP") == (True, Probe.ANSWERED)
    assert flags("TP") == (True, Probe.UNANSWERED)
    assert flags("IP") == (False, Probe.UNANSWERED)
    assert flags("DX") == (False, Probe.NONE_YET)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"queue": 60}, "queue"),
        ({"events": {"memory_refused": 1}}, "alarms"),
        ({"events": {"fence_unconfirmed": 1}}, "alarms"),
        ({"events": {"hold_failed": 1}}, "alarms"),
        ({"events": {"undo_failed": 1}}, "alarms"),
        ({"events": {"media_failed": 2}}, "alarms"),
        ({"events": {"agent_unreached": 2}}, "alarms"),
    ],
)
def test_figures(change: dict[str, object], check: str) -> None:
    calm = {"events": {"strangers": 9, "hold_failed": 0}, "free_bytes": 60_000_000, "total_bytes": 64 << 20}
    assert levels(*checks_router.figures(RouterState(**calm))) == ["ok"]  # type: ignore[arg-type]
    found = [one for one in checks_router.figures(RouterState(**calm | change)) if one.level != "ok"]  # type: ignore[arg-type]
    assert [one.check for one in found] == [check]
    assert found[0].advice


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"short_of_memory": 1}, "12 of 64 MiB of shared memory free: new calls are turned away"),
        ({"short_of_memory": 2}, "only calls that are up go on"),
        ({"guarded": False}, "does not look at its memory"),
    ],
)
def test_memory(change: dict[str, object], said: str) -> None:
    plenty = RouterState(free_bytes=12 << 20, total_bytes=64 << 20)
    assert list(checks_router.memory(plenty, "")) == []
    (found,) = checks_router.memory(dataclasses.replace(plenty, **change), "carrier-a with 74 a second")  # type: ignore[arg-type]
    assert found.level == "fail"
    assert said in found.text
    assert ("carrier-a with 74 a second" in found.advice) == ("short_of_memory" in change)


def test_spool() -> None:
    assert levels(checks_neighbours.spool(3, 1)) == ["ok"]
    assert levels(checks_neighbours.spool(3, 15)) == ["warn"]
    assert levels(checks_neighbours.spool(3, 600)) == ["fail"]


def test_clock_skew() -> None:
    date = dt.datetime.fromtimestamp(NOW / 1000, dt.UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert levels(checks_neighbours.skew(date, NOW)) == ["ok"]
    assert levels(checks_neighbours.skew(date, NOW + 5_000)) == ["warn"]
    assert levels(checks_neighbours.skew(date, NOW - 60_000)) == ["fail"]
    assert levels(checks_neighbours.skew("yesterday", NOW)) == ["warn"]


def test_silent_and_ill_neighbours(who: Patient) -> None:
    for check in (checks_neighbours.edge_agent, checks_neighbours.desk):
        assert levels(*check(who)) == ["fail"]
        assert "fail" in levels(*check(answering(who, 503)))
    assert levels(*checks_media.rtpengine(who)) == ["fail"]
    assert levels(*checks_router.kamailio(who)) == ["fail"]
    assert levels(*checks_router.router_state(who)) == ["fail"]


def test_an_agent_that_cannot_read_the_router(who: Patient) -> None:
    found = list(checks_neighbours.edge_agent(answering(who, 200, "callseal_edge_router_up 0.0\n")))
    assert levels(*found) == ["ok", "ok", "warn"]


def test_room() -> None:
    assert levels(checks_files._room(Path("/x"), 10 << 30)) == ["ok"]
    assert levels(checks_files._room(Path("/x"), 100 << 20)) == ["warn"]
    assert levels(checks_files._room(Path("/x"), 1 << 20)) == ["fail"]


@pytest.mark.parametrize(
    ("maps", "level"),
    [
        ("7f00-7f01 r-xp 0 00:00 1 /run/callseal-peer-check/callseal-peer-check.so\n", "ok"),
        ("7f00-7f01 r-xp 0 00:00 1 /usr/lib/libssl.so.3\n", "fail"),
        (None, "warn"),
    ],
)
def test_names_without_the_peer_check_are_a_failure(tmp_path: Path, maps: str | None, level: str) -> None:
    (tmp_path / "7").mkdir()
    if maps is not None:
        (tmp_path / "7" / "maps").write_text(maps, encoding="utf-8")
    assert levels(checks_tls.loaded(tmp_path, 7)) == [level]


@pytest.mark.parametrize(
    ("maps", "level"),
    [
        ("7f00-7f01 r-xp 0 00:00 1 /run/callseal-log-door/callseal-log-door.so\n", "ok"),
        ("7f00-7f01 r-xp 0 00:00 1 /usr/lib/libssl.so.3\n", "fail"),
        (None, "warn"),
    ],
)
def test_neither_debugger_nor_log_door_is_a_failure(tmp_path: Path, maps: str | None, level: str) -> None:
    (tmp_path / "7").mkdir()
    if maps is not None:
        (tmp_path / "7" / "maps").write_text(maps, encoding="utf-8")
    assert levels(checks_traces.door(tmp_path, 7)) == [level]


def test_without_names_there_is_no_peer_check(who: Patient) -> None:
    assert list(checks_tls.peer_check(who)) == []


def test_a_directory_without_anything_rendered_is_one_line(who: Patient) -> None:
    (found,) = checks_files.rendered(who)
    assert str(found.level) == "fail"
    assert "has nothing that was rendered" in found.text
    assert "--router" in found.advice
    render(who.deployment, who.edge.id, who.router)
    assert levels(*checks_files.rendered(who)) == ["ok"]
    (who.router / "media.cfg").unlink()
    (found,) = checks_files.rendered(who)
    assert found.text.endswith("media.cfg is missing")
