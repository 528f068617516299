"""Real frames of each codec through the edge: at home, and while secured, when the customer's go to the partner and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.bleed_sound import Out
from callseal.audit.codecs import encode
from tests.integration.router.hearing import fence_stands, heard_at_home, heard_while_secured
from tests.integration.router.rig import Rig
from tests.integration.router.story import inbound
from tests.integration.router.test_what_passes import with_codecs
from tests.support.call_capture import tones
from tests.support.rtp_talker import Talker

pytestmark = pytest.mark.integration

CODECS = {"OPUS": 111, "G722": 9, "PCMA": 8}
ALL = "111 9 8 0 101"
"""Payload types; the voices of all other tests are PCMU."""


@contextmanager
def speaking_all_of_them(rig: Rig) -> Iterator[None]:
    """Every SDP of every side names the four codecs."""
    for talker in rig.talkers:
        talker.sdp = lambda *version, said=talker.sdp, **more: with_codecs(said(*version, **more))  # type: ignore[method-assign]
    try:
        yield
    finally:
        for talker in rig.talkers:
            del talker.sdp


def sent(talker: Talker, codec: str, keys: str) -> list[bytes]:
    """Says the tones of these keys in that codec: the payloads."""
    frames = list(encode(codec, tones(keys)))
    talker.play([(Out(CODECS[codec], frame),) for frame in frames])
    return frames


def arrived(talker: Talker, codec: str, frames: list[bytes]) -> bool:
    """Whether all of these frames came, in order, within two seconds."""
    deadline = time.monotonic() + 2
    while heard(talker, codec) != frames and time.monotonic() < deadline:
        time.sleep(0.01)
    return heard(talker, codec) == frames


def heard(talker: Talker, codec: str) -> list[bytes]:
    return [one.payload for one in talker.heard() if one.payload_type == CODECS[codec]]


def test_frames_of_each_codec_at_home_and_while_secured(rig: Rig) -> None:
    with speaking_all_of_them(rig):
        story = inbound(rig)
        assert story.leg2_invite is not None
        assert ALL in story.leg2_invite.body
        assert ALL in story.at_carrier
        story.everybody_talks()
        heard_at_home(story)
        for codec in CODECS:
            assert arrived(rig.agent_media, codec, sent(rig.customer_media, codec, "4"))
            assert arrived(rig.customer_media, codec, sent(rig.agent_media, codec, "2"))
        story.secure()
        assert ALL in story.at_carrier
        assert ALL in story.at_platform
        heard_while_secured(story)
        for talker in rig.talkers:
            talker.clear()
        for codec in CODECS:
            assert arrived(rig.partner_customer_media, codec, sent(rig.customer_media, codec, "4"))
            assert heard(rig.agent_media, codec) == []
        for codec in CODECS:
            assert arrived(rig.agent_media, codec, sent(rig.partner_agent_media, codec, "2"))
            assert arrived(rig.customer_media, codec, sent(rig.partner_customer_media, codec, "6"))
        fence_stands(story)
