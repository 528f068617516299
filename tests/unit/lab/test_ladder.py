"""The ladder says what was heard, and nothing else."""

from __future__ import annotations

import pytest

from callseal.lab.ladder import Ladder, Pen
from callseal.lab.sip_tap import SipMessage, parse

pytestmark = pytest.mark.unit

NAMES = {"127.1.1.10": "carrier", "127.1.1.20": "edge", "127.1.1.30": "partner", "127.1.1.40": "platform"}
INVITE = (
    b"INVITE sip:1@127.1.1.20 SIP/2.0\r\nVia: SIP/2.0/UDP 127.1.1.10;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:1@b>\r\n"
    b"Call-ID: abc@127.1.1.10\r\nCSeq: 7 INVITE\r\nX-Payment-Token: secret\r\nContent-Type: application/sdp\r\n\r\n"
    b"v=0\r\nc=IN IP4 127.1.1.31\r\nm=audio 30002 RTP/AVP 0\r\n"
)


def ladder() -> Ladder:
    return Ladder(NAMES, Pen(), token_header="X-Payment-Token")


def message(
    payload: bytes = INVITE, source: str = "127.1.1.10", destination: str = "127.1.1.20"
) -> SipMessage:
    found = parse(payload, source, destination, at=5.0)
    assert found is not None
    return found


def test_a_request_keeps_what_the_ladder_needs_and_no_token() -> None:
    found = message()
    assert (found.method, found.status, found.cseq, found.call_id) == ("INVITE", None, 7, "abc@127.1.1.10")
    assert found.media == ("127.1.1.31", 30002)
    assert not found.in_dialog
    assert "secret" not in repr(found)


def test_keep_alives_are_no_messages() -> None:
    assert parse(b"\r\n\r\n", "127.1.1.10", "127.1.1.20", at=0.0) is None


def test_an_arrow_points_from_sender_to_receiver_and_marks_the_token() -> None:
    line = ladder().draw(message())
    assert line is not None
    assert "INVITE + token" in line
    assert line.rstrip().count("▶") == 1
    back = ladder().draw(
        message(
            INVITE.replace(b"INVITE sip:1@127.1.1.20 SIP/2.0", b"SIP/2.0 200 OK"), "127.1.1.40", "127.1.1.20"
        )
    )
    assert back is not None
    assert "200 INVITE" in back
    assert "◀" in back


def test_a_request_inside_a_dialog_is_a_re_invite() -> None:
    assert message(INVITE.replace(b"To: <sip:1@b>", b"To: <sip:1@b>;tag=2")).label == "re-INVITE"


@pytest.mark.parametrize("first", [b"SIP/2.0 100 Trying", b"SIP/2.0 180 Ringing"])
def test_what_a_reader_can_do_without_is_not_drawn(first: bytes) -> None:
    assert ladder().draw(message(INVITE.replace(b"INVITE sip:1@127.1.1.20 SIP/2.0", first))) is None


def test_ascii_where_the_terminal_has_nothing_better() -> None:
    line = Ladder(NAMES, Pen.for_encoding("ANSI_X3.4-1968"), "X-T").draw(message())
    assert line is not None
    assert line.isascii()
