"""plain.re lets nothing through that strict.cfg would refuse: what it matches, every expression of strict.cfg accepts, too."""

from __future__ import annotations

import ctypes
import locale
import re
from collections.abc import Iterator
from functools import cache

import pytest

from callseal.render import hand_written
from tests.support.sip_fuzz import Fuzz

pytestmark = pytest.mark.unit

SDP = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=rtcp:4001\r\na=sendrecv\r\n"
)
INVITE = (
    b'INVITE sip:+442079460000@192.0.2.20 SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bKx;rport\r\nFrom: "A. B." <sip:a@b>;tag=x\r\n'
    b"To: Desk 1 <sip:b@c>\r\nCall-ID: x@y\r\nCSeq: 1 INVITE\r\nContact: <sip:a@192.0.2.1:5061;transport=tls>;+sip.instance=1\r\n"
    b"Max-Forwards: 70\r\nUser-Agent: Any/1.0 (x)\r\nX-Any: 1\r\nContent-Type: application/sdp\r\nContent-Length: 187\r\n\r\n"
) + SDP
REPLY = INVITE.replace(INVITE.partition(b"\r\n")[0], b"SIP/2.0 200 OK").replace(
    b"\r\nFrom", b"\r\nVia: SIP/2.0/UDP hidden.invalid;branch=z9hG4bKy\r\nFrom"
)
ICASE_NOSUB = 1 | 2 | 8
"""REG_EXTENDED, REG_ICASE and REG_NOSUB of <regex.h>: what Kamailio compiles `=~` with."""


@pytest.fixture(autouse=True)
def as_in_kamailio() -> Iterator[None]:
    """Bytes are letters there: it sets no locale."""
    before = locale.setlocale(locale.LC_CTYPE)
    locale.setlocale(locale.LC_CTYPE, "C")
    yield
    locale.setlocale(locale.LC_CTYPE, before)


def group(number: int) -> re.Pattern[bytes]:
    """As regex.so puts it together: the lines of a group, any of them, each in brackets."""
    text = (hand_written() / "plain.re").read_bytes()
    body = text.partition(b"[%d]\n" % number)[2].partition(b"\n[")[0]
    lines = [line for line in body.split(b"\n") if line and line[:1] not in b"# \t"]
    assert lines
    assert all(len(line) < 495 for line in lines), "regex.so reads lines of 495 bytes"
    return re.compile(b"(%s)" % b"|".join(b"(%s)" % line.replace(rb"\z", rb"\Z") for line in lines))


def plain_head(message: bytes) -> bool:
    """Without a header that begins with X- (group 0), or with one (group 3)."""
    return bool(group(0).match(message) or group(3).match(message))


def _escaped(letters: str) -> str:
    """What Kamailio's reader makes of a backslash and these; before any other letter it leaves the backslash."""
    return {"r": "\r", "n": "\n", "t": "\t"}.get(
        letters, chr(int(letters[1:] or "0", 16)) if len(letters) > 1 else letters
    )


class Posix:
    """An expression of the configuration, in the C library's matcher."""

    def __init__(self, written: str) -> None:
        meant = re.sub(r'\\(x[0-9a-f]{2}|[rnt"\\])', lambda found: _escaped(found[1]), written)
        self._libc = ctypes.CDLL(None)
        self._compiled = ctypes.create_string_buffer(256)
        assert self._libc.regcomp(self._compiled, meant.encode("latin-1"), ICASE_NOSUB) == 0

    def __call__(self, text: bytes) -> bool:
        return bool(self._libc.regexec(self._compiled, text, 0, None, 0) == 0)


@cache
def expressions(route: str) -> list[Posix]:
    text = (hand_written() / "strict.cfg").read_text(encoding="utf-8")
    body = text.partition(f"route[{route}] {{")[2].partition("\n}")[0]
    return [Posix(found) for found in re.findall(r'=~ "((?:[^"\\]|\\.)*)"', body)]


def strict(message: bytes) -> bool:
    """What STRICT asks with expressions."""
    head = message.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    form, folded, cseq, call_id, *_, via = expressions("STRICT")
    fields = [line.partition(b": ")[::2] for line in head.split(b"\r\n")[1:]]
    tests = {b"CSeq": cseq, b"Call-ID": call_id, b"Via": via} | dict.fromkeys(
        (b"From", b"To", b"Contact"),
        lambda value: any(each(value) for each in expressions("ONE_ADDRESS")),
    )
    return (
        form(head) and not folded(head) and all(tests[name](value) for name, value in fields if name in tests)
    )


def strict_sdp(sdp: bytes) -> bool:
    long, nul, begins, wrong = expressions("STRICT_SDP")
    return not long(sdp) and b"\0" not in sdp and begins(sdp) and not wrong(sdp) and nul(b"\\0")


