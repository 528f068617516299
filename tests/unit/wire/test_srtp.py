"""SRTP against the test vectors of RFC 3711 appendix B, RFC 6188 section 7 and RFC 7714 section 16, and its roll-over counter."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callseal.wire.rtp import RtpPacket
from callseal.wire.srtp import SUITES, Crypto, SrtpContext, derive, keystream

pytestmark = pytest.mark.unit

KEY = Crypto.parse("1 AES_CM_128_HMAC_SHA1_80 inline:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNk")
OTHER = Crypto(1, KEY.suite, bytes(16), bytes(14))


def packet(sequence: int, payload: bytes = b"\x63" * 160) -> RtpPacket:
    return RtpPacket(
        payload_type=0, sequence=sequence, timestamp=160 * sequence, ssrc=0x1234, payload=payload
    )


def test_counter_mode() -> None:
    """RFC 3711 B.2."""
    key = bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C")
    start = int("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000", 16)
    assert keystream(key, start, 48) == bytes.fromhex(
        "E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB41E95B3BB0A2E8DD477901E4FCA894C0"
    )
    assert keystream(key, start + 0xFF00 - 1, 48)[16:] == bytes.fromhex(
        "362B7C3C6773516318A077D7FC5073AE6A2CC3787889374FBEB4C81B17BA6C44"
    )


def test_key_derivation() -> None:
    """RFC 3711 B.3."""
    key = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139")
    salt = bytes.fromhex("0EC675AD498AFEEBB6960B3AABE6")
    assert derive(key, salt, 0, 16) == bytes.fromhex("C61E7A93744F39EE10734AFE3FF7A087")
    assert derive(key, salt, 2, 14) == bytes.fromhex("30CBBC08863D8C85D49DB34A9AE1")
    assert derive(key, salt, 1, 94) == bytes.fromhex(
        "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCEE049646C43D9327AD175578EF722"
        "70986371C10C9A369AC2F94A8C5FBCDDDC256D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2"
    )


def test_key_derivation_of_256_bits() -> None:
    """RFC 6188 section 7.2."""
    key = bytes.fromhex("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6")
    salt = bytes.fromhex("3b04803de51ee7c96423ab5b78d2")
    assert derive(key, salt, 0, 32) == bytes.fromhex(
        "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4"
    )
    assert derive(key, salt, 2, 14) == bytes.fromhex("fa31791685ca444a9e07c6c64e93")


def test_key_derivation_of_192_bits() -> None:
    """RFC 6188 section 7.1."""
    key = bytes.fromhex("73edc66c4fa15776fb57f9505c17136550ffda71f3e8e5f1")
    salt = bytes.fromhex("c8522f3acd4ce86d5add78edbb11")
    assert derive(key, salt, 0, 24) == bytes.fromhex("31874736a8f1143870c26e4857d8a5b2c4a354407faadabb")
    assert derive(key, salt, 2, 14) == bytes.fromhex("2372b82d639b6d8503a47adc0a6c")
    assert derive(key, salt, 1, 20) == bytes.fromhex("355b10973cd95b9eacf4061c7e1a7151e7cfbfcb")


GCM_TEXT = bytes.fromhex(
    "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573"
)
GCM_WIRES = {
    "AEAD_AES_128_GCM": "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833"
    "899d7f27beb16a9152cf765ee4390cce",
    "AEAD_AES_256_GCM": "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b"
    "7aa3db36dfffd6b0f9bb7878d7a76c13",
}


@pytest.mark.parametrize("name", GCM_WIRES)
def test_gcm(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 7714 sections 16.1.1 and 16.2.1, which give session keys: the derivation is left out."""
    suite = SUITES[name]
    monkeypatch.setattr(
        "callseal.wire.srtp.derive", lambda key, salt, label, _length: salt if label == 2 else key
    )
    crypto = Crypto(1, suite, bytes(range(suite.key_bytes)), b"Quid pro quo")
    wire = GCM_TEXT[:12] + bytes.fromhex(GCM_WIRES[name])
    assert SrtpContext(crypto).encrypt(RtpPacket.parse(GCM_TEXT)) == wire
    assert SrtpContext(crypto).decrypt(wire) == RtpPacket.parse(GCM_TEXT)
    assert SrtpContext(crypto, roll_over=1).decrypt(wire) is None


def test_key_derivation_for_gcm() -> None:
    """A salt of 96 bits (RFC 7714 section 11). The RFC has no vector of it; this is the known answer of libsrtp's own test."""
    crypto = Crypto(1, SUITES["AEAD_AES_128_GCM"], bytes(range(16)), bytes(range(0xA0, 0xAC)))
    text = bytes.fromhex("800f1234decafbadcafebabe") + b"\xab" * 16
    assert SrtpContext(crypto).encrypt(RtpPacket.parse(text)) == text[:12] + bytes.fromhex(
        "c5002ede04cfdd2eb91159e0880aa06ed2976826f796b201df3131a127e8a392"
    )


