"""What speaks TLS to the edge in tests: who is a stranger, and how one is told from a friend."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from callseal.lab.authority import Authority
from callseal.lab.encryption import FACES, NAMES, TLS_PORT
from tests.integration.router.rig import BLOCK, Rig
from tests.integration.router.story import NUMBER
from tests.support.tls_peer import Stream, connect, context

ALL = frozenset(FACES)
UDP_CARRIER = ALL - {"carrier"}
EDGE = (BLOCK.kamailio, TLS_PORT)
NOW = datetime.fromtimestamp(time.time(), UTC)
Spoil = Callable[[Authority, Path], tuple[str, str]]


def invite(rig: Rig, host: str, branch: str = "z9hG4bKstranger1") -> str:
    """A first INVITE of the partner, as good as can be without a cookie: from a friend it is answered 403."""
    return (
        f"INVITE sip:{NUMBER}@{rig.kamailio.sip[0]} SIP/2.0\r\nVia: SIP/2.0/TLS {host}:5061;branch={branch};rport\r\n"
        f"From: <sip:p@{host}>;tag=1\r\nTo: <sip:{NUMBER}@edge>\r\nCall-ID: s-{branch}@{host}\r\nCSeq: 1 INVITE\r\n"
        f"Contact: <sip:p@{host}:5061;transport=tls>\r\nMax-Forwards: 10\r\nContent-Length: 0\r\n\r\n"
    )


def said(stream: Stream, message: str) -> list[str]:
    """Every start line that comes back until the edge closes the connection (or says nothing for 2 s: then it fails)."""
    stream.send(message)
    heard = []
    while (answer := stream.message(2)) is not None:
        heard.append(answer.start)
    assert stream.ended, "the edge left the connection open"
    stream.close()
    return heard


def final(stream: Stream, message: str) -> str:
    """The start line of the final answer."""
    stream.send(message)
    while (answer := stream.message(2)) is not None and answer.start.startswith("SIP/2.0 1"):
        pass
    assert answer is not None
    return answer.start


def wait(true: Callable[[], bool], what: str, timeout_s: float = 5.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def shown(folder: Path) -> bytes | None:
    stream = connect(EDGE, context(folder, "partner", server=False), source=BLOCK.partner)
    assert isinstance(stream.connection, ssl.SSLSocket)
    certificate = stream.connection.getpeercert(binary_form=True)
    stream.close()
    return certificate


def wrong_name(authority: Authority, folder: Path) -> tuple[str, str]:
    authority.issue("sip.other.example", "sip.partner.example.evil.example", now=NOW).write(folder, "spoilt")
    return "spoilt", BLOCK.partner


def expired(authority: Authority, folder: Path) -> tuple[str, str]:
    authority.issue(NAMES["partner"], now=NOW, lifetime=timedelta(minutes=-1)).write(folder, "spoilt")
    return "spoilt", BLOCK.partner


def self_signed(authority: Authority, folder: Path) -> tuple[str, str]:
    Authority.new("another authority", NOW).issue(NAMES["partner"], now=NOW).write(folder, "spoilt")
    return "spoilt", BLOCK.partner


def weak_cipher(tls: ssl.SSLContext) -> None:
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    tls.set_ciphers("ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384:AES128-SHA:@SECLEVEL=0")


def old_version(tls: ssl.SSLContext) -> None:
    tls.set_ciphers("ALL:@SECLEVEL=0")
    tls.minimum_version = ssl.TLSVersion.TLSv1
    tls.maximum_version = ssl.TLSVersion.TLSv1_1
