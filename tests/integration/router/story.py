"""The call story as steps: two legs, the partner a B2BUA that passes SDP through, and media that moves on demand."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from callseal.wire.sdp import SessionDescription
from tests.integration.router.rig import Rig
from tests.support.rtp_talker import Talker
from tests.support.sip_peer import Dialog, Message

Leg = Literal["customer", "agent"]
NUMBER = "+442079460000"
TOKEN = "tok-" + "a1b2" * 8


def place(sdp: str) -> tuple[str, int]:
    """Where an SDP wants its audio."""
    audio = SessionDescription.parse(sdp).audio
    assert audio is not None, f"no audio in {sdp!r}"
    return audio.address, audio.port


@dataclass(slots=True)
class Story:
    """One call through the edge. `home` is what the partner was given of each leg: what it restores with."""

    rig: Rig
    carrier: Dialog
    partner_customer: Dialog
    partner_agent: Dialog
    platform: Dialog
    direction: Literal["in", "out"] = "in"
    version: int = 10
    home: dict[Leg, str] = field(default_factory=dict)
    leg2_invite: Message | None = None
    leg1_invite: Message | None = None

    @property
    def reference(self) -> str:
        return self.rig.sink.handoffs[0]["reference"]

    def far(self, leg: Leg) -> Dialog:
        return self.carrier if leg == "customer" else self.platform

    def near(self, leg: Leg) -> Dialog:
        """The partner's side of the leg."""
        return self.partner_customer if leg == "customer" else self.partner_agent

    def far_media(self, leg: Leg) -> Talker:
        return self.rig.customer_media if leg == "customer" else self.rig.agent_media

    def partner_media(self, leg: Leg) -> Talker:
        return self.rig.partner_customer_media if leg == "customer" else self.rig.partner_agent_media

    def everybody_talks(self) -> None:
        """Customer and agent talk to the address they were given last."""
        self.rig.customer_media.send_to(self.at_carrier)
        self.rig.agent_media.send_to(self.at_platform)

    at_carrier: str = ""
    at_platform: str = ""

    def offer(self, leg: Leg, sdp: str) -> int:
        """The partner's re-INVITE, sent only."""
        return self.near(leg).request("INVITE", sdp=sdp)

    def move(self, leg: Leg, sdp: str) -> str:
        """A whole re-INVITE of the partner, accepted; returns the SDP the partner is answered with."""
        cseq = self.offer(leg, sdp)
        far = self.far(leg)
        request = far.incoming("INVITE")
        self._seen(leg, request.body)
        far.reply(request, 200, sdp=self.far_media(leg).answer(request.body, self.next_version()))
        final = self.near(leg).answered(cseq)
        assert final.status == 200, final.start
        self.near(leg).ack(cseq)
        far.incoming("ACK")
        return final.body

    def _seen(self, leg: Leg, sdp: str) -> None:
        if leg == "customer":
            self.at_carrier = sdp
        else:
            self.at_platform = sdp
        if self.far_media(leg).target is not None:
            self.far_media(leg).send_to(sdp)

    def next_version(self) -> int:
        self.version += 1
        return self.version

    def to_partner(self, leg: Leg) -> str:
        """Move one leg's media to the partner, whose voice then talks on it."""
        talker = self.partner_media(leg)
        answer = self.move(leg, talker.sdp(self.next_version()))
        talker.send_to(answer)
        return answer

    def to_home(self, leg: Leg) -> str:
        """Move one leg's media back: the partner passes the other leg's SDP through again."""
        answer = self.move(leg, self.home[leg])
        self.partner_media(leg).target = None
        if "a=crypto:" in answer:
            # New keys: the other leg must be brought home with them.
            self.home["agent" if leg == "customer" else "customer"] = answer
        return answer

    def secure(self, first: Leg = "agent") -> None:
        second: Leg = "customer" if first == "agent" else "agent"
        self.to_partner(first)
        self.to_partner(second)

    def restore(self, first: Leg = "customer") -> None:
        second: Leg = "customer" if first == "agent" else "agent"
        given = self.home[first]
        self.to_home(first)
        self.to_home(second)
        if self.home[first] != given:
            self.to_home(first)

    def release_hold(self) -> None:
        """What the edge agent does on the desk's word."""
        for command in ("unblock DTMF", "unblock media"):
            self.rig.ask_rtpengine(
                command,
                **{
                    "call-id": f"{self.carrier.call_id}.customer",
                    "label": "carrier",
                    "flags": ["directional"],
                },
            )

    def hang_up(self) -> None:
        """The customer hangs up; the partner ends the other leg."""
        cseq = self.carrier.request("BYE")
        self.partner_customer.reply(self.partner_customer.incoming("BYE"), 200)
        assert self.carrier.answered(cseq, "BYE").status == 200
        cseq = self.partner_agent.request("BYE")
        self.platform.reply(self.platform.incoming("BYE"), 200)
        assert self.partner_agent.answered(cseq, "BYE").status == 200


