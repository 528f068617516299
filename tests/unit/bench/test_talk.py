"""Everybody in turn, also who came later."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from bench.talk import Talk
from bench.voice import FRAME_S, Voice

pytestmark = pytest.mark.unit


class Counting:
    def __init__(self) -> None:
        self.spoke = 0

    def speak(self) -> None:
        self.spoke += 1


def test_a_voice_that_comes_later_speaks_as_often_and_none_after_the_end() -> None:
    voices = [Counting() for _ in range(7)]

    async def talk() -> list[int]:
        async with Talk(lambda: cast("list[Voice]", voices)):
            await asyncio.sleep(3 * FRAME_S)
            voices.append(Counting())
            async with asyncio.timeout(5):
                while voices[-1].spoke < 5:  # noqa: ASYNC110 - it is spoken by another task
                    await asyncio.sleep(0.001)
        spoken = [voice.spoke for voice in voices]
        await asyncio.sleep(2 * FRAME_S)
        return spoken

    spoken = asyncio.run(talk())
    assert max(spoken[:7]) - min(spoken[:7]) <= 1
    assert spoken[0] > 5
    assert [voice.spoke for voice in voices] == spoken
