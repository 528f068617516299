"""Bad SIP from known peers beside good calls: nothing malformed comes out, nobody dies, memory is flat, good calls do not notice."""

from __future__ import annotations

import pytest

from tests.integration.router.fuzzing import Memory, calls_for, corpus, good_call, percentile, run, settled
from tests.integration.router.rig import Rig

pytestmark = pytest.mark.integration

SHORT = 5_000
MEGABYTE = 1 << 20


def pids(rig: Rig) -> set[int]:
    return set(Memory.of(rig).private)


def test_bad_sip_beside_good_calls(rig: Rig) -> None:
    said = corpus(rig)
    quiet = calls_for(rig, 2)
    before = settled(rig)
    result = run(rig, said, count=SHORT, seed=20261125)
    after = settled(rig)
    print(f"{result.sent} in {result.seconds:.1f} s, {result.relayed} relayed; calls {len(result.calls_ms)}", percentile(quiet, .5), percentile(quiet, .99), percentile(result.calls_ms, .5), percentile(result.calls_ms, .99), after.shared - before.shared, after.largest - before.largest)
    print("\n".join(result.faults))
    assert result.faults == []
    assert result.silent == 0
    assert set(after.private) == set(before.private), "a process died"
    assert rig.rtpengine.alive
    assert after.shared - before.shared < MEGABYTE
    assert after.largest - before.largest < MEGABYTE
    assert good_call(rig) < 1000
