"""What a carrier is trusted with: payments, and what it says about the caller."""

from __future__ import annotations

import pytest

from tests.integration.router.conftest import MakeRig
from tests.integration.router.rig import Rig
from tests.integration.router.story import NUMBER, inbound
from tests.integration.router.test_partner_down import connect_out, dial_out
from tests.support.sip_peer import Dialog

pytestmark = pytest.mark.integration

SAID = {
    "P-Asserted-Identity": "<sip:+447700900123@carrier.example>",
    "Diversion": "<sip:+441632960000@carrier.example>;reason=unconditional",
    "History-Info": "<sip:+441632960000@carrier.example>;index=1",
    "Identity": "eyJhbGciOiJFUzI1NiJ9..x;info=<https://cert.example/a>;alg=ES256;ppt=shaken",
    "Privacy": "id",
    "X-Anything": "passes",
}
HEADERS = tuple(f"{name}: {value}" for name, value in SAID.items())


def test_what_a_carrier_says_about_the_caller_passes(rig: Rig) -> None:
    story = inbound(rig, carrier_headers=HEADERS)
    assert story.leg1_invite is not None
    assert {name: story.leg1_invite.get(name) for name in SAID} == SAID


@pytest.mark.compat
def test_headers_that_are_not_allowed_are_removed_and_counted(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"carriers.headers": '["P-Asserted-Identity"]'})
    before = rig.count("headers_removed")
    story = inbound(rig, carrier_headers=(*HEADERS, "y: compact", "diversion: <sip:1@x>"))
    assert story.leg1_invite is not None
    kept = {name for name in SAID if story.leg1_invite.get(name)}
    assert kept == {"P-Asserted-Identity", "Privacy", "X-Anything"}
    assert story.leg1_invite.all("y") == []
    assert rig.count("headers_removed") == before + 1
    # In the dialog, and in replies, too.
    cseq = story.carrier.request("INFO", headers=HEADERS)
    info = story.partner_customer.incoming("INFO")
    assert (info.get("Diversion"), info.get("P-Asserted-Identity")) == ("", SAID["P-Asserted-Identity"])
    story.partner_customer.reply(info, 200)
    story.carrier.answered(cseq, "INFO")
    asked = story.partner_customer.request("INFO")
    request = story.carrier.incoming("INFO")
    story.carrier.reply(request, 200, headers=HEADERS)
    answer = story.partner_customer.answered(asked, "INFO")
    assert (answer.get("Identity"), answer.get("X-Anything")) == ("", "passes")


def test_other_faces_are_not_meant(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"carriers.headers": "[]"})
    platform = Dialog.new(rig.platform, f"sip:+447700900555@{rig.kamailio.sip[0]}", user=NUMBER)
    platform.request("INVITE", sdp=rig.agent_media.sdp(), headers=HEADERS)
    invite = rig.partner.expect_request("INVITE")
    assert invite.get("Diversion") == SAID["Diversion"]
    rig.partner.reply(invite, 486, tag="x")


def test_call_out_over_a_carrier_without_payments_goes_past_the_partner(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"carriers.payments": "false"})
    platform, cseq = dial_out(rig, "+447700900555")
    connect_out(rig, platform, cseq)
    assert rig.partner.untaken("INVITE") == []
    assert rig.sink.handoffs[0]["reason"] == "carrier_not_trusted"
    rig.sink.forget()
    platform, cseq = dial_out(rig, "112", user="alice")
    connect_out(rig, platform, cseq)
    assert rig.sink.handoffs[0]["reason"] == "payments_off"
