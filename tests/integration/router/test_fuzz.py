"""Bad SIP from known peers beside good calls: nothing malformed comes out, nobody dies, memory is flat, good calls go on.

The generator is `tests/support/sip_fuzz.py`, the reader of what comes out `sip_strict.py`; each thing it found has a line of its own in
`test_malformed.py`. `make soak-fuzz` sends 100,000 messages (docs/reference/soak.md).
"""

from __future__ import annotations

import pytest

from tests.integration.router.conftest import TWO, MakeRig
from tests.integration.router.fuzzing import Memory, corpus, good_call, run, settled, unaffected
from tests.integration.router.rig import Rig
from tests.support.sip_fuzz import Fuzz
from tests.support.sip_strict import faults

pytestmark = pytest.mark.integration

SHORT, SEED = 5_000, 20_261_125
MEGABYTE = 1 << 20
SECRET_DIGITS = ("Signal=", "Duration=")


def assert_quiet_log(rig: Rig) -> None:
    """The router complains of what it reads, and quotes no body: there may be digits in it."""
    log = rig.kamailio.log.read_bytes()
    for word in SECRET_DIGITS:
        assert word.encode() not in log


@pytest.mark.two_anchors
@pytest.mark.timeout(90)
def test_bad_sip_beside_good_calls(rig: Rig) -> None:
    said = corpus(rig)
    beside_good = run(rig, said, count=SHORT // 3, seed=SEED, good=True).calls_ms
    before = Memory.of(rig)
    result = run(rig, said, count=SHORT, seed=SEED)
    assert not result.faults, "\n".join(result.faults)
    assert (result.sent, result.silent) == (SHORT, 0)
    assert result.relayed > SHORT // 20, "hardly anything got past the first look: the corpus is stale"
    assert max(result.calls_ms) < 3000
    unaffected(beside_good, result.calls_ms)
    after = settled(rig, 10)
    assert set(after.private) == set(before.private), "a process died"
    assert rig.rtpengine.alive
    assert after.shared - before.shared < 4 * MEGABYTE
    assert after.largest - before.largest < MEGABYTE // 4
    assert good_call(rig) < 1000
    assert_quiet_log(rig)


GOOD = (
    b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 127.81.0.10;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=x\r\nTo: <sip:a@b>\r\n"
    b"Call-ID: x\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


def test_reader_sees_what_is_wrong() -> None:
    """A check that cannot fail is none: the reader likes the good message, and dislikes most of what the generator makes."""
    assert faults(GOOD, "127.81.0.21") == []
    fuzz = Fuzz(1, [GOOD])
    wrong = sum(bool(faults(fuzz.next(), "127.81.0.21")) for _ in range(500))
    assert wrong > 300
    assert _some(1) == _some(1) != _some(2)


def _some(seed: int) -> list[bytes]:
    fuzz = Fuzz(seed, [GOOD])
    return [fuzz.next() for _ in range(50)]


def test_router_that_forgives_is_found_out(make_rig: MakeRig) -> None:
    """Without strict.cfg the same run finds malformed messages at the other peers."""
    rig = make_rig(settings=TWO, edits=(("route[STRICT] {", "route[STRICT] {\n\treturn 1;"),))
    result = run(rig, corpus(rig), count=1500, seed=SEED)
    assert result.faults
