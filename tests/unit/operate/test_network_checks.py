"""Names and firewall, as `callseal doctor` sees them: nothing here asks a real server or a real kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import dns.exception
import pytest

from callseal.deployment import Deployment, HostPort, read
from callseal.edge.router_state import Destination
from callseal.lab import host_commands
from callseal.lab.block import Block
from callseal.lab.workspace import Workspace
from callseal.operate import checks_network, checks_router
from callseal.operate.patient import NoAnswerError, Patient

pytestmark = pytest.mark.unit

NAMED = 'destinations = ["sip:sip.partner.example"]'


@pytest.fixture
def edge(tmp_path: Path) -> Callable[..., Patient]:
    """The example with changes; nobody answers."""
    workspace = Workspace(tmp_path, Block("127.88.0"))
    workspace.prepare()

    def get(_: str) -> object:
        raise NoAnswerError("nobody")

    def make(*changes: tuple[str, str]) -> Patient:
        text = workspace.deployment.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        workspace.deployment.write_text(text, encoding="utf-8")
        deployment = read(workspace.deployment)
        return Patient(
            deployment=deployment,
            edge=deployment.edge("edge-1"),
            router=tmp_path / "router",
            now_ms=lambda: 0,
            get=get,  # type: ignore[arg-type]
            ng=lambda _address, _command: None,
        )

    return make


def looking_up(
    *answer: str, silent: bool = False, remembered: bool = False
) -> Callable[[Deployment], checks_network.LookUp]:
    def look_up(_host: str, _port: int | None, _transport: str) -> checks_network.Found:
        if silent:
            raise dns.exception.Timeout
        return checks_network.Found(list(answer), remembered)

    return lambda _: look_up


def test_addresses_need_no_name_server(edge: Callable[..., Patient]) -> None:
    assert list(checks_network.names(edge(), looking_up(silent=True))) == []


@pytest.mark.parametrize(
    ("using", "level", "part"),
    [
        (looking_up("127.88.0.30"), "ok", "sip.partner.example is at 127.88.0.30"),
        (looking_up("127.88.0.30", remembered=True), "warn", "as the resolver remembers it: no name server"),
        (looking_up(silent=True), "fail", "no name server answers for sip.partner.example"),
        (looking_up(), "fail", "sip.partner.example has no address"),
        (looking_up("127.88.0.30", "127.88.0.99"), "fail", "at 127.88.0.99, which its `signalling` does not"),
    ],
)
def test_a_name_is_looked_up_and_must_lead_to_the_peer(
    edge: Callable[..., Patient], using: Callable[[Deployment], checks_network.LookUp], level: str, part: str
) -> None:
    who = edge(('destinations = ["sip:127.88.0.30:5060"]', NAMED))
    (found,) = checks_network.names(who, using)
    assert str(found.level) == level
    assert found.text.startswith("sandbox: ")
    assert part in found.text
    assert bool(found.advice) == (level != "ok")


@pytest.mark.parametrize(
    ("version", "retries", "level"),
    [
        ("kamailio 6.1.5 (x86_64/linux)", "15\n", "ok"),
        ("kamailio 6.0.1 (x86_64/linux)", "3\n", "ok"),
        ("kamailio 6.0.1 (x86_64/linux)", "15\n", "warn"),
        ("kamailio 6.0.1 (x86_64/linux)", "", None),
    ],
)
def test_an_old_kamailio_needs_a_kernel_that_gives_up(
    edge: Callable[..., Patient], tmp_path: Path, version: str, retries: str, level: str | None
) -> None:
    kernel = tmp_path / "sys" / "net" / "ipv4"
    kernel.mkdir(parents=True)
    (kernel / "tcp_retries2").write_text(retries, encoding="ascii")
    plain = replace(edge(), proc=tmp_path)
    assert list(checks_network.late_messages(plain, lambda _: version)) == []
    peers = plain.deployment.partner.model_copy(update={"transport": "tls"})
    who = replace(plain, deployment=plain.deployment.model_copy(update={"partner": peers}))
    found = list(checks_network.late_messages(who, lambda _: version))
    assert [str(one.level) for one in found] == ([] if level is None else [level])


def test_a_lab_gives_up_when_edges_are_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(Path, "write_text", lambda _path, text, **_: said.append(text))
    host_commands.gives_up_soon()
    file = Path(__file__).parents[3] / "infra" / "sysctl" / "60-callseal-edge.conf"
    assert file.read_text(encoding="utf-8").splitlines()[-1] == f"net.ipv4.tcp_retries2 = {said[0]}"


def test_an_edge_on_loopback_needs_no_firewall(edge: Callable[..., Patient]) -> None:
    assert list(checks_network.firewall(edge(), lambda: "")) == []


@pytest.mark.parametrize(
    ("loaded", "level", "part"),
    [
        ("table inet callseal {\n\tcounter sip_in.a {\n\t}\n}\n", "ok", "is loaded"),
        ("", "warn", "is not loaded"),
        (None, "warn", "cannot be seen"),
        (
            "table inet callseal {\n\tcounter sip_in.b {\n\t}\n}\n",
            "warn",
            "without sip_in.a and with sip_in.b",
        ),
    ],
)
def test_the_firewall_that_is_loaded_is_the_one_that_was_rendered(
    edge: Callable[..., Patient], loaded: str | None, level: str, part: str
) -> None:
    who = edge()
    sip = HostPort.parse("192.0.2.10:5060")
    who = replace(who, edge=who.edge.model_copy(update={"sip": sip}))
    who.router.mkdir(exist_ok=True)
    (who.router / "firewall.nft").write_text(
        "table inet callseal {\n\tcounter sip_in.a { }\n}\n", encoding="utf-8"
    )
    (found,) = checks_network.firewall(who, lambda: loaded)
    assert str(found.level) == level
    assert part in found.text


def test_a_peer_on_tls_that_is_down_may_have_the_wrong_certificate() -> None:
    down = (Destination(1, "sip:partner.example", up=False),)
    (plain,) = checks_router.destinations(down)
    (secure,) = checks_router.destinations(down, frozenset({1}), 7)
    assert "tls_name" not in plain.advice
    assert "7 TLS connections have ended" in secure.advice
    assert "tls_name" in secure.advice
