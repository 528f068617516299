"""A proof that cannot fail proves nothing: deployments broken on purpose, and the proof that goes red for each.

| broken | seen by |
|---|---|
| the fence is off | here |
| the way home begins without a hold: media before its guard | here |
| the partner's order of re-INVITEs is not what the edge expects | `test_secure.py`: both orders must be silent, and are |
| the learning flags are off | `test_secure.py`, `test_leak_is_seen_without_the_flags` |
| `detect-DTMF` is missing, the tone filter is missing | `test_fence.py`, `tests/integration/fence/test_cells.py` |
| the partner's mask is off | `tests/integration/fence/test_cells.py`, `tests/e2e/leak_matrix` |
| rtpengine logs at level 7 | `tests/integration/fence/test_cells.py` |
"""

from __future__ import annotations

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.rig import CUSTOMER
from tests.integration.router.story import inbound
from tests.integration.router.test_leak_moments import ROWS, moments
from tests.support import leak_table

pytestmark = pytest.mark.integration


def test_a_fence_that_is_off_turns_the_table_red(make_rig: MakeRig) -> None:
    rows = tuple(row for row in ROWS if "fence alone" in row)
    found = moments(inbound(make_rig(settings={"fence": '"unsafe-off"'})), rows)
    said = leak_table.read("moments events")
    red = {place for place, value in found.items() if value != said[place]}
    assert {(row, "RFC 4733") for row in rows} == red


def test_a_way_home_without_a_hold_turns_the_table_red(make_rig: MakeRig) -> None:
    """The customer is heard as soon as both legs are home, whatever the desk thinks of it."""
    unguarded = ("$var(lost) != 1 && !route(HOLD)", "$var(lost) == 2 && !route(HOLD)")
    rig = make_rig(edits=(unguarded,))
    story = inbound(rig)
    story.everybody_talks()
    story.secure()
    story.restore()
    assert rig.agent_media.wait_voice(CUSTOMER) >= 15
    rig.agent_media.clear()
    rig.customer_media.press()
    rig.agent_media.wait_voice(CUSTOMER)
    assert rig.agent_media.events() > 0
    assert (
        leak_table.read("moments events")["both legs home, hold not lifted", "RFC 4733"] == leak_table.NOTHING
    )
