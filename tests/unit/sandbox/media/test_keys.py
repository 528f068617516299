"""SRTP of the bridge: what rtpengine is asked, and the key that stands in for one not yet told."""

from __future__ import annotations

import pytest

from callseal.sandbox.media.keys import IN_CLEAR, srtp
from callseal.wire.sdp import SessionDescription
from callseal.wire.srtp import Crypto
from tests.support.rtp_talker import sdp

pytestmark = pytest.mark.unit

SUITE = "AES_256_CM_HMAC_SHA1_80"


def test_in_clear_nothing_is_asked_or_changed() -> None:
    assert (IN_CLEAR.inside, IN_CLEAR.outside) == ({}, {})
    assert IN_CLEAR.stand_in("v=0\r\n") == "v=0\r\n"


def test_legs_are_encrypted_and_the_insert_is_not() -> None:
    keys = srtp(SUITE)
    assert keys.inside == {"transport-protocol": "RTP/AVP"}
    assert keys.outside == {"transport-protocol": "RTP/SAVP", "SDES": [f"only-{SUITE}"]}


def test_a_stand_in_has_one_key_of_our_suite_and_never_the_same() -> None:
    text = sdp(
        "192.0.2.1", 4000, extra="a=crypto:7 AES_256_CM_HMAC_SHA1_32 inline:abc\r\na=crypto:8 x inline:y\r\n"
    )
    first, second = (
        SessionDescription.parse(srtp(SUITE).stand_in(text)).media[0].attributes("crypto") for _ in "12"
    )
    assert len(first) == len(second) == 1
    one, two = Crypto.parse(first[0]), Crypto.parse(second[0])
    assert one.suite.name == SUITE
    assert one.key != two.key


def test_an_unknown_suite_is_refused() -> None:
    with pytest.raises(KeyError):
        srtp("NULL_HMAC_SHA1_80")
