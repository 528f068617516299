"""HEP tracing switched on while the edge runs, looked at by a collector, and switched off again."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from callseal.lab.story import APPROVED, FIELDS
from callseal.operate import checks_router
from callseal.wire.hep import HepPacket
from tests.e2e.operate.operator import change, only, patient, probed, restart_reload
from tests.support.stage import Stage

pytestmark = pytest.mark.e2e


@contextmanager
def collector(address: str) -> Iterator[list[bytes]]:
    """What arrives at a HEP collector."""
    came: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind((address, 9060))

        def listen() -> None:
            while (data := sink.recv(65535)) != b"stop":
                came.append(data)

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield came
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"stop", (address, 9060))
        thread.join(2)


def test_a_collector_sees_a_paid_call_and_no_card(stage: Stage) -> None:
    address = stage.world.block.host(90)
    agent = stage.world.daemons["edge-agent"]
    switch = f'fence = "events"\nhep = "{address}:9060" '
    change(stage, 'fence = "events"', switch.rstrip())
    try:
        restart_reload(stage)
        agent.stop()
        agent.restart()
        assert only(checks_router.router_state, patient(stage), probed).check == "tracing"
        with collector(address) as came:
            call = stage.call("info")
            call.dial()
            assert call.pay()["result"]["outcome"] == "approved"
            call.hang_up()
    finally:
        change(stage, switch.rstrip(), 'fence = "events"')
        restart_reload(stage)
        agent.stop()
        agent.restart()
    packets = [HepPacket.decode(data) for data in came]
    texts = [packet.payload.decode() for packet in packets]
    assert call.reference in {packet.correlation for packet in packets}
    infos = [text for text in texts if text.startswith("INFO ")]
    assert len(infos) >= APPROVED.key_count, "each press is seen as a message"
    assert all(text.endswith("\r\n\r\n") for text in infos), "and not as a digit"
    whole = "\n".join(texts)
    assert "Signal" not in whole
    assert "X-Route-Cookie" not in whole
    assert "X-Payment-Token: session=" in whole
    assert not any(APPROVED.keys(field) in whole for field in FIELDS[:1])
