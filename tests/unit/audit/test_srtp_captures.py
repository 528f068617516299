"""SRTP in captures: every suite, MKI, roll-overs that the capture did not see, and the right key among many."""

from __future__ import annotations

import io
import secrets
from typing import Any

import pytest

from callseal.audit.captures import Named
from callseal.audit.command import Options, audit, sealed
from callseal.audit.key_ring import MOST_ROLL_OVERS, ROLL_OVERS_OF_OTHERS, TRY_EVERY, StreamKeys
from callseal.wire.rtp import RtpPacket
from callseal.wire.srtp import SUITES, Crypto, SrtpContext, Suite
from tests.support import capture_forms as forms
from tests.support.call_capture import Capture, secured_call

pytestmark = pytest.mark.unit

CM = SUITES["AES_CM_128_HMAC_SHA1_80"]


def crypto_of(suite: Suite, mki: bytes = b"") -> Crypto:
    return Crypto(1, suite, secrets.token_bytes(suite.key_bytes), secrets.token_bytes(suite.salt_bytes), mki)


def verdict(capture: Capture, **options: Any) -> dict[str, Any]:
    (said,) = sealed(
        audit([Named("srtp.pcap", io.BytesIO(bytes(capture)))], Options(keys=True, **options), made_at=1)
    )
    return said


@pytest.mark.parametrize("name", SUITES)
def test_every_suite(name: str) -> None:
    said = verdict(secured_call(crypto=crypto_of(SUITES[name]), leak_events="42"))
    assert (said["result"]["verdict"], said["result"]["digits_to_agent"]) == ("digits", 2)
    assert all(one["not_decrypted"] == 0 for one in said["streams"])


@pytest.mark.parametrize("name", ["AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM"])
def test_a_master_key_index_and_a_lifetime(name: str) -> None:
    def with_lifetime(text: str) -> str:
        return text.replace("|7:2\r\n", "|2^20|7:2 WSH=128\r\n")

    call = secured_call(crypto=crypto_of(SUITES[name], b"\x00\x07"), leak_events="42")
    told = forms.retold(call, with_lifetime)
    assert b"|2^20|7:2 WSH=128" in bytes(told)
    assert verdict(told)["result"]["digits_to_agent"] == 2


@pytest.mark.parametrize("name", ["AES_256_CM_HMAC_SHA1_32", "AEAD_AES_128_GCM"])
def test_a_capture_that_begins_hours_after_the_call(name: str) -> None:
    """Three roll-overs are an hour of 20 ms packets, sixty are a day."""
    for roll_over in (3, 60):
        said = verdict(secured_call(crypto=crypto_of(SUITES[name]), leak_events="42", roll_over=roll_over))
        assert said["result"]["digits_to_agent"] == 2


def test_keys_that_cannot_be_read_are_said() -> None:
    def null(text: str) -> str:
        return text.replace("AES_CM_128_HMAC_SHA1_80", "F8_128_HMAC_SHA1_80")

    said = verdict(forms.retold(secured_call(crypto=crypto_of(CM), leak_events="42"), null))
    assert said["result"]["verdict"] == "no_evidence"
    assert any("SDES keys are of a kind that is not known" in one for one in said["unseen"])


def packet(sequence: int) -> RtpPacket:
    return RtpPacket(
        payload_type=0, sequence=sequence, timestamp=sequence * 160, ssrc=7, payload=b"\x55" * 160
    )


def test_keys_of_the_ends_come_first_and_with_many_roll_overs() -> None:
    own, other = crypto_of(CM), crypto_of(CM)
    for key, most in ((own, MOST_ROLL_OVERS), (other, ROLL_OVERS_OF_OTHERS)):
        for roll_over, opened in ((most - 1, True), (most, False)):
            wire = SrtpContext(key, roll_over=roll_over).encrypt(packet(1))
            found = StreamKeys(lambda: (own,), lambda: (other,)).open(wire)
            assert (found == bytes(packet(1))) is opened, (most, roll_over)


def test_what_cannot_be_opened_is_tried_more_and_more_seldom_until_a_key_comes() -> None:
    named: list[Crypto] = [crypto_of(CM)]
    asked = []

    def others() -> tuple[Crypto, ...]:
        asked.append(1)
        return ()

    ring, right = StreamKeys(lambda: tuple(named), others), crypto_of(CM)
    sender = SrtpContext(right)
    wires = [sender.encrypt(packet(number)) for number in range(TRY_EVERY * 20)]
    assert not any(map(ring.open, wires[:-1]))
    assert 3 <= len(asked) <= 6
    named.insert(0, right)
    assert ring.open(wires[-1]) == bytes(packet(TRY_EVERY * 20 - 1))
