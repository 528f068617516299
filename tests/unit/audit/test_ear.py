"""Windows between marks, with a clock in the hand; and the command loop."""

from __future__ import annotations

import io
import json

import pytest

from callseal.audit.ear import Ear
from callseal.audit.ear_process import serve
from callseal.wire.dtmf import press
from callseal.wire.rtp import RtpPacket

pytestmark = pytest.mark.unit


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def pressed(ear: Ear, clock: Clock, key: str) -> None:
    for event in press(key):
        packet = RtpPacket(
            payload_type=101, sequence=0, timestamp=int(clock.now * 8000), ssrc=7, payload=bytes(event)
        )
        ear.datagram("192.0.2.1:30000", bytes(packet))
    clock.now += 1.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ear(clock: Clock) -> Ear:
    ear = Ear(clock)
    pressed(ear, clock, "1")
    ear.mark("secured")
    pressed(ear, clock, "2")
    ear.mark("restored")
    pressed(ear, clock, "3")
    pressed(ear, clock, "4")
    return ear


def test_windows(ear: Ear) -> None:
    assert ear.heard().equals("1234")
    assert ear.heard("secured").equals("2")
    assert ear.heard("secured", "restored").seconds == 1.0
    assert ear.heard("restored").equals("34")
    assert ear.heard(until="secured").equals("1")


def test_a_mark_may_come_again(ear: Ear, clock: Clock) -> None:
    ear.mark("secured")
    pressed(ear, clock, "9")
    assert ear.heard("secured").equals("9")


def test_an_unknown_mark_is_named(ear: Ear) -> None:
    with pytest.raises(KeyError, match="nowhere"):
        ear.heard("nowhere")


def test_by_talker(ear: Ear) -> None:
    (talker,) = ear.heard("secured").talkers
    assert (talker.talker.source, talker.events, talker.packets) == ("192.0.2.1:30000", 1, 7)


def test_the_source_is_asked_before_marks_and_answers(ear: Ear) -> None:
    class Source:
        missed = 3
        asked = 0

        def drain(self) -> None:
            self.asked += 1

    source = Source()
    ear.attach(source)
    ear.mark("now")
    assert ear.heard().missed == 3
    assert source.asked == 2


def test_commands(ear: Ear) -> None:
    commands = [
        {"do": "mark", "name": "end"},
        {"do": "heard", "since": "secured", "until": "restored"},
        {"do": "heard", "since": "nowhere"},
        {"do": "sing"},
        {"do": "quit"},
        {"do": "heard"},
    ]
    answers = io.StringIO()
    serve(ear, io.StringIO("".join(json.dumps(one) + "\n" for one in commands)), answers)
    told = [json.loads(line) for line in answers.getvalue().splitlines()]
    assert told[0] == {"marked": "end"}
    assert told[1]["events"] == 1
    assert told[2]["error"].startswith("KeyError")
    assert told[3] == {"error": "unknown command"}
    assert len(told) == 4
