"""Captures that others made, of one leaking call: whatever form it has, both keys are found, or the verdict says what it could not see."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest

from callseal.audit.captures import Named
from callseal.audit.command import Options, audit, sealed
from callseal.wire.ip import udp_packet
from callseal.wire.srtp import SUITES, Crypto
from tests.support import capture_forms as forms
from tests.support.call_capture import (
    AGENT,
    AGENT_RTP,
    BEGIN,
    CUSTOMER,
    EDGE_TO_AGENT,
    HOME_AT,
    SECURED_AT,
    Capture,
    Talk,
    murmur,
    secured_call,
    tones,
)

pytestmark = pytest.mark.unit

LEAKING = secured_call(leak_events="4", leak=tones("2"))
ROWS = forms.rows(LEAKING)


def verdicts(data: bytes, **options: Any) -> list[dict[str, Any]]:
    return sealed(audit([Named("theirs.pcap", io.BytesIO(data))], Options(**options), made_at=1_790_000_000))


def verdict(data: bytes, **options: Any) -> dict[str, Any]:
    (one,) = verdicts(data, **options)
    return one


def gre(packet: bytes) -> bytes:
    body = b"\x20\x00\x08\x00" + bytes(4) + packet
    return (
        struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, 47, 0)
        + b"\xcb\x00\x71\x01\xcb\x00\x71\x02"
        + body
    )


def vxlan(packet: bytes) -> bytes:
    return udp_packet(
        ("203.0.113.1", 50000), ("203.0.113.2", 4789), b"\x08" + bytes(7) + forms.ETHERNET + packet
    )


VLAN, QINQ = bytes(12) + b"\x81\x00\x00\x07\x08\x00", bytes(12) + b"\x88\xa8\x00\x07\x81\x00\x00\x08\x08\x00"
PPPOE = bytes(12) + b"\x88\x64\x11\x00\x00\x01\x00\x00\x00\x21"
FORMS = {
    "Ethernet": forms.pcap(ROWS, link=1, before=forms.ETHERNET),
    "VLAN": forms.pcap(ROWS, link=1, before=VLAN),
    "VLAN in VLAN": forms.pcap(ROWS, link=1, before=QINQ),
    "PPPoE": forms.pcap(ROWS, link=1, before=PPPOE),
    "cooked": forms.pcap(ROWS, link=113, before=bytes(14) + b"\x08\x00"),
    "cooked v2": forms.pcap(ROWS, link=276, before=b"\x08\x00" + bytes(18)),
    "loopback of BSD": forms.pcap(ROWS, link=0, before=b"\x02\x00\x00\x00"),
    "GRE": forms.pcap([(at, gre(packet)) for at, packet in ROWS]),
    "VXLAN": forms.pcap([(at, vxlan(packet)) for at, packet in ROWS]),
    "big-endian": forms.pcap(ROWS, order=">"),
    "nanoseconds": forms.pcap(ROWS, nano=True),
    "nanoseconds, big-endian": forms.pcap(ROWS, nano=True, order=">"),
    "pcapng, three interfaces": forms.pcapng(ROWS),
    "pcapng, big-endian": forms.pcapng(ROWS, order=">"),
    "fragments": forms.pcap(forms.fragmented(LEAKING)),
    "IPv6": forms.pcap(forms.over_ipv6(LEAKING)),
    "TCP": forms.pcap(forms.over_tcp(LEAKING)),
    "TCP, octets": forms.pcap(forms.over_tcp(LEAKING, size=40)),
    "compact forms": forms.pcap(forms.rows(forms.retold(LEAKING, forms.compact))),
    "multipart": forms.pcap(forms.rows(forms.retold(LEAKING, forms.multipart))),
    "SDP with slips": forms.pcap(forms.rows(forms.retold(LEAKING, forms.slips))),
    "every packet twice": forms.pcap([(at + late, packet) for at, packet in ROWS for late in (0, 4e-5)]),
}


@pytest.mark.parametrize("data", FORMS.values(), ids=FORMS)
def test_the_same_call_in_another_form(data: bytes) -> None:
    said = verdict(data)
    assert (said["result"]["verdict"], said["result"]["digits_to_agent"]) == ("digits", 2)
    assert said["result"]["digits_from_customer"] == 4
    assert [one["kind"] for one in said["windows"]["list"]] == [
        "open",
        "securing",
        "secured",
        "restoring",
        "open",
    ]
    assert [one for one in said["unseen"] if "press of Secure" not in one] == []


def test_several_calls_at_the_same_time() -> None:
    calls = [secured_call(), LEAKING, secured_call(routes=False), secured_call(leak_events="777")]
    said = verdicts(forms.pcap(list(forms.interleaved(*calls))))
    assert [one["result"]["digits_to_agent"] for one in said] == [0, 2, 0, 3]
    assert [one["result"]["digits_from_customer"] for one in said] == [4, 4, 4, 4]


@pytest.mark.parametrize("routes", [True, False], ids=["record-route", "inferred"])
@pytest.mark.parametrize("begin", [SECURED_AT - 1, SECURED_AT + 1], ids=["open", "secured"])
def test_a_capture_that_begins_within_the_call(begin: float, routes: bool) -> None:
    """What is not known is not guessed: no clean verdict, unless the windows are in it."""
    for call, clean in (
        (secured_call(routes=routes), True),
        (secured_call(routes=routes, leak_events="42"), False),
    ):
        said = verdict(forms.pcap([row for row in forms.rows(call) if row[0] >= BEGIN + begin]))
        assert any("the capture begins within the call" in note for note in said["notes"])
        known = routes and begin < SECURED_AT
        assert said["windows"]["known_by"] == ("signalling" if known else "unknown")
        if known:
            assert (said["result"]["verdict"], said["result"]["digits_to_agent"]) == (
                ("clean", 0) if clean else ("digits", 2)
            )
        elif not (routes and clean):
            assert said["result"]["verdict"] == "no_evidence"
        told = verdict(
            forms.pcap([row for row in forms.rows(call) if row[0] >= BEGIN + begin]),
            agent=AGENT,
            stretches=((BEGIN + SECURED_AT, BEGIN + HOME_AT),),
        )
        assert told["result"]["verdict"] == ("clean" if clean else "digits")


# -- what cannot be seen, and is said ------------------------------------------------------------------------------


def said_of(data: bytes, **options: Any) -> str:
    said = verdict(data, **options)
    assert said["result"]["verdict"] == "no_evidence"
    return " | ".join([*said["result"]["reasons"], *said["unseen"], *said["notes"]])


def test_frames_of_which_the_end_was_not_kept() -> None:
    """A snap length of 96 octets keeps a quarter of each packet's sound: that is no evidence."""
    call = secured_call()
    assert "with their beginning only" in said_of(forms.pcap(forms.rows(call), snap=96), agent=AGENT)


