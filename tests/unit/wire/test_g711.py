"""G.711: the laws of the tables, and values from the standard."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callseal.wire.g711 import decode_alaw, decode_ulaw, encode_alaw, encode_ulaw, samples_of

pytestmark = pytest.mark.unit

ALL = bytes(range(256))
samples = st.integers(-32768, 32767)


def test_decoding_then_encoding_gives_the_code_back() -> None:
    assert encode_alaw(decode_alaw(ALL)) == ALL
    # mu-law has two zeros; the negative one becomes the positive one.
    assert encode_ulaw(decode_ulaw(ALL)) == ALL.replace(b"\x7f", b"\xff")


def test_values_of_the_standard() -> None:
    assert list(decode_ulaw(b"\x00\x80\xff\x7f\xfe")) == [-32124, 32124, 0, 0, 8]
    assert list(decode_alaw(b"\x2a\xaa\xd5\x55")) == [-32256, 32256, 8, -8]
    assert encode_ulaw([0, 32767, -32768]) == b"\xff\x80\x00"
    assert encode_alaw([0, 32767, -32768]) == b"\xd5\xaa\x2a"
    assert encode_alaw([15, 16, -1, -16, -17]) == b"\xd5\xd4\x55\x55\x54"


@given(samples)
def test_the_error_is_small_beside_the_sample(sample: int) -> None:
    for encode, decode, coarse in ((encode_ulaw, decode_ulaw, 8), (encode_alaw, decode_alaw, 16)):
        error = abs(decode(encode([sample]))[0] - sample)
        assert error <= max(coarse, abs(sample) // 16 + 2)


def test_louder_stays_louder() -> None:
    for encode, decode in ((encode_ulaw, decode_ulaw), (encode_alaw, decode_alaw)):
        heard = decode(encode(range(-32768, 32768, 7)))
        assert all(first <= second for first, second in pairwise(heard))


@given(st.lists(samples))
def test_pcm_bytes(some: list[int]) -> None:
    data = b"".join(sample.to_bytes(2, "little", signed=True) for sample in some)
    assert list(samples_of(data)) == some
    assert list(samples_of(data + b"\x00")) == some
