"""Each barrier is seen to work alone, and each failure is seen to be caught."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.stage import Stage

pytestmark = pytest.mark.e2e

KEYS = "4242"
NONE, ALL = 0, len(KEYS)

# What of four keys the agent receives while secured. The fence of this version stops telephone-events and DTMF INFO; in-band
# tones are the mask's affair (docs/explanation/barriers.md).
EXPECTED = {
    ("fence", "mask"): {"rfc4733": NONE, "inband": NONE, "info": NONE},
    ("fence", "no mask"): {"rfc4733": NONE, "inband": ALL, "info": NONE},
    ("no fence", "mask"): {"rfc4733": NONE, "inband": NONE, "info": NONE},
    ("no fence", "no mask"): {"rfc4733": ALL, "inband": ALL, "info": ALL},
}


@pytest.fixture(scope="module", params=list(EXPECTED), ids=" and ".join)
def barriers(
    request: pytest.FixtureRequest, open_stage: Callable[..., Stage]
) -> tuple[Stage, dict[str, int]]:
    fence, mask = request.param
    settings = {"fence": '"events"'} if fence == "fence" else {"fence": '"unsafe-off"', "dtmf_info": "true"}
    return open_stage(settings=settings, partner={"mask": mask == "mask"}), EXPECTED[request.param]


@pytest.mark.parametrize("method", ["rfc4733", "inband", "info"])
def test_what_the_agent_receives_while_secured(barriers: tuple[Stage, dict[str, int]], method: str) -> None:
    stage, expected = barriers
    call = stage.call(method)
    call.dial()
    call.secure()
    stage.ear.mark("secured")
    stage.customer.press(KEYS, method, duration_ms=120, gap_ms=120)  # type: ignore[arg-type]
    stage.ear.mark("end")
    heard = stage.ear.heard("secured", "end")
    assert heard.packets > 30
    assert {"rfc4733": heard.events, "inband": heard.tones, "info": heard.infos}[method] == expected[
        method
    ], heard
    assert heard.keys == expected[method], heard
    stage.desk.press(call.reference, "release")
    stage.desk.wait_state(call.reference, "ready")
    call.hang_up()
