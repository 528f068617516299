"""Checks as functions of what they see: each has an input on which it fails."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import BaseModel

from callseal.deployment import PortRange, read
from callseal.edge.router_state import Destination, RouterState, destinations
from callseal.lab.block import Block
from callseal.lab.workspace import Workspace
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
from callseal.operate.patient import Answer, NoAnswerError, Patient
from callseal.operate.versions import TESTED, is_tested, read_version
from callseal.render import render
from callseal.wire.ng import NgReply

pytestmark = pytest.mark.unit

NOW = 1_790_000_000_000


def levels(*findings: Finding) -> list[str]:
    return [str(finding.level) for finding in findings]


@pytest.fixture
def who(tmp_path: Path) -> Patient:
    """Nobody answers."""
    workspace = Workspace(tmp_path, Block("127.88.0"))
    workspace.prepare()
    deployment = read(workspace.deployment)

    def get(url: str) -> Answer:
        raise NoAnswerError("ConnectError")

    return Patient(
        deployment=deployment,
        edge=deployment.edge("edge-1"),
        router=tmp_path / "router",
        now_ms=lambda: NOW,
        get=get,
        ng=lambda _address, _command: None,
        proc=tmp_path / "proc",
    )


def _answering(who: Patient, status: int, text: str = "", date: str = "") -> Patient:
    return replace(who, get=lambda _: Answer(status, text, date))


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


def test_dispatcher_flags() -> None:
    def flags(text: str) -> bool:
        listing = {"RECORDS": [{"SET": {"ID": 2, "TARGETS": [{"DEST": {"URI": "sip:x", "FLAGS": text}}]}}]}
        (one,) = destinations(listing)
        assert (one.group, one.uri) == (2, "sip:x")
        return one.up

    assert flags("AX")
    assert flags("AP")
    assert flags("TP")
    assert not flags("IP")
    assert not flags("DX")


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
        assert "fail" in levels(*check(_answering(who, 503)))
    assert levels(*checks_media.rtpengine(who)) == ["fail"]
    assert levels(*checks_router.kamailio(who)) == ["fail"]
    assert levels(*checks_router.router_state(who)) == ["fail"]


def test_an_agent_that_cannot_read_the_router(who: Patient) -> None:
    found = list(checks_neighbours.edge_agent(_answering(who, 200, "callseal_edge_router_up 0.0\n")))
    assert levels(*found) == ["ok", "ok", "warn"]


def _listening_on(proc: Path, udp: list[str], tcp: list[str]) -> None:
    net = proc / "net"
    net.mkdir(parents=True)
    line = "  1: {} 00000000:0000 {} 00000000:00000000 00:00000000 00000000     0        0 4242 2\n"
    (net / "udp").write_text("head\n" + "".join(line.format(one, "07") for one in udp), encoding="ascii")
    (net / "tcp").write_text("head\n" + "".join(line.format(one, "0A") for one in tcp), encoding="ascii")


SIP, NG, EVENTS = "1400587F:13C4", "1500587F:08AF", "1600587F:1F57"
NG_HTTP, AGENT = "1500587F:08B0", "1600587F:1F56"


def test_ports_as_the_kernel_lists_them(who: Patient) -> None:
    _listening_on(who.proc, [SIP, NG, EVENTS], [NG_HTTP, AGENT])
    assert levels(*checks_neighbours.ports(who)) == ["ok"]


def test_a_peer_on_tcp_needs_a_listener_for_it(who: Patient) -> None:
    peer = who.deployment.partner.model_copy(update={"transport": "tcp"})
    tcp = replace(who, deployment=who.deployment.model_copy(update={"partner": peer}))
    _listening_on(who.proc, [SIP, NG, EVENTS], [NG_HTTP, AGENT])
    (finding,) = checks_neighbours.ports(tcp)
    assert (finding.level, "5060/tcp (SIP over TCP)" in finding.text) == ("fail", True)
    assert levels(*checks_neighbours.ports(who)) == ["ok"]


def test_only_ways_that_the_firewall_opens_are_tried(who: Patient) -> None:
    """The edge reaches its own parts, the other edges' and the desk; the partner's API is the desk's affair."""
    tried: list[str] = []

    def get(url: str) -> Answer:
        tried.append(url)
        raise NoAnswerError("ConnectError")

    list(examine_edge(replace(who, get=get)))
    assert any(url.startswith(who.deployment.desk.url) for url in tried)
    assert not [url for url in tried if url.startswith(who.deployment.partner.api)]


def test_a_port_that_nobody_serves(who: Patient) -> None:
    _listening_on(who.proc, [SIP, NG], [NG_HTTP, AGENT])
    (finding,) = checks_neighbours.ports(who)
    assert (finding.level, "8023" in finding.text) == ("fail", True)


def test_control_ports_open_to_everybody(who: Patient) -> None:
    _listening_on(who.proc, ["00000000:13C4", "00000000:08AF", EVENTS], [NG_HTTP, AGENT])
    (finding,) = checks_neighbours.ports(who)
    assert (finding.level, "ng listens on every address" in finding.text) == ("fail", True)


def test_room() -> None:
    assert levels(checks_files._room(Path("/x"), 10 << 30)) == ["ok"]
    assert levels(checks_files._room(Path("/x"), 100 << 20)) == ["warn"]
    assert levels(checks_files._room(Path("/x"), 1 << 20)) == ["fail"]


Make = Callable[[str, int, int], Path]


@pytest.fixture
def make_certificate(tmp_path: Path) -> Make:
    """`make(name, first day, last day)`, days counted from NOW."""

    def make(name: str, first: int, last: int) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        now = dt.datetime.fromtimestamp(NOW / 1000, dt.UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "edge.example.net")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + dt.timedelta(days=first))
            .not_valid_after(now + dt.timedelta(days=last))
            .sign(key, hashes.SHA256())
        )
        path = tmp_path / name
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path

    return make


@pytest.mark.parametrize(
    ("first", "last", "level"),
    [(-1, 90, "ok"), (-1, 20, "warn"), (-1, 3, "fail"), (-9, -1, "fail"), (1, 90, "fail")],
)
def test_certificates(make_certificate: Make, first: int, last: int, level: str) -> None:
    path = make_certificate("edge.pem", first, last)
    chain = x509.load_pem_x509_certificates(path.read_bytes())
    assert levels(checks_files._validity(path, chain, NOW)) == [level]


def test_certificate_files_are_found_in_tls_tables(make_certificate: Make) -> None:
    class Tls(BaseModel):
        certificate: Path
        cipher: str = "x"

    class Whole(BaseModel):
        store: Path
        tls: Tls

    path = make_certificate("edge.pem", -1, 90)
    whole = Whole(store=path.with_name("desk.sqlite3"), tls=Tls(certificate=path))
    assert list(checks_files._tls_files(whole, within=False)) == [path]


def test_rtpengine_whose_http_is_closed_and_whose_process_is_hidden(who: Patient) -> None:
    statistics: dict[str, NgReply] = {"statistics": {"currentstatistics": {"sessionsown": 4}}}
    hidden = replace(who, ng=lambda _address, _command: statistics)
    found = {one.check: str(one.level) for one in checks_media.rtpengine(hidden)}
    assert found == {"rtpengine": "ok", "rtpengine-options": "warn", "rtpengine-http": "fail"}


def test_a_certificate_that_is_not_there(who: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks_files, "_tls_files", lambda *_args, **_more: iter([Path("/nowhere/edge.pem")]))
    assert levels(*checks_files.certificates(who)) == ["fail"]


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
