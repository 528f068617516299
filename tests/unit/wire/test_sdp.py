"""SDP: text comes back as it was, and the questions the router's people ask are answered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callseal.wire.sdp import SessionDescription

pytestmark = pytest.mark.unit

OFFER = (
    "v=0\r\n"
    "o=- 17900 3 IN IP4 127.88.0.10\r\n"
    "s=-\r\n"
    "c=IN IP4 127.88.0.10\r\n"
    "t=0 0\r\n"
    "a=recvonly\r\n"
    "m=audio 20000 RTP/AVP 0 8 101\r\n"
    "i=voice\r\n"
    "a=rtpmap:101 telephone-event/8000\r\n"
    "a=rtpmap:0 PCMU/8000\r\n"
    "a=fmtp:101 0-15\r\n"
    "a=label:carrier\r\n"
    "m=video 0 RTP/AVP 31\r\n"
    "c=IN IP6 2001:db8::1\r\n"
    "a=inactive\r\n"
)


def test_questions() -> None:
    offer = SessionDescription.parse(OFFER)
    assert offer.version == 3
    audio = offer.audio
    assert audio is not None
    assert (audio.kind, audio.address, audio.port, audio.protocol) == (
        "audio",
        "127.88.0.10",
        20000,
        "RTP/AVP",
    )
    assert audio.formats == ("0", "8", "101")
    assert audio.direction == "recvonly"
    assert audio.codecs == {0: "PCMU/8000", 101: "telephone-event/8000"}
    assert audio.attributes("label") == ("carrier",)
    assert not audio.held
    video = offer.media[1]
    assert (video.address, video.port, video.direction, video.held) == ("2001:db8::1", 0, "inactive", True)


def test_text_comes_back() -> None:
    assert str(SessionDescription.parse(OFFER)) == OFFER
    assert bytes(SessionDescription.parse(OFFER.replace("\r\n", "\n").encode())) == OFFER.encode()


lines = st.lists(
    st.tuples(
        st.sampled_from("abikstu"),
        st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])),
    ),
    max_size=8,
)


@given(lines)
def test_whatever_stands_between_is_kept(some: list[tuple[str, str]]) -> None:
    text = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n" + "".join(f"{kind}={value}\r\n" for kind, value in some)
    assert str(SessionDescription.parse(text)) == text


def test_hold_the_old_way() -> None:
    old = SessionDescription.parse(
        OFFER.replace("a=recvonly", "a=sendrecv").replace("c=IN IP4 127.88.0.10", "c=IN IP4 0.0.0.0")
    )
    assert old.media[0].held


def test_a_section_can_be_moved() -> None:
    audio = SessionDescription.parse(OFFER).media[0].moved("192.0.2.9", 30002)
    assert (audio.address, audio.port, audio.codecs[101]) == ("192.0.2.9", 30002, "telephone-event/8000")
    assert [kind for kind, _ in audio.lines[:3]] == ["m", "i", "c"]
    video = SessionDescription.parse(OFFER).media[1].moved("192.0.2.9", 30004)
    assert [value for kind, value in video.lines if kind == "c"] == ["IN IP4 192.0.2.9"]
    assert audio.moved("2001:db8::2", 4).address == "2001:db8::2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "form x=value"),
        ("v=0\r\ns=-\r\n", "begin with v= and o="),
        ("v=0\r\no=- 1 x IN IP4 h\r\n", "o= line"),
        ("v=0\r\no=- 1 1 IN IP4 h\r\nc=IN IP4\r\n", "c= line"),
        ("v=0\r\no=- 1 1 IN IP4 h\r\nm=audio x RTP/AVP 0\r\n", "m= line"),
        ("v=0\r\no=- 1 1 IN IP4 h\r\nm=audio 1 RTP/AVP\r\n", "m= line"),
        ("v=0\r\n\r\n", "form x=value"),
    ],
)
def test_broken_descriptions_say_why(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SessionDescription.parse(text)
