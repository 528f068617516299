"""The fuzz run of test_fuzz.py, twenty times as long: `make soak-fuzz`. Its last result stands in docs/reference/soak.md."""

from __future__ import annotations

import time

import pytest

from callseal.lab.rootfs import project_root
from tests.integration.router.conftest import MakeRig
from tests.integration.router.fuzzing import (
    Memory,
    calls_for,
    corpus,
    never_short,
    percentile,
    run,
    settled,
    unaffected,
)
from tests.integration.router.test_fuzz import MEGABYTE, SEED, SHORT, assert_quiet_log

pytestmark = [pytest.mark.integration, pytest.mark.soak]

LONG = 100_000
PER_MESSAGE = MEGABYTE / (LONG - 2 * SHORT)
"""Bytes of shared memory that may be kept for a message, on the average: 11.6."""
RINGS_SHORT = ('"fr_inv_timer", 180000', '"fr_inv_timer", 4000')
"""A call that rings for ever is forgotten after 4 s instead of three minutes, so that memory can be compared."""
PLANTED = (
    ('"name=agent;size=20000")', '"name=agent;size=20000")\nmodparam("mqueue", "mqueue", "name=kept;size=0")'),
    ("route[COUNTED] {", 'route[COUNTED] {\n\tmq_add("kept", "k", "v");'),
)  # fmt: skip
"""A leak: a request that is read at all leaves some tens of bytes in a queue that nobody empties."""


@pytest.mark.timeout(3600)
def test_hundred_thousand(make_rig: MakeRig) -> None:
    """In runs of 5,000, each with a seed of its own; memory is compared after the second tenth and at the end."""
    # What else is left of a flood may take as long as a transaction can: memory is looked at when there is none, or after 190 s.
    rig = make_rig(edits=(RINGS_SHORT,))
    said = corpus(rig)
    quiet = calls_for(rig, 10)
    load = run(rig, said, count=2 * SHORT, seed=SEED, good=True).calls_ms
    begun, relayed, first = Memory.of(rig), 0, None
    calls: list[float] = []
    faults: list[str] = []
    started = time.monotonic()
    for place in range(LONG // SHORT):
        result = run(rig, said, count=SHORT, seed=SEED + 1000 * place)
        faults += result.faults
        assert (result.sent, result.silent) == (SHORT, 0)
        calls += result.calls_ms
        relayed += result.relayed
        for peer in rig.peers:
            peer.heard.clear()
            peer._taken.clear()
        if place == 1:
            first = settled(rig, 190)
    seconds = time.monotonic() - started
    never_short(rig)
    assert not faults, "\n".join(faults)
    unaffected(load, calls)
    last = settled(rig, 190)
    assert first is not None
    assert (first.transactions, last.transactions) == (0, 0), (
        "memory is compared when no transaction lies in it"
    )
    assert set(last.private) == set(begun.private), "a process died"
    assert last.shared - first.shared < PER_MESSAGE * (LONG - 2 * SHORT)
    assert last.largest - first.largest < MEGABYTE // 4
    assert_quiet_log(rig)
    row = (
        f"{time.strftime('%Y-%m-%d')} | {rig.rootfs.suite} | {LONG} | {seconds:.0f} s | {relayed} | 0 | 0 | "
        f"{(last.shared - first.shared) / 1024:+.0f} KB | {len(calls)} | {percentile(quiet, 0.5):.0f} / {percentile(quiet, 0.99):.0f} ms | "
        f"{percentile(load, 0.5):.0f} / {percentile(load, 0.99):.0f} ms | "
        f"{percentile(calls, 0.5):.0f} / {percentile(calls, 0.99):.0f} ms"
    )
    kept = project_root() / "build" / "soak"
    kept.mkdir(parents=True, exist_ok=True)
    (kept / "fuzz.md").write_text(f"| {row} |\n", encoding="utf-8")


@pytest.mark.timeout(900)
def test_a_planted_leak_is_seen(make_rig: MakeRig) -> None:
    """The same look at memory, of a router that keeps a little of what it reads."""
    rig = make_rig(edits=(RINGS_SHORT, *PLANTED))
    said = corpus(rig)
    kept = []
    for place in range(2):
        run(rig, said, count=SHORT, seed=SEED + 1000 * place)
        memory = settled(rig, 190)
        assert memory.transactions == 0
        never_short(rig)
        kept.append(memory.shared)
    assert kept[1] - kept[0] > 2 * PER_MESSAGE * SHORT
