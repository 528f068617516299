"""Hold: what is stopped, what is journalled, and what time may pass again."""

from __future__ import annotations

from pathlib import Path

import pytest

from callseal.edge.carrier_blocks import NoSuchLegError
from callseal.edge.hold_expiry import Sight
from callseal.edge.journal import Hold, Journal
from callseal.edge.ng_client import NgRefusedError, NgSilentError
from tests.unit.edge.fakes import CUSTOMER, HOME, PLATFORM, REFERENCE, STRANGER, FakeParty, customer_leg
from tests.unit.edge.harness import Bench, on_bench
from tests.unit.edge.holding import call, stopped

pytestmark = pytest.mark.unit

SIGHTS: tuple[Sight, ...] = ("partner", "home", "platform", "unknown", "gone", "silent")


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
