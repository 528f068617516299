"""What a bench reads of a SIP message."""

from __future__ import annotations

import pytest

from bench.sip_message import SipMessage

pytestmark = pytest.mark.unit

INVITE = (
    b"INVITE sip:+442079460123@edge SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1\r\nRecord-Route: <sip:a;lr>\r\n"
    b"Record-Route: <sip:b;lr>\r\nTo: <sip:x>;tag=1\r\nCSeq: 7 INVITE\r\n\r\nv=0\r\n"
)


def test_a_request_in_parts() -> None:
    message = SipMessage.parse(INVITE)
    assert (message.method, message.cseq, message.status, message.in_dialog) == ("INVITE", 7, 0, True)
    assert message.all("record-route") == ["<sip:a;lr>", "<sip:b;lr>"]
    assert message.body == "v=0\r\n"


def test_a_reply_in_parts() -> None:
    message = SipMessage.parse(b"SIP/2.0 491 Request Pending\r\nCSeq: 8 INVITE\r\nTo: <sip:x>\r\n\r\n")
    assert (message.status, message.method, message.in_dialog) == (491, "INVITE", False)
