"""Each way in which a digit can reach a phone, as datagrams; and what must not be taken for one."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from callseal.audit.body_keys import UNREADABLE
from callseal.audit.heard import Method
from callseal.audit.receiver import Received, Receiver
from callseal.audit.tones import tone
from callseal.wire.dtmf import InfoKey, RedundantBlock, TelephoneEvent, press, redundant
from callseal.wire.g711 import encode_alaw, encode_ulaw
from callseal.wire.rtp import RtpPacket

pytestmark = pytest.mark.unit
SOURCE = "192.0.2.1:30000"


def packet(payload: bytes, *, payload_type: int = 101, sequence: int = 1, timestamp: int = 0) -> bytes:
    return bytes(
        RtpPacket(payload_type=payload_type, sequence=sequence, timestamp=timestamp, ssrc=7, payload=payload)
    )


def hear(datagrams: Iterable[bytes]) -> tuple[str, list[Received]]:
    receiver = Receiver()
    received = [
        one for one in (receiver.datagram(0.0, SOURCE, data) for data in datagrams) if one is not None
    ]
    return "".join(key.key for one in received for key in one.keys), received


@pytest.mark.parametrize("payload_type", [96, 101, 126, 35, 0])
def test_events_are_heard_under_every_payload_type(payload_type: int) -> None:
    sent = [
        packet(bytes(event), payload_type=payload_type, timestamp=1600 * number)
        for number, key in enumerate("42*")
        for event in press(key)
    ]
    keys, received = hear(sent)
    assert keys == "42*"
    assert all(one.media for one in received)
    assert {key.method for one in received for key in one.keys} == {Method.EVENT}


def test_the_same_key_twice_is_two_presses() -> None:
    assert hear(packet(bytes(event), timestamp=at) for at in (0, 1600) for event in press("5"))[0] == "55"


def test_only_the_end_arrived() -> None:
    assert hear([packet(bytes(TelephoneEvent(5, end=True, duration=800)))])[0] == "5"


def test_a_sender_that_moves_the_timestamp_presses_once() -> None:
    sent = [packet(bytes(event), timestamp=160 * number) for number, event in enumerate(list(press("5"))[:5])]
    assert hear(sent)[0] == "5"


def test_several_events_in_one_packet() -> None:
    payload = bytes(TelephoneEvent(1, end=True, duration=400)) + bytes(TelephoneEvent(2, duration=160))
    assert hear([packet(payload)])[0] == "12"


def test_redundant_events_are_heard_once_and_recovered_when_lost() -> None:
    first, second = (
        bytes(TelephoneEvent(1, end=True, duration=400)),
        bytes(TelephoneEvent(2, end=True, duration=400)),
    )
    lost = redundant((RedundantBlock(101, 800, first), RedundantBlock(101, 0, second)))
    assert hear([packet(lost, payload_type=121, timestamp=800)])[0] == "12"
    whole = redundant((RedundantBlock(101, 0, first),))
    assert hear([packet(first), packet(lost, payload_type=121, timestamp=800), packet(whole)])[0] == "12"


def test_other_events_are_not_keys() -> None:
    keys, received = hear([packet(bytes(TelephoneEvent(16, end=True, duration=400)))])
    assert keys == ""
    assert received[0].deaf


@pytest.mark.parametrize(("payload_type", "encode"), [(0, encode_ulaw), (8, encode_alaw)])
def test_tones_are_heard_in_g711(payload_type: int, encode: object) -> None:
    assert callable(encode)
    audio = encode(list(tone("6", 100)) + [0] * 800)
    sent = [
        packet(audio[at : at + 160], payload_type=payload_type, sequence=at // 160, timestamp=at)
        for at in range(0, len(audio), 160)
    ]
    keys, received = hear(sent)
    assert keys == "6"
    assert sum(one.loud for one in received) == 5
    assert not any(one.deaf for one in received)


def test_a_repeated_packet_is_heard_once() -> None:
    keys, received = hear([packet(encode_ulaw(tone("6", 20)), payload_type=0)] * 4)
    assert keys == ""
    assert [one.loud for one in received] == [True, False, False, False]


def test_a_pcm_feed_is_heard() -> None:
    receiver = Receiver()
    samples = tone("9", 100)
    keys = [
        key
        for at in range(0, len(samples), 160)
        for key in receiver.pcm(0.0, "feed", samples[at : at + 160].tobytes()).keys
    ]
    assert [key.key for key in keys] == ["9"]
    assert keys[0].method is Method.TONE


def test_a_codec_it_cannot_decode_is_admitted() -> None:
    _, received = hear([packet(bytes(range(20, 80)), payload_type=111)])
    assert received[0].deaf
    _, received = hear([packet(b"\x40", payload_type=13)])
    assert not received[0].deaf


def info(content_type: str, body: bytes, cseq: int = 1, method: str = "INFO") -> bytes:
    return (
        f"{method} sip:agent@192.0.2.9 SIP/2.0\r\nVia: x\r\ni: abc\r\nCSeq: {cseq} {method}\r\nc: {content_type}\r\n\r\n"
    ).encode() + body


@pytest.mark.parametrize(
    ("message", "key"),
    [
        (info("application/dtmf-relay", bytes(InfoKey("5", 160))), "5"),
        (info("application/dtmf", b"11"), "#"),
        (
            info(
                "multipart/mixed; boundary=b",
                b"--b\r\nContent-Type: x\r\n\r\nSignal=3\r\nDuration=1\r\n--b--",
            ),
            "3",
        ),
        (info("application/kpml-response+xml", b'<kpml-response digits="42"/>', method="NOTIFY"), "42"),
        (info("application/dtmf-relay", b"Duration=160"), UNREADABLE),
    ],
)
def test_sip_bodies_are_heard(message: bytes, key: str) -> None:
    keys, received = hear([message, message])
    assert keys == key
    assert not received[0].media


def test_a_second_info_is_a_second_key() -> None:
    assert hear([info("application/dtmf", b"1", cseq) for cseq in (1, 2)])[0] == "11"


@pytest.mark.parametrize(
    "data",
    [
        b"SIP/2.0 200 OK\r\nContent-Type: application/dtmf\r\n\r\n5",
        b"BYE sip:x SIP/2.0\r\nCall-ID: a\r\n\r\n",
        info("application/sdp", b"v=0\r\n", method="INVITE"),
    ],
)
def test_other_sip_is_no_key(data: bytes) -> None:
    assert hear([data])[0] == ""


@pytest.mark.parametrize(
    "data", [b"", b"\r\n\r\n", b"\x80\xc8\x00\x06" + b"\0" * 24, b"\x00\x01\x00\x08" + b"\0" * 16]
)
def test_neither_sip_nor_rtp_is_nothing(data: bytes) -> None:
    assert Receiver().datagram(0.0, SOURCE, data) is None
