from __future__ import annotations

import pytest

from callseal.phones.offer import with_event_payload_type

pytestmark = pytest.mark.unit

SDP = (
    "v=0\r\no=- 120 120 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 20120 RTP/AVP 0 8 120\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
    "a=rtpmap:120 telephone-event/8000\r\na=fmtp:120 0-16\r\na=ssrc:120 cname:x\r\n"
)


def test_only_the_payload_type_changes() -> None:
    assert with_event_payload_type(SDP, 101) == SDP.replace("0 8 120\r\n", "0 8 101\r\n").replace(
        "rtpmap:120", "rtpmap:101"
    ).replace("fmtp:120", "fmtp:101")


def test_first_and_middle_place_in_the_media_line() -> None:
    assert "AVP 101 0 8\r" in with_event_payload_type(SDP.replace("0 8 120\r", "120 0 8\r"), 101)
    assert "AVP 0 101 8\r" in with_event_payload_type(SDP.replace("0 8 120\r", "0 120 8\r"), 101)


@pytest.mark.parametrize("sdp", [SDP.replace("telephone-event", "other"), SDP.replace("120", "101")])
def test_nothing_to_do(sdp: str) -> None:
    assert with_event_payload_type(sdp, 101) == sdp


def test_taken_number_is_refused() -> None:
    with pytest.raises(ValueError, match="taken"):
        with_event_payload_type(SDP + "a=rtpmap:101 speex/8000\r\n", 101)
