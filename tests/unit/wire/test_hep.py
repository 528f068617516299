"""HEP3: round trip, and nothing but `HepError` from any bytes."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callseal.wire.hep import HepError, HepPacket

pytestmark = pytest.mark.unit

PACKET = HepPacket(
    source=(ip_address("192.0.2.1"), 5060),
    destination=(ip_address("192.0.2.2"), 5061),
    at=1_790_000_000_123_456,
    agent=7,
    payload=b"OPTIONS sip:x SIP/2.0\r\n\r\n",
    correlation="ab" * 16,
)


def test_bytes_of_a_packet() -> None:
    data = PACKET.encode()
    assert data[:4] == b"HEP3"
    assert int.from_bytes(data[4:6]) == len(data)
    assert data[6:13] == bytes.fromhex("00000001000702"), "IPv4"
    assert bytes.fromhex("0000000b0007" + "01") in data, "SIP"
    assert bytes.fromhex("00000003000a" + "c0000201") in data, "source"


@pytest.mark.parametrize("addresses", [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")])
@pytest.mark.parametrize("correlation", ["", "cd" * 16])
def test_round_trip(addresses: tuple[str, str], correlation: str) -> None:
    first, second = map(ip_address, addresses)
    packet = HepPacket((first, 1), (second, 65535), 5, 1, b"x", correlation)
    assert HepPacket.decode(packet.encode()) == packet


def test_what_cannot_be_said() -> None:
    with pytest.raises(HepError):
        HepPacket((ip_address("192.0.2.1"), 1), (ip_address("2001:db8::1"), 1), 0, 1, b"").encode()
    with pytest.raises(HepError):
        HepPacket((ip_address("192.0.2.1"), 1), (ip_address("192.0.2.1"), 1), 0, 1, b"x" * 65_530).encode()


@given(st.binary(max_size=80), st.integers(0, 200))
def test_any_bytes(noise: bytes, cut: int) -> None:
    whole = PACKET.encode()
    for data in (noise, whole[:cut] + noise, b"HEP3" + (len(noise) + 6).to_bytes(2) + noise):
        try:
            HepPacket.decode(data)
        except HepError:
            continue
