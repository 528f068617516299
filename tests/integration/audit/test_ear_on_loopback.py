"""A real packet socket on loopback: the ear hears what arrives at one address, whether or not anybody is bound there."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from callseal.audit.ear_listener import listen
from callseal.audit.tap import TapError
from callseal.audit.tones import tone
from callseal.wire.dtmf import InfoKey, press
from callseal.wire.g711 import encode_ulaw
from callseal.wire.rtp import RtpPacket

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0, reason="packet sockets need root"),
]
EDGE, PHONE, OTHER = "127.97.4.21", "127.97.4.40", "127.97.4.41"


@pytest.fixture
def edge() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((EDGE, 0))
        yield sender


def send(
    edge: socket.socket,
    payload: bytes,
    *,
    number: int,
    payload_type: int = 101,
    timestamp: int = 0,
    to: str = PHONE,
) -> None:
    packet = RtpPacket(
        payload_type=payload_type, sequence=number, timestamp=timestamp, ssrc=7, payload=payload
    )
    edge.sendto(bytes(packet), (to, 20002))


def press_all(edge: socket.socket, keys: str, *, to: str = PHONE, begin: int = 0) -> None:
    for number, key in enumerate(keys, begin):
        for event in press(key):
            send(edge, bytes(event), number=number, timestamp=1600 * number, to=to)


def test_every_method_in_its_window(edge: socket.socket) -> None:
    with listen(PHONE) as ear:
        ear.mark("events")
        press_all(edge, "4242")
        ear.mark("tones")
        audio = encode_ulaw(list(tone("1", 100)) + [0] * 800)
        for at in range(0, len(audio), 160):
            send(edge, audio[at : at + 160], number=at, payload_type=0)
        ear.mark("infos")
        head = b"INFO sip:x SIP/2.0\r\nCall-ID: a\r\nCSeq: 2 INFO\r\nContent-Type: application/dtmf-relay\r\n\r\n"
        edge.sendto(head + bytes(InfoKey("5", 160)), (PHONE, 5060))
        assert ear.heard("events").equals("4242")
        assert ear.heard("tones").equals("1")
        assert ear.heard("infos").equals("5")
    after = ear.heard()
    assert (after.events, after.tones, after.infos, after.missed) == (4, 1, 1, 0)
    assert after.packets == 4 * 7 + 10  # each datagram once


def test_other_addresses_and_ports_are_not_heard(edge: socket.socket) -> None:
    with listen(PHONE, ports=range(30000, 40000)) as ear:
        press_all(edge, "12")
        assert ear.heard().packets == 0
    with listen(PHONE) as ear:
        press_all(edge, "12", to=OTHER)
        heard = ear.heard()
        assert heard.packets == 0
        assert not heard.listened


def test_a_feed_of_pcm(edge: socket.socket) -> None:
    with listen(PHONE, feed=(OTHER, 40044)) as ear:
        samples = tone("8", 100)
        for at in range(0, len(samples), 160):
            edge.sendto(samples[at : at + 160].tobytes(), (OTHER, 40044))
        assert ear.heard().equals("8")


def test_a_burst_is_not_missed(edge: socket.socket) -> None:
    with listen(PHONE) as ear:
        press_all(edge, "1234567890" * 10)
        heard = ear.heard()
        assert heard.missed == 0
        assert heard.events == 100


def test_a_tap_that_cannot_be_opened_says_why() -> None:
    with pytest.raises(TapError, match="no-such-lan"), listen(PHONE, interface="no-such-lan"):
        pass
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((OTHER, 40045))
        with pytest.raises(TapError, match="feed"), listen(PHONE, feed=(OTHER, 40045)):
            pass