def inbound(
    rig: Rig,
    *,
    sdp: str | None = None,
    token: str | None = TOKEN,
    same_call_id: bool = False,
    carrier_headers: tuple[str, ...] = (),
    second_headers_too: tuple[str, ...] = (),
    early_media: bool = False,
    number: str = NUMBER,
) -> Story:
    """Carrier -> partner -> platform, answered, with media flowing home."""
    carrier = Dialog.new(rig.carrier, f"sip:{number}@{rig.kamailio.sip[0]}")
    first = carrier.request(
        "INVITE", sdp=rig.customer_media.sdp() if sdp is None else sdp, headers=carrier_headers
    )
    leg1 = rig.partner.expect_request("INVITE")
    partner_customer = Dialog.of(rig.partner, leg1)
    rig.partner.reply(leg1, 100)

    partner_agent = second_leg(rig, leg1, same_call_id=same_call_id)
    headers = (*second_headers(leg1, token), *second_headers_too)
    second = partner_agent.request("INVITE", sdp=leg1.body, headers=headers)
    leg2 = rig.platform.expect_request("INVITE")
    platform = Dialog.of(rig.platform, leg2)
    if early_media:
        platform.reply(leg2, 183, sdp=rig.agent_media.sdp())
        ringing = partner_agent.provisional(183)
        partner_customer.reply(leg1, 183, sdp=ringing.body)
        carrier.provisional(183)
    platform.reply(leg2, 200, sdp=rig.agent_media.sdp())
    answer2 = partner_agent.answered(second)
    assert answer2.status == 200, answer2.start
    partner_customer.reply(leg1, 200, sdp=answer2.body)
    answer1 = carrier.answered(first)
    assert answer1.status == 200, answer1.start
    carrier.ack(first)
    partner_customer.incoming("ACK")
    partner_agent.ack(second)
    platform.incoming("ACK")
    rig.sink.wait(lambda sink: len(sink.handoffs) == 1, "hand-off")
    story = Story(rig, carrier, partner_customer, partner_agent, platform)
    story.home = {"customer": answer2.body, "agent": leg1.body}
    story.at_carrier, story.at_platform = answer1.body, leg2.body
    story.leg1_invite, story.leg2_invite = leg1, leg2
    return story


