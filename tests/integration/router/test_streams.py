"""Where a message ends on TCP and TLS: each thing that was found by test_stream_fuzz.py, or thought of, in a line of its own."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from pathlib import Path

import pytest

from callseal.lab.encryption import TLS_PORT
from tests.integration.router.conftest import MakeRig
from tests.integration.router.fuzzing import good_call
from tests.integration.router.rig import BLOCK, Rig
from tests.integration.router.smuggling import Edit, edited, replacing, without_length
from tests.integration.router.story import NUMBER, inbound
from tests.integration.router.streaming import stream_rig
from tests.integration.router.tls_clients import wait
from tests.support.sip_peer import Dialog
from tests.support.sip_strict import faults
from tests.support.stream_fuzz import INSIDE, StreamFuzz, call_id, with_body
from tests.support.stream_reader import Listener, part
from tests.support.tls_peer import Stream, TlsPeer, connect, context

pytestmark = pytest.mark.integration

TCP = (BLOCK.kamailio, 5060)
MAKE = StreamFuzz(0, [], address=BLOCK.agent, edge=BLOCK.kamailio, transport="TCP")


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    return stream_rig(make_rig)


def said(stream: Stream, data: bytes, wait_s: float = 1.0) -> list[tuple[int, bytes]]:
    """(Status, Call-ID) of what the edge answers until it ends the connection, or says nothing for so long."""
    stream.send_bytes(data)
    heard = []
    while (answer := stream.message_bytes(wait_s)) is not None:
        heard.append((int(answer.split(b" ")[1]), call_id(answer)))
    return heard


PING, PONG = b"\r\n\r\n", b"\r\n"


def pinged(stream: Stream) -> bytes:
    """What comes back for a keep-alive of RFC 5626 section 3.5.1; nothing when the connection has ended."""
    stream.connection.settimeout(1)
    try:
        stream.connection.sendall(PING)
        return stream.connection.recv(16)
    except OSError:
        return b""


def as_platform(source: str = BLOCK.agent) -> Stream:
    stream = connect(TCP, None, source=source)
    stream.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return stream


INNER = MAKE.marker(inside=True)
RIGHT = b"Content-Length: %d\r\n" % len(INNER)
DOUBTS = {
    "0 and right": {"last": b"Content-Length: 0\r\n" + RIGHT},
    "right and 0": {"last": RIGHT + b"Content-Length: 0\r\n"},
    "right twice": {"last": RIGHT * 2},
    "compact 0 and right": {"last": b"l: 0\r\n" + RIGHT},
    "0, then right in the same line": {"last": b"Content-Length: 0 %d\r\n" % len(INNER)},
    "0, then right in a line folded": {"last": b"Content-Length: 0\r\n %d\r\n" % len(INNER)},
    "folded away": {"last": b"Content-Length:\r\n %d\r\n" % len(INNER)},
    "none": {"last": b""},
    "negative": {"last": b"Content-Length: -%d\r\n" % len(INNER)},
    "with a sign": {"last": b"Content-Length: +%d\r\n" % len(INNER)},
    "hexadecimal": {"last": b"Content-Length: 0x%x\r\n" % len(INNER)},
    "2^32 more": {"last": b"Content-Length: %d\r\n" % (2**32 + len(INNER))},
    "an underscore": {"first": b"Content_Length: 0\r\n"},
    "part of a header": {"first": b"Subject: x\r\n Content-Length: 0\r\n"},
    "part of a header, compact": {"first": b"Subject: x\r\n\tl : 0\r\n"},
    "part of a header, behind the right one": {"last": RIGHT + b"Subject: x\r\n l: 0\r\n"},
    "a bare LF before it": {"first": b"Subject: x\nContent-Length: 0\r\n"},
    "a bare CR before it": {"first": b"Subject: x\r\rContent-Length: 0\r\n"},
    "a NUL before it": {"first": b"Subject: x\x00\r\n"},
    "an empty line of two LFs": {"first": b"Content-Length: 0\r\nSubject: x\n\n" + INNER},
}  # fmt: skip


@pytest.mark.compat
@pytest.mark.parametrize("doubt", DOUBTS)
def test_behind_a_doubt_nothing_is_read(rig: Rig, doubt: str) -> None:
    """Not what stands in the body, not what stands behind it, though all came in one piece: the connection ends."""
    message = MAKE.marker(INNER, **DOUBTS[doubt])  # type: ignore[arg-type]
    stream = as_platform()
    assert said(stream, message + MAKE.marker()) == []
    assert stream.ended
    stream.close()
    again = as_platform()
    again.send_bytes(MAKE.marker())
    answer = again.message_bytes(2)
    assert answer is not None, "another connection is as good as ever"
    assert answer.startswith(b"SIP/2.0 200 ")
    again.close()


@pytest.mark.compat
@pytest.mark.parametrize("line", ["l: {}", "L:\t {} ", "CONTENT-LENGTH: {}", "content-length: 0{}"])
def test_a_length_in_another_form_is_one(rig: Rig, line: str) -> None:
    first = MAKE.marker(INNER, last=line.format(len(INNER)).encode() + b"\r\n")
    stream, second = as_platform(), MAKE.marker()
    assert said(stream, first + second, 0.3) == [(200, call_id(first)), (200, call_id(second))]
    assert not stream.ended
    stream.close()


@pytest.mark.compat
def test_a_message_may_be_cut_anywhere(rig: Rig) -> None:
    """In two, at every place; what stands in its body is never read."""
    stream = as_platform()
    length = len(MAKE.marker(INNER))
    for place in range(1, length):
        message = MAKE.marker(INNER)
        stream.send_bytes(message[:place])
        time.sleep(0.0005)
        stream.send_bytes(message[place:])
        answer = stream.message_bytes(2)
        assert answer is not None, place
        assert call_id(answer) == call_id(message), place
    assert stream.message_bytes(0.1) is None
    stream.close()


@pytest.mark.compat
def test_what_stands_in_a_body_stays_there(rig: Rig) -> None:
    """A call of the platform (TCP) and one of the carrier (UDP) with a whole call as body, to the partner (TLS): one message each."""
    heard = []
    assert isinstance(rig.partner, TlsPeer)
    edge = rig.kamailio.sip[0]
    for dialog in (
        Dialog.new(rig.platform, f"sip:+447700900555@{edge}", user=NUMBER),
        Dialog.new(rig.carrier, f"sip:{NUMBER}@{edge}"),
    ):
        inner = dialog.text("INVITE").replace(b"Call-ID: ", b"Call-ID: " + INSIDE)
        listener = Listener()
        for stream in rig.partner.streams:
            stream.tap = listener.feed
        rig.partner.taps = lambda listener=listener: listener.feed
        cseq = dialog.request("INVITE", body=inner.decode(), content_type="message/sip")
        leg = rig.partner.expect_request("INVITE")
        assert leg.body.encode() == inner
        rig.partner.reply(leg, 486, tag="busy")
        assert dialog.answered(cseq).status == 486
        time.sleep(0.1)
        assert not listener.doubt
        heard += listener.messages
    rig.partner.taps = None
    for stream in rig.partner.streams:
        stream.tap = None
    assert not any(call_id(message).startswith(INSIDE) for message in heard)
    assert [fault for message in heard for fault in faults(message, BLOCK.edge_media)] == []


SECOND_LENGTHS: list[Edit] = [
    replacing("Max-Forwards:", "Subject: x\r\n l: 0\r\nMax-Forwards:"),
    replacing("Max-Forwards:", "Subject: x\r\n\tContent-Length: 0\r\nMax-Forwards:"),
    replacing("Max-Forwards:", "Content_Length: 0\r\nMax-Forwards:"),
    replacing("\r\n\r\n", "\r\nSubject: x\r\n l: 0\r\n\r\n"),
    replacing("Content-Length: ", "Content-Length:\r\n "),
    replacing("Content-Length: ", "l:\r\n "),
]


@pytest.mark.compat
@pytest.mark.parametrize("edit", SECOND_LENGTHS)
def test_a_second_length_is_not_sent_on(rig: Rig, edit: Edit) -> None:
    """From a carrier over UDP, where no length parts anything, to a partner whose reader of streams may be Kamailio's: it would take the
    body for the next message, and ours for the sender."""
    carrier = Dialog.new(rig.carrier, f"sip:{NUMBER}@{rig.kamailio.sip[0]}")
    with edited(rig.carrier, edit):
        cseq = carrier.request("INVITE", body=INNER.decode(), content_type="text/plain")
    assert carrier.answered(cseq).status == 400
    assert rig.partner.untaken("INVITE") == []


def behind(message: str) -> str:
    return message + INNER.decode()


ODD_REPLIES: list[Edit] = [
    without_length,
    behind,
    lambda message: behind(without_length(message)),
    replacing("Content-Length: 0", "Content-Length:\r\n 0"),
    replacing("Content-Length: 0", "Content-Length: 0 5"),
    replacing("Content-Length: 0", "Content-Length: 0\r\n 5"),
    replacing("Content-Length: 0", "Subject: x\r\n l: 30\r\nContent-Length: 0"),
    replacing("Content-Length: 0", "Content_Length: 30\r\nContent-Length: 0"),
    replacing("Content-Length: 0", "l: 30\r\nContent-Length: 0"),
]


@pytest.mark.compat
def test_a_reply_goes_to_a_stream_with_one_length(rig: Rig) -> None:
    """Whatever the carrier's reply (UDP) says of its length: the partner (TLS) gets one that is beyond doubt, or none."""
    story = inbound(rig)
    assert isinstance(rig.partner, TlsPeer)
    listener = Listener()
    for stream in rig.partner.streams:
        stream.tap = listener.feed
    passed = 0
    for edit in ODD_REPLIES:
        cseq = story.partner_customer.request("INFO")
        request = story.carrier.incoming("INFO")
        with edited(rig.carrier, edit):
            story.carrier.reply(request, 200)
        story.carrier.reply(request, 200)
        assert story.partner_customer.answered(cseq, "INFO").body == ""
        passed += 1
    time.sleep(0.1)
    assert not listener.doubt
    assert len(listener.messages) == passed
    assert [fault for message in listener.messages for fault in faults(message, BLOCK.edge_media)] == []
    for stream in rig.partner.streams:
        stream.tap = None


