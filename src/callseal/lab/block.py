"""The lab's addresses: one /24 of loopback, one byte a process (docs/reference/interfaces.md, section 1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT = "127.88.0"
_BLOCK = re.compile(r"127\.(\d{1,3})\.(\d{1,3})(?:\.0(?:/24)?)?")


@dataclass(frozen=True, slots=True)
class Block:
    """`prefix` is the first three bytes, `127.A.B`; every address of a lab lies in it."""

    prefix: str = DEFAULT

    @classmethod
    def parse(cls, text: str) -> Block:
        """Read `127.A.B`, `127.A.B.0` or `127.A.B.0/24`; raises `ValueError` for anything else."""
        match = _BLOCK.fullmatch(text.strip())
        if match is None or any(int(byte) > 255 for byte in match.groups()):
            raise ValueError(
                f"{text!r} is not a block of loopback; write it as 127.A.B, for example 127.88.1"
            )
        return cls(f"127.{int(match[1])}.{int(match[2])}")

    def host(self, byte: int) -> str:
        """The address that ends in `byte`."""
        return f"{self.prefix}.{byte}"

    @property
    def customer(self) -> str:
        return self.host(10)

    @property
    def kamailio(self) -> str:
        return self.host(20)

    @property
    def edge_media(self) -> str:
        return self.host(21)

    @property
    def edge_agent(self) -> str:
        return self.host(22)

    @property
    def kamailio_2(self) -> str:
        return self.host(23)

    @property
    def edge_media_2(self) -> str:
        return self.host(24)

    @property
    def edge_agent_2(self) -> str:
        return self.host(25)

    @property
    def partner(self) -> str:
        return self.host(30)

    @property
    def partner_media(self) -> str:
        return self.host(31)

    @property
    def psp(self) -> str:
        return self.host(33)

    @property
    def agent(self) -> str:
        return self.host(40)

    @property
    def platform(self) -> str:
        return self.host(41)

    @property
    def desk(self) -> str:
        return self.host(50)

    @property
    def keypad(self) -> str:
        return self.host(60)

    def listeners(self) -> list[tuple[str, str, int]]:
        """Everything that must be free: (protocol, address, port)."""
        return [
            ("udp", self.customer, 5060),
            ("udp", self.kamailio, 5060),
            ("udp", self.edge_media, 2223),
            ("tcp", self.edge_agent, 8022),
            ("udp", self.edge_agent, 8023),
            ("udp", self.kamailio_2, 5060),
            ("udp", self.edge_media_2, 2223),
            ("tcp", self.edge_agent_2, 8022),
            ("udp", self.edge_agent_2, 8023),
            ("udp", self.partner, 5060),
            ("tcp", self.partner, 8030),
            ("udp", self.partner, 2230),
            ("udp", self.partner_media, 2223),
            ("tcp", self.psp, 8033),
            ("udp", self.agent, 5060),
            ("tcp", self.platform, 8041),
            ("tcp", self.desk, 8050),
            ("tcp", self.keypad, 8060),
        ]
