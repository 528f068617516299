"""With two edges: kill -9 of what carries a call, keys pressed all the way through, and the ear beside the agent's phone."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2
import pytest

from callseal.lab.agent_desk import Call, DeskError
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


def phones_hang_up(stage: Stage) -> None:
    """Each for itself: nobody is between them any more."""
    for phone in (stage.customer, stage.agent):
        phone.hangup()
        phone.wait("ended", timeout=12)


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


def test_partner_dies_while_secured(pair: Stage) -> None:
    """Nobody can bring the media home: the hold and the fence stay, and the card says so."""
    call = pair.call()
    call.dial()
    pair.ear.mark("press")
    call.secure()
    with keys_pressed(pair):
        kill(pair, "partner")
        found = pair.desk.wait(call.reference, said("partner_gone"), "word of the partner's end", SECONDS)
        assert found["state"] == "restoring"
        assert not found["evidence"]["partner"]
        pair.desk.wait_state(call.reference, "media_at_partner", timeout_s=SECONDS)
    pair.ear.mark("stuck")
    assert keys_heard(pair, "press", "stuck") == 0
    phones_hang_up(pair)


@pytest.mark.soak
def test_partner_dies_and_the_open_call_goes_on_without_it(pair: Stage) -> None:
    call = pair.call()
    call.dial()
    kill(pair, "partner")
    voices_flow(pair, 2)
    with pytest.raises(DeskError, match=r"partner|hold|secured"):
        call.secure()
    pair.desk.wait_state(call.reference, "ready", timeout_s=SECONDS)
    voices_flow(pair)
    phones_hang_up(pair)


def test_store_locked_by_somebody_else(pair: Stage) -> None:
    """The desk says that it is not ready and refuses; the call knows nothing of it."""
    call = pair.call()
    call.dial()
    store = pair.world.workspace.root / "state" / "desk.sqlite3"
    thief = sqlite3.connect(store, isolation_level=None)
    thief.execute("BEGIN IMMEDIATE")
    try:
        assert httpx2.get(f"{pair.world.desk_url}/readyz", timeout=8).status_code == 503
        with pytest.raises(DeskError) as refused:
            pair.desk.press(call.reference, "secure")
        assert refused.value.status == 503
        voices_flow(pair)
    finally:
        thief.execute("ROLLBACK")
        thief.close()
    assert httpx2.get(f"{pair.world.desk_url}/readyz", timeout=8).status_code == 200
    pair.ear.mark("press")
    call.secure()
    call.release()
    pair.ear.mark("restored")
    assert keys_heard(pair, "press", "restored") == 0
    call.hang_up()


def test_desk_dies_with_one_call_secured(pair: Stage) -> None:
    call = pair.call()
    call.dial()
    pair.ear.mark("press")
    call.secure()
    with keys_pressed(pair):
        desk = pair.world.daemons["desk"]
        desk.kill()
        time.sleep(1)
        desk.restart()
        with pair.world.desk() as agent:
            agent.wait_state(call.reference, "secured", timeout_s=SECONDS)
    time.sleep(0.3)
    with pair.world.desk() as agent:
        call.desk = agent
        call.release()
        pair.ear.mark("restored")
        assert keys_heard(pair, "press", "restored") == 0
        voices_flow(pair)
        call.hang_up()


@pytest.mark.soak
@pytest.mark.parametrize("state", ["open", "secured"])
def test_rtpengine_dies_with_one_anchor(open_stage: Callable[..., Stage], state: str, pair: Stage) -> None:
    one = open_stage(edges=2, settings={"anchors": '"one"'}) if state == "open" else _one[0]
    _one[:] = [one]
    call = one.call()
    call.dial()
    one.ear.mark("press")
    if state == "secured":
        call.secure()
    kill(one, "rtpengine-edge")
    if state == "secured":
        one.desk.wait(call.reference, lambda found: found["state"] != "secured", "end of secured", SECONDS)
        one.desk.wait_state(call.reference, "secured", timeout_s=SECONDS)
        call.release()
        one.ear.mark("restored")
        assert keys_heard(one, "press", "restored") == 0
    else:
        one.desk.wait(call.reference, said("media_back"), "word that it is back", SECONDS)
    voices_flow(one)
    call.hang_up()
    one.world.daemons["rtpengine-edge"].restart()
    time.sleep(2)


_one: list[Stage] = []
