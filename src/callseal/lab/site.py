"""Where the processes of a lab are: the same world runs on a block of loopback (`Block`) or on hosts (`Hosts`).

A process is placed by its address. `host(byte)` maps the process numbers of docs/reference/interfaces.md, section 1, to
addresses; the properties name them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar

from callseal.lab.place import Place

EXAMPLE_PREFIX = "127.88.0"
"""The block in which `examples/sandbox.toml` is written."""


class Site(ABC):
    """Addresses and places of one lab."""

    interface: ClassVar[str]
    """The device on which a process's packets are seen, at its own place."""
    has_hosts: ClassVar[bool]
    """True when each party has a host, and so a firewall and a name server."""

    @abstractmethod
    def host(self, byte: int) -> str:
        """The address of process number `byte`."""

    @abstractmethod
    def place(self, address: str) -> Place:
        """Where the process with that address lives."""

    @abstractmethod
    def deployment(self, example: str) -> str:
        """The text of `examples/sandbox.toml` with this site's addresses and edges."""

    @abstractmethod
    def open(self, folder: Path) -> None:
        """Make the network, before the first process starts. What files it needs are written into `folder`."""

    @abstractmethod
    def close(self) -> None:
        """Take it away, after the last process has ended. Safe to call twice."""

    @abstractmethod
    def load_firewall(self, address: str, rules: Path) -> None:
        """Load an nftables file on the host of `address`. Without hosts there is nothing to load it into."""

    @property
    @abstractmethod
    def middle(self) -> Place:
        """Where every packet between two parties passes."""

    @property
    @abstractmethod
    def middle_interface(self) -> str:
        """The device to listen on there; "" is all of them."""

    @property
    def resolver(self) -> Path | None:
        """The resolv.conf that names the lab's name server, once the site is open; None: the machine's own."""
        return None

    def card(self, address: str) -> str:
        """What a process of `address` is bound to: the same, where no NAT stands between."""
        return address

    def inside(self, address: str) -> AbstractContextManager[None]:
        """Sockets made in this block belong to the host of `address`."""
        return self.place(address).inside()

    def argv(self, address: str, command: Sequence[str]) -> list[str]:
        """The argv that runs `command` on the host of `address`."""
        return self.place(address).argv(command)

    @property
    def kamailios(self) -> tuple[str, ...]:
        """The SIP address of every edge."""
        return (self.kamailio,)

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
    def partner(self) -> str:
        return self.host(30)

    @property
    def partners(self) -> tuple[tuple[str, str], ...]:
        """`(SIP, media)` of every partner, the first one first."""
        return ((self.partner, self.partner_media),)

    @property
    def digit_feed(self) -> str:
        """Loopback at the partner's: digits go from its rtpengine to its capture and over no wire."""
        return self.partner

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
