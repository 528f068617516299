"""Card numbers where none belongs: in every part of SIP messages, HTTP requests, hand-offs and webhooks, well formed and not.

Nothing here has to be taken, and most of it is refused. What is looked at afterwards is what the refusal wrote down.
"""

from __future__ import annotations

import json
import secrets
import socket
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import httpx2

from callseal.sandbox.session.signing import key_of, signature

NUMBER = "+442079460123"


def sip_requests(pan: str, edge: str, own: str) -> Iterator[bytes]:
    """Requests and replies of a known peer at `own`, each with `pan` somewhere."""
    via = f"SIP/2.0/UDP {own}:5099;rport;branch=z9hG4bK{{}}"

    def message(start: str, method: str, *, body: str = "", kind: str = "", **change: str) -> bytes:
        headers = {
            "Via": via.format(secrets.token_hex(6)),
            "Max-Forwards": "60",
            "From": f"<sip:+447700900123@{own}>;tag={secrets.token_hex(4)}",
            "To": f"<sip:{NUMBER}@{edge}>",
            "Call-ID": secrets.token_hex(8),
            "CSeq": f"1 {method}",
            "Contact": f"<sip:peer@{own}:5099>",
        }
        headers |= {name.replace("_", "-"): value for name, value in change.items()}
        lines = [start, *(f"{name}: {value}" for name, value in headers.items())]
        lines += [f"Content-Type: {kind}"] * bool(kind)
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()

    def request(method: str, uri: str = f"sip:{NUMBER}@{edge}", **more: str) -> bytes:
        return message(f"{method} {uri} SIP/2.0", method, **more)

    spaced = " ".join(pan[at : at + 4] for at in range(0, len(pan), 4))
    relay = f"Signal={pan}\r\nDuration=160\r\n"
    sdp = (
        f"v=0\r\no={pan} 1 1 IN IP4 {own}\r\ns={spaced}\r\ni={pan}\r\nc=IN IP4 {own}\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0 101\r\n"
        f"a=rtpmap:101 telephone-event/8000\r\na=card:{pan}\r\n"
    )
    broken = sdp.replace("m=audio", f"m=audio {pan}").replace("c=IN", f"c={pan}")
    tagged = f"<sip:{NUMBER}@{edge}>;tag={pan}"
    for method in (
        "INVITE",
        "INFO",
        "MESSAGE",
        "OPTIONS",
        "REFER",
        "SUBSCRIBE",
        "BYE",
        "UPDATE",
        "CANCEL",
        f"P{pan}",
    ):
        yield request(method, f"sip:{pan}@{edge}")
        yield request(
            method, f"sip:{NUMBER}@{edge};card={pan}", From=f'"{spaced}" <sip:{pan}@{own}>;tag=x{pan}'
        )
        yield request(method, To=tagged, body=relay, kind="application/dtmf-relay")
        yield request(method, X_Card=spaced, Subject=pan, User_Agent=pan)
    yield request("INVITE", f"tel:{pan}")
    yield request("INVITE", body=sdp, kind="application/sdp", P_Asserted_Identity=f"<tel:+{pan}>")
    yield request("INVITE", body=broken, kind="application/sdp")
    yield request("INVITE", body=sdp, kind=f"multipart/mixed;boundary={pan}")
    yield request(
        "INVITE", Replaces=f"1@{own};to-tag={pan};from-tag={pan}", X_Route_Cookie=pan, X_Payment_Token=pan
    )
    yield request("INFO", To=tagged, body=f"{pan}\r\n", kind="application/dtmf")
    yield request("INFO", CSeq=f"{pan} INFO", body=relay, kind="application/dtmf-relay")
    yield request("INFO", CSeq=f"1 {pan}")
    yield request("INFO", To=f"<sip:{pan}", body=relay)
    yield request("INFO", From=f"{pan}:::;;tag", body=relay)
    yield request("INFO", Via=f"SIP/2.0/UDP {own}:{pan};branch={pan}", body=relay)
    yield request("INFO", Via=f"garbage {pan}", body=relay)
    yield request(
        "INFO",
        Contact=f"<sip:{pan}@:{pan}>",
        Route=f"<sip:{edge};lr;sg={pan};rf={pan}>",
        To=tagged,
        body=relay,
    )
    yield request("REFER", Refer_To=f"<sip:{pan}@{own}>", To=tagged)
    yield request("INFO", To=tagged, body=relay).replace(b"\r\n", b"\n")
    yield request("INFO", To=tagged, body=relay)[:-20]
    yield request("INFO", To=tagged, body=relay, kind="application/dtmf-relay").replace(
        b"Max-Forwards: 60", b"Max-Forwards: " + pan.encode()
    )
    yield request("INVITE", X_Long=pan * 300)
    yield f"{pan}\r\n\r\n".encode()
    yield f"INFO sip:{pan}".encode()
    yield relay.encode()
    for status in (180, 200, 302, 407, 486, 503):
        yield message(
            f"SIP/2.0 {status} {pan}",
            "INVITE",
            Warning=f'399 x "{pan}"',
            Contact=f"<sip:{pan}@{own}>",
            body=sdp,
            kind="application/sdp",
        )
        yield message(
            f"SIP/2.0 {status} OK", "INFO", Via=f"SIP/2.0/UDP {edge};branch=z9hG4bK{pan}.0", body=relay
        )


def send_sip(pan: str, edge: str, own: str, *, edge_port: int = 5060) -> int:
    """All of it from `own`, slowly enough for the limits of a peer; returns how many messages."""
    count = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((own, 0))
        for message in sip_requests(pan, edge, own):
            peer.sendto(message, (edge, edge_port))
            count += 1
            time.sleep(0.004)
    return count