def odd(seed: int) -> Iterator[bytes]:
    fuzz = Fuzz(seed, [INVITE, REPLY])
    return (fuzz.next() for _ in range(4000))


@pytest.mark.parametrize("message", [INVITE, REPLY])
def test_good_messages_are_plain_and_strict(message: bytes) -> None:
    assert group(3).match(message)
    assert not group(0).match(message)
    assert group(0).match(message.replace(b"X-Any: 1\r\n", b""))
    assert strict(message)
    assert group(1).match(SDP)
    assert group(1).match(
        SDP.replace(b"c=IN IP4 192.0.2.1\r\n", b"").replace(b"a=sen", b"c=IN IP4 192.0.2.1\r\na=sen")
    )
    assert strict_sdp(SDP)


def test_what_is_plain_is_strict() -> None:
    plain = [message for message in odd(7) if plain_head(message)]
    assert len(plain) > 300
    assert [message for message in plain if not strict(message)] == []
    bodies = [message.partition(b"\r\n\r\n")[2] for message in odd(8)]
    sdps = [body for body in bodies if group(1).match(body)]
    assert len(sdps) > 300
    assert [body for body in sdps if not strict_sdp(body)] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Via: ", b"v: "),
        (b"rport\r\n", b"rport,SIP/2.0/UDP b\r\n"),
        (b"\r\nTo:", b"\r\nTo:\r\n "),
        (b"\r\nMax", b"\r\n \tx\r\nMax"),
        (b"CSeq: 1", b"CSeq: 2147483648"),
        (b"+sip.instance=1", b"x=a@b"),
        (b"User-Agent: ", b"Warning: "),
        (b"User-Agent: ", b"P-Asserted-Identity: "),
        (b"User-Agent: ", b"Identity: "),
        (b"x@y", b"x y"),
        (b"x@y", b"x\x00y"),
        (b"Any/1.0", b"Any\x7f"),
        (b"<sip:b@c>", b"<sip:b c>"),
        (b"To: Desk 1 <sip:b@c>", b"To: sip:b@c"),
        (b" SIP/2.0\r\n", b" sip/2.0\r\n"),
        (b"Max-Forwards: 70", b"Max-Forwards : 70"),
    ],
)
def test_what_is_looked_at_more_closely(old: bytes, new: bytes) -> None:
    """Or relied upon: $var(plain) says that none of it stands in the message."""
    assert INVITE.count(old) >= 1
    assert not plain_head(INVITE.replace(old, new, 1))


HEADERS = INVITE.partition(b"\r\n\r\n")[0].split(b"\r\n")[2:]
ONCE = (b"From", b"To", b"Call-ID", b"CSeq", b"Contact", b"Content-Type", b"Content-Length", b"Max-Forwards")
"""What a receiver acts upon: strict.cfg asks for their number where the head is not plain."""


@pytest.mark.parametrize("line", HEADERS, ids=lambda line: line.partition(b":")[0].decode())
def test_what_counts_stands_there_once(line: bytes) -> None:
    """At the other end of the head, too, and in another form."""
    name = line.partition(b":")[0]
    twice = INVITE.replace(line, line + b"\r\n" + line, 1)
    apart = INVITE.replace(b"\r\n\r\n", b"\r\n" + line + b"\r\n\r\n", 1)
    assert [plain_head(twice), plain_head(apart)] == [name not in ONCE] * 2
    without = INVITE.replace(line + b"\r\n", b"", 1)
    assert plain_head(without) == (name not in (b"From", b"To", b"Call-ID", b"CSeq"))


def test_a_call_id_that_is_too_long_is_not_plain() -> None:
    assert plain_head(INVITE.replace(b"x@y", b"x" * 200))
    assert not plain_head(INVITE.replace(b"x@y", b"x" * 201))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"t=0 0", b"c=IN IP4 198.51.100.1"),
        (b"a=sendrecv", b"m=audio 4002 RTP/AVP 0"),
        (b"a=sendrecv", b"a=candidate:1"),
        (b"a=sendrecv", b"a=Remote-candidates:1"),
        (b"a=rtcp:4001", b"a=rtcp:4001 IN IP4 198.51.100.1"),
        (b"m=audio", b"m=video"),
        (b"m=audio", b"M=audio"),
        (b"c=IN", b"C=IN"),
        (b"a=sendrecv\r\n", b"a=send\x00"),
        (b"a=sendrecv\r\n", b"a=sendrecv\n"),
    ],
)
def test_sdp_that_is_looked_at_more_closely(old: bytes, new: bytes) -> None:
    assert SDP.count(old) == 1
    assert not group(1).match(SDP.replace(old, new))
