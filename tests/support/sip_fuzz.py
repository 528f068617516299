"""Bad SIP, made from good SIP: deterministic by seed, and aware of the grammar, so that it gets past the first look.

A corpus of real messages is mutated: start line, headers (missing, twice, folded, compact, long, many, of other bytes), lengths,
bodies (multipart in every wrong form, other encodings), SDP (every line of it), and the whole (truncated, oversized, binary).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

Mutation = Callable[[random.Random, bytes], bytes]
CRLF = b"\r\n"
COMPACT = {
    b"Via": b"v", b"From": b"f", b"To": b"t", b"Call-ID": b"i", b"Contact": b"m", b"Content-Length": b"l", b"Content-Type": b"c",
}  # fmt: skip
JUNK = (
    b"", b" ", b"\x00", b"\xff\xfe", b"%00", b"%", b"\"", b"<", b">", b"<<>>", b";;", b",,", b"\t", b"\x7f", b"\xc3\x28",
    b"A" * 300, b"9" * 40, b"-1", b"4294967296", b"2147483648", b"*", b"sip:", b"sip:@", b"sip:[::1", b"sip:a@b:99999",
    b"tel:+1;ext=", b"sips:x@" + b"h" * 300, b"urn:service:sos", b"sip:x@127.81.0.66", b"sip:%0d%0aX: y@z", b"\xe2\x80\xae",
    b"sip:u@127.81.0.20;hid=1-\xff\xff\xff", b"sip:127.81.0.20;hid=1-****", b"sip:u@127.81.0.20;hid=1-AAAA;hid=",
)  # fmt: skip
METHODS = (b"INVITE", b"ACK", b"BYE", b"CANCEL", b"UPDATE", b"PRACK", b"INFO", b"REFER", b"NOTIFY", b"MESSAGE", b"OPTIONS",
           b"SUBSCRIBE", b"REGISTER", b"PUBLISH", b"FOO", b"invite", b"INVITE\x00", b"I" * 200, b"")  # fmt: skip
OTHERS = (
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00\x01\x00\x00\x21\x12\xa4\x42" + b"\x00" * 12, b"\x16\x03\x01\x02\x00\x01", b"\r\n\r\n",
    b"\r\n", b"", b"\x00", b"SIP/2.0", b"SIP/2.0 200 OK\r\n\r\n", b"SIP/2.0 999 \r\n\r\n", b"INVITE", b"INVITE sip:x SIP/2.0\r\n\r\n",
    b"v=0\r\n", b"\xff" * 1200, b"OPTIONS sip:x SIP/2.0\r\n" + b"A: b\r\n" * 3000, b"\r\n" * 2000,
)  # fmt: skip


class Fuzz:
    """`next()` is the next bad (or merely odd) message, made from `corpus`. The same seed makes the same messages."""

    def __init__(self, seed: int, corpus: Sequence[bytes]) -> None:
        self._random = random.Random(seed)
        self._corpus = list(corpus)

    def mutated(self, message: bytes) -> bytes:
        """This one message, mutated."""
        for _ in range(self._random.choice((1, 1, 2, 3))):
            message = self._random.choices(_MUTATIONS, _WEIGHTS)[0](self._random, message)
        return message[:65_000]

    def harmless(self) -> bytes:
        """One of the corpus, no repetition of what was said: what the load alone does."""
        return _renamed(self._random, self._random.choice(self._corpus))

    def next(self) -> bytes:
        chance = self._random
        if chance.random() < 0.02:
            return chance.choice((*OTHERS, chance.randbytes(chance.randrange(1, 1400))))
        message = _renamed(chance, chance.choice(self._corpus))
        for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 6))):
            message = chance.choices(_MUTATIONS, _WEIGHTS)[0](chance, message)
        # One datagram.
        return message[:65_000]


def _renamed(chance: random.Random, message: bytes) -> bytes:
    """Another branch nearly always, so that the router does not take it for a repetition; often another Call-ID, too."""
    token = b"%08x" % chance.getrandbits(32)
    if chance.random() < 0.95:
        message = message.replace(b"branch=z9hG4bK", b"branch=z9hG4bK" + token, 1)
    if b";tag=" not in _line(message, b"To") and chance.random() < 0.95:
        message = message.replace(b"Call-ID: ", b"Call-ID: " + token)
    return message


def _line(message: bytes, name: bytes) -> bytes:
    return message.partition(CRLF + name + b":")[2].partition(CRLF)[0]


def _split(message: bytes) -> tuple[list[bytes], bytes]:
    head, _, body = message.partition(CRLF + CRLF)
    return head.split(CRLF), body


def _join(lines: list[bytes], body: bytes) -> bytes:
    return CRLF.join(lines) + CRLF + CRLF + body


def _pick(chance: random.Random, lines: list[bytes]) -> int:
    return chance.randrange(1, len(lines)) if len(lines) > 1 else 0


def start_line(chance: random.Random, message: bytes) -> bytes:
    lines, body = _split(message)
    words = lines[0].split(b" ")
    place = chance.randrange(len(words))
    words[place] = chance.choice((*JUNK, *METHODS, b"SIP/3.0", b"SIP/2.0 ", b"sip/2.0", words[place] * 2))
    lines[0] = chance.choice((b" ", b" ", b"  ", b"\t")).join(words)
    return _join(lines, body)


def header_value(chance: random.Random, message: bytes) -> bytes:
    lines, body = _split(message)
    place = _pick(chance, lines)
    name, colon, value = lines[place].partition(b":")
    junk = chance.choice(JUNK)
    at = chance.randrange(len(value) + 1)
    value = chance.choice(
        (
            b" " + junk,
            value[:at] + junk + value[at:],
            value + junk,
            value[:at],
            value * 2,
            value + b"," + value,
        )
    )
    lines[place] = name + colon + value
    return _join(lines, body)


def header_name(chance: random.Random, message: bytes) -> bytes:
    lines, body = _split(message)
    place = _pick(chance, lines)
    name, colon, value = lines[place].partition(b":")
    name = chance.choice(
        (
            COMPACT.get(name, name.lower()),
            name.upper(),
            name + b" ",
            b" " + name,
            name + b"\t",
            b"",
            name + chance.choice(JUNK),
        )
    )
    lines[place] = name + chance.choice((colon, colon, colon, b"", b"::", b" : ")) + value
    return _join(lines, body)


def drop(chance: random.Random, message: bytes) -> bytes:
    lines, body = _split(message)
    del lines[_pick(chance, lines)]
    return _join(lines, body)


def twice(chance: random.Random, message: bytes) -> bytes:
    lines, body = _split(message)
    lines.insert(_pick(chance, lines), lines[_pick(chance, lines)])
    return _join(lines, body)


def shuffle(chance: random.Random, message: bytes) -> bytes:
    lines, body = _split(message)
    rest = lines[1:]
    chance.shuffle(rest)
    return _join([lines[0], *rest], body)


def fold(chance: random.Random, message: bytes) -> bytes:
    lines, body = _split(message)
    place = _pick(chance, lines)
    at = chance.randrange(len(lines[place]) + 1)
    lines[place] = (
        lines[place][:at]
        + chance.choice((b"\r\n ", b"\r\n\t", b"\n ", b"\r", b"\n", b"\r\n"))
        + lines[place][at:]
    )
    return _join(lines, body)


def much(chance: random.Random, message: bytes) -> bytes:
    lines, body = _split(message)
    extra = chance.choice(
        ([b"X-%d: y" % i for i in range(chance.choice((30, 110, 500)))], [b"X-Long: " + b"z" * chance.choice((900, 4000, 30000))],
         [lines[_pick(chance, lines)]] * chance.choice((5, 70)), [b"Via: SIP/2.0/UDP h%d" % i for i in range(60)])
    )  # fmt: skip
    return _join([*lines, *extra], body)


def length(chance: random.Random, message: bytes) -> bytes:
    lines, body = _split(message)
    wrong = chance.choice(
        (
            b"0",
            b"-1",
            b"99999",
            b"4294967296",
            b"1e3",
            b"",
            b"0x10",
            b"%d" % (len(body) + 1),
            b"%d" % (len(body) // 2),
        )
    )
    lines = [
        b"Content-Length: " + wrong if line.lower().startswith(b"content-length") else line for line in lines
    ]
    return _join(lines, body)


def cut(chance: random.Random, message: bytes) -> bytes:
    return message[: chance.randrange(len(message) + 1)]


def flip(chance: random.Random, message: bytes) -> bytes:
    data = bytearray(message)
    for _ in range(chance.choice((1, 1, 3, 20))):
        if data:
            data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def line_ends(chance: random.Random, message: bytes) -> bytes:
    return message.replace(
        CRLF, chance.choice((b"\n", b"\r", b"\r\r\n", b"\r\n\r\n")), chance.choice((1, 5, -1))
    )


def sdp(chance: random.Random, message: bytes) -> bytes:
    lines, body = _split(message)
    if not body:
        body = b"v=0\r\no=- 1 1 IN IP4 127.81.0.10\r\ns=-\r\nc=IN IP4 127.81.0.10\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
        lines.insert(1, b"Content-Type: application/sdp")
    parts = body.split(CRLF)
    place = chance.randrange(len(parts))
    kind = chance.randrange(8)
    if kind == 0:
        del parts[place]
    elif kind == 1:
        parts.insert(place, parts[chance.randrange(len(parts))])
    elif kind == 2:
        parts[place] = parts[place][:2] + chance.choice(JUNK)
    elif kind == 3:
        chance.shuffle(parts)
    elif kind == 4:
        parts.insert(place, chance.choice((
            b"c=IN IP4 127.81.0.66", b"c=IN IP6 ::1", b"c=IN IP4 224.2.1.1/127", b"c=IN IP4 a.example", b"c=", b"m=audio 0 RTP/AVP 0",
            b"m=audio 99999 RTP/AVP 0", b"m=audio -1 RTP/AVP 0", b"m=audio 4000/9 RTP/AVP 0", b"m=video 4000 RTP/AVP 96", b"m=",
            b"m=audio 4000 RTP/SAVP 0", b"m=image 4000 udptl t38", b"m=audio 4000 RTP/AVP " + b"0 " * 2000, b"a=rtcp:1 IN IP4 1.2.3.4",
            b"a=candidate:1 1 UDP 1 127.81.0.66 1 typ host", b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x", b"a=group:BUNDLE",
            b"a=" + b"k" * 9000, b"=", b"v=1", b"zz", b"\x00", b"a=sendonly\x00", b"o=- 99999999999999999999 x IN IP4 ::", b"a=mid:\xff",
        )))  # fmt: skip
    elif kind == 5:
        parts *= chance.choice((2, 60))
    elif kind == 6:
        return _join(_relength(lines, CRLF.join(parts)), chance.choice((b"\n", b"\r")).join(parts))
    else:
        at = chance.randrange(len(parts[place]) + 1)
        parts[place] = parts[place][:at] + chance.choice(JUNK) + parts[place][at:]
    body = CRLF.join(parts)
    return _join(_relength(lines, body), body)


def multipart(chance: random.Random, message: bytes) -> bytes:
    lines, body = _split(message)
    body = body or b"v=0\r\n"
    inner = chance.choice(
        (
            b"application/sdp",
            b"Application/SDP;x=y",
            b"application/ sdp",
            b"text/plain",
            b"multipart/mixed;boundary=c",
        )
    )
    part = b"--b\r\nContent-Type: " + inner + chance.choice((b"\r\n\r\n", b"\r\n", b"\n\n")) + body
    body = part * chance.choice((1, 1, 2, 40)) + chance.choice((b"\r\n--b--\r\n", b"", b"\r\n--b", b"--c--"))
    kind = chance.choice((b"multipart/mixed;boundary=b", b"multipart/mixed", b"multipart/alternative;boundary=\"b\"", b"multipart/;boundary=",
                          b"multipart/mixed;boundary=" + b"b" * 300, b"application/sdp;boundary=b"))  # fmt: skip
    lines = [line for line in lines if not line.lower().startswith((b"content-type", b"c:"))]
    lines.insert(1, b"Content-Type: " + kind)
    if chance.random() < 0.2:
        lines.insert(
            1,
            chance.choice(
                (b"Content-Encoding: gzip", b"Transfer-Encoding: chunked", b"Content-Disposition: \x00")
            ),
        )
    return _join(_relength(lines, body), body)


def _relength(lines: list[bytes], body: bytes) -> list[bytes]:
    return [
        b"Content-Length: %d" % len(body) if line.lower().startswith(b"content-length") else line
        for line in lines
    ]


_WEIGHTED: tuple[tuple[Mutation, int], ...] = (
    (start_line, 8), (header_value, 20), (header_name, 8), (drop, 6), (twice, 6), (shuffle, 3), (fold, 6), (much, 3), (length, 6),
    (cut, 4), (flip, 8), (line_ends, 3), (sdp, 16), (multipart, 5),
)  # fmt: skip
_MUTATIONS = [mutation for mutation, _ in _WEIGHTED]
_WEIGHTS = [weight for _, weight in _WEIGHTED]