@dataclass(frozen=True, slots=True)
class Door:
    """One HTTP service: where it is, what opens it, and what may be asked there."""

    url: str
    paths: tuple[str, ...]
    headers: Mapping[str, str]


def send_http(pan: str, door: Door) -> list[tuple[int, str]]:
    """Good and bad requests with `pan` in path, query, headers, cookies and bodies; returns status (0: none came back) and text of each answer."""
    spaced = " ".join(pan[at : at + 4] for at in range(0, len(pan), 4))
    facts = {"card_number": pan, "pan": int(pan), "digits": list(pan), "note": f"card {spaced}"}
    bodies: tuple[tuple[str, bytes], ...] = (
        ("application/json", json.dumps(facts).encode()),
        ("application/json", json.dumps([pan]).encode()),
        ("application/json", b'{"broken": "' + pan.encode()),
        (
            "application/json",
            json.dumps({"amount": int(pan), "currency": pan, "fields": [pan], "field": pan}).encode(),
        ),
        ("application/json", json.dumps({"allowed": pan, "by": spaced, "verdict": pan}).encode()),
        ("application/x-www-form-urlencoded", urlencode({"username": pan, "password": pan}).encode()),
        ("application/x-www-form-urlencoded", f"{pan}&{pan}={pan}&reference={pan}".encode()),
        (
            "multipart/form-data; boundary=x",
            f'--x\r\nContent-Disposition: form-data; name="{pan}"\r\n\r\n{pan}\r\n--x'.encode(),
        ),
        (f"text/{pan}", pan.encode("utf-16")),
    )
    answers: list[tuple[int, str]] = []
    with httpx2.Client(base_url=door.url, timeout=5, headers=dict(door.headers), trust_env=False) as http:

        def ask(method: str, path: str, **more: Any) -> None:
            answer = http.request(method, path, **more)
            answers.append((answer.status_code, answer.text))

        for path in (path.replace("PAN", pan) for path in door.paths):
            cookie = {"Cookie": f"callseal_session={pan}", "Referer": f"/{pan}"}
            ask("GET", f"{path}?card={pan}&x={quote(spaced)}", headers=cookie)
            ask(f"X{pan}", path)
            for kind, body in bodies:
                key = secrets.choice([pan, str(uuid.uuid4())])
                ask(
                    "POST",
                    path,
                    content=body,
                    headers={"Content-Type": kind, "Idempotency-Key": key, "X-Card": spaced},
                )
    host, _, port = door.url.removeprefix("http://").partition(":")
    for text in (
        f"GET /{pan} HTTP/9.{pan}\r\n\r\n",
        f"{pan}\r\n\r\n",
        f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {pan}x\r\n\r\n{pan}",
        f"GET / HTTP/1.1\r\n{pan}\r\n\r\n",
    ):
        with socket.create_connection((host, int(port)), timeout=3) as raw, suppress(OSError):
            raw.settimeout(0.3)
            raw.sendall(text.encode())
            said = raw.recv(4096).decode("latin-1")
            answers.append((int(said.split()[1]) if said.startswith("HTTP/") else 0, said))
    return answers


def send_webhooks(pan: str, desk: str, secret: str, session: str) -> list[int]:
    """Webhooks with the partner's own signature, `pan` in every text of theirs; returns the statuses."""
    fields = {
        "field": "card_number",
        "count": 3,
        "min": 16,
        "max": 16,
        "brand": pan,
        "masked": pan,
        "last4": pan,
        "reason": pan,
    }
    charge = {
        "charge": pan,
        "amount": 1,
        "currency": pan,
        "authorisation_code": pan,
        "psp_reference": pan,
        "reason": pan,
    }
    statuses = []
    kinds = (
        "capture.field_completed",
        "capture.digit",
        "capture.field_invalid",
        "charge.approved",
        "charge.declined",
        "session.secure_failed",
        f"x.{pan}",
    )
    for kind in kinds:
        for name in (session, pan):
            data = {"session": name, "seq": 0, **fields, **charge, "by": pan, "extra": pan}
            body = json.dumps({"type": kind, "timestamp": time.time_ns() // 1_000_000, "data": data}).encode()
            for key in (key_of(secret), secrets.token_bytes(32)):
                now, message_id = int(time.time()), f"msg_{secrets.token_hex(8)}"
                headers = {
                    "webhook-id": message_id,
                    "webhook-timestamp": str(now),
                    "webhook-signature": signature(key, message_id, now, body),
                    "Content-Type": "application/json",
                }
                statuses.append(
                    httpx2.post(
                        f"{desk}/v1/webhooks/partner", content=body, headers=headers, timeout=5
                    ).status_code
                )
    return statuses


def notices(pan: str) -> Iterator[str]:
    """What an edge's inlet might be told: lines of `POST /inlet/notices`."""
    reference = secrets.token_hex(16)
    good = {
        "reference": reference, "tenant": "acme", "number": pan, "direction": "in", "token": "tok-canary", "reason": "", "caller": pan,
        "called": pan, "customer_call_id": "a@b", "agent_call_id": "c@d", "node": "1", "region": "local",
    }  # fmt: skip
    yield "handoff?" + urlencode(good)
    yield "handoff?" + urlencode(good | {"reference": pan})
    yield "handoff?" + urlencode(good | {"direction": pan})
    yield f"{pan}?reference={pan}"
    leg = {
        "reference": reference,
        "leg": "customer",
        "call_id": "a@b",
        "node": pan,
        "cseq": pan,
        "kind": "offered",
        "where": "home",
        "code": pan,
    }
    yield "leg?" + urlencode(leg)
    yield "leg?" + urlencode(leg | {"kind": pan, "where": pan})
