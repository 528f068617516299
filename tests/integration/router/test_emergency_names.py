"""Emergency calls by other names: service URNs (RFC 5031), and numbers with what may stand around them (RFC 3966)."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator

import pytest

from tests.integration.router.rig import Rig
from tests.integration.router.story import NUMBER
from tests.integration.router.test_partner_down import connect_out
from tests.support.sip_peer import Dialog

pytestmark = [pytest.mark.integration, pytest.mark.compat]

ALONE = {
    "urn:service:sos",
    "URN:Service:SOS",
    "urn:service:sos.fire",
    "urn:service:sos.country-specific.xy.110",
    "sip:%3112@{edge}",
    "sip:1-1-2@{edge}",
    "tel:112",
    "sip:112;a=b?c@{edge}",
    "sip:112;a=" + "b" * 250 + "@{edge}",
}
"""What of these reaches the carrier is the number."""
WITH_PARAMETERS = {
    "sip:112;phone-context=+44@{edge}": ";phone-context=+44",
    "sip:112;phone-context=+44@{edge};user=phone": ";phone-context=+44",
    "sip:112;phone-context=example.com@{edge};user=dialstring": ";phone-context=example.com",
    "tel:112;phone-context=+442079460000": ";phone-context=+442079460000",
    "TEL:1.1.2;isub=7;phone-context=+44": ";isub=7;phone-context=+44",
}
NONE = [
    "urn:service:counseling",
    "urn:service:test.sos",
    "urn:service:sosx",
    "urn:service:sos.",
    "urn:service:sos..fire",
    "urn:service:sos" + ".fire" * 60,
    "urn:nena:service:sos",
    "urn:example:sos",
    "sip:sos@{edge}",
    "sip:112%00@{edge}",
    "sip:112x@{edge}",
    "sip:;phone-context=+44@{edge}",
    "sip:{edge}",
    "sip:%2B447700900555@{edge}",
    "sip:+447700900555;phone-context=+44@{edge}",
    "tel:++112",
]


def call(rig: Rig, named: str, *, branch: str = "") -> tuple[Dialog, int]:
    """The platform's call by that name, of the agent whose own number takes payments."""
    platform = Dialog.new(rig.platform, named.format(edge=rig.kamailio.sip[0]), user=NUMBER)
    return platform, platform.request("INVITE", sdp=rig.agent_media.sdp(), branch=branch)


def goes_out_as(rig: Rig, named: str) -> str:
    """The Request-URI of it at the carrier, which is busy."""
    platform, cseq = call(rig, named)
    invite = rig.carrier.expect_request("INVITE")
    rig.carrier.reply(invite, 486, tag="x")
    assert platform.answered(cseq).status == 486
    assert invite.get("To") == f"<{platform.target}>"
    assert invite.get("X-Route-Cookie") == ""
    return invite.uri


def test_by_whatever_name_it_goes_to_the_carrier_and_never_to_the_partner(rig: Rig) -> None:
    carrier = f"{rig.carrier.address}:5060"
    for named in ALONE:
        assert (named, goes_out_as(rig, named)) == (named, f"sip:112@{carrier}")
    for named, parameters in WITH_PARAMETERS.items():
        assert (named, goes_out_as(rig, named)) == (named, f"sip:112{parameters}@{carrier};user=phone")
    assert rig.partner.untaken("INVITE") == []


def test_a_whole_call_by_a_service_urn(rig: Rig) -> None:
    """Either side speaks in a dialog whose one end is called by a URN; the edge agent hears of a call of that number."""
    platform, cseq = call(rig, "urn:service:sos.fire")
    assert platform.remote == "<urn:service:sos.fire>"
    invite = connect_out(rig, platform, cseq)
    assert invite.uri.startswith("sip:112@")
    assert invite.get("To") == "<urn:service:sos.fire>", "what help is wanted is still said"
    handoff = rig.sink.handoffs[0]
    assert (handoff["number"], handoff["called"], handoff["reason"]) == ("112", "112", "payments_off")
    assert rig.partner.untaken("INVITE") == []


