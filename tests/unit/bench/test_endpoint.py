"""A leg without its socket on the wire."""

from __future__ import annotations

import asyncio

import pytest

from bench.endpoint import Leg
from bench.voice import Voice

pytestmark = pytest.mark.unit


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
