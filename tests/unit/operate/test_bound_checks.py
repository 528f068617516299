"""What `callseal doctor` says of an edge's own addresses: on a card, in rtpengine's interface, in the firewall."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from callseal.operate import checks_bound
from callseal.operate.patient import Patient
from callseal.operate.processes import rtpengine_interfaces
from callseal.render.own_public import COUNTER

pytestmark = pytest.mark.unit

CARD, MEDIA_CARD = "127.88.0.220", "127.88.0.221"


@pytest.fixture
def mapped(who: Patient) -> Patient:
    binds = {"bind_sip": ip_address(CARD), "bind_media": ip_address(MEDIA_CARD)}
    return replace(who, edge=who.edge.model_copy(update=binds))


def test_an_address_that_is_mapped_need_not_be_on_a_card_but_the_bound_one(mapped: Patient) -> None:
    asked: list[str] = []

    def has(address: str) -> bool:
        asked.append(address)
        return address != MEDIA_CARD

    (found,) = checks_bound.addresses(mapped, has)
    assert asked == [CARD, MEDIA_CARD]
    assert (str(found.level), found.text) == (
        "fail",
        f"bind_media {MEDIA_CARD} is on no card of this machine",
    )
    (good,) = checks_bound.addresses(mapped, lambda _: True)
    assert str(good.level) == "ok"
    assert good.text == f"{CARD}, {MEDIA_CARD} are on this machine's cards"


def test_an_edge_that_forgot_to_say_that_it_is_mapped_is_told_how(who: Patient) -> None:
    found = list(checks_bound.addresses(who, lambda _: False))
    assert [finding.text.split()[0] for finding in found] == ["sip", "media"]
    assert "bind_sip" in found[0].advice
    assert "bind_media" in found[1].advice


def test_what_the_kernel_says_of_an_address() -> None:
    assert checks_bound.on_card("127.0.0.1")
    assert not checks_bound.on_card("192.0.2.77")


@pytest.mark.parametrize(
    ("given", "level"),
    [
        ((f"{MEDIA_CARD}!127.88.0.21",), "ok"),
        ((f"pub/{MEDIA_CARD}!127.88.0.21",), "ok"),
        ((MEDIA_CARD,), "fail"),
        (("127.88.0.21",), "fail"),
        ((f"127.88.0.21!{MEDIA_CARD}",), "fail"),
        ((f"{MEDIA_CARD}!127.88.0.21", "192.0.2.1"), "fail"),
        ((), "fail"),
    ],
)
def test_rtpengine_is_bound_and_shows_as_the_deployment_says(
    mapped: Patient, given: tuple[str, ...], level: str
) -> None:
    found = checks_bound.interface(given, mapped.edge)
    assert str(found.level) == level
    assert level == "ok" or f"--interface={MEDIA_CARD}!127.88.0.21" in found.advice


@pytest.mark.parametrize(
    ("loaded", "levels"),
    [(f"counter {COUNTER} {{ }}", ["ok"]), ("counter rtp_in.a { }", ["warn"]), ("", ["warn"]), (None, [])],
)
def test_media_to_itself_stays_where_the_firewall_is_loaded(
    mapped: Patient, loaded: str | None, levels: list[str]
) -> None:
    assert [str(one.level) for one in checks_bound.own_public(mapped, lambda: loaded)] == levels


def test_nothing_is_said_of_media_to_itself_without_nat(who: Patient) -> None:
    assert list(checks_bound.own_public(who, lambda: "")) == []


@pytest.mark.parametrize(
    ("argv", "found"),
    [
        (
            ("--interface=192.0.2.1!203.0.113.1", "--interface", "2001:db8::1"),
            ("192.0.2.1!203.0.113.1", "2001:db8::1"),
        ),
        (("-i", "192.0.2.1", "-ieth/192.0.2.2"), ("192.0.2.1", "eth/192.0.2.2")),
        (("--config-file=none",), ()),
    ],
)
def test_interfaces_of_a_command_line(tmp_path: Path, argv: tuple[str, ...], found: tuple[str, ...]) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "cmdline").write_bytes("\0".join(("rtpengine", *argv, "")).encode())
    assert rtpengine_interfaces(tmp_path, 7) == found


def test_interfaces_of_a_configuration_file(tmp_path: Path) -> None:
    etc = tmp_path / "7" / "root" / "etc"
    etc.mkdir(parents=True)
    (tmp_path / "7" / "cmdline").write_bytes(b"rtpengine\0--config-file=/etc/r.conf\0")
    (etc / "r.conf").write_text(
        "[rtpengine]\ninterface = 192.0.2.1!203.0.113.1; 2001:db8::1\n", encoding="utf-8"
    )
    assert rtpengine_interfaces(tmp_path, 7) == ("192.0.2.1!203.0.113.1", "2001:db8::1")
