"""Behind NAT: what rtpengine sends to its own public address comes to itself, and leaves the machine by no wire."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from callseal.lab.host_commands import ip_batch, run
from callseal.lab.place import Namespace
from callseal.render import plan
from tests.unit.render.test_plan import deployment

pytestmark = pytest.mark.integration

PUBLIC, CARD = "192.0.2.21", "198.51.100.221"
_ETH_P_IP = 0x0800


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[tuple[Namespace, Namespace]]:
    """A machine with the card's address and its edge's firewall, and the wire to a gateway that only listens."""
    changes = (
        ('media = "127.88.0.21"', f'media = "{PUBLIC}"\nbind_media = "{CARD}"'),
        ('ng = "127.88.0.21:2223"', 'ng = "127.88.0.22:2223"'),
    )
    made = {file.path: file.text for file in plan(deployment(tmp_path, *changes), "edge-1")}
    machine, gateway = Namespace(), Namespace()
    try:
        with machine.inside():
            ip_batch(
                "link set lo up",
                f"link add net0 type veth peer name net0 netns {gateway.path}",
                f"addr add {CARD}/32 dev net0",
                "link set net0 up",
                "route add 192.0.2.1 dev net0",
                "route add default via 192.0.2.1",
            )
            run(["nft", "-f", "-"], made["firewall.nft"])
        with gateway.inside():
            ip_batch("addr add 192.0.2.1/32 dev net0", "link set net0 up", f"route add {CARD} dev net0")
        yield machine, gateway
    finally:
        machine.close()
        gateway.close()


def test_it_turns_round_with_the_addresses_that_it_would_have_had(
    cloud: tuple[Namespace, Namespace],
) -> None:
    machine, gateway = cloud
    with ExitStack() as open_:
        with machine.inside():
            one, other = (open_.enter_context(_bound(port)) for port in (30000, 30010))
        with gateway.inside():
            wire = open_.enter_context(
                socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_IP))
            )
        wire.settimeout(0.3)
        for sender, receiver in ((one, other), (other, one)):
            sender.sendto(b"sound", (PUBLIC, receiver.getsockname()[1]))
            assert receiver.recvfrom(100) == (b"sound", (PUBLIC, sender.getsockname()[1]))
        one.sendto(b"to a call that has ended", (PUBLIC, 30020))
        with pytest.raises(TimeoutError):
            wire.recv(2000)
        # The wire is there: what is not ours to turn round would be on it.
        with machine.inside():
            run(["nft", "delete", "table", "inet", "callseal"])
        one.sendto(b"sound", (PUBLIC, 30010))
        assert wire.recv(2000).endswith(b"sound")
        with suppress(TimeoutError):
            assert not other.recv(100), "nobody brings it back"


def _bound(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((CARD, port))
    made.settimeout(0.5)
    return made
