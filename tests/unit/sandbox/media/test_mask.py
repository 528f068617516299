"""No tone of a key passes, and speech does."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callseal.sandbox.media import prompts
from callseal.sandbox.media.mask import COLUMNS, ROWS, Held, ToneMask, power, sounds_like_a_key
from callseal.wire.g711 import decode_alaw, decode_ulaw, encode_alaw, encode_ulaw
from callseal.wire.rtp import PCMA, PCMU, RtpPacket

pytestmark = pytest.mark.unit

FRAME = 160
KEYS = [(row, column) for row in ROWS for column in COLUMNS]


def dual(row: float, column: float, samples: int, level: float = 4000, twist: float = 1.0) -> list[int]:
    return [
        int(
            level * math.sin(2 * math.pi * row * at / 8000)
            + level * twist * math.sin(2 * math.pi * column * at / 8000)
        )
        for at in range(samples)
    ]


def packets(payload: bytes, payload_type: int = PCMU) -> list[RtpPacket]:
    return [
        RtpPacket(
            payload_type=payload_type,
            sequence=at // FRAME,
            timestamp=at,
            ssrc=1,
            payload=payload[at : at + FRAME],
        )
        for at in range(0, len(payload), FRAME)
    ]


def through(mask: ToneMask, sent: list[RtpPacket]) -> list[RtpPacket]:
    held = [mask.take(packet) for packet in sent]
    return [one.leaving() for one in held if isinstance(one, Held)]


def heard_as_a_key(packet: RtpPacket) -> bool:
    """Stricter than the mask's own rule: a tenth of the energy in both groups is enough."""
    decode = decode_ulaw if packet.payload_type == PCMU else decode_alaw
    samples = decode(packet.payload)
    return min(max(power(samples, f) for f in ROWS), max(power(samples, f) for f in COLUMNS)) > 0.1


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(KEYS),
    st.integers(300, 2000),
    st.integers(0, FRAME - 1),
    st.sampled_from([300.0, 2000.0, 9000.0]),
    st.sampled_from([0.5, 1.0, 2.0]),
    st.sampled_from([PCMU, PCMA]),
)
def test_no_tone_passes(
    key: tuple[float, float], length: int, start: int, level: float, twist: float, payload_type: int
) -> None:
    noise = random.Random(length)
    wave = [0] * (FRAME * 3 + start) + dual(*key, length, level, twist)
    wave += [0] * (FRAME * 4 - len(wave) % FRAME)
    wave = [sample + int(noise.gauss(0, level * 0.05)) for sample in wave]
    encode = encode_ulaw if payload_type == PCMU else encode_alaw
    sent = packets(encode(wave), payload_type)
    assert any(heard_as_a_key(packet) for packet in sent), "the test can hear"
    out = through(ToneMask(), sent)
    assert len(out) == len(sent)
    assert not any(heard_as_a_key(packet) for packet in out)


def test_gaps_do_not_move_the_mask() -> None:
    """Lost packets, late packets, a press in between: every packet is judged by what it holds."""
    mask = ToneMask()
    tone = packets(encode_ulaw(dual(770, 1336, FRAME * 8)))
    speech = packets(b"\x63" * FRAME * 20)
    for lost in range(50):
        through(mask, speech[: lost % 7])
        assert not any(heard_as_a_key(packet) for packet in through(mask, tone))


def test_speech_passes() -> None:
    voice = b"".join(prompts.load().values())
    sent = packets(voice[: len(voice) // FRAME * FRAME])
    out = through(ToneMask(), sent)
    changed = sum(before.payload != after.payload for before, after in zip(sent, out, strict=True))
    assert changed < len(sent) * 0.02


def test_a_silenced_packet_keeps_its_place_in_the_stream() -> None:
    sent = packets(encode_ulaw(dual(697, 1209, FRAME * 3)))
    for before, after in zip(sent, through(ToneMask(), sent), strict=True):
        assert (after.sequence, after.timestamp, after.ssrc) == (
            before.sequence,
            before.timestamp,
            before.ssrc,
        )
        assert after.payload == b"\xff" * FRAME


@pytest.mark.parametrize("payload_type", [101, 97, 13, 9, 18, 111])
def test_only_g711_passes(payload_type: int) -> None:
    packet = RtpPacket(
        payload_type=payload_type, sequence=1, timestamp=1, ssrc=1, payload=b"\x05\x0a\x00\xa0"
    )
    assert ToneMask().take(packet) is None


def test_silence_and_nothing_are_no_keys() -> None:
    assert not sounds_like_a_key([])
    assert not sounds_like_a_key([0] * FRAME)
    assert not sounds_like_a_key(dual(770, 1336, FRAME, level=10))


def test_one_frequency_alone_is_no_key() -> None:
    assert not sounds_like_a_key(dual(770, 770, FRAME))
    assert not sounds_like_a_key(dual(440, 440, FRAME))


def test_power_of_a_sine_is_one() -> None:
    wave = [int(8000 * math.sin(2 * math.pi * 800 * at / 8000)) for at in range(800)]
    assert power(wave, 800) == pytest.approx(1.0, abs=0.01)
    assert power(wave, 1200) < 0.01
    assert power([0] * 10, 800) == 0.0