@pytest.mark.compat
@pytest.mark.parametrize("known", [True, False], ids=["of a call", "of nothing"])
def test_behind_a_doubtful_reply_nothing_is_read(rig: Rig, known: bool) -> None:
    """The platform's reply (TCP) has two lengths, and a message in its body: the connection ends."""
    story = inbound(rig)
    assert isinstance(rig.platform, TlsPeer)
    cseq = story.partner_agent.request("INFO")
    request = story.platform.incoming("INFO")
    listener = Listener()
    ours = [stream for stream in rig.platform.streams if not stream.ended]
    for stream in ours:
        stream.tap = listener.feed

    def hides(message: str) -> str:
        if not known:
            message = message.replace("branch=", "branch=z9hG4bKnone")
        return with_body(message.encode(), INNER, b"Content-Length: 0\r\n" + RIGHT).decode()

    with edited(rig.platform, hides):
        story.platform.reply(request, 200)
    wait(lambda: any(stream.ended for stream in ours), "the edge ends the connection")
    assert listener.messages == []
    assert not any(
        message.cseq == cseq and message.status >= 200 and message.method == "INFO"
        for message in rig.partner.heard
    )
    again = story.partner_agent.request("INFO")
    story.platform.reply(story.platform.incoming("INFO"), 200)
    assert story.partner_agent.answered(again, "INFO").status == 200, (
        "the next one goes over a new connection"
    )


