"""The edge under examination, and the few ways in which checks look at the world. All of them come in by argument."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from callseal.deployment import Deployment, Edge
from callseal.edge.ng_client import sessions_own
from callseal.edge.router_control import RouterControl
from callseal.observe.errors import Error
from callseal.operate import processes
from callseal.operate.unreachable import reason
from callseal.wire.ng import NgReply, NgSyntaxError, decode_message, encode_message

CONTROL = "control.sock"
_HTTP_TIMEOUT_S = 3.0
_NG_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Of an HTTP GET. `date` is the header of that name, "" without one."""

    status: int
    text: str
    date: str


class NoAnswerError(Exception):
    """Nobody answered; the text is the reason, without the request."""


@dataclass(frozen=True, slots=True)
class Patient:
    """`router` is the rendered directory that Kamailio reads. `get` fetches a URL or raises `NoAnswerError`.

    `proc` is /proc as checks see it. `now_ms` is unix time. `own_mode_only`: files of secrets must be the owner's alone.
    """

    deployment: Deployment
    edge: Edge
    router: Path
    now_ms: Callable[[], int]
    get: Callable[[str], Answer]
    ng: Callable[[tuple[str, int], str], dict[str, NgReply] | None]
    proc: Path = Path("/proc")
    state: tuple[Path, ...] = field(default=())

    @property
    def control(self) -> RouterControl:
        return RouterControl(self.router / CONTROL)


def get(url: str) -> Answer:
    """The one HTTP request of the checks. Raises `NoAnswerError`."""
    try:
        with httpx2.Client(trust_env=False, timeout=_HTTP_TIMEOUT_S) as client:
            response = client.get(url)
    except httpx2.HTTPError as error:
        raise NoAnswerError(reason(error)) from None
    return Answer(response.status_code, response.text, response.headers.get("date", ""))


def ask_ng(address: tuple[str, int], command: str) -> dict[str, NgReply] | None:
    """One ng command without arguments (`ping`, `statistics`); None when nobody answers."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    cookie = secrets.token_hex(8)
    with socket.socket(family, socket.SOCK_DGRAM) as asker:
        asker.settimeout(_NG_TIMEOUT_S)
        try:
            asker.connect(address)
            asker.send(encode_message(cookie, {"command": command}))
            answered, body = decode_message(asker.recv(65535))
        except (OSError, NgSyntaxError):
            return None
    return body if answered == cookie else None


def sessions(patient: Patient) -> int | None:
    """How many anchors the edge's own rtpengine has; None when it does not answer."""
    return sessions_own(patient.ng(patient.edge.ng.pair, "statistics") or {})


class RouterHiddenError(Error):
    """Kamailio's process cannot be seen from here."""

    id = "router_hidden"


def router_process(patient: Patient) -> int:
    """Kamailio's main process: who listens where the deployment says, and its parent. Raises `RouterHiddenError`."""
    address = patient.edge.bound.sip.pair
    found = processes.listening(processes.listeners(patient.proc), "udp", address)
    pid = None if found is None else processes.owner(patient.proc, found.inode)
    if pid is None:
        raise RouterHiddenError(
            f"no process is seen that listens on {address[0]}:{address[1]}",
            advice="Run this as root, on the host and in the network namespace where Kamailio runs.",
        )
    return processes.main_process(patient.proc, pid)
