"""What the light peers read, without a socket of theirs on the wire."""

from __future__ import annotations

import asyncio

import pytest

from bench.peers import Leg, SipMessage, Voice

pytestmark = pytest.mark.unit

INVITE = (
    b"INVITE sip:+442079460123@edge SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1\r\nRecord-Route: <sip:a;lr>\r\n"
    b"Record-Route: <sip:b;lr>\r\nTo: <sip:x>;tag=1\r\nCSeq: 7 INVITE\r\n\r\nv=0\r\n"
)


def test_a_request_in_parts() -> None:
    message = SipMessage.parse(INVITE)
    assert (message.method, message.cseq, message.status, message.in_dialog) == ("INVITE", 7, 0, True)
    assert message.all("record-route") == ["<sip:a;lr>", "<sip:b;lr>"]
    assert message.body == "v=0\r\n"


def test_a_reply_in_parts() -> None:
    message = SipMessage.parse(b"SIP/2.0 491 Request Pending\r\nCSeq: 8 INVITE\r\nTo: <sip:x>\r\n\r\n")
    assert (message.status, message.method, message.in_dialog) == (491, "INVITE", False)


def test_a_voice_knows_when_each_packet_left_and_hears_the_other() -> None:
    heard: list[tuple[int, float]] = []

    async def talk() -> tuple[Voice, Voice]:
        one, other = Voice("127.91.255.1"), Voice("127.91.255.2")
        other.listen(lambda timestamp, at: heard.append((timestamp, at)))
        one.target = other.endpoint
        one.speak()
        one.speak()
        async with asyncio.timeout(2):
            while len(heard) < 2:  # noqa: ASYNC110 - the packets come by another callback
                await asyncio.sleep(0.001)
        one.close()
        other.close()
        return one, other

    one, _ = asyncio.run(talk())
    assert heard[1][0] - heard[0][0] == 160
    for timestamp, at in heard:
        left = one.left_at(timestamp)
        assert left is not None
        assert 0 <= at - left < 1
    assert one.left_at(heard[0][0] - 160) is None


def test_a_leg_offers_its_voice_and_takes_the_others_address() -> None:
    async def offer() -> tuple[Leg, Leg]:
        legs = [
            Leg(
                call_id="c", local="<sip:a>", remote="<sip:b>", target="sip:b", voice=Voice(f"127.91.255.{n}")
            )
            for n in (1, 2)
        ]
        legs[0].hear_sdp(legs[1].sdp())
        for leg in legs:
            leg.voice.close()
        return legs[0], legs[1]

    one, other = asyncio.run(offer())
    assert one.voice.target == other.voice.endpoint
