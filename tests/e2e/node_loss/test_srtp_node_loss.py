"""A node dies where partner and platform speak SRTP: keys are made anew on the other node, and roll-over counters begin with them."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.e2e.node_loss.test_node_loss import SECONDS, keys_pressed, kill, said
from tests.support.stage import Stage, keys_heard, voices_flow

pytestmark = pytest.mark.e2e

SRTP = {"partner.media_profile": '"srtp"', "platform.media_profile": '"srtp"'}


@pytest.fixture(scope="module")
def sealed(open_stage: Callable[..., Stage]) -> Stage:
    return open_stage(edges=2, settings=SRTP)


def test_secured_and_then_open_call_begin_anew_with_keys_of_their_own(sealed: Stage) -> None:
    """The other node knows nothing of the old keys, and both ends take the new ones in the middle of a call: voices are heard, which
    they are not with a wrong key or counter."""
    call = sealed.call()
    call.dial()
    voices_flow(sealed)
    sealed.ear.mark("press")
    call.secure()
    with keys_pressed(sealed):
        kill(sealed, "rtpengine-edge")
        sealed.desk.wait(call.reference, lambda found: found["state"] != "secured", "end of secured", SECONDS)
        sealed.desk.wait_state(call.reference, "secured", timeout_s=SECONDS)
        time.sleep(1)
    time.sleep(0.5)
    call.release()
    sealed.ear.mark("restored")
    assert keys_heard(sealed, "press", "restored") == 0
    voices_flow(sealed)
    # And back: the first node lives again, the one that serves the call now dies with the call open.
    sealed.world.daemons["rtpengine-edge"].restart()
    time.sleep(2)
    kill(sealed, "rtpengine-edge-edge-2")
    sealed.desk.wait(call.reference, said("media_back"), "word that it is back", SECONDS)
    voices_flow(sealed)
    call.hang_up()
