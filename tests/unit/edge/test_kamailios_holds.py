"""Kamailio's own holds, in every order in which its datagrams can come, and before the agent leg moves."""

from __future__ import annotations

from pathlib import Path

import pytest

from callseal.edge.carrier_blocks import NoSuchLegError
from callseal.edge.ng_client import NgRefusedError, NgSilentError
from tests.unit.edge.fakes import PARTNER, REFERENCE
from tests.unit.edge.harness import Bench, on_bench
from tests.unit.edge.holding import call, carrier, expire_once, know_both_legs, stopped

pytestmark = pytest.mark.unit


def test_kamailios_own_hold_ends_in_time(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        call(bench)
        await know_both_legs(bench)
        carrier(bench).dtmf_blocked = carrier(bench).media_blocked = True
        await bench.holds.noted_held(REFERENCE, "c", "edge-1", 7)
        assert bench.ng.sent == [], "Kamailio has done it already"
        (hold,) = await bench.journal.holds()
        assert hold.expires_at == bench.clock() + bench.settings.hold_ttl_ms
        await expire_once(bench)
        assert stopped(bench) == (False, False)

    on_bench(tmp_path, story)


def test_an_unheld_of_an_earlier_re_invite_comes_too_late(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        call(bench)
        await bench.holds.noted_held(REFERENCE, "c", "edge-1", 9)
        await bench.holds.noted_unheld(REFERENCE, 7)
        assert bench.holds.is_held(REFERENCE)
        await bench.holds.noted_unheld(REFERENCE, 9)
        assert not bench.holds.is_held(REFERENCE)
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)
        await bench.holds.noted_unheld(REFERENCE, 11)
        assert not bench.holds.is_held(REFERENCE), "the desk's hold ends at the 2xx of a securing re-INVITE"

    on_bench(tmp_path, story)


def test_held_and_unheld_of_one_re_invite_in_the_wrong_order(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.holds.noted_unheld(REFERENCE, 9)
        await bench.holds.noted_held(REFERENCE, "c", "edge-1", 9)
        assert not bench.holds.is_held(REFERENCE)
        await bench.holds.noted_held(REFERENCE, "c", "edge-1", 10)
        assert bench.holds.is_held(REFERENCE)

    on_bench(tmp_path, story)


def test_kamailios_hold_right_after_an_expiry_is_set_again(tmp_path: Path) -> None:
    """Its block may have crossed our unblock."""

    async def story(bench: Bench) -> None:
        call(bench, PARTNER, PARTNER)
        await know_both_legs(bench)
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)
        await expire_once(bench)
        assert stopped(bench) == (False, False)
        await bench.holds.noted_held(REFERENCE, "c", "edge-1", 9)
        assert stopped(bench) == (True, True)

    on_bench(tmp_path, story)


def test_the_end_of_the_leg_ends_its_hold(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        call(bench)
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)
        await bench.holds.ended(REFERENCE)
        assert await bench.journal.holds() == []

    on_bench(tmp_path, story)


def test_an_unhold_from_before_the_last_hold_lifts_nothing(tmp_path: Path) -> None:
    """The network may keep a request longer than the desk waits for it; by then Secure may have been pressed again."""

    async def story(bench: Bench) -> None:
        call(bench)
        holds = bench.holds
        await holds.hold(REFERENCE, "c", "edge-1", 10_000, order=7)
        await holds.unhold(REFERENCE, "c", "edge-1", order=5)
        assert stopped(bench) == (True, True)
        assert holds.is_held(REFERENCE)
        await holds.unhold(REFERENCE, "c", "edge-1", order=8)
        assert stopped(bench) == (False, False)

    on_bench(tmp_path, story)


def test_the_customer_is_held_before_the_agent_leg_moves(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        call(bench)
        await know_both_legs(bench)
        await bench.holds.hold_for_agent_leg(REFERENCE)
        assert stopped(bench) == (True, True)
        (hold,) = await bench.journal.holds()
        assert hold.expires_at == bench.clock() + bench.settings.hold_ttl_ms

    on_bench(tmp_path, story, anchors="one")


def test_a_hold_that_is_about_to_end_is_renewed(tmp_path: Path) -> None:
    """Otherwise it would end between this and the offer, with both legs still home."""

    async def story(bench: Bench) -> None:
        call(bench)
        await know_both_legs(bench)
        await bench.holds.hold(REFERENCE, "c", "edge-1", 1)
        await bench.holds.hold_for_agent_leg(REFERENCE)
        (hold,) = await bench.journal.holds()
        assert hold.expires_at == bench.clock() + bench.settings.hold_ttl_ms
        await bench.holds.hold(REFERENCE, "c", "edge-1", 50_000)
        await bench.holds.hold_for_agent_leg(REFERENCE)
        (hold,) = await bench.journal.holds()
        assert hold.expires_at == bench.clock() + 50_000, "a longer one stays"

    on_bench(tmp_path, story, anchors="one")


@pytest.mark.parametrize("customer", ["at the partner", "gone", "on a dead node"])
def test_who_cannot_be_heard_needs_no_hold(
    tmp_path: Path, customer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callseal.edge.nodes.DEAD_S", 0.0)

    async def story(bench: Bench) -> None:
        await know_both_legs(bench)
        if customer == "at the partner":
            call(bench, customer_at=PARTNER)
        bench.other_ng.silent = customer == "on a dead node"
        if bench.other_ng.silent:  # it has said nothing before
            with pytest.raises(NgSilentError):
                await bench.nodes.find("c.customer", "edge-2")
        await bench.holds.hold_for_agent_leg(REFERENCE)
        assert await bench.journal.holds() == []

    on_bench(tmp_path, story, anchors="one")


@pytest.mark.parametrize("trouble", ["unknown", "silent", "refused"])
def test_who_cannot_be_held_is_not_said_to_be(tmp_path: Path, trouble: str) -> None:
    expected = {"unknown": NoSuchLegError, "silent": NgSilentError, "refused": NgRefusedError}[trouble]

    async def story(bench: Bench) -> None:
        call(bench)
        if trouble != "unknown":
            await know_both_legs(bench)
        bench.ng.silent = trouble == "silent"
        bench.ng.refuse = {"block media"} if trouble == "refused" else set()
        with pytest.raises(expected):
            await bench.holds.hold_for_agent_leg(REFERENCE)

    on_bench(tmp_path, story, anchors="one")


def test_a_call_that_only_the_desk_has_named_is_known_by_its_hold(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        call(bench)
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)
        carrier(bench).media_blocked = False
        await bench.holds.hold_for_agent_leg(REFERENCE)
        assert stopped(bench) == (True, True)

    on_bench(tmp_path, story, anchors="one")
