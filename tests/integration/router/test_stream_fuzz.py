"""Bad streams from known peers over TCP and TLS beside good calls: what is no message is read as none, what comes out has one length,
nobody dies, memory is flat, good calls go on.

The generator is `tests/support/stream_fuzz.py`, where a message ends says `stream_reader.py`; each thing that was found has a line of its
own in `test_streams.py`. `make soak-streams` sends 100,000 messages (docs/reference/soak.md).
"""

from __future__ import annotations

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.fuzzing import Memory, corpus, good_call, unaffected
from tests.integration.router.rig import Rig
from tests.integration.router.streaming import run, stream_rig
from tests.integration.router.test_fuzz import MEGABYTE
from tests.support.stream_fuzz import CARD, StreamFuzz
from tests.support.stream_reader import part

pytestmark = pytest.mark.integration

SHORT, SEED = 5_000, 20_261_126


LARGEST_TRANSACTION = 56 * 1024
"""Each lies in shared memory for eight seconds after its end (docs/reference/soak.md)."""


def assert_no_card_in_the_logs(rig: Rig) -> None:
    for log in sorted(rig.workspace.logs.glob("*.log")):
        assert CARD not in log.read_bytes(), log.name


@pytest.mark.compat
@pytest.mark.timeout(120)
def test_bad_streams_beside_good_calls(make_rig: MakeRig) -> None:
    """1,800 streams of every kind, a third of them over TLS with the partner's certificate."""
    rig = stream_rig(make_rig)
    said = corpus(rig)
    load = run(rig, said, count=SHORT // 3, seed=SEED, good=True)
    assert not load.faults, "\n".join(load.faults)
    before = Memory.of(rig)
    result = run(rig, said, count=SHORT, seed=SEED)
    assert not result.faults, "\n".join(result.faults)
    assert result.sender["sent"] >= SHORT
    assert (result.sender["silent"], load.sender["silent"]) == (0, 0), (
        "an OPTIONS beside them was not answered"
    )
    assert result.sender["answered"] > SHORT // 5, "hardly anything was read: the generator is stale"
    assert result.relayed > SHORT // 200
    unaffected(load.calls_ms, result.calls_ms)
    after = Memory.of(rig)
    assert set(after.private) == set(before.private), "a process died"
    assert rig.rtpengine.alive
    lying = after.transactions - before.transactions
    assert after.shared - before.shared < 4 * MEGABYTE + lying * LARGEST_TRANSACTION
    assert after.largest - before.largest < MEGABYTE // 4
    assert good_call(rig) < 1000
    assert_no_card_in_the_logs(rig)


FOUND_OUT = {
    "goes on behind a doubt": ("route[LAST_OF_ITS_STREAM] {", "route[LAST_OF_ITS_STREAM] {\n\treturn;", "read as a message"),
    "sends a second length on": ("route[OTHER_LENGTH] {", "route[OTHER_LENGTH] {\n\treturn -1;", "a doubtful stream"),
    "forgives": ("route[STRICT] {", "route[STRICT] {\n\treturn 1;", "a doubtful stream"),
    "ends what is good": ('sl_send_reply("200", "OK");\n\t\texit;', 'sl_send_reply("200", "OK");\n\t\texit(-1);', "not answered"),
}  # fmt: skip
"""What is broken, by which edit, and what is said of it."""


@pytest.mark.parametrize("broken", FOUND_OUT)
def test_a_router_that_is_not_strict_is_found_out(make_rig: MakeRig, broken: str) -> None:
    old, new, said = FOUND_OUT[broken]
    rig = stream_rig(make_rig, edits=((old, new),))
    result = run(rig, corpus(rig), count=600, seed=SEED)
    assert any(said in fault for fault in result.faults), result.faults


def test_a_router_that_logs_what_it_reads_is_found_out(make_rig: MakeRig) -> None:
    rig = stream_rig(make_rig, edits=(("route[SANE] {", 'route[SANE] {\n\txlog("L_NOTICE", "$mb\\n");'),))
    run(rig, corpus(rig), count=200, seed=SEED)
    with pytest.raises(AssertionError):
        assert_no_card_in_the_logs(rig)


def test_the_same_seed_makes_the_same_streams() -> None:
    assert _some(1) == _some(1) != _some(2)


def _some(seed: int) -> list[bytes]:
    said = [StreamFuzz(9, [], address="192.0.2.1", edge="192.0.2.2", transport="TCP").marker()]
    fuzz = StreamFuzz(seed, said, address="192.0.2.1", edge="192.0.2.2", transport="TCP")
    return [fuzz.next().data for _ in range(200)]


ONE = b"OPTIONS sip:a SIP/2.0\r\nVia: x\r\nContent-Length: 4\r\n\r\nbody"


@pytest.mark.parametrize(
    ("data", "whole", "doubt"),
    [
        (ONE, 1, ""), (b"\r\n\r\n" + ONE + b"\r\n" + ONE, 2, ""), (ONE[:-1], 0, ""), (ONE + ONE[:9], 1, ""),
        (ONE.replace(b"Content-Length", b"l"), 1, ""), (ONE.replace(b": 4", b" :\t4 "), 1, ""),
        (ONE.replace(b"Content-Length: 4\r\n", b""), 0, "0 lengths"), (ONE.replace(b"Via: x", b"l: 4"), 0, "2 lengths"),
        (ONE.replace(b": 4", b": -4"), 0, "no number"), (ONE.replace(b": 4", b": 0\r\n 4"), 0, "no number"),
        (ONE.replace(b"x\r\n", b"x\r\n l: 4\r\n"), 0, "some take"), (ONE.replace(b"Via", b"content_length"), 0, "some take"),
        (ONE.replace(b"x\r\n", b"x\n"), 0, "CR"), (ONE.replace(b"x", b"\x00"), 0, "CR"),
    ],
)  # fmt: skip
def test_where_a_message_ends(data: bytes, whole: int, doubt: str) -> None:
    parted = part(data)
    assert len(parted.messages) == whole
    assert (doubt in parted.doubt) if doubt else not parted.doubt
    assert b"".join(parted.messages).replace(b"\r\n", b"") in data.replace(b"\r\n", b"")
