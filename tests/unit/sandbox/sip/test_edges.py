"""A dead edge is left for one that answers."""

from __future__ import annotations

import socket
import time

import pytest

from callseal.sandbox.sip.edges import Edges

pytestmark = pytest.mark.unit


def test_with_one_edge_nobody_is_asked() -> None:
    edges = Edges([("127.82.3.20", 5060)], source="127.82.3.30")
    edges.start()
    assert edges.alive(("127.82.3.20", 5060)) == ("127.82.3.20", 5060)
    edges.stop()


def test_a_request_to_a_dead_edge_goes_to_another_one() -> None:
    dead, living, foreign = ("127.82.3.20", 5060), ("127.82.3.23", 5060), ("127.82.3.99", 5060)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as edge:
        edge.bind(living)
        edge.settimeout(3)
        edges = Edges([dead, living], source="127.82.3.30")
        assert edges.alive(dead) == dead, "innocent until asked"
        edges.start()
        deadline = time.monotonic() + 8
        while edges.alive(dead) == dead and time.monotonic() < deadline:
            asked, source = edge.recvfrom(2048)
            assert asked.startswith(b"OPTIONS ")
            assert source[0] == "127.82.3.30"
            edge.sendto(b"SIP/2.0 200 OK\r\n\r\n", source)
        edges.stop()
    assert edges.alive(dead) == living
    assert edges.alive(living) == living
    assert edges.alive(foreign) == foreign, "not an edge: not ours to choose"
