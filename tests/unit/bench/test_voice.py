"""Two voices, without a wire between them."""

from __future__ import annotations

import asyncio

import pytest

from bench.voice import Voice

pytestmark = pytest.mark.unit


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
