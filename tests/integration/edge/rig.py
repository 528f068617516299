"""A real rtpengine, a real agent process, a desk that answers by script, and RTP endpoints: the edge without its SIP.

What Kamailio would do (offers, answers, notices, ACK datagrams) the rig does, with the flags of the router.
"""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from callseal.wire.ng import NgReply, NgValue, decode_message, encode_message
from tests.support.rtp_socket import RtpSocket

BLOCK = "127.82.0"
SECRET = "edge-secret-of-the-integration-tests"
TOKEN = "tok-integration-9Zq4-only-in-tests"
PCMU, TELEPHONE_EVENT = 0, 101


def host(byte: int) -> str:
    return f"{BLOCK}.{byte}"


KAMAILIO, MEDIA, AGENT, PARTNER, PLATFORM, CARRIER, DESK = (
    host(byte) for byte in (20, 21, 22, 31, 40, 10, 50)
)
NG = (MEDIA, 2223)


def poll(condition: Callable[[], bool], timeout_s: float, what: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(0.01)


class Ng:
    """A free ng client: the agent's own would refuse offers and answers."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((KAMAILIO, 0))
        self._socket.connect(NG)
        self._socket.settimeout(2)

    def __call__(self, command: str, **keys: NgValue) -> dict[str, NgReply]:
        cookie = secrets.token_hex(8)
        message = {"command": command} | {key.replace("_", "-"): value for key, value in keys.items()}
        self._socket.send(encode_message(cookie, message))
        while True:
            got, reply = decode_message(self._socket.recv(65_535))
            if got == cookie:
                assert reply["result"] in ("ok", "pong"), (command, reply)
                return reply

    def close(self) -> None:
        self._socket.close()


class Endpoint(RtpSocket):
    """RTP at one address: counts what arrives by payload type, and can talk every 20 ms."""

    def __init__(self, address: str, port: int) -> None:
        super().__init__(address, port)
        self.at = (address, port)
        self.received: dict[int, int] = {PCMU: 0, TELEPHONE_EVENT: 0}
        self._target: tuple[str, int] | None = None
        self._sequence = 0
        self._start()

    def talk_to(self, target: tuple[str, int] | None) -> None:
        """Speech without pause, and a telephone event packet beside each fifth (a digit of no meaning)."""
        self._target = target

    def clear(self) -> None:
        self.received = {PCMU: 0, TELEPHONE_EVENT: 0}

    def _listen(self) -> None:
        for packet, _ in self._datagrams():
            self.received[packet[1] & 0x7F] = self.received.get(packet[1] & 0x7F, 0) + 1

    def _talk(self) -> None:
        for _ in self._frames():
            if self._target is None:
                continue
            self._send(self._target, PCMU, b"\x63" * 160)
            if self._sequence % 5 == 0:
                self._send(self._target, TELEPHONE_EVENT, bytes([5, 10, 0, 160]))

    def _send(self, target: tuple[str, int], payload_type: int, payload: bytes) -> None:
        self._sequence += 1
        header = bytes([0x80, payload_type]) + (self._sequence & 0xFFFF).to_bytes(2, "big")
        header += (self._sequence * 160 & 0xFFFFFFFF).to_bytes(4, "big") + b"\x00\x00\x00\x07"
        self._socket.sendto(header + payload, target)


def sdp(at: tuple[str, int]) -> str:
    lines = [
        "v=0",
        f"o=- 1 {time.monotonic_ns()} IN IP4 {at[0]}",
        "s=-",
        f"c=IN IP4 {at[0]}",
        "t=0 0",
        f"m=audio {at[1]} RTP/AVP 0 101",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=sendrecv",
    ]
    return "\r\n".join([*lines, ""])


def address_in(reply: dict[str, NgReply]) -> tuple[str, int]:
    lines = str(reply["sdp"]).split("\r\n")
    address = next(line.split()[2] for line in lines if line.startswith("c=IN IP4"))
    return address, int(next(line.split()[1] for line in lines if line.startswith("m=audio")))


class Leg:
    """One rtpengine call. `outside` is the carrier's or the platform's endpoint; the partner's place moves.

    `outside_port` and `partner_port` are where each side has to send.
    """

    def __init__(self, ng: Ng, call_id: str, leg: str, outside: Endpoint, partner: tuple[str, int]) -> None:
        self.ng, self.call_id, self.leg = ng, call_id, leg
        self.name = f"{call_id}.{leg}"
        self.label = "carrier" if leg == "customer" else "platform"
        self.outside = outside
        self.partner_port = address_in(self._offer_outside())
        self.outside_port = address_in(
            self._answer("partner", sdp(partner), partner=True, to_offerer="outside")
        )

    def move(self, partner: tuple[str, int], *, fence: bool = False) -> None:
        """The partner's re-INVITE and its 2xx. `fence` adds `block-DTMF` to the offer."""
        flags = ["port-latching", "strict-source"] + (["block-DTMF"] if fence else [])
        reply = self.ng(
            "offer",
            call_id=self.name,
            from_tag="partner",
            to_tag="outside",
            label="partner",
            sdp=sdp(partner),
            flags=flags,
            endpoint_learning="off",
        )
        self.outside_port = address_in(reply)
        reply = self._answer(self.label, sdp(self.outside.at), partner=False, to_offerer="partner")
        self.partner_port = address_in(reply)

    def _offer_outside(self) -> dict[str, NgReply]:
        return self.ng(
            "offer",
            call_id=self.name,
            from_tag="outside",
            label=self.label,
            sdp=sdp(self.outside.at),
            flags=["port-latching"],
        )

    def _answer(self, label: str, body: str, *, partner: bool, to_offerer: str) -> dict[str, NgReply]:
        tags: dict[str, NgValue] = (
            {"from_tag": "outside", "to_tag": "partner"}
            if to_offerer == "outside"
            else {"from_tag": "partner", "to_tag": "outside"}
        )
        more: dict[str, NgValue] = {"endpoint_learning": "off"} if partner else {}
        flags = ["port-latching", "strict-source"] if partner else ["port-latching"]
        return self.ng("answer", call_id=self.name, label=label, sdp=body, flags=flags, **tags, **more)


@contextmanager
def endpoints() -> Iterator[Callable[[str, int], Endpoint]]:
    """Make RTP endpoints that are closed at the end."""
    made: list[Endpoint] = []

    def make(address: str, port: int) -> Endpoint:
        made.append(Endpoint(address, port))
        return made[-1]

    try:
        yield make
    finally:
        for endpoint in made:
            endpoint.close()


def new_reference() -> str:
    return secrets.token_hex(16)
