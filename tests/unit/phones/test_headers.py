from __future__ import annotations

import pytest

from callseal.phones.headers import header_lines, shown_headers

pytestmark = pytest.mark.unit

INVITE = (
    "INVITE sip:a@b SIP/2.0\r\n"
    "v: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\n"
    "f: <sip:c@d>;tag=1\r\n"
    "X-Call-Reference: abc\r\n"
    "X-Payment-Token: secret\r\n"
    "Subject: one\r\n"
    "  two\r\n"
    "Diversion: <sip:1@x>\r\n"
    "Diversion: <sip:2@x>\r\n"
    "\r\n"
    "v=0\r\n"
    "X-Not-A-Header: body\r\n"
)


def test_names_always_values_only_when_allowed() -> None:
    shown = shown_headers(INVITE, ["x-call-reference", "From", "Subject", "Diversion"])
    assert shown == {
        "Via": None,
        "From": "<sip:c@d>;tag=1",
        "X-Call-Reference": "abc",
        "X-Payment-Token": None,
        "Subject": "one two",
        "Diversion": "<sip:1@x>, <sip:2@x>",
    }


def test_body_is_not_headers() -> None:
    assert "X-Not-A-Header" not in dict(header_lines(INVITE))


def test_bare_newlines_are_read_too() -> None:
    assert dict(header_lines("SIP/2.0 200 OK\nTo: x\n\nv=0")) == {"To": "x"}
