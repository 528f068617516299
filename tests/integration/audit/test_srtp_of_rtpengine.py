"""SRTP that somebody else made: rtpengine encrypts in every suite, and the audit's key ring opens it with the keys of the SDPs."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest

from bench.bleed_line import Ng, sdp
from callseal.audit.key_ring import StreamKeys
from callseal.audit.offers import audio_of
from callseal.lab.rootfs import BASELINE, Rootfs
from callseal.lab.router import Rtpengine
from callseal.wire.rtp import RtpPacket
from callseal.wire.srtp import SUITES, Crypto

pytestmark = pytest.mark.integration

MEDIA, NEAR, FAR = "127.94.9.21", "127.94.9.10", "127.94.9.40"


@pytest.fixture(scope="module")
def ng(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ng]:
    log = tmp_path_factory.mktemp("srtp") / "rtpengine.log"
    engine = Rtpengine(Rootfs.build(BASELINE), media=MEDIA, ng=(MEDIA, 2223), log=log)
    try:
        engine.start().wait_ready()
        ng = Ng((MEDIA, 2223))
        yield ng
        ng.close()
    finally:
        engine.stop()


def own_socket(address: str) -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    found.settimeout(3)
    found.bind((address, 0))
    return found


def audio_at(where: socket.socket) -> str:
    address, port = where.getsockname()
    return sdp(address, port, events=())


@pytest.mark.parametrize("name", SUITES)
def test_what_rtpengine_encrypts_is_opened(ng: Ng, name: str) -> None:
    suite, call = SUITES[name], f"srtp-{name}"
    with own_socket(NEAR) as near, own_socket(FAR) as far:
        offered = ng.ask(
            "offer",
            call_id=call,
            from_tag="a",
            sdp=audio_at(near),
            transport_protocol="RTP/SAVP",
            SDES=[f"only-{name}"],
            ICE="remove",
            flags=["no-rtcp-attribute"],
        )
        (towards_far,) = audio_of(str(offered["sdp"]).encode())
        assert {key.suite for key in towards_far.keys} == {suite}
        own = Crypto(towards_far.keys[0].tag, suite, bytes(range(suite.key_bytes)), bytes(suite.salt_bytes))
        answer = audio_at(far).replace("RTP/AVP", "RTP/SAVP") + f"a=crypto:{own}\r\n"
        answered = ng.ask("answer", call_id=call, from_tag="a", to_tag="b", sdp=answer, ICE="remove")
        port = re.search(r"m=audio (\d+)", str(answered["sdp"]))
        assert port is not None
        ring = StreamKeys(lambda: towards_far.keys, lambda: ())
        for number in range(5):
            sent = RtpPacket(
                payload_type=0,
                sequence=65_533 + number & 0xFFFF,
                timestamp=160 * number,
                ssrc=9,
                payload=b"\x55" * 160,
            )
            near.sendto(bytes(sent), (MEDIA, int(port[1])))
            wire = far.recv(2000)
            assert len(wire) == 172 + suite.tag_bytes
            clear = ring.open(wire)
            assert clear is not None
            assert RtpPacket.parse(clear).payload == sent.payload
        ng.ask("delete", call_id=call, from_tag="a")