@pytest.mark.compat
@pytest.mark.parametrize(
    ("size", "status"), [(11_000, 200), (12_500, 413), (17_000, 513), (31_000, 513), (40_000, 0)]
)
def test_too_large(rig: Rig, size: int, status: int) -> None:
    """Answered as over UDP, and the connection stays; what is too large to be skipped ends it."""
    first, second = MAKE.marker(b"x" * size), MAKE.marker()
    stream = as_platform()
    heard = said(stream, first + second, 0.5)
    assert heard == ([(status, call_id(first)), (200, call_id(second))] if status else [])
    assert stream.ended == (status == 0)
    stream.close()


@pytest.mark.compat
def test_half_a_message_and_silence_are_ended(make_rig: MakeRig) -> None:
    """Half a message, one that comes a byte a second, nothing at all, over TCP and TLS: each ends, and nobody waits for it."""
    rig = stream_rig(
        make_rig,
        edits=(("tcp_msg_read_timeout=10", "tcp_msg_read_timeout=2"), ("tcp_msg_data_timeout=20", "tcp_msg_data_timeout=3")),
    )  # fmt: skip
    tls = context(rig.workspace.root / "tls", "partner", server=False)
    half, slow, silent = as_platform(), as_platform(), as_platform()
    encrypted = connect((BLOCK.kamailio, TLS_PORT), tls, source=BLOCK.partner)
    for stream in (half, encrypted):
        stream.send_bytes(MAKE.marker()[:100])
    talks, data = as_platform(), MAKE.marker()
    deadline = time.monotonic() + 12
    open_still = [half, slow, silent, encrypted]
    # Kamailio's core answers a keep-alive before anybody asks who it is; that keeps no connection on which nothing is ever said.
    stranger = as_platform(BLOCK.host(77))
    assert pinged(stranger) == PONG, "no more than a keep-alive is answered"
    pings = 0
    while open_still and time.monotonic() < deadline:
        slow.send_bytes(data[:1]) if slow in open_still else None
        data = data[1:]
        assert said(talks, MAKE.marker(), 0.5)[0][0] == 200
        pings += pinged(stranger) == PONG
        for stream in list(open_still):
            if stream.message_bytes(0.02) is None and stream.ended:
                open_still.remove(stream)
    assert open_still == []
    assert not talks.ended, "a connection on which messages come stays"
    assert pinged(talks) == PONG, "a peer's keep-alive is answered"
    assert pings > 0
    assert pinged(stranger) == b"", "and a stranger's ends with its connection"
    assert good_call(rig) < 1000
    for stream in (half, slow, silent, encrypted, talks, stranger):
        stream.close()


