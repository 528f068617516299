"""`callseal audit live` beside an edge: what leaves through a device on its way to the agent's side, IPv4 and IPv6."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from callseal.audit.tap import Tap, TapError
from callseal.lab.place import Namespace
from tests.support.call_capture import EDGE_TO_AGENT, Capture, Talk, murmur, tones

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root (CAP_NET_RAW, network namespaces)"),
]

DEVICE = "out0"
ADDRESSES = {
    socket.AF_INET: ("192.0.2.20/24", "192.0.2.40", "192.0.2.41"),
    socket.AF_INET6: ("2001:db8::20/64", "2001:db8::40", "2001:db8::41"),
}


@pytest.fixture(scope="module")
def edge() -> Iterator[Namespace]:
    """A host with one device, behind which nobody answers and nobody needs to."""
    place = Namespace()
    commands = [f"link add {DEVICE} type veth peer name far0", f"link set {DEVICE} up", "link set far0 up"]
    for own, agent, other in ADDRESSES.values():
        commands.append(f"address add {own} dev {DEVICE}" + (" nodad" if ":" in own else ""))
        commands += [f"neigh add {one} lladdr 02:00:00:00:00:40 dev {DEVICE}" for one in (agent, other)]
    with place.inside():
        for command in commands:
            subprocess.run(["ip", *command.split()], check=True)
    yield place
    place.close()


@pytest.mark.parametrize("family", ADDRESSES, ids=["IPv4", "IPv6"])
def test_live_hears_what_leaves_for_the_agent_and_nothing_else(
    edge: Namespace, family: socket.AddressFamily
) -> None:
    _, agent, other = ADDRESSES[family]
    capture = Capture()
    talk = Talk(capture, EDGE_TO_AGENT, (agent if "." in agent else "192.0.2.40", 20000))
    at = talk.say(talk.press(talk.say(0.0, murmur(0.5)), "7"), tones("3"))
    talk.say(at, murmur(0.3))
    command = edge.argv(
        [
            sys.executable,
            "-m",
            "callseal.cli.main",
            "audit",
            "live",
            "--agent",
            agent,
            "--interface",
            DEVICE,
            "--json",
        ]
    )
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as listening:
        assert listening.stderr is not None
        assert listening.stderr.readline() == f"listening to what goes to {agent}\n"
        with edge.inside():
            sender = socket.socket(family, socket.SOCK_DGRAM)
        begin, started = capture.records[0][0], time.monotonic()
        with sender:
            for when, frame in sorted(capture.records):
                time.sleep(max(0.0, when - begin - (time.monotonic() - started)))
                for address, keep in ((agent, True), (other, False)):
                    sender.sendto(frame[28:] if keep else b"\x80\x65" + frame[30:], (address, 20000))
        time.sleep(0.3)
        listening.send_signal(signal.SIGINT)
        output, errors = listening.communicate(timeout=60)
    assert listening.returncode == 4, output + errors
    said = json.loads(output)
    assert said["result"]["digits_to_agent"] == 2
    (stream,) = said["streams"]
    host = f"[{agent}]" if family == socket.AF_INET6 else agent
    assert (stream["destination"], stream["judged"]) == (f"{host}:20000", True)
    assert stream["packets"] == len(capture.records)


def test_the_filter_lets_in_fragments_of_udp_and_nothing_of_anybody_else(edge: Namespace) -> None:
    """A datagram that is larger than the device's packets arrives in fragments, and each is seen."""
    for family, (_, agent, other) in ADDRESSES.items():
        with edge.inside():
            tap = Tap(agent, DEVICE, leaving=True)
            sender = socket.socket(family, socket.SOCK_DGRAM)
        with sender:
            sender.sendto(bytes(4000), (other, 9))
            sender.sendto(bytes(4000), (agent, 9))
        time.sleep(0.05)
        sizes = []
        while True:
            try:
                sizes.append(len(tap.socket.recv(65535)))
            except BlockingIOError:
                break
        tap.close()
        assert len(sizes) == 3, (agent, sizes)
        assert sum(sizes) > 4000


@pytest.mark.parametrize("address", ["agent.example", "", "192.0.2.300", "2001:db8::g"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(TapError, match="is not an IP address"):
        Tap(address)
