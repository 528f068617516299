"""With two edges: kill -9 of what carries a call, keys pressed all the way through, and the ear beside the agent's phone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from callseal.lab.agent_desk import Call
from tests.support.stage import Stage, keys_heard, voices_flow

pytestmark = pytest.mark.e2e

SECONDS = 6.0
"""Within that the card tells the truth."""


@pytest.fixture(scope="module")
def pair(open_stage: Callable[..., Stage]) -> Stage:
    return open_stage(edges=2)


@pytest.fixture(autouse=True)
def whole_again(pair: Stage) -> Iterator[None]:
    """What a story killed is back for the next one, and known to be back."""
    yield
    dead = [daemon for daemon in pair.world.daemons.values() if not daemon.alive]
    for daemon in dead:
        daemon.restart()
    if dead:
        time.sleep(2)


@contextmanager
def keys_pressed(stage: Stage) -> Iterator[None]:
    """The customer presses one key after the other, whatever happens."""
    over = threading.Event()

    def press() -> None:
        while not over.is_set():
            stage.customer.press("5", gap_ms=40)
            over.wait(0.15)

    thread = threading.Thread(target=press)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def kill(stage: Stage, *names: str) -> float:
    for name in names:
        stage.world.daemons[name].kill()
    return time.monotonic()


def said(code: str) -> Callable[[Call], bool]:
    return lambda call: (call["notice"] or {}).get("code") == code


def test_rtpengine_dies_and_the_open_call_goes_on(pair: Stage) -> None:
    call = pair.call()
    call.dial()
    voices_flow(pair)
    kill(pair, "rtpengine-edge")
    pair.desk.wait(call.reference, said("node_lost"), "word of the lost sound", SECONDS)
    found = pair.desk.wait(call.reference, said("media_back"), "word that it is back", SECONDS)
    assert found["state"] == "ready"
    voices_flow(pair)
    call.secure()
    call.release()
    voices_flow(pair)
    call.hang_up()


@pytest.mark.parametrize("victims", [("rtpengine-edge",), ("kamailio",), ("kamailio", "rtpengine-edge")])
def test_edge_dies_while_secured(pair: Stage, victims: tuple[str, ...]) -> None:
    call = pair.call()
    call.dial()
    pair.ear.mark("press")
    call.secure()
    with keys_pressed(pair):
        time.sleep(0.5)
        kill(pair, *victims)
        if "rtpengine-edge" in victims:
            pair.desk.wait(
                call.reference, lambda found: found["state"] != "secured", "end of secured", SECONDS
            )
            pair.desk.wait_state(call.reference, "secured", timeout_s=SECONDS)
        else:
            time.sleep(2)
            assert pair.desk.call(call.reference)["state"] == "secured", "the media never stopped"
        time.sleep(1)
    time.sleep(0.5)
    call.release()
    pair.ear.mark("restored")
    assert keys_heard(pair, "press", "restored") == 0
    voices_flow(pair)
    if "kamailio" in victims:
        # The phones know one address only: what hangs up has to reach it.
        pair.world.daemons["kamailio"].restart()
    call.hang_up()
