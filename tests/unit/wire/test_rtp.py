"""RTP: good packets come back byte for byte, broken ones say what is broken. Fixtures are named `rtp_<what or fault>`."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callseal.wire.rtp import RtpPacket, is_rtcp

pytestmark = pytest.mark.unit
FIXTURES = Path(__file__).parent / "fixtures"


def fixture(name: str) -> bytes:
    return (FIXTURES / f"{name}.bin").read_bytes()


packets = st.builds(
    RtpPacket,
    payload_type=st.integers(0, 127),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=200),
    marker=st.booleans(),
    csrc=st.lists(st.integers(0, 0xFFFFFFFF), max_size=15).map(tuple),
    extension=st.none()
    | st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=20).map(lambda data: data[: len(data) & ~3])),
    padding=st.integers(0, 20).map(lambda count: bytes(count - 1) + bytes([count]) if count else b""),
)


@given(packets)
def test_a_packet_survives_the_wire(packet: RtpPacket) -> None:
    assert RtpPacket.parse(bytes(packet)) == packet


@given(st.binary(max_size=60))
def test_what_parses_is_written_back_byte_for_byte(data: bytes) -> None:
    try:
        packet = RtpPacket.parse(b"\xb1" + data)
    except ValueError:
        return
    assert bytes(packet) == b"\xb1" + data


@pytest.mark.parametrize(
    "name", ["rtp_pcmu", "rtp_dtmf", "rtp_csrc", "rtp_extension", "rtp_padding", "rtp_only_padding"]
)
def test_good_fixtures_round_trip(name: str) -> None:
    assert bytes(RtpPacket.parse(fixture(name))) == fixture(name)


def test_fields() -> None:
    packet = RtpPacket.parse(fixture("rtp_dtmf"))
    assert (packet.payload_type, packet.marker, packet.sequence) == (101, True, 17)
    assert (packet.timestamp, packet.ssrc, packet.payload) == (4000, 0x1234ABCD, b"\x01\x0a\x00\xa0")
    assert RtpPacket.parse(fixture("rtp_csrc")).csrc == (1, 2)
    assert RtpPacket.parse(fixture("rtp_extension")).extension == (0xBEDE, b"\x10\xff\x00\x00")
    assert RtpPacket.parse(fixture("rtp_padding")).payload == b"\xff" * 4
    assert RtpPacket.parse(fixture("rtp_only_padding")).payload == b""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rtp_header_truncated", "shorter than its header"),
        ("rtp_version_wrong", "version is not 2"),
        ("rtp_csrc_truncated", "within its contributing sources"),
        ("rtp_extension_header_truncated", "within its header extension"),
        ("rtp_extension_truncated", "within its header extension"),
        ("rtp_padding_too_long", "padding is longer"),
        ("rtp_padding_zero", "padding is longer"),
    ],
)
def test_broken_fixtures_say_why(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RtpPacket.parse(fixture(name))


@pytest.mark.parametrize(
    "wrong",
    [
        {"payload_type": 128},
        {"sequence": 0x10000},
        {"csrc": (0,) * 16},
        {"extension": (0, b"123")},
        {"padding": b"\x00\x01"},
    ],
)
def test_a_packet_that_cannot_be_written_cannot_be_made(wrong: dict[str, object]) -> None:
    good: dict[str, object] = {"payload_type": 0, "sequence": 0, "timestamp": 0, "ssrc": 0}
    with pytest.raises(ValueError, match="RTP"):
        RtpPacket(**(good | wrong))  # type: ignore[arg-type]


def test_rtcp_is_told_from_rtp() -> None:
    assert is_rtcp(b"\x80\xc8\x00\x06")
    assert not is_rtcp(fixture("rtp_dtmf"))
    assert not is_rtcp(b"\x80")
