"""A customer who speaks G.722 or Opus: the partner's capture hears their tones, and its mask lets none through.

An rtpengine in front of the partner does the coding: what is pressed in PCMU leaves it in the other codec.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain

import pytest

from bench.bleed_ear import hear
from bench.bleed_line import Line, Ng
from bench.bleed_partner import Masked
from bench.bleed_rig import Bench
from bench.bleed_sound import WAYS, hiss, pressed
from callseal.lab.rootfs import BASELINE
from callseal.wire.ng import NgValue

pytestmark = pytest.mark.integration

KEYS = "123456*#"


class Encoded:
    """The partner's media path behind a coder."""

    def __init__(self, ng: Ng, codec: str, masked: Masked) -> None:
        self._ng, self._codec, self.masked = ng, codec, masked
        self._common: dict[str, NgValue] = {
            "call-id": secrets.token_hex(8),
            "from-tag": "customer",
            "ICE": "remove",
            "replace": ["origin", "session-connection"],
        }
        self.offered = ""

    def offer(self, sdp: str) -> str:
        coding: dict[str, NgValue] = {"codec": {"strip": ["all"], "transcode": [self._codec]}}
        self.offered = str(self._ng.ask("offer", **self._common, **coding, sdp=sdp)["sdp"])
        return self.masked.offer(self.offered)

    def answer(self, sdp: str) -> str:
        return str(
            self._ng.ask("answer", **self._common, to_tag="partner", sdp=self.masked.answer(sdp))["sdp"]
        )

    def close(self) -> None:
        self.masked.close()
        self._ng.ask("delete", **self._common)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(BASELINE, tmp_path_factory.mktemp("wide"), stack, network="127.94.20")


@pytest.mark.parametrize("codec", ["G722", "opus"])
@pytest.mark.parametrize("name", ["in-band, 40 ms", "in-band, faint"])
def test_tones_are_captured_once_and_masked(bench: Bench, codec: str, name: str) -> None:
    (way,) = (way for way in WAYS if way.name == name)
    through = Encoded(bench.ng, codec, bench.partner.call())
    line = Line.dial(bench.ng, bench.customer, bench.platform, masked=through, events=())
    assert codec in through.offered
    assert "PCMU" not in through.offered
    chance = random.Random(name)
    line.ticks = iter(list(chain(hiss(20, chance), pressed(way, KEYS, chance), hiss(25, chance))))
    bench.clock.run([line])
    found = hear(line.arrived)
    assert "".join(through.masked.captured) == KEYS
    assert (found.keys, found.fragments) == (0, 0)
    assert found.packets > 80
    line.hang_up(bench.ng)
