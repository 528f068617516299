"""Hold: what is stopped, what is journalled, and what time may pass again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from callseal.edge.carrier_blocks import NoSuchLegError
from callseal.edge.hold_expiry import Lift, Sight, Whereabouts, expiry_rule
from callseal.edge.journal import Hold, Journal
from callseal.edge.ng_client import NgRefusedError, NgSilentError
from tests.unit.edge.fakes import (
    CUSTOMER,
    HOME,
    PARTNER,
    PLATFORM,
    REFERENCE,
    STRANGER,
    Clock,
    FakeParty,
    agent_leg,
    customer_leg,
)
from tests.unit.edge.harness import Bench, on_bench

pytestmark = pytest.mark.unit

SIGHTS: tuple[Sight, ...] = ("partner", "home", "platform", "unknown", "gone", "silent")


def rule(customer: Sight, agent: Sight, *, one: bool = False, late: bool = False) -> Lift:
    return expiry_rule(Whereabouts(customer, agent, "edge-1"), one_anchor=one, out_of_time=late)


@pytest.mark.parametrize("agent", SIGHTS)
@pytest.mark.parametrize("late", [False, True])
def test_customer_leg_at_the_partner_passes_everything(agent: Sight, late: bool) -> None:
    assert rule("partner", agent, late=late) == "all"
    assert rule("gone", agent, late=late) == "forget"


@pytest.mark.parametrize("agent", SIGHTS)
@pytest.mark.parametrize("customer", ["unknown", "silent", "platform"])
@pytest.mark.parametrize("late", [False, True])
def test_what_is_not_understood_stays_stopped(customer: Sight, agent: Sight, late: bool) -> None:
    assert rule(customer, agent, late=late) == "nothing"


@pytest.mark.parametrize(
    ("agent", "early", "late"),
    [
        ("home", "all", "all"),
        ("gone", "all", "all"),
        ("partner", "nothing", "media"),
        ("platform", "nothing", "media"),
        ("unknown", "nothing", "media"),
        ("silent", "nothing", "media"),
    ],
)
@pytest.mark.parametrize("one", [False, True])
def test_customer_leg_at_home_waits_for_the_agent_leg(agent: Sight, early: str, late: str, one: bool) -> None:
    home: Sight = "platform" if one else "home"
    assert rule(home, agent, one=one) == early
    assert rule(home, agent, one=one, late=True) == late


def carrier(bench: Bench) -> FakeParty:
    return bench.ng.calls["c.customer"].labelled("carrier")


def stopped(bench: Bench) -> tuple[bool, bool]:
    return carrier(bench).dtmf_blocked, carrier(bench).media_blocked


def call(bench: Bench, customer_at: str = HOME, agent_at: str = HOME) -> None:
    bench.ng.add("c.customer", *customer_leg(customer_at))
    bench.ng.add("a.agent", *agent_leg(agent_at))


async def know_both_legs(bench: Bench) -> None:
    await bench.journal.note_call(
        REFERENCE, node="edge-1", now=bench.clock(), customer_call_id="c", agent_call_id="a"
    )


def test_hold_stops_the_carrier_and_nobody_else(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        call(bench)
        expires_at = await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)
        assert expires_at == bench.clock() + 5_000
        assert stopped(bench) == (True, True)
        partner = bench.ng.calls["c.customer"].labelled("partner")
        assert (partner.dtmf_blocked, partner.media_blocked) == (False, False)
        assert bench.holds.is_held(REFERENCE)
        await bench.holds.unhold(REFERENCE, "c", "edge-1")
        assert stopped(bench) == (False, False)
        assert not bench.holds.is_held(REFERENCE)
        assert await bench.journal.holds() == []

    on_bench(tmp_path, story)


def test_digits_stop_first_and_pass_last(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        call(bench)
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)
        await bench.holds.unhold(REFERENCE, "c", "edge-1")
        verbs = [verb for verb in bench.ng.commands() if verb != "query"]
        assert verbs == ["block DTMF", "block media", "unblock media", "unblock DTMF"]

    on_bench(tmp_path, story)


def test_every_fork_of_a_call_out_is_stopped(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.ng.add(
            "c.customer",
            FakeParty("partner", HOME),
            FakeParty("carrier", CUSTOMER),
            FakeParty("carrier", STRANGER),
        )
        forks = [party for party in bench.ng.calls["c.customer"].parties.values() if party.label == "carrier"]
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)
        assert all(fork.dtmf_blocked and fork.media_blocked for fork in forks)
        await bench.holds.unhold(REFERENCE, "c", "edge-1")
        assert not any(fork.dtmf_blocked or fork.media_blocked for fork in forks)

    on_bench(tmp_path, story)


@pytest.mark.parametrize("node", ["edge-1", "edge-9", ""])
def test_another_node_may_have_the_leg(tmp_path: Path, node: str) -> None:
    async def story(bench: Bench) -> None:
        bench.other_ng.add("c.customer", *customer_leg())
        await bench.holds.hold(REFERENCE, "c", node, 5_000)
        assert bench.other_ng.calls["c.customer"].labelled("carrier").media_blocked
        assert [hold.node for hold in await bench.journal.holds()] == ["edge-2"]

    on_bench(tmp_path, story)


def test_no_such_leg_leaves_no_journal(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        with pytest.raises(NoSuchLegError):
            await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)
        bench.ng.add("c.customer", FakeParty("platform", PLATFORM))
        with pytest.raises(NoSuchLegError):
            await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)
        assert await bench.journal.holds() == []
        await bench.holds.unhold(REFERENCE, "c", "edge-1")

    on_bench(tmp_path, story)


def test_half_a_hold_is_journalled(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        call(bench)
        bench.ng.refuse = {"block media"}
        with pytest.raises(NgRefusedError):
            await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)
        assert stopped(bench) == (True, False)
        assert [hold.reference for hold in await bench.journal.holds()] == [REFERENCE]

    on_bench(tmp_path, story)


def test_only_a_renewal_does_not_wait_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A press waits for the disk once: the hold that Kamailio sets again on the way home is a renewal."""
    waited: list[bool] = []
    write = Journal.write_hold

    async def watched(journal: Journal, hold: Hold, *, flush: bool = True) -> None:
        waited.append(flush)
        await write(journal, hold, flush=flush)

    monkeypatch.setattr(Journal, "write_hold", watched)

    async def story(bench: Bench) -> None:
        call(bench)
        bench.ng.calls["other.customer"] = bench.ng.calls["c.customer"]
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)
        await bench.holds.noted_held(REFERENCE, "c", "edge-1", 7)
        assert [hold.cseq for hold in await bench.journal.holds()] == [7]
        await bench.holds.hold(REFERENCE, "other", "edge-1", 5_000)
        await bench.holds.unhold(REFERENCE, "other", "edge-1")
        await bench.holds.noted_held(REFERENCE, "other", "edge-1", 8)

    on_bench(tmp_path, story)
    assert waited == [True, False, True, True]


