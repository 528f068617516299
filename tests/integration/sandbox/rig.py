"""The partner between two peers: real rtpengine, real PSP simulator, a desk that only listens.

One SIP peer plays the edge for both legs, as on the wire: everything the partner hears and says passes one address.
Addresses are in 127.83.0.0/24.
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
from jsonschema import ValidationError

from callseal.lab.daemon import Daemon
from callseal.lab.rootfs import Rootfs
from callseal.lab.router import Rtpengine
from callseal.sandbox.session import signing
from tests.integration.sandbox.voice import Voice
from tests.support.partner_contract import check_answer, check_webhook
from tests.support.sip_peer import Dialog, Message, SipPeer

EDGE, PARTNER, MEDIA, PSP, DESK = "127.83.0.20", "127.83.0.30", "127.83.0.31", "127.83.0.33", "127.83.0.50"
CUSTOMER, AGENT = "127.83.0.10", "127.83.0.40"
API_KEY = "a-key-of-the-tests"
SECRET = signing.new_secret()
TO = "sip:+442079460123@edge.example.net;user=phone"
CUSTOMER_VOICE, AGENT_VOICE = 0x63, 0x71
WAIT_S = 8.0


class Desk:
    """Takes webhooks, checks every signature, keeps what came in order of arrival."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.breaches: list[str] = []
        self.forged = 0
        self.refuse = 0
        self._news = threading.Condition()
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self.send_response(
                    desk.take({name.lower(): value for name, value in self.headers.items()}, body)
                )
                self.end_headers()

            def log_message(self, *_words: object) -> None:
                return

        self._server = ThreadingHTTPServer((DESK, 8050), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def take(self, headers: dict[str, str], body: bytes) -> int:
        try:
            signing.verify(signing.key_of(SECRET), headers, body, now=time.time())
        except signing.SignatureError:
            self.forged += 1
            return 401
        if self.refuse > 0:
            self.refuse -= 1
            return 503
        event = json.loads(body)
        try:
            check_webhook(headers, event)
        except (AssertionError, ValidationError) as error:
            self.breaches.append(str(error))
        with self._news:
            self.events.append(event)
            self._news.notify_all()
        return 204

    def types(self, session: str = "") -> list[str]:
        return [event["type"] for event in self.events if session in ("", event["data"]["session"])]

    def wait(self, kind: str, session: str, count: int = 1, timeout_s: float = WAIT_S) -> dict[str, Any]:
        """The data of the `count`-th event of that kind; `AssertionError` shows what came instead."""
        deadline = time.monotonic() + timeout_s
        with self._news:
            while True:
                found = [
                    event["data"]
                    for event in self.events
                    if event["type"] == kind and event["data"]["session"] == session
                ]
                if len(found) >= count:
                    return dict(found[count - 1])
                left = deadline - time.monotonic()
                assert left > 0, f"no {kind} ({count}); came: {self.types(session)}"
                self._news.wait(left)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(2)


@dataclass(slots=True)
class LiveCall:
    """One answered call: both dialogs as the edge sees them, both voices."""

    rig: Rig
    customer: Dialog
    agent: Dialog
    customer_voice: Voice
    agent_voice: Voice
    token: str
    offer: Message
    versions: dict[str, int] = field(default_factory=dict)

    @property
    def session(self) -> str:
        return hashlib.sha256(self.token.encode()).hexdigest()[:32]

    def post(self, verb: str, body: dict[str, Any] | None = None, key: str = "") -> httpx2.Response:
        return self.rig.post(f"/v1/session/{verb}", body or {}, token=self.token, key=key)

    def state(self) -> str:
        return str(self.rig.get("/v1/session", token=self.token).json()["state"])

    def wait_state(self, state: str) -> None:
        deadline = time.monotonic() + WAIT_S
        while self.state() != state:
            assert time.monotonic() < deadline, f"still {self.state()}, not {state}"
            time.sleep(0.02)

    def wait(self, kind: str, count: int = 1) -> dict[str, Any]:
        return self.rig.desk.wait(kind, self.session, count)

    def dialog(self, side: str) -> Dialog:
        return self.customer if side == "customer" else self.agent

    def voice(self, side: str) -> Voice:
        return self.customer_voice if side == "customer" else self.agent_voice

    def accept_reinvite(self, side: str) -> Message:
        """Take the partner's re-INVITE on that leg: answer with the leg's own SDP and send media to where it says."""
        dialog, voice = self.dialog(side), self.voice(side)
        request = dialog.incoming("INVITE", WAIT_S)
        assert request.body, "a re-INVITE without an offer"
        dialog.reply(request, 200, sdp=voice.sdp())
        voice.talk_to(request.body)
        dialog.incoming("ACK")
        return request

    def refuse_reinvite(self, side: str, status: int) -> Message:
        dialog = self.dialog(side)
        request = dialog.incoming("INVITE", WAIT_S)
        dialog.reply(request, status)
        dialog.incoming("ACK")
        return request

    def secure(self, *, order: tuple[str, str] = ("agent", "customer")) -> None:
        came = self.rig.desk.types(self.session).count("session.secured")
        assert self.post("secure").status_code == 202
        for side in order:
            self.accept_reinvite(side)
        self.wait("session.secured", came + 1)

    def release(self, *, order: tuple[str, str] = ("agent", "customer")) -> list[Message]:
        came = self.rig.desk.types(self.session).count("session.released")
        assert self.post("release").status_code == 202
        moved = [self.accept_reinvite(side) for side in order]
        assert self.wait("session.released", came + 1)["legs"] == "home"
        return moved

    def hang_up(self, side: str = "customer") -> None:
        """BYE from that side; the other side must get one."""
        cseq = self.dialog(side).request("BYE")
        assert self.dialog(side).answered(cseq, "BYE").status == 200
        other = self.dialog("agent" if side == "customer" else "customer")
        other.reply(other.incoming("BYE"), 200)


class Rig:
    """Everything that runs; `call()` makes calls."""

    def __init__(self, peer: SipPeer, desk: Desk, rtpengine: Rtpengine, partner: Daemon) -> None:
        self.peer = peer
        self.desk = desk
        self.rtpengine = rtpengine
        self.partner = partner
        self._voices = ExitStack()
        self._keys = 0

    def headers(self, token: str, key: str) -> dict[str, str]:
        self._keys += 1
        return {
            "authorization": f"Bearer {API_KEY}",
            "session-token": token,
            "idempotency-key": key or f"key-{self._keys}-{time.monotonic_ns()}",
        }

    def post(self, path: str, body: object, *, token: str = "", key: str = "") -> httpx2.Response:
        """Every answer must be one that the contract allows."""
        url = f"http://{PARTNER}:8030{path}"
        answer = httpx2.post(url, json=body, headers=self.headers(token, key), timeout=5, trust_env=False)
        if path != "/faults":
            check_answer("POST", path, answer.status_code, answer.json())
        return answer

    def get(self, path: str, *, token: str = "") -> httpx2.Response:
        url = f"http://{PARTNER}:8030{path}"
        answer = httpx2.get(url, headers=self.headers(token, "-"), timeout=8, trust_env=False)
        if path != "/faults":
            check_answer("GET", path, answer.status_code, answer.json())
        return answer

    def switch(self, **switches: object) -> None:
        answer = self.post("/faults", switches)
        assert answer.status_code == 200, answer.text

    def silence(self) -> None:
        """Every voice of this test stops."""
        self._voices.close()

    def voices(self) -> tuple[Voice, Voice]:
        return (
            self._voices.enter_context(Voice(CUSTOMER, CUSTOMER_VOICE)),
            self._voices.enter_context(Voice(AGENT, AGENT_VOICE)),
        )

    def call(self, *, headers: tuple[str, ...] = (), caller: str = "customer") -> LiveCall:
        """A call through the partner, answered, both voices talking to each other."""
        customer_voice, agent_voice = self.voices()
        voices = {"customer": customer_voice, "agent": agent_voice}
        callee = "agent" if caller == "customer" else "customer"
        incoming = Dialog.new(self.peer, TO)
        cseq = incoming.request("INVITE", sdp=voices[caller].sdp(), headers=headers)
        offer = self.peer.expect(
            lambda m: (
                m.is_request and m.method == "INVITE" and m.cseq != cseq and not m.get("To").count("tag=")
            ),
            "the second leg's INVITE",
        )
        outgoing = Dialog.of(self.peer, offer)
        outgoing.reply(offer, 200, sdp=voices[callee].sdp())
        voices[callee].talk_to(offer.body)
        answer = incoming.answered(cseq)
        assert answer.status == 200, answer.start
        incoming.ack(cseq)
        voices[caller].talk_to(answer.body)
        outgoing.incoming("ACK")
        dialogs = {caller: incoming, callee: outgoing}
        return LiveCall(
            rig=self,
            customer=dialogs["customer"],
            agent=dialogs["agent"],
            customer_voice=customer_voice,
            agent_voice=agent_voice,
            token=offer.get("X-Payment-Token"),
            offer=offer,
        )


def partner_settings(**changes: object) -> dict[str, object]:
    return {
        "sip": f"{PARTNER}:5060",
        "edge": f"{EDGE}:5060",
        "api": f"{PARTNER}:8030",
        "api_key": API_KEY,
        "webhook_url": f"http://{DESK}:8050/v1/webhooks/partner",
        "webhook_secret": SECRET,
        "psp": f"http://{PSP}:8033",
        "psp_timeout_s": 0.6,
        "ng": f"{MEDIA}:2223",
        "digit_feed": f"{PARTNER}:2230",
        **changes,
    }


def service(name: str, settings: dict[str, object], directory: Path) -> Daemon:
    config = directory / f"{name}.toml"
    config.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items()))
    argv = [sys.executable, "-m", f"callseal.services.{name}", "--config", str(config)]
    return Daemon(name, argv, log=directory / f"{name}.log")


@contextmanager
def running(directory: Path, rootfs: Rootfs, **changes: object) -> Iterator[Rig]:
    with ExitStack() as stack:
        desk = Desk()
        stack.callback(desk.close)
        rtpengine = stack.enter_context(
            Rtpengine(
                rootfs,
                media=MEDIA,
                ng=(MEDIA, 2223),
                log=directory / "rtpengine.log",
                extra=(f"--dtmf-log-dest={PARTNER}:2230",),
            )
        )
        psp = {"listen": f"{PSP}:8033", "answer_ms": 20, "timeout_ms": 1500}
        stack.enter_context(service("psp", psp, directory))
        partner = stack.enter_context(service("partner", partner_settings(**changes), directory))
        peer = stack.enter_context(SipPeer(EDGE, PARTNER))
        rig = Rig(peer, desk, rtpengine, partner)
        yield rig
        assert desk.breaches == []
        assert rtpengine.alive, "rtpengine died"
        assert partner.alive, "the partner died"
        assert "Traceback" not in partner.log_text()
        assert "Exception in callback" not in partner.log_text()
        assert "session_script_failed" not in partner.log_text()
