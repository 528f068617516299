"""The insert on a network with jitter: what the mask has not decided yet does not leave."""

from __future__ import annotations

import asyncio
import socket

import pytest

from bench.bleed_sound import pressed_tones
from callseal.sandbox.media.insert import Insert
from callseal.sandbox.media.mask import sounds_like_a_key
from callseal.wire.g711 import decode_ulaw
from callseal.wire.rtp import RtpPacket

pytestmark = pytest.mark.unit

LOOPBACK = "127.89.0.1"
ONSET = 3
"""The packet in whose last thirty samples the tone begins."""


def packets() -> list[bytes]:
    frames = [b"\xff" * 160] * 3 + pressed_tones("5", ms=60, gap_ms=140)
    audio = b"\xff" * 130 + b"".join(frames)
    return [
        bytes(
            RtpPacket(
                payload_type=0,
                sequence=at,
                timestamp=at * 160,
                ssrc=1,
                payload=audio[160 * at : 160 * at + 160],
            )
        )
        for at in range(len(audio) // 160)
    ]


@pytest.mark.parametrize("late_s", [0.0, 0.1, 0.3])
def test_no_rest_of_a_tone_leaves_however_late_the_next_packet_is(late_s: float) -> None:
    async def run() -> list[bytes]:
        insert = Insert(masking=True)
        await insert.open(LOOPBACK)
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as near,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far,
        ):
            for one, face in ((near, insert.near), (far, insert.far)):
                one.bind((LOOPBACK, 0))
                one.setblocking(False)
                face.peer = one.getsockname()
            for at, data in enumerate(packets()):
                if at == ONSET + 1:
                    await asyncio.sleep(late_s)
                near.sendto(data, insert.near.endpoint)
                await asyncio.sleep(0.02 if late_s == 0 or at <= ONSET else 0)
            await asyncio.sleep(0.4)
            insert.close()
            heard = []
            while True:
                try:
                    heard.append(far.recv(2048))
                except BlockingIOError:
                    return heard

    heard = [RtpPacket.parse(data) for data in asyncio.run(run())]
    assert [packet.sequence for packet in heard] == list(range(len(packets())))
    quiet = [max(map(abs, decode_ulaw(packet.payload))) < 50 for packet in heard]
    assert all(quiet)
    assert any(sounds_like_a_key(decode_ulaw(RtpPacket.parse(data).payload)) for data in packets())
