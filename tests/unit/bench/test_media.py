"""A call's CPU is its set-up and end once and its RTP by the second; media that did not flow is said."""

from __future__ import annotations

import pytest

from bench.media import arguments
from bench.media_rows import CALL_S, Row, Stretch, pairs
from bench.ng_call import NgError, packets_relayed
from bench.voice import FRAME_S
from callseal.wire.ng import NgReply

pytestmark = pytest.mark.unit

PLAIN = Stretch(calls=10, seconds=8, signalling=0.02, talk=0.4, packets=8000)
TWICE = Stretch(calls=10, seconds=8, signalling=0.04, talk=0.8, packets=16000)


def test_a_call() -> None:
    row = Row("plain", [PLAIN])
    assert row.mean("signalling") == pytest.approx(2.0)
    assert row.mean("talk") == pytest.approx(5.0)
    assert row.mean("call") == pytest.approx(2.0 + 5.0 * CALL_S)
    assert row.flows == pytest.approx(8000 * FRAME_S / 80)


def test_ratios() -> None:
    plain, two = Row("plain", [PLAIN, PLAIN]), Row("two", [TWICE, PLAIN])
    assert pairs(two, plain) == pytest.approx([2.0, 1.0])
    told = two.as_json(plain)
    assert (told["ratio"], told["ratio_rtp_only"]) == (1.5, 1.5)
    assert told["streams_forwarded"] == 3.0


def test_packets_relayed() -> None:
    assert packets_relayed({"statistics": {"totalstatistics": {"relayedpackets": 7}}}) == 7


@pytest.mark.parametrize(
    "reply", [{}, {"statistics": {}}, {"statistics": {"totalstatistics": {"relayedpackets": "7"}}}]
)
def test_statistics_without_the_number(reply: dict[str, NgReply]) -> None:
    with pytest.raises(NgError, match="without relayedpackets"):
        packets_relayed(reply)


@pytest.mark.parametrize("argv", [["--calls", "0"], ["--rounds", "0"], ["--up", "0"]])
def test_nonsense_is_refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(argv)
    assert "must be 1 or more" in capsys.readouterr().err