def test_it_can_be_given_up(rig: Rig) -> None:
    """A CANCEL has the Request-URI of its INVITE, which by then has another one on its other side."""
    branch = f"z9hG4bKsos{time.monotonic_ns()}"
    platform, cseq = call(rig, "urn:service:sos", branch=branch)
    invite = rig.carrier.expect_request("INVITE")
    carrier = Dialog.of(rig.carrier, invite)
    carrier.reply(invite, 180)
    platform.request("CANCEL", cseq=cseq, branch=branch)
    assert platform.answered(cseq, "CANCEL").status == 200
    cancel = rig.carrier.expect_request("CANCEL")
    assert cancel.uri == invite.uri
    rig.carrier.reply(cancel, 200)
    carrier.reply(invite, 487)
    assert platform.answered(cseq).status == 487


def test_what_is_no_emergency_call_is_404_and_reaches_nobody(rig: Rig) -> None:
    before = rig.count("unknown_number")
    for named in NONE:
        platform, cseq = call(rig, named)
        assert (named, platform.answered(cseq).status) == (named, 404)
    assert rig.count("unknown_number") == before + len(NONE)
    # What the parser of URIs does not take is malformed, as before.
    platform, cseq = call(rig, "sip:112;phone-context=[::1]@{edge}")
    assert platform.answered(cseq).status == 400
    # Nor does one come in, by whatever name.
    for named in ("urn:service:sos", "sip:112;phone-context=+44@{edge}"):
        carrier = Dialog.new(rig.carrier, named.format(edge=rig.kamailio.sip[0]), user=NUMBER)
        assert carrier.answered(carrier.request("INVITE")).status == 404
    assert [peer.untaken("INVITE") for peer in rig.peers] == [[], [], []]


@pytest.fixture
def list_numbers(rig: Rig) -> Iterator[Callable[[str, str], None]]:
    """Changes the rendered list of numbers while the edge runs."""
    numbers = rig.workspace.router / "data" / "numbers"
    was, ages = numbers.read_text(encoding="utf-8"), itertools.count(int(time.time()) + 2, 2)

    def change(old: str, new: str) -> None:
        assert old in was
        numbers.write_text(was.replace(old, new), encoding="utf-8")
        os.utime(numbers, (next(ages),) * 2)  # it is read again when it is newer, in whole seconds
        rig.rpc("mtree.reload", "numbers")

    yield change
    change("", "")


def test_a_service_may_have_a_number_of_its_own(rig: Rig, list_numbers: Callable[[str, str], None]) -> None:
    """What the list does not name is the service above it; where none has a number it is 404. A reload is enough."""
    rows = (rig.workspace.router / "data" / "numbers").read_text(encoding="utf-8").splitlines()
    (emergency,) = (row for row in rows if row.startswith("112:"))
    police = emergency.replace("112:", "110:")
    list_numbers("++:sos=112", f"{police}\n++:sos=112;sos.police=110")
    dialled = {
        "urn:service:sos": "112",
        "urn:service:sos.police": "110",
        "urn:service:sos.POLICE.municipal": "110",
        "urn:service:sos.policeman": "112",
        "urn:service:sos.fire": "112",
    }
    for named, number in dialled.items():
        assert (named, goes_out_as(rig, named)) == (named, f"sip:{number}@{rig.carrier.address}:5060")
    list_numbers("++:sos=112", f"{police}\n++:sos.police=110")
    assert goes_out_as(rig, "urn:service:sos.police").startswith("sip:110@")
    list_numbers("++:sos=112\n", "")
    for named in ("urn:service:sos", "urn:service:sos.police"):
        platform, cseq = call(rig, named)
        assert (named, platform.answered(cseq).status) == (named, 404)
    # A number that is no emergency number (any more) is not called by that name.
    list_numbers("++:sos=112", "++:sos=+442079460")
    platform, cseq = call(rig, "urn:service:sos")
    assert platform.answered(cseq).status == 404
    assert rig.partner.untaken("INVITE") == []
