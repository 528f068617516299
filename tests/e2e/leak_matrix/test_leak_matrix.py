"""Each barrier is seen to work alone, and each failure is seen to be caught: on a whole world with real phones.

Every other way to press, the other policies of the fence, every moment of a call and the second row of daemons: the leak table
(docs/reference/leak-table.md).
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from callseal.deployment import read
from callseal.lab.phone import Method
from callseal.lab.rootfs import BASELINE
from tests.support.stage import Stage

pytestmark = pytest.mark.e2e

KEYS = "4242"
NONE, ALL = 0, len(KEYS)

# What of four keys the agent receives while secured. The fence of the example stops telephone-events and DTMF INFO.
EXPECTED = {
    ("fence", "mask"): {"rfc4733": NONE, "inband": NONE, "info": NONE},
    ("fence", "no mask"): {"rfc4733": NONE, "inband": ALL, "info": NONE},
    ("tones", "no mask"): {"rfc4733": NONE, "inband": NONE, "info": NONE},
    ("mute", "no mask"): {"rfc4733": NONE, "inband": NONE, "info": NONE},
    ("no fence", "mask"): {"rfc4733": NONE, "inband": NONE, "info": NONE},
    ("no fence", "no mask"): {"rfc4733": ALL, "inband": ALL, "info": ALL},
}


@pytest.fixture(scope="module", params=list(EXPECTED), ids=" and ".join)
def barriers(
    request: pytest.FixtureRequest, open_stage: Callable[..., Stage]
) -> tuple[Stage, bool, dict[str, int]]:
    fence, mask = request.param
    settings = {"secure_timeout_ms": "9000"}
    if fence in ("tones", "mute"):
        settings |= {"fence": f'"{fence}"'}
    if fence == "no fence":
        settings |= {"fence": '"unsafe-off"', "dtmf_info": "true"}
    stage = open_stage(suite=BASELINE, settings=settings, partner={"mask": mask == "mask"})
    return stage, fence != "no fence", EXPECTED[request.param]


@pytest.mark.parametrize("method", ["rfc4733", "inband", "info"])
def test_what_the_agent_receives_while_media_is_at_the_partner(
    barriers: tuple[Stage, bool, dict[str, int]], method: Method
) -> None:
    stage, fenced, expected = barriers
    call = stage.call(method)
    call.dial()
    stage.desk.press(call.reference, "secure")
    moved = stage.desk.wait(
        call.reference,
        lambda now: all(now["evidence"][fact] for fact in ("partner", "customer_leg", "agent_leg")),
        "both legs at the partner",
    )
    if fenced:
        stage.desk.wait_state(call.reference, "secured")
    else:
        assert moved["state"] == "securing", "a line without a fence is never called secured"
    stage.ear.mark("there")
    stage.customer.press(KEYS, method, duration_ms=120, gap_ms=120)
    time.sleep(0.3)  # what is delayed on its way counts too
    stage.ear.mark("end")
    heard = stage.ear.heard("there", "end")
    muted = read(stage.world.workspace.deployment).fence == "mute"
    assert heard.listened is not muted, heard
    assert {"rfc4733": heard.events, "inband": heard.tones, "info": heard.infos}[method] == expected[
        method
    ], heard
    assert heard.keys == expected[method], heard
    stage.desk.press(call.reference, "cancel")
    stage.desk.wait_state(call.reference, "ready")
    call.hang_up()