@pytest.mark.compat
@pytest.mark.parametrize(("version", "command"), [("-tls1_2", "R"), ("-tls1_3", "K")])
def test_new_keys_for_a_peer_that_asks(rig: Rig, version: str, command: str) -> None:
    """OpenSSL's own client asks for a renegotiation (TLS 1.2): refused; for new keys (1.3), thirty times: given, which costs nothing."""
    folder = rig.workspace.root / "tls"
    argv: list[str | Path] = ["openssl", "s_client", version, "-connect", f"{BLOCK.kamailio}:{TLS_PORT}", "-bind", BLOCK.partner, "-CAfile", folder / "ca.pem",
            "-cert", folder / "partner.pem", "-key", folder / "partner.key"]  # fmt: skip
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as client:
        assert client.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it ends when it is refused
            for _ in range(30):
                client.stdin.write(f"{command}\n".encode())
                client.stdin.flush()
                time.sleep(0.02)
        with contextlib.suppress(BrokenPipeError):
            client.stdin.close()
        assert client.stdout is not None
        told = client.stdout.read().decode(errors="replace")
        client.wait(10)
    assert ("RENEGOTIATING" if command == "R" else "KEYUPDATE") in told
    assert ("no renegotiation" in told or "handshake failure" in told or "unexpected" in told) == (
        command == "R"
    ), told
    assert good_call(rig) < 1000


def test_the_listener_hears_a_doubt() -> None:
    """The twin of what the peers are listened to with: in pieces of any size."""
    good, bad = MAKE.marker(INNER), MAKE.marker(INNER, first=b"Subject: x\r\n l: 0\r\n")
    listener = Listener()
    for byte in good + b"\r\n" + good + bad:
        listener.feed(bytes([byte]))
    assert (len(listener.messages), bool(listener.doubt)) == (2, True)
    assert part(good).messages == (good,)
