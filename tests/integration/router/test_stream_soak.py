"""The run of test_stream_fuzz.py, twenty times as long: `make soak-streams`. Its last result stands in docs/reference/soak.md."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from callseal.lab.rootfs import project_root
from tests.integration.router.conftest import MakeRig
from tests.integration.router.fuzzing import (
    Memory,
    calls_for,
    corpus,
    never_short,
    percentile,
    settled,
    unaffected,
)
from tests.integration.router.streaming import run, stream_rig
from tests.integration.router.test_fuzz import MEGABYTE
from tests.integration.router.test_fuzz_soak import PER_MESSAGE, PLANTED, RINGS_SHORT
from tests.integration.router.test_stream_fuzz import SEED, SHORT, assert_no_card_in_the_logs

pytestmark = [pytest.mark.integration, pytest.mark.soak]

LONG = 100_000


@pytest.mark.timeout(3600)
def test_hundred_thousand_over_streams(make_rig: MakeRig) -> None:
    """In runs of 5,000, each with a seed of its own; memory is compared after the second tenth and at the end."""
    rig = stream_rig(make_rig, edits=(RINGS_SHORT,))
    said = corpus(rig)
    quiet = calls_for(rig, 10)
    control = run(rig, said, count=2 * SHORT, seed=SEED, good=True)
    assert not control.faults, "\n".join(control.faults)
    begun, first = Memory.of(rig), None
    sent: Counter[str] = Counter()
    calls: list[float] = []
    started = time.monotonic()
    for place in range(LONG // SHORT):
        result = run(rig, said, count=SHORT, seed=SEED + 1000 * (place + 1))
        assert not result.faults, "\n".join(result.faults)
        assert result.sender["silent"] == 0
        calls += result.calls_ms
        sent += {name: result.sender[name] for name in ("sent", "streams", "connections", "answered")}
        sent["relayed"] += result.relayed
        for peer in rig.peers:
            peer.heard.clear()
            peer._taken.clear()
        if place == 1:
            first = settled(rig, 190)
    seconds = time.monotonic() - started
    never_short(rig)
    unaffected(control.calls_ms, calls)
    last = settled(rig, 190)
    assert first is not None
    assert (first.transactions, last.transactions) == (0, 0), (
        "memory is compared when no transaction lies in it"
    )
    assert set(last.private) == set(begun.private), "a process died"
    assert last.shared - first.shared < PER_MESSAGE * (LONG - 2 * SHORT)
    assert last.largest - first.largest < MEGABYTE // 4
    assert_no_card_in_the_logs(rig)
    row = (
        f"{time.strftime('%Y-%m-%d')} | {rig.rootfs.suite} | {sent['sent']:,} | {sent['streams']:,} | {sent['connections']:,} | "
        f"{seconds:.0f} s | {sent['answered']:,} | {sent['relayed']:,} | 0 | 0 | {(last.shared - first.shared) / 1024:+.0f} KB | {len(calls)} | "
        + " | ".join(
            f"{percentile(took, 0.5):.0f} / {percentile(took, 0.99):.0f} ms"
            for took in (quiet, control.calls_ms, calls)
        )
    )
    kept = project_root() / "build" / "soak"
    kept.mkdir(parents=True, exist_ok=True)
    (kept / "streams.md").write_text(f"| {row} |\n", encoding="utf-8")


@pytest.mark.timeout(900)
def test_a_planted_leak_is_seen_over_streams(make_rig: MakeRig) -> None:
    """The same look at memory, of a router that keeps a little of what it reads."""
    rig = stream_rig(make_rig, edits=(RINGS_SHORT, *PLANTED))
    said = corpus(rig)
    kept = []
    for place in range(2):
        run(rig, said, count=SHORT, seed=SEED + 1000 * place)
        memory = settled(rig, 190)
        assert memory.transactions == 0
        never_short(rig)
        kept.append(memory.shared)
    assert kept[1] - kept[0] > 2 * PER_MESSAGE * SHORT