def test_silence_is_not_absence(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.ng.silent = True
        with pytest.raises(NgSilentError):
            await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)
        with pytest.raises(NgSilentError):
            await bench.holds.unhold(REFERENCE, "c", "edge-1")
        assert bench.holds.is_held(REFERENCE)

    on_bench(tmp_path, story)


async def run_holds_until(bench: Bench, done: Callable[[], Awaitable[bool]]) -> None:
    task = asyncio.create_task(bench.holds.run())
    async with asyncio.timeout(2):
        while not await done():  # noqa: ASYNC110 - a test may poll
            await asyncio.sleep(0.002)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def expire_once(bench: Bench) -> None:
    """Turn the clock to the expiry and let the agent look once."""
    (hold,) = await bench.journal.holds()
    bench.clock.now = hold.expires_at

    async def looked() -> bool:
        return [later.expires_at for later in await bench.journal.holds()] != [hold.expires_at]

    await run_holds_until(bench, looked)


@pytest.mark.parametrize(("customer_at", "agent_at"), [(HOME, HOME), (PARTNER, PARTNER), (PARTNER, HOME)])
def test_a_restarted_agent_ends_the_hold(tmp_path: Path, customer_at: str, agent_at: str) -> None:
    clock = Clock()

    async def before(bench: Bench) -> None:
        call(bench)
        await know_both_legs(bench)
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)

    async def after(bench: Bench) -> None:
        call(bench, customer_at, agent_at)
        carrier(bench).dtmf_blocked = carrier(bench).media_blocked = True
        await bench.holds.load()
        assert bench.holds.is_held(REFERENCE)
        await expire_once(bench)
        assert stopped(bench) == (False, False)
        assert not bench.holds.is_held(REFERENCE)
        (event,) = await bench.events()
        assert (event["kind"], event["leg"]) == ("hold_expired", "customer")
        assert event["where"] == ("home" if customer_at == HOME else "partner")
        assert event["evidence"]["held"] is False

    on_bench(tmp_path, before, clock)
    on_bench(tmp_path, after, clock)


