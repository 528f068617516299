from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callseal.sandbox.sip.sdp import OneSession, facing, origin, streams, with_origin

pytestmark = pytest.mark.unit


def sdp(version: int = 1, port: int = 4000, *, session: str = "7", direction: str = "sendrecv") -> str:
    return (
        f"v=0\r\no=- {session} {version} IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 0\r\na={direction}\r\n"
    )


def test_the_first_sdp_passes_untouched() -> None:
    assert OneSession().stamp(sdp(41)) == sdp(41)


def test_a_greater_version_of_the_same_session_passes_untouched() -> None:
    one = OneSession()
    one.stamp(sdp(1))
    assert one.stamp(sdp(5, 5000)) == sdp(5, 5000)
    assert one.stamp(sdp(5, 5000)) == sdp(5, 5000)


def test_an_sdp_of_another_session_becomes_the_next_version_of_ours() -> None:
    one = OneSession()
    one.stamp(sdp(3))
    assert one.stamp(sdp(1, 5000, session="99")) == sdp(4, 5000)
    assert one.stamp(sdp(3)) == sdp(5)
    assert one.stamp(sdp(3)) == sdp(5)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(4000, 4003), st.sampled_from("78")), max_size=12))
def test_one_session_and_a_version_that_grows_with_every_change(sent: list[tuple[int, int, str]]) -> None:
    one = OneSession()
    seen = [one.stamp(sdp(version, port, session=session)) for version, port, session in sent]
    for before, after in pairwise(seen):
        first, second = origin(before), origin(after)
        assert first is not None
        assert second is not None
        assert (first.username, first.session, first.address) == (
            second.username,
            second.session,
            second.address,
        )
        if streams(before) == streams(after):
            assert second.version >= first.version
        else:
            assert second.version > first.version


def test_what_is_no_sdp_is_left_alone() -> None:
    assert OneSession().stamp("hello") == "hello"
    assert streams("hello") == ()


def test_streams_prefer_the_media_address() -> None:
    text = sdp().replace("a=sendrecv", "c=IN IP4 192.0.2.9\r\na=sendrecv")
    assert streams(text) == (("192.0.2.9", 4000, ()),)
    keyed = text + "a=crypto:1 x inline:y\r\n"
    assert streams(keyed) == (("192.0.2.9", 4000, ("1 x inline:y",)),)


def test_line_ends_stay() -> None:
    bare = sdp().replace("\r\n", "\n")
    found = origin(bare)
    assert found is not None
    assert with_origin(bare, found) == bare
    assert with_origin(sdp(), found) == sdp()


@pytest.mark.parametrize(
    ("offered", "answered"),
    [("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive"), ("sendrecv", "sendrecv")],
)
def test_an_answer_faces_its_offer(offered: str, answered: str) -> None:
    assert facing(sdp(), sdp(direction=offered)) == sdp(direction=answered)