@pytest.mark.parametrize("mki", [b"", b"\x07", b"\x00\x00\x01\x02"], ids=["no mki", "mki 1", "mki 4"])
@pytest.mark.parametrize("name", SUITES)
def test_there_and_back(name: str, mki: bytes) -> None:
    suite = SUITES[name]
    crypto = Crypto(1, suite, bytes(range(suite.key_bytes)), bytes(range(suite.salt_bytes)), mki)
    assert Crypto.parse(str(crypto)) == crypto
    sender, receiver = SrtpContext(crypto), SrtpContext(crypto)
    sent = [packet(number) for number in range(65_530, 65_536)] + [packet(number) for number in range(5)]
    wires = [sender.encrypt(one) for one in sent]
    assert all(len(wire) == 172 + suite.tag_bytes + len(mki) and b"\x63" * 8 not in wire for wire in wires)
    assert [receiver.decrypt(wire) for wire in wires] == sent
    assert (sender.roll_over, receiver.roll_over) == (1, 1)
    other = replace(crypto, mki=bytes(len(mki))) if mki else OTHER
    assert SrtpContext(other).decrypt(wires[0]) is None


def test_late_packet_of_the_round_before() -> None:
    sender, receiver = SrtpContext(KEY), SrtpContext(KEY)
    late, new = sender.encrypt(packet(65_535)), sender.encrypt(packet(0))
    receiver.decrypt(sender.encrypt(packet(1)))
    fresh = SrtpContext(KEY)
    fresh.decrypt(SrtpContext(KEY).encrypt(packet(65_534)))
    assert fresh.decrypt(new) == packet(0)
    assert fresh.decrypt(late) == packet(65_535)
    assert fresh.roll_over == 1


def test_header_extension_and_sources_stay_in_clear() -> None:
    one = RtpPacket(
        payload_type=0,
        sequence=1,
        timestamp=2,
        ssrc=3,
        payload=b"abcd",
        csrc=(7, 8),
        extension=(0xBEDE, b"wxyz"),
    )
    wire = SrtpContext(KEY).encrypt(one)
    assert wire[:28] == bytes(one)[:28]
    assert b"abcd" not in wire
    assert SrtpContext(KEY).decrypt(wire) == one


def test_another_key_or_roll_over_or_no_srtp_gives_nothing() -> None:
    wire = SrtpContext(KEY).encrypt(packet(1))
    assert SrtpContext(KEY).decrypt(wire) == packet(1)
    assert SrtpContext(OTHER).decrypt(wire) is None
    assert SrtpContext(KEY, roll_over=1).decrypt(wire) is None
    assert SrtpContext(KEY).decrypt(wire[:-1] + bytes([wire[-1] ^ 1])) is None
    assert SrtpContext(KEY).decrypt(bytes(packet(1))) is None
    assert SrtpContext(KEY).decrypt(b"") is None
    assert SrtpContext(KEY).decrypt(b"\x9f" + bytes(20)) is None


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x AES_CM_128_HMAC_SHA1_80 inline:AA==",
        "1 NULL_HMAC_SHA1_80 inline:AA==",
        "1 AES_CM_128_HMAC_SHA1_80 inline:AA==",
        "1 AES_CM_128_HMAC_SHA1_80 inline:!!",
        f"{KEY} UNENCRYPTED_SRTP",
        f"{KEY} WSH=64",
        f"{KEY}|2^31|1:129",
        f"{KEY}|x:1",
        f"{KEY}|300:1",
        f"{KEY};{KEY}",
        "1 AEAD_AES_128_GCM inline:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNk",
    ],
)
def test_bad_lines_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Crypto.parse(value)


def test_an_onlooker_reads_more() -> None:
    material = str(KEY).partition("inline:")[2]
    line = f"{KEY}|2^20|1:4;inline:{material}|2^20|2:4 WSH=64 UNENCRYPTED_SRTCP"
    first, second = Crypto.parse_all(line)
    assert (first.key, first.mki, second.mki) == (KEY.key, b"\0\0\0\1", b"\0\0\0\2")
    for weakened in ("UNENCRYPTED_SRTP", "UNAUTHENTICATED_SRTP", "KDR=1"):
        with pytest.raises(ValueError, match="not known here"):
            Crypto.parse_all(f"{KEY} {weakened}")


def test_a_line_round_trips_and_hides_its_key() -> None:
    assert Crypto.parse(str(KEY)) == KEY
    assert Crypto.parse(f"{KEY}|2^31") == KEY
    long = Crypto(2, SUITES["AES_256_CM_HMAC_SHA1_80"], bytes(32), bytes(14))
    assert str(long).endswith("==")
    assert Crypto.parse(str(long)) == Crypto.parse(str(long).rstrip("=")) == long
    assert "0123" not in repr(KEY)
    assert repr(KEY.key) not in repr(KEY)
