"""A real rtpengine, a real agent process, a desk that answers by script, and RTP endpoints: the edge without its SIP.

What Kamailio would do (offers, answers, notices, ACK datagrams) the rig does, with the flags of the router.
"""

from __future__ import annotations

import http.client
import json
import secrets
import signal
import socket
import sqlite3
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

from callseal.edge.courier import BATCH, PATHS
from callseal.lab.daemon import Daemon
from callseal.wire.ng import NgReply, NgValue, decode_message, encode_message
from tests.support.rtp_socket import RtpSocket

BLOCK = "127.82.0"
SECRET = "edge-secret-of-the-integration-tests"
TOKEN = "tok-integration-9Zq4-only-in-tests"
PCMU, TELEPHONE_EVENT = 0, 101


def host(byte: int) -> str:
    return f"{BLOCK}.{byte}"


KAMAILIO, MEDIA, AGENT, PARTNER, PLATFORM, CARRIER, DESK = (
    host(byte) for byte in (20, 21, 22, 31, 40, 10, 50)
)
NG = (MEDIA, 2223)


def poll(condition: Callable[[], bool], timeout_s: float, what: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(0.01)


class Ng:
    """A free ng client: the agent's own would refuse offers and answers."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((KAMAILIO, 0))
        self._socket.connect(NG)
        self._socket.settimeout(2)

    def __call__(self, command: str, **keys: NgValue) -> dict[str, NgReply]:
        cookie = secrets.token_hex(8)
        message = {"command": command} | {key.replace("_", "-"): value for key, value in keys.items()}
        self._socket.send(encode_message(cookie, message))
        while True:
            got, reply = decode_message(self._socket.recv(65_535))
            if got == cookie:
                assert reply["result"] in ("ok", "pong"), (command, reply)
                return reply

    def close(self) -> None:
        self._socket.close()


class Endpoint(RtpSocket):
    """RTP at one address: counts what arrives by payload type, and can talk every 20 ms."""

    def __init__(self, address: str, port: int) -> None:
        super().__init__(address, port)
        self.at = (address, port)
        self.received: dict[int, int] = {PCMU: 0, TELEPHONE_EVENT: 0}
        self._target: tuple[str, int] | None = None
        self._sequence = 0
        self._start()

    def talk_to(self, target: tuple[str, int] | None) -> None:
        """Speech without pause, and a telephone event packet beside each fifth (a digit of no meaning)."""
        self._target = target

    def clear(self) -> None:
        self.received = {PCMU: 0, TELEPHONE_EVENT: 0}

    def _listen(self) -> None:
        for packet, _ in self._datagrams():
            self.received[packet[1] & 0x7F] = self.received.get(packet[1] & 0x7F, 0) + 1

    def _talk(self) -> None:
        for _ in self._frames():
            if self._target is None:
                continue
            self._send(self._target, PCMU, b"\x63" * 160)
            if self._sequence % 5 == 0:
                self._send(self._target, TELEPHONE_EVENT, bytes([5, 10, 0, 160]))

    def _send(self, target: tuple[str, int], payload_type: int, payload: bytes) -> None:
        self._sequence += 1
        header = bytes([0x80, payload_type]) + (self._sequence & 0xFFFF).to_bytes(2, "big")
        header += (self._sequence * 160 & 0xFFFFFFFF).to_bytes(4, "big") + b"\x00\x00\x00\x07"
        self._socket.sendto(header + payload, target)


def sdp(at: tuple[str, int]) -> str:
    lines = [
        "v=0",
        f"o=- 1 {time.monotonic_ns()} IN IP4 {at[0]}",
        "s=-",
        f"c=IN IP4 {at[0]}",
        "t=0 0",
        f"m=audio {at[1]} RTP/AVP 0 101",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=sendrecv",
    ]
    return "\r\n".join([*lines, ""])


def address_in(reply: dict[str, NgReply]) -> tuple[str, int]:
    lines = str(reply["sdp"]).split("\r\n")
    address = next(line.split()[2] for line in lines if line.startswith("c=IN IP4"))
    return address, int(next(line.split()[1] for line in lines if line.startswith("m=audio")))


class Leg:
    """One rtpengine call. `outside` is the carrier's or the platform's endpoint; the partner's place moves.

    `outside_port` and `partner_port` are where each side has to send.
    """

    def __init__(self, ng: Ng, call_id: str, leg: str, outside: Endpoint, partner: tuple[str, int]) -> None:
        self.ng, self.call_id, self.leg = ng, call_id, leg
        self.name = f"{call_id}.{leg}"
        self.label = "carrier" if leg == "customer" else "platform"
        self.outside = outside
        self.partner_port = address_in(self._offer_outside())
        self.outside_port = address_in(
            self._answer("partner", sdp(partner), partner=True, to_offerer="outside")
        )

    def move(self, partner: tuple[str, int], *, fence: bool = False) -> None:
        """The partner's re-INVITE and its 2xx. `fence` adds `block-DTMF` to the offer."""
        flags = ["port-latching", "strict-source"] + (["block-DTMF"] if fence else [])
        reply = self.ng(
            "offer",
            call_id=self.name,
            from_tag="partner",
            to_tag="outside",
            label="partner",
            sdp=sdp(partner),
            flags=flags,
            endpoint_learning="off",
        )
        self.outside_port = address_in(reply)
        reply = self._answer(self.label, sdp(self.outside.at), partner=False, to_offerer="partner")
        self.partner_port = address_in(reply)

    def _offer_outside(self) -> dict[str, NgReply]:
        return self.ng(
            "offer",
            call_id=self.name,
            from_tag="outside",
            label=self.label,
            sdp=sdp(self.outside.at),
            flags=["port-latching"],
        )

    def _answer(self, label: str, body: str, *, partner: bool, to_offerer: str) -> dict[str, NgReply]:
        tags: dict[str, NgValue] = (
            {"from_tag": "outside", "to_tag": "partner"}
            if to_offerer == "outside"
            else {"from_tag": "partner", "to_tag": "outside"}
        )
        more: dict[str, NgValue] = {"endpoint_learning": "off"} if partner else {}
        flags = ["port-latching", "strict-source"] if partner else ["port-latching"]
        return self.ng("answer", call_id=self.name, label=label, sdp=body, flags=flags, **tags, **more)


class FakeDesk:
    """Takes hand-offs and events; `script` maps an idempotency key or a path to the statuses of its next answers."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.script: dict[str, list[int]] = {}
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if self.path == BATCH:
                    rows = [
                        self._take(PATHS[row["kind"]], row["key"], row["body"]) for row in body["parcels"]
                    ]
                    self._answer(200, json.dumps({"statuses": rows}).encode())
                else:
                    self._answer(self._take(self.path, self.headers["idempotency-key"], body), b"")

            def _take(self, path: str, key: str, body: dict[str, Any]) -> int:
                answers = desk.script.get(key) or desk.script.get(path)
                status = answers.pop(0) if answers else 204
                desk.requests.append(
                    {"path": path, "key": key, "body": body, "status": status}
                    | {"authorisation": self.headers["authorization"], "at": time.monotonic()}
                )
                return status

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

        self._server = ThreadingHTTPServer((DESK, 8050), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None

    @property
    def accepted(self) -> list[dict[str, Any]]:
        return [request for request in self.requests if request["status"] < 300]

    def events(self, reference: str) -> list[dict[str, Any]]:
        return [
            request["body"]
            for request in self.accepted
            if request["path"] == "/v1/edge/events" and request["body"]["reference"] == reference
        ]

    def wait_event(self, reference: str, kind: str, timeout_s: float = 5, count: int = 1) -> dict[str, Any]:
        def found() -> list[dict[str, Any]]:
            return [event for event in self.events(reference) if event["kind"] == kind]

        poll(
            lambda: len(found()) >= count,
            timeout_s,
            f"{count} {kind} of {reference}: {self.events(reference)}",
        )
        return found()[-1]


class AgentProcess:
    """`python -m callseal.services.edge` on a deployment of the tests' own."""

    def __init__(self, folder: Path, *, anchors: str = "two") -> None:
        self.folder = folder
        self.state = folder / "state" / "edge-1.sqlite3"
        self.config = folder / "callseal.toml"
        folder.mkdir(parents=True, exist_ok=True)
        example = Path(__file__).parents[3] / "examples" / "sandbox.toml"
        text = example.read_text(encoding="utf-8").replace("127.88.0.", f"{BLOCK}.")
        self.config.write_text(text.replace('anchors = "two"', f'anchors = "{anchors}"'), encoding="utf-8")
        (folder / "secrets").mkdir(exist_ok=True)
        for name in (
            "signing-k1",
            "partner-api-key",
            "partner-webhook",
            "platform-webhook",
            "agent-alice",
            "agent-bob",
        ):
            (folder / "secrets" / name).write_text(secrets.token_hex(16), encoding="utf-8")
        (folder / "secrets" / "edge-secret").write_text(SECRET + "\n", encoding="utf-8")
        argv = [
            sys.executable,
            "-m",
            "callseal.services.edge",
            "--config",
            str(self.config),
            "--edge",
            "edge-1",
        ]
        self.daemon = Daemon("edge agent", argv, log=folder / "agent.log")

    def notice(self, path: str, fields: Mapping[str, object], *, source: str = KAMAILIO) -> int:
        """Post a form from Kamailio's address; the status."""
        return self._post(f"/inlet/{path}", urlencode(fields).encode(), source, {})[0]

    def ask(self, path: str, **fields: object) -> tuple[int, Any]:
        """Post JSON as the desk."""
        headers = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"}
        return self._post(f"/v1/{path}", json.dumps(fields).encode(), DESK, headers)

    def ack(self, reference: str, leg: str, cseq: int, source: str = KAMAILIO) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((source, 0))
            sender.sendto(f"ack {reference} {leg} {cseq}".encode(), (AGENT, 8023))

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://{AGENT}:8022/metrics", timeout=3) as page:
            text: str = page.read().decode()
            return text

    def rows(self) -> int:
        """Rows in the spool, read from the file beside the agent."""
        with sqlite3.connect(f"file:{self.state}?mode=ro", uri=True) as connection:
            (count,) = connection.execute("SELECT count(*) FROM outbox").fetchone()
        connection.close()
        return int(count)

    def files(self) -> bytes:
        """Everything the agent has on the disk, its log included."""
        paths = [*self.state.parent.glob("*"), self.daemon.log]
        return b"".join(path.read_bytes() for path in paths)

    def kill_hard(self) -> None:
        self.daemon.kill()

    def terminate(self) -> tuple[int, float]:
        """SIGTERM; exit code and seconds it took."""
        process = self.daemon.process
        assert process is not None
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=10)
        return code, time.monotonic() - began

    @staticmethod
    def _post(path: str, body: bytes, source: str, headers: dict[str, str]) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(AGENT, 8022, timeout=5, source_address=(source, 0))
        try:
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", path, body, kind | headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()


@contextmanager
def endpoints() -> Iterator[Callable[[str, int], Endpoint]]:
    """Make RTP endpoints that are closed at the end."""
    made: list[Endpoint] = []

    def make(address: str, port: int) -> Endpoint:
        made.append(Endpoint(address, port))
        return made[-1]

    try:
        yield make
    finally:
        for endpoint in made:
            endpoint.close()


def new_reference() -> str:
    return secrets.token_hex(16)