def outbound(
    rig: Rig,
    *,
    token: str | None = TOKEN,
    number: str = "+447700900555",
    user: str = NUMBER,
    switch: Callable[[], None] | None = None,
    keeps: Literal[0, 183, 200] = 0,
) -> Story:
    """Platform -> partner -> carrier, answered: the mirror. `user` is the number that it shows; `switch` is called between the 200s and their ACKs.
    With `keeps` both legs stay with the partner, which plays the ringing; the platform gets its first SDP with that status."""
    platform = Dialog.new(rig.platform, f"sip:{number}@{rig.kamailio.sip[0]}", user=user)
    first = platform.request("INVITE", sdp=rig.agent_media.sdp())
    leg1 = rig.partner.expect_request("INVITE")
    partner_agent = Dialog.of(rig.partner, leg1)
    rig.partner.reply(leg1, 100)

    if keeps == 183:
        partner_agent.reply(leg1, 183, sdp=rig.partner_agent_media.sdp())
        platform.provisional(183)
    partner_customer = second_leg(rig, leg1)
    offer = rig.partner_customer_media.sdp() if keeps else leg1.body
    second = partner_customer.request("INVITE", sdp=offer, headers=second_headers(leg1, token))
    leg2 = rig.carrier.expect_request("INVITE")
    carrier = Dialog.of(rig.carrier, leg2)
    if not keeps:
        carrier.reply(leg2, 180)
        partner_customer.provisional(180)
        partner_agent.reply(leg1, 180)
        ringing = platform.provisional(180)
        assert ringing.get("X-Call-Reference"), "180 without the reference"
    carrier.reply(leg2, 200, sdp=rig.customer_media.sdp())
    answer2 = partner_customer.answered(second)
    assert answer2.status == 200, answer2.start
    partner_agent.reply(leg1, 200, sdp=rig.partner_agent_media.sdp() if keeps else answer2.body)
    answer1 = platform.answered(first)
    assert answer1.status == 200, answer1.start
    if switch is not None:
        switch()
    platform.ack(first)
    partner_agent.incoming("ACK")
    partner_customer.ack(second)
    carrier.incoming("ACK")
    rig.sink.wait(lambda sink: len(sink.handoffs) == 1, "hand-off")
    story = Story(rig, carrier, partner_customer, partner_agent, platform, direction="out")
    story.home = {"agent": answer2.body, "customer": leg1.body}
    story.at_platform, story.at_carrier = answer1.body, leg2.body
    story.leg1_invite, story.leg2_invite = leg1, leg2
    if keeps:
        rig.partner_agent_media.send_to(leg1.body)
        rig.partner_customer_media.send_to(answer2.body)
    return story


def second_leg(rig: Rig, leg1: Message, *, same_call_id: bool = False) -> Dialog:
    """The partner's own dialog towards the edge; `same_call_id` keeps Call-ID and From tag of the first leg."""
    user = leg1.uri.partition("sip:")[2].partition("@")[0]
    dialog = Dialog.new(
        rig.partner, f"sip:{user}@{rig.kamailio.sip[0]}", call_id=f"b2b-{secrets.token_hex(8)}"
    )
    dialog.local = f"{leg1.get('From').partition(';tag=')[0]};tag=p.{secrets.token_hex(4)}"
    if same_call_id:
        dialog.call_id, dialog.local = leg1.call_id, leg1.get("From")
    return dialog


def second_headers(leg1: Message, token: str | None) -> tuple[str, ...]:
    headers = (f"X-Route-Cookie: {leg1.get('X-Route-Cookie')}",) if leg1.get("X-Route-Cookie") else ()
    return (*headers, f"X-Payment-Token: {token}") if token else headers


def only_the_partner_gets_keys(rig: Rig) -> None:
    """Customer and partner press; the customer's keys reach the partner, and nobody's the agent."""
    rig.agent_media.clear()
    rig.partner_agent_media.press(10)
    rig.customer_media.press(10)
    time.sleep(0.6)
    assert rig.partner_customer_media.events() > 0, "the customer's digits reach the partner"
    assert rig.agent_media.events() == 0, "the fence stands"


def greeted(rig: Rig) -> Story:
    """Carrier -> partner -> platform: it greets the caller, and the agent when there is one."""
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    first = carrier.request("INVITE", sdp=rig.customer_media.sdp())
    leg1 = rig.partner.expect_request("INVITE")
    partner_customer, partner_agent = Dialog.of(rig.partner, leg1), second_leg(rig, leg1)
    second = partner_agent.request(
        "INVITE", sdp=rig.partner_agent_media.sdp(), headers=second_headers(leg1, TOKEN)
    )
    leg2 = rig.platform.expect_request("INVITE")
    platform = Dialog.of(rig.platform, leg2)
    platform.reply(leg2, 200, sdp=rig.agent_media.sdp())
    answer2 = partner_agent.answered(second)
    partner_customer.reply(leg1, 200, sdp=rig.partner_customer_media.sdp())
    answer1 = carrier.answered(first)
    carrier.ack(first)
    partner_agent.ack(second)
    platform.incoming("ACK")
    story = Story(rig, carrier, partner_customer, partner_agent, platform)
    story.home = {"customer": answer2.body, "agent": leg1.body}
    story.at_carrier, story.at_platform = answer1.body, leg2.body
    rig.partner_customer_media.send_to(leg1.body)
    rig.partner_agent_media.send_to(answer2.body)
    return story
