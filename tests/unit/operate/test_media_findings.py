"""Checks of rtpengine as functions of what they see: each has an input on which it fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from callseal.deployment import PortRange
from callseal.operate import checks_media
from callseal.operate.patient import Patient
from callseal.wire.ng import NgReply
from tests.unit.operate.patients import levels

pytestmark = pytest.mark.unit


def test_rtpengine_of_another_version() -> None:
    assert levels(checks_media.version_finding((26, 0, 1))) == ["ok"]
    assert levels(checks_media.version_finding((10, 5, 3))) == ["fail"]
    assert levels(checks_media.version_finding(None)) == ["warn"]


@pytest.mark.parametrize(
    ("free", "level"), [(10_000, "ok"), (1_500, "ok"), (1_499, "warn"), (4, "warn"), (3, "fail"), (0, "fail")]
)
def test_media_ports_that_are_left(free: int, level: str) -> None:
    interface: NgReply = {"address": "192.0.2.11", "ports": {"free": free, "totals": 10_000}}
    (found,) = checks_media.free_ports({"statistics": {"interfaces": [interface]}})
    assert levels(found) == [level]
    assert f"{free} of 10000 media ports on 192.0.2.11" in found.text


@pytest.mark.parametrize(
    "said",
    [{}, {"statistics": "none"}, {"statistics": {"interfaces": [7, {"ports": {"totals": 0, "free": 0}}]}}],
)
def test_nothing_is_said_of_ports_that_were_not_told(said: dict[str, NgReply]) -> None:
    assert list(checks_media.free_ports(said)) == []


GOOD_OPTIONS = {"log-level": "5", "port-min": "30000", "port-max": "39999", "listen-ng": "127.88.0.21:2223"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("log-level", "7"),
        ("log-level-internals", "7"),
        ("dtmf-log-dest", "127.0.0.1:9"),
        ("dtmf-log-ng-tcp", ""),
        ("homer", "127.0.0.1:9060"),
        ("homer-protocol", "udp"),
        ("recording-dir", "/var/spool"),
        ("recording-method", "pcap"),
        ("redis", "127.0.0.1:6379"),
        ("redis-write", "127.0.0.1:6379"),
        ("log-srtp-keys", ""),
    ],
)
def test_forbidden_options(who: Patient, name: str, value: str) -> None:
    assert levels(*checks_media.options(GOOD_OPTIONS, who.edge)) == ["ok"]
    (finding,) = checks_media.options(GOOD_OPTIONS | {name: value}, who.edge)
    assert finding.level == "fail"
    assert name in finding.text


def test_ports_that_the_firewall_does_not_know(who: Patient) -> None:
    other = who.edge.model_copy(update={"media_ports": PortRange(30000, 30999)})
    assert "fail" in levels(*checks_media.options(GOOD_OPTIONS, other))


def test_levels_told_by_rtpengine() -> None:
    assert levels(checks_media.levels("core = 5\ninternals = -1\n")) == ["ok"]
    assert levels(checks_media.levels("core = 5\nsrtp = 7\n")) == ["fail"]
    assert levels(checks_media.levels("<html>")) == ["warn"]


def test_rtpengine_whose_http_is_closed_and_whose_process_is_hidden(who: Patient) -> None:
    statistics: dict[str, NgReply] = {"statistics": {"currentstatistics": {"sessionsown": 4}}}
    hidden = replace(who, ng=lambda _address, _command: statistics)
    found = {one.check: str(one.level) for one in checks_media.rtpengine(hidden)}
    assert found == {"rtpengine": "ok", "rtpengine-options": "warn", "rtpengine-http": "fail"}


@pytest.mark.parametrize(
    ("maps", "level"),
    [
        ("7f00-7f01 r-xp 0 00:00 1 /run/callseal-tone-filter/callseal-tone-filter.so\n", "ok"),
        ("7f00-7f01 r-xp 0 00:00 1 /usr/lib/libspandsp.so.2\n", "fail"),
        (None, "warn"),
    ],
)
def test_a_fence_of_tones_without_its_filter_is_a_failure(
    tmp_path: Path, maps: str | None, level: str
) -> None:
    (tmp_path / "7").mkdir()
    if maps is not None:
        (tmp_path / "7" / "maps").write_text(maps, encoding="utf-8")
    assert levels(checks_media.tone_filter(tmp_path, 7)) == [level]
