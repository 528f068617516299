"""From a frame to the IP packet in it: link layers, and what may stand between them and IP. Pure.

Link types are those of the pcap registry (draft-ietf-opsawg-pcaplinktype). VLAN tags (802.1Q, 802.1ad), PPPoE (RFC 2516), MPLS (RFC 3032).
"""

from __future__ import annotations

from collections.abc import Callable

ETHERNET, RAW = 1, 101
_NULL, _PPP, _PPP_HDLC, _C_HDLC, _LOOP, _COOKED, _IPV4, _IPV6, _COOKED2 = (
    0,
    9,
    50,
    104,
    108,
    113,
    228,
    229,
    276,
)
LINK_HEADER = {_NULL: 4, _LOOP: 4, _COOKED: 16, _COOKED2: 20, RAW: 0, 12: 0, 14: 0, _IPV4: 0, _IPV6: 0}
"""Octets before IP in the plainest case."""
_VLAN = frozenset({0x8100, 0x88A8, 0x9100})
_MPLS = frozenset({0x8847, 0x8848})
_IP_TYPES, _PPPOE = frozenset({0x0800, 0x86DD}), 0x8864
_PPP_IP = (b"\x00\x21", b"\x00\x57")


def ip_of(link: int, frame: bytes) -> bytes | None:
    """The IP packet of a frame, "" when there is none in it; None when nothing is known of this link type."""
    read = _LINKS.get(link)
    return None if read is None else read(frame)


def ethernet(frame: bytes) -> bytes:
    """The IP packet in an Ethernet frame; "" without."""
    return by_type(int.from_bytes(frame[12:14], "big"), frame[14:])


def by_type(kind: int, rest: bytes) -> bytes:
    """The IP packet behind an EtherType; "" without."""
    while kind in _VLAN:
        kind, rest = int.from_bytes(rest[2:4], "big"), rest[4:]
    if kind in _IP_TYPES:
        return rest
    if kind == _PPPOE:
        return _ppp(rest[6:])
    if kind in _MPLS:
        while len(rest) >= 4 and not rest[2] & 1:  # not the bottom of the stack
            rest = rest[4:]
        return rest[4:]
    return b""


def _ppp(rest: bytes) -> bytes:
    rest = rest.removeprefix(b"\xff\x03")
    return rest[2:] if rest[:2] in _PPP_IP else b""


def _cooked(kind_at: int, size: int) -> Callable[[bytes], bytes]:
    """Linux "cooked": a protocol that is no tag goes by what stands behind it, because some writers leave it empty."""

    def read(frame: bytes) -> bytes:
        kind = int.from_bytes(frame[kind_at : kind_at + 2], "big")
        return by_type(kind, frame[size:]) if kind in _VLAN | _MPLS | {_PPPOE} else frame[size:]

    return read


def _plain(size: int) -> Callable[[bytes], bytes]:
    return lambda frame: frame[size:]


_LINKS: dict[int, Callable[[bytes], bytes]] = {
    **{link: _plain(size) for link, size in LINK_HEADER.items()},
    ETHERNET: ethernet,
    _PPP: _ppp,
    _PPP_HDLC: _ppp,
    _C_HDLC: lambda frame: by_type(int.from_bytes(frame[2:4], "big"), frame[4:]),
    _COOKED: _cooked(14, 16),
    _COOKED2: _cooked(0, 20),
}