def test_a_hold_in_time_is_left_alone(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        call(bench)
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)
        bench.clock.now += 4_999
        task = asyncio.create_task(bench.holds.run())
        await asyncio.sleep(0.05)
        task.cancel()
        assert stopped(bench) == (True, True)

    on_bench(tmp_path, story)


def test_half_way_keeps_the_hold_then_the_digits_then_nothing(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        call(bench, HOME, PARTNER)
        await know_both_legs(bench)
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)
        started = bench.clock()
        while bench.clock() < started + 60_000:
            await expire_once(bench)
            assert stopped(bench) == (True, True)
            assert await bench.events() == []
        while carrier(bench).media_blocked:
            await expire_once(bench)
        assert started + 65_000 <= bench.clock() <= started + 67_000
        assert stopped(bench) == (True, False)
        (event,) = await bench.events()
        assert (event["kind"], event["evidence"]["held"]) == ("hold_expired", True)
        assert [hold.media for hold in await bench.journal.holds()] == [False]
        await bench.holds.load()  # as after a restart
        await expire_once(bench)
        assert await bench.events() == [], "the same news twice"
        bench.ng.calls["a.agent"].labelled("partner").address = HOME
        await expire_once(bench)
        assert stopped(bench) == (False, False)
        (event,) = await bench.events()
        assert event["evidence"]["held"] is False

    on_bench(tmp_path, story)


def test_an_unknown_agent_leg_is_half_way_too(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        call(bench)
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)
        await expire_once(bench)
        assert stopped(bench) == (True, True)

    on_bench(tmp_path, story)


def test_a_leg_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        call(bench)
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)
        bench.ng.calls.clear()
        await expire_once(bench)
        assert await bench.journal.holds() == []

    on_bench(tmp_path, story)


def test_a_silent_rtpengine_is_asked_again(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        call(bench)
        await know_both_legs(bench)
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)
        bench.ng.silent = True
        await expire_once(bench)
        bench.ng.silent = False
        bench.ng.refuse = {"unblock DTMF"}
        await expire_once(bench)
        assert bench.holds.is_held(REFERENCE)
        bench.ng.refuse = set()
        await expire_once(bench)
        assert stopped(bench) == (False, False)

    on_bench(tmp_path, story)


def test_a_leg_that_moves_while_it_is_lifted_is_stopped_again(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        call(bench, PARTNER, PARTNER)
        await know_both_legs(bench)
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)

        def comes_home() -> None:
            bench.ng.calls["c.customer"].labelled("partner").address = HOME

        bench.ng.after["unblock DTMF"] = comes_home
        await expire_once(bench)
        assert stopped(bench) == (True, True)
        assert bench.holds.is_held(REFERENCE)
        assert await bench.events() == []

    on_bench(tmp_path, story)


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


# --- before the agent leg goes to the partner (one anchor) -----------------------------------------------------------


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
