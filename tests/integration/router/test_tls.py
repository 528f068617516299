"""SIP over TLS: a whole call, who is believed, and who is sent away without a word."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from callseal.lab.authority import Authority
from callseal.lab.encryption import FACES, NAMES, TLS_PORT
from callseal.render import render
from tests.integration.router.conftest import MakeRig
from tests.integration.router.rig import AGENT, BLOCK, CUSTOMER, PARTNER_AGENT, PARTNER_CUSTOMER, Rig
from tests.integration.router.story import NUMBER, inbound, outbound
from tests.support.sip_peer import Dialog, SipPeer
from tests.support.tls_peer import Stream, TlsPeer, connect, context

pytestmark = pytest.mark.integration

ALL = frozenset(FACES)
UDP_CARRIER = ALL - {"carrier"}
EDGE = (BLOCK.kamailio, TLS_PORT)
NOW = datetime.fromtimestamp(time.time(), UTC)


@pytest.fixture(params=[UDP_CARRIER, ALL], ids=["carrier over UDP", "all over TLS"])
def mixed(request: pytest.FixtureRequest, make_rig: MakeRig) -> Rig:
    return make_rig(tls=request.param)


@pytest.fixture
def tls(make_rig: MakeRig) -> Rig:
    return make_rig(tls=UDP_CARRIER)


@pytest.mark.compat
def test_a_secured_call_in_every_dialog_direction(mixed: Rig) -> None:
    """ACK, re-INVITE and BYE both ways on both legs; the media goes where it always went."""
    story = inbound(mixed)
    story.everybody_talks()
    assert mixed.agent_media.wait_voice(CUSTOMER) >= 15
    story.secure()
    assert mixed.agent_media.wait_voice(PARTNER_AGENT) >= 15
    assert mixed.customer_media.wait_voice(PARTNER_CUSTOMER) >= 15
    story.restore()
    story.release_hold()
    assert mixed.customer_media.wait_voice(AGENT) >= 15
    # The far sides speak too: a refresh and a digit.
    for far, near, talker in (
        (story.carrier, story.partner_customer, mixed.customer_media),
        (story.platform, story.partner_agent, mixed.agent_media),
    ):
        cseq = far.request("INVITE", sdp=talker.sdp(50))
        near.reply(near.incoming("INVITE"), 200, sdp=mixed.partner_customer_media.sdp(51))
        assert far.answered(cseq).status == 200
        far.ack(cseq)
        near.incoming("ACK")
    story.hang_up()
    assert mixed.count("replies_refused") == 0
