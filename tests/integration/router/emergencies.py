"""An agent calls for help, by each of the names that an emergency call may have."""

from __future__ import annotations

from tests.integration.router.rig import Rig
from tests.support.sip_peer import Dialog


def emergency_goes_out(rig: Rig) -> None:
    """The carrier, which is busy, gets each of them, and its answer comes back."""
    for named in ("sip:112@{}", "urn:service:sos", "sip:112;phone-context=+44@{}"):
        sos = Dialog.new(rig.platform, named.format(rig.kamailio.sip[0]), user="alice")
        cseq = sos.request("INVITE", sdp=rig.agent_media.sdp())
        invite = rig.carrier.expect(
            lambda m: m.is_request and m.method == "INVITE" and m.uri.startswith("sip:112"), "emergency call"
        )
        rig.carrier.reply(invite, 486, tag="x")
        assert (named, sos.answered(cseq).status) == (named, 486)