def srtp_that_nobody_announced(suite: str) -> Capture:
    kind = SUITES[suite]
    crypto = Crypto(1, kind, bytes(range(kind.key_bytes)), bytes(range(kind.salt_bytes)))
    capture = Capture()
    Talk(capture, EDGE_TO_AGENT, AGENT_RTP, crypto=crypto).say(0.0, np.concatenate((murmur(1), tones("42"))))
    return capture


@pytest.mark.parametrize("suite", ["AES_CM_128_HMAC_SHA1_32", "AEAD_AES_256_GCM"])
def test_srtp_without_its_signalling_is_not_taken_for_silence(suite: str) -> None:
    """SIP over TLS and SRTP: payload type 0, and ciphertext in it."""
    assert "most likely encrypted" in said_of(forms.pcap(forms.rows(srtp_that_nobody_announced(suite))))


def dtls(text: str) -> str:
    text = text.replace("RTP/AVP", "UDP/TLS/RTP/SAVP")
    return text + "a=fingerprint:sha-256 00:11:22\r\na=setup:actpass\r\n" if "v=0" in text else text


def test_dtls_srtp_cannot_be_seen() -> None:
    said = said_of(forms.pcap(forms.rows(forms.retold(LEAKING, dtls))), keys=True)
    assert "encrypted, and no key was allowed or found" in said
    assert "keyed by DTLS-SRTP: its keys never pass" in said


STRANGE = {
    "IPsec": (struct.pack("!BBHHHBBH", 0x45, 0, 60, 0, 0, 64, 50, 0) + bytes(48), "encrypted by IPsec"),
    "ZRTP": (udp_packet(("192.0.2.1", 9), ("192.0.2.2", 9), b"\x10\x00\x00\x01ZRTP" + bytes(20)), "ZRTP"),
    "TURN": (udp_packet(("192.0.2.1", 9), ("192.0.2.2", 3478), b"\x40\x01\x00\x04abcd"), "TURN"),
    "DTLS": (udp_packet(("192.0.2.1", 9), ("192.0.2.2", 9), b"\x16\xfe\xfd" + bytes(20)), "DTLS records"),
    "a fragment alone": (forms.fragments(ROWS[0][1], 1, 104)[0], "fragments missing"),
}


@pytest.mark.parametrize(("packet", "words"), STRANGE.values(), ids=STRANGE)
def test_what_passes_unread_is_said(packet: bytes, words: str) -> None:
    said = verdict(forms.pcap([*ROWS, (BEGIN + 3, packet)]))
    assert any(words in one for one in said["unseen"])
    assert said["result"]["digits_to_agent"] == 2


def test_frames_of_an_unknown_link_type_are_said() -> None:
    data = forms.pcapng(ROWS).replace(struct.pack("<HHI", 113, 0, 0), struct.pack("<HHI", 105, 0, 0))
    assert any("link type" in one for one in verdict(data)["unseen"])


def test_a_segment_that_is_missing_hides_one_message() -> None:
    said = verdict(forms.pcap(forms.over_tcp(LEAKING, lose=1)))
    assert any("gaps in SIP over TCP" in one for one in said["unseen"])
    assert {CUSTOMER, AGENT} <= {
        where.rpartition(":")[0] for one in said["streams"] for where in (one["source"], one["destination"])
    }
