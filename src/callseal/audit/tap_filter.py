"""A socket filter (classic BPF) that lets in UDP to one address and nothing else, for packets that begin with their IP header."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address

_LD_BYTE, _LD_WORD, _AND, _JEQ, _RET = 0x30, 0x20, 0x54, 0x15, 0x06
_UDP, _FRAGMENT = 17, 44

Instruction = tuple[int, int, int, int]
"""Operation, jump when true, jump when false, operand."""


def udp_to(address: IPv4Address | IPv6Address) -> bytes:
    """The program, as the kernel wants it. IPv6: UDP right behind the header or behind that of a fragment."""
    words = struct.unpack(f"!{len(address.packed) // 4}I", address.packed)
    if address.version == 4:
        steps = [*_version(4), *_must(_LD_BYTE, 9, _UDP), *_must(_LD_WORD, 16, words[0])]
    else:
        steps = [
            *_version(6),
            (_LD_BYTE, 0, 0, 6),
            (_JEQ, 3, 0, _UDP),  # over the fragment's header
            (_JEQ, 0, _ELSE, _FRAGMENT),
            *_must(_LD_BYTE, 40, _UDP),
        ]
        for place, word in enumerate(words):
            steps += _must(_LD_WORD, 24 + 4 * place, word)
    drop = len(steps) + 1
    program: list[Instruction] = [
        (code, true, drop - at - 1 if false == _ELSE else false, operand)
        for at, (code, true, false, operand) in enumerate(steps)
    ]
    program += [(_RET, 0, 0, 0xFFFFFFFF), (_RET, 0, 0, 0)]
    return b"".join(struct.pack("HBBI", *one) for one in program)


_ELSE = -1
"""Stands for the jump to the end, where the packet is dropped."""


def _version(number: int) -> list[Instruction]:
    return [(_LD_BYTE, 0, 0, 0), (_AND, 0, 0, 0xF0), (_JEQ, 0, _ELSE, number << 4)]


def _must(load: int, at: int, value: int) -> list[Instruction]:
    return [(load, 0, 0, at), (_JEQ, 0, _ELSE, value)]
