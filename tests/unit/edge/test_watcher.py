"""The watch: 2xx, ACK and packets, in any order, or the reason why not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callseal.edge.watcher import Answered
from tests.unit.edge.fakes import HOME, PARTNER, PLATFORM, REFERENCE, FakeParty, agent_leg, customer_leg
from tests.unit.edge.harness import Bench, on_bench

pytestmark = pytest.mark.unit

SECURED = Answered(
    reference=REFERENCE, leg="customer", call_id="c", node="edge-1", cseq=7, target="partner", status=200
)
AGENT_SECURED = replace(SECURED, leg="agent", call_id="a")


async def pump(bench: Bench, call_id: str, *senders: str) -> None:
    """Packets every millisecond until cancelled."""
    while True:
        for sender in senders:
            bench.ng.flow(call_id, sender, 1)
        await asyncio.sleep(0.001)


async def verdict(
    bench: Bench, answer: Answered, call_id: str = "", *senders: str, ack: bool = True
) -> dict[str, Any]:
    task = asyncio.create_task(pump(bench, call_id, *senders)) if senders else None
    bench.watcher.answered(answer)
    if ack:
        bench.acks.note(answer.key)
    event = await bench.until_event()
    if task:
        task.cancel()
    return event


def test_customer_leg_at_the_partner(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.ng.add("c.customer", *customer_leg(PARTNER))
        bench.ng.flow("c.customer", "carrier", 1000)
        event = await verdict(bench, SECURED, "c.customer", "carrier")
        packets = event["evidence"].pop("packets")
        assert event == {
            "event_id": event["event_id"],
            "edge": "edge-1",
            "at": bench.clock(),
            "reference": REFERENCE,
            "kind": "leg_moved",
            "leg": "customer",
            "where": "partner",
            "node": "edge-1",
            "evidence": {"status": 200, "acked": True, "fenced": None, "held": False},
        }
        assert len(event["event_id"]) == 26
        assert 0 < packets["carrier_to_partner"] < 1000, "counts since the move, not of the call"
        assert packets["partner_to_carrier"] == 0

    on_bench(tmp_path, story)


def test_ack_before_and_after_the_notice(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.ng.add("c.customer", *customer_leg(PARTNER))
        task = asyncio.create_task(pump(bench, "c.customer", "carrier"))
        bench.acks.note(SECURED.key)
        bench.watcher.answered(SECURED)
        assert (await bench.until_event())["kind"] == "leg_moved"
        later = replace(SECURED, cseq=8)
        bench.watcher.answered(later)
        await asyncio.sleep(0.02)
        assert await bench.events() == [], "no ACK yet"
        bench.acks.note(later.key)
        assert (await bench.until_event())["kind"] == "leg_moved"
        task.cancel()

    on_bench(tmp_path, story)


@pytest.mark.parametrize("wrong", [{"cseq": 6}, {"leg": "agent"}, {"reference": "f" * 32}])
def test_another_ack_is_none(tmp_path: Path, wrong: dict[str, Any]) -> None:
    async def story(bench: Bench) -> None:
        bench.ng.add("c.customer", *customer_leg(PARTNER))
        bench.acks.note(replace(SECURED, **wrong).key)
        event = await verdict(bench, SECURED, "c.customer", "carrier", ack=False)
        assert (event["kind"], event["evidence"]["acked"]) == ("media_silent", False)

    on_bench(tmp_path, story)


def test_no_packet_in_time(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.ng.add("c.customer", *customer_leg(PARTNER))
        event = await verdict(bench, SECURED)
        assert (event["kind"], event["where"], event["evidence"]["acked"]) == (
            "media_silent",
            "partner",
            True,
        )
        assert event["evidence"]["packets"]["carrier_to_partner"] == 0

    on_bench(tmp_path, story)


def test_packets_to_the_old_place_prove_nothing(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.ng.add("c.customer", *customer_leg(HOME))
        event = await verdict(bench, SECURED, "c.customer", "carrier", "partner")
        assert event["kind"] == "media_silent"

    on_bench(tmp_path, story)


def test_a_hold_that_is_still_on_shows_as_silence(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.ng.add("c.customer", *customer_leg(PARTNER))
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)
        event = await verdict(bench, SECURED, "c.customer", "carrier")
        assert (event["kind"], event["evidence"]["held"]) == ("media_silent", True)
        assert event["evidence"]["packets"]["from_carrier"] > 0

    on_bench(tmp_path, story)


def test_agent_leg_at_the_partner_is_fenced(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.ng.add("a.agent", *agent_leg(PARTNER))
        event = await verdict(bench, AGENT_SECURED, "a.agent", "partner")
        assert (event["kind"], event["evidence"]["fenced"]) == ("leg_moved", True)
        assert bench.ng.calls["a.agent"].labelled("partner").dtmf_blocked
        assert not bench.ng.calls["a.agent"].labelled("partner").media_blocked
        assert bench.ng.commands("block DTMF") == ["block DTMF"]

    on_bench(tmp_path, story)


def blocks(bench: Bench) -> list[Mapping[str, Any]]:
    return [message for message in bench.ng.sent if message["command"] == "block DTMF"]


def test_a_fence_of_tones_is_asserted_as_such(tmp_path: Path) -> None:
    """A plain block would take the filter out of the audio."""

    async def story(bench: Bench) -> None:
        bench.ng.add("a.agent", *agent_leg(PARTNER))
        event = await verdict(bench, AGENT_SECURED, "a.agent", "partner")
        assert event["evidence"]["fenced"] is True
        assert blocks(bench)[-1]["DTMF-security"] == "silence"
        assert blocks(bench)[-1]["flags"] == ["directional", "detect-DTMF"]

    on_bench(tmp_path, story, fence="tones")


def test_a_mute_fence_blocks_the_partners_audio(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.ng.add("a.agent", *agent_leg(PARTNER))
        event = await verdict(bench, AGENT_SECURED, "a.agent", "partner")
        assert event["evidence"]["fenced"] is True
        assert bench.ng.calls["a.agent"].labelled("partner").media_blocked
        # Nothing went on to the platform, and that is no reason not to be secured.
        assert event["kind"] == "leg_moved"

    on_bench(tmp_path, story, fence="mute")


def test_a_fence_that_cannot_be_set_is_said(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.ng.add("a.agent", *agent_leg(PARTNER))
        bench.ng.refuse = {"block DTMF"}
        event = await verdict(bench, AGENT_SECURED, "a.agent", "partner")
        assert (event["kind"], event["evidence"]["fenced"]) == ("leg_moved", False)

    on_bench(tmp_path, story)


def test_with_the_fence_off_nothing_is_set(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.ng.add("a.agent", *agent_leg(PARTNER))
        event = await verdict(bench, AGENT_SECURED, "a.agent", "partner")
        assert event["evidence"]["fenced"] is False
        assert bench.ng.commands("block DTMF") == []

    on_bench(tmp_path, story, fence="unsafe-off")


def test_a_fence_that_came_too_late_is_taken_back(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.ng.add("a.agent", *agent_leg(PARTNER))

        def comes_home() -> None:
            bench.ng.calls["a.agent"].labelled("partner").address = HOME

        bench.ng.after["block DTMF"] = comes_home
        event = await verdict(bench, AGENT_SECURED, "a.agent", "partner")
        assert (event["kind"], event["evidence"]["fenced"]) == ("media_silent", False)
        assert not bench.ng.calls["a.agent"].labelled("partner").dtmf_blocked

    on_bench(tmp_path, story)


def test_the_agents_own_voice_does_not_move_the_agent_leg(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.ng.add("a.agent", *agent_leg(PARTNER))
        assert (await verdict(bench, AGENT_SECURED, "a.agent", "platform"))["kind"] == "media_silent"

    on_bench(tmp_path, story)


def test_home_again_while_held(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.ng.add("c.customer", *customer_leg(HOME))
        bench.ng.add("a.agent", *agent_leg(HOME))
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000)
        event = await verdict(bench, replace(SECURED, target="home"), "c.customer", "carrier")
        assert (event["kind"], event["where"], event["evidence"]["held"]) == ("leg_moved", "home", True)
        event = await verdict(bench, replace(AGENT_SECURED, target="home"), "a.agent", "platform")
        assert (event["kind"], event["leg"], event["evidence"]["fenced"]) == ("leg_moved", "agent", None)

    on_bench(tmp_path, story)


def test_with_one_anchor_home_is_the_platform_and_no_anchor(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.ng.add("c.customer", *customer_leg(PLATFORM))
        event = await verdict(bench, replace(SECURED, target="home"), "c.customer", "carrier")
        assert event["kind"] == "leg_moved"
        event = await verdict(bench, replace(AGENT_SECURED, target="home"))
        assert (event["kind"], event["evidence"]["packets"]) == ("leg_moved", {})

    on_bench(tmp_path, story, anchors="one")


def test_no_anchor_proves_nothing_otherwise(tmp_path: Path) -> None:
    async def two(bench: Bench) -> None:
        assert (await verdict(bench, replace(AGENT_SECURED, target="home")))["kind"] == "media_silent"

    async def one(bench: Bench) -> None:
        for answer in (SECURED, replace(SECURED, target="home", cseq=8), AGENT_SECURED):
            assert (await verdict(bench, answer))["kind"] == "media_silent"

    async def one_but_silent(bench: Bench) -> None:
        bench.other_ng.silent = True
        assert (await verdict(bench, replace(AGENT_SECURED, target="home")))["kind"] == "media_silent"

    for folder, story, anchors in (("a", two, "two"), ("b", one, "one"), ("c", one_but_silent, "one")):
        (tmp_path / folder).mkdir()
        on_bench(tmp_path / folder, story, anchors=anchors)


def test_rtpengine_may_stumble(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.ng.add("c.customer", *customer_leg(PARTNER))
        bench.ng.silent = True

        def back() -> None:
            bench.ng.silent = False

        asyncio.get_running_loop().call_later(0.015, back)
        assert (await verdict(bench, SECURED, "c.customer", "carrier"))["kind"] == "leg_moved"

    on_bench(tmp_path, story, evidence_window_ms=500)


def test_a_retransmitted_2xx_is_one_event(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.ng.add("c.customer", FakeParty("carrier", HOME), FakeParty("partner", PARTNER))
        await verdict(bench, SECURED, "c.customer", "carrier")
        bench.watcher.answered(SECURED)
        await asyncio.sleep(0.13)
        assert await bench.events() == []

    on_bench(tmp_path, story)


@pytest.mark.parametrize(("cseq", "watched_on"), [(6, True), (7, True), (8, False)])
def test_only_a_later_offer_ends_the_watch(tmp_path: Path, cseq: int, watched_on: bool) -> None:
    """Kamailio posts side by side: `offered` may come after the `answered` of the same re-INVITE."""

    async def story(bench: Bench) -> None:
        bench.ng.add("c.customer", *customer_leg(PARTNER))
        bench.watcher.answered(SECURED)
        bench.watcher.superseded(REFERENCE, "agent", 99)
        bench.watcher.superseded(REFERENCE, "customer", cseq)
        await asyncio.sleep(0.13)
        kinds: list[str] = []
        for _ in range(20):
            kinds += [event["kind"] for event in await bench.events()]
            if kinds or not watched_on:
                break
            await asyncio.sleep(0.1)
        assert kinds == (["media_silent"] if watched_on else [])

    on_bench(tmp_path, story)


def test_the_end_of_the_leg_ends_the_watch(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.ng.add("c.customer", *customer_leg(PARTNER))
        bench.watcher.answered(SECURED)
        bench.watcher.cancel(REFERENCE, "customer")
        await asyncio.sleep(0.13)
        assert await bench.events() == []

    on_bench(tmp_path, story)


def test_a_report_carries_the_number_of_the_hold_before_the_move(tmp_path: Path) -> None:
    """By it the desk knows of which attempt it speaks. The number is the one of the move, not of its delivery."""

    async def story(bench: Bench) -> None:
        bench.ng.add("c.customer", *customer_leg(PARTNER))
        event = await verdict(bench, SECURED, "c.customer", "carrier")
        assert "hold" not in event, "no hold, no number"
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000, order=4)
        task = asyncio.create_task(pump(bench, "c.customer", "carrier"))
        bench.watcher.answered(replace(SECURED, cseq=8))
        await asyncio.sleep(0.02)
        await bench.holds.hold(REFERENCE, "c", "edge-1", 5_000, order=9)
        bench.acks.note(replace(SECURED, cseq=8).key)
        assert (await bench.until_event())["hold"] == 4
        task.cancel()

    on_bench(tmp_path, story)
