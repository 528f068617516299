"""The leak table from before the press to after the call is restored: what the customer presses, and what the agent gets.

The customer presses in four ways at each moment, and the partner sends INFO. The partner is a relay that passes on what it hears while it has both legs, once
as it comes (the fence alone) and once through the sandbox's mask.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Iterator

import pytest

from bench.bleed_sound import WAYS, Tick, pressed
from callseal.audit.tones import ToneDetector
from callseal.sandbox.media.mask import Held, ToneMask
from callseal.wire.dtmf import DTMF, DTMF_RELAY
from callseal.wire.g711 import decode_ulaw, encode_ulaw
from callseal.wire.rtp import RtpPacket
from tests.integration.router.conftest import MakeRig
from tests.integration.router.rig import CUSTOMER, Rig
from tests.integration.router.story import Story, inbound
from tests.integration.router.test_refused import refuse
from tests.support import leak_table
from tests.support.rtp_talker import Talker

pytestmark = pytest.mark.integration

KEYS = "5"
WAYS_HERE = {
    "RFC 4733": "RFC 4733",
    "type never agreed": "RFC 4733, type never agreed",
    "in-band": "in-band, 100 ms",
    "in-band and RFC 4733": "in-band and RFC 4733",
}
INFO = "SIP INFO"
COLUMNS = (*WAYS_HERE, INFO)
HELD = (
    "press: held",
    "a secure was refused: held",
    "between the two re-INVITEs",
    "between the two restoring re-INVITEs",
    "both legs home, hold not lifted",
)
AT_PARTNER = ("capturing", "a way home was refused", "rtpengine died, both legs secured anew")
ROWS = (
    "before",
    *HELD[:3],
    *(f"{moment}, {whose}" for moment in AT_PARTNER for whose in ("fence alone", "fence and mask")),
    *HELD[3:],
    "restored",
)


class Relay:
    """The partner between its two legs: everything of the customer goes on to the agent, or what the mask leaves of it."""

    def __init__(self, rig: Rig) -> None:
        self._from, self._to = rig.partner_customer_media, rig.partner_agent_media
        self._mask: ToneMask | None = None
        self._held: deque[Held] = deque()

    def start(self, *, masked: bool) -> None:
        self._mask = ToneMask() if masked else None
        self._held.clear()
        self._to.relaying = True
        self._from.relay = self._take

    def stop(self) -> None:
        self._from.relay, self._to.relaying = None, False

    def _take(self, packet: RtpPacket) -> None:
        if self._mask is None:
            self._to.pass_on(packet)
            return
        held = self._mask.take(packet)
        if held is None:
            return
        self._held.append(held)
        while len(self._held) > 1:
            self._to.pass_on(self._held.popleft().leaving())


def sounds(name: str) -> Iterator[Tick]:
    (way,) = (way for way in WAYS if way.name == WAYS_HERE[name])
    yield from pressed(way, KEYS, random.Random(name))


def keys_of(listener: Talker) -> int:
    """Keys and pieces of keys that this phone received, in any form."""
    detector = ToneDetector()
    events = tones = 0
    for packet in listener.heard():
        if packet.payload_type == 0:
            tones += len(detector.hear(decode_ulaw(packet.payload)))
        else:
            events += 1
    return events + tones


def press_and_look(story: Story, row: str, found: dict[tuple[str, str], str]) -> None:
    """Press in every way, and note what the agent received of it."""
    rig = story.rig
    for name in WAYS_HERE:
        rig.agent_media.clear()
        rig.customer_media.play(sounds(name))
        rig.customer_media.say([bytes([CUSTOMER]) * 160] * 4)
        found[row, name] = leak_table.cell(leaks=keys_of(rig.agent_media) > 0)
        if row in HELD:
            assert rig.agent_media.voices(CUSTOMER) == 0, (row, "not even the voice")
    found[row, INFO] = leak_table.cell(leaks=info_passes(story))


def info_passes(story: Story) -> bool:
    """A partner that sends the keys on as INFO."""
    came = len([m for m in story.rig.platform.heard if m.method == "INFO"])
    for kind, body in ((DTMF_RELAY, "Signal=5\r\nDuration=100\r\n"), (DTMF, "5")):
        cseq = story.partner_agent.request("INFO", body=body, content_type=kind)
        assert story.partner_agent.answered(cseq, "INFO").status == 200
    return len([m for m in story.rig.platform.heard if m.method == "INFO"]) > came


def press(story: Story) -> None:
    """What the edge agent does when the agent presses Secure."""
    for command in ("block DTMF", "block media"):
        story.rig.ask_rtpengine(
            command,
            **{"call-id": f"{story.carrier.call_id}.customer", "label": "carrier", "flags": ["directional"]},
        )


def moments(story: Story, rows: tuple[str, ...] = ROWS) -> dict[tuple[str, str], str]:
    """The whole call, and what arrives in those rows of it."""
    rig, relay = story.rig, Relay(story.rig)
    found: dict[tuple[str, str], str] = {}

    def look(row: str) -> None:
        if row in rows:
            press_and_look(story, row, found)

    def at_partner(moment: str) -> None:
        for masked in (False, True):
            relay.start(masked=masked)
            rig.customer_media.say([bytes([CUSTOMER]) * 160] * 4)
            look(f"{moment}, {'fence and mask' if masked else 'fence alone'}")
        relay.stop()
        time.sleep(0.1)  # what a filter still held was said before

    story.everybody_talks()
    look("before")
    press(story)
    time.sleep(0.1)  # what was on its way; how long that takes is asked below
    look("press: held")
    refuse(story, "agent", rig.partner_agent_media.sdp(50), 491)
    rig.sink.wait_leg("agent", "undone", "home")
    look("a secure was refused: held")
    story.to_partner("agent")
    look("between the two re-INVITEs")
    story.to_partner("customer")
    at_partner("capturing")
    refuse(story, "customer", story.home["customer"], 491)
    rig.sink.wait_leg("customer", "undone", "partner")
    at_partner("a way home was refused")
    rig.rtpengine.kill()
    rig.restart_rtpengine()
    story.secure()
    at_partner("rtpengine died, both legs secured anew")
    # The anchors are new, so each leg must learn the other's address first, as after any node loss.
    answer = story.to_home("customer")
    story.home["agent"] = answer
    look("between the two restoring re-INVITEs")
    story.home["customer"] = story.to_home("agent")
    story.to_home("customer")
    look("both legs home, hold not lifted")
    story.release_hold()
    rig.agent_media.wait_voice(CUSTOMER)
    look("restored")
    story.hang_up()
    return found


@pytest.mark.compat
@pytest.mark.parametrize("policy", ["events", "tones", pytest.param("mute", marks=pytest.mark.soak)])
def test_every_moment(make_rig: MakeRig, policy: str) -> None:
    rig = make_rig(settings={"fence": f'"{policy}"'})
    found = moments(inbound(rig))
    leak_table.hold(f"moments {policy}", f"`{policy}`", ROWS, COLUMNS, found)
    for (row, column), value in found.items():
        assert value == leak_table.NOTHING or row in ("before", "restored") or "fence alone" in row, (
            row,
            column,
        )


@pytest.mark.compat
def test_a_tone_that_sounds_at_the_press_is_cut(make_rig: MakeRig) -> None:
    """From the moment the hold stands nothing is relayed any more: at most the packet that was on its way is heard."""
    rig = make_rig(settings={"fence": '"events"'})
    story = inbound(rig)
    story.everybody_talks()
    loud = encode_ulaw([8000, -8000] * 80)
    rig.agent_media.wait_voice(CUSTOMER)
    sounding = iter([loud] * 25)
    rig.customer_media.say(next(sounding) for _ in range(10))
    press(story)
    rig.agent_media.clear()
    rig.customer_media.say(sounding)
    assert sum(packet.payload == loud for packet in rig.agent_media.heard()) <= 1
