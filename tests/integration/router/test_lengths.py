"""Where a length ends: the last one that passes, and the first one that does not."""

from __future__ import annotations

import pytest

from tests.integration.router.rig import Rig
from tests.integration.router.story import inbound
from tests.support.rtp_talker import sdp
from tests.support.sip_peer import Dialog

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("call_id", "status"),
    [("c" * 200, 404), ("c" * 201, 400), ("c\x7fd", 400), ("c" * 100 + "\xe9", 400)],
    ids=["200", "201", "control", "beyond ASCII"],
)
def test_call_id(rig: Rig, call_id: str, status: int) -> None:
    """An unknown number is 404: whoever hears that has passed the look at the Call-ID."""
    dialog = Dialog.new(rig.carrier, f"sip:+15550001111@{rig.kamailio.sip[0]}", call_id=call_id)
    assert dialog.answered(dialog.request("INVITE", sdp=sdp(rig.carrier.address, 4000))).status == status


def test_the_longest_token(rig: Rig) -> None:
    inbound(rig, token="t" * 256)
    assert rig.sink.handoffs[0]["token"] == "t" * 256
