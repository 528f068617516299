"""The lab's addresses: one /24 of loopback, one byte a process (docs/reference/interfaces.md, section 1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from callseal.lab.place import HERE, Place
from callseal.lab.site import EXAMPLE_PREFIX, Site

DEFAULT = EXAMPLE_PREFIX
_BLOCK = re.compile(r"127\.(\d{1,3})\.(\d{1,3})(?:\.0(?:/24)?)?")


@dataclass(frozen=True, slots=True)
class Block(Site):
    """`prefix` is the first three bytes, `127.A.B`; every address of a lab lies in it."""

    interface: ClassVar[str] = "lo"
    has_hosts: ClassVar[bool] = False

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

    def place(self, address: str) -> Place:  # noqa: ARG002 - one host has them all
        return HERE

    def deployment(self, example: str) -> str:
        return example.replace(f"{DEFAULT}.", f"{self.prefix}.")

    def open(self, folder: Path) -> None:
        """Loopback is there already."""

    def close(self) -> None:
        """Loopback stays."""

    def load_firewall(self, address: str, rules: Path) -> None:
        """One host, one kernel: rules that guard an edge would meet the partner and the phones too."""

    @property
    def middle(self) -> Place:
        return HERE

    @property
    def middle_interface(self) -> str:
        return self.interface

    def listeners(self) -> list[tuple[str, str, int]]:
        """Everything that must be free: (protocol, address, port)."""
        return [
            ("udp", self.customer, 5060),
            ("udp", self.kamailio, 5060),
            ("udp", self.edge_media, 2223),
            ("tcp", self.edge_agent, 8022),
            ("udp", self.edge_agent, 8023),
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
