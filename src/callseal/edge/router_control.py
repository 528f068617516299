"""Kamailio's control socket: JSON-RPC 2.0 in one datagram there and one back (module jsonrpcs, transport "datagram socket").

The socket is a file beside the rendered configuration, for its owner only: whoever uses it is root or Kamailio's own user,
and in the same network namespace, because the answer goes to an abstract address (a chrooted Kamailio knows no path of ours).
"""

from __future__ import annotations

import json
import secrets
import socket
from pathlib import Path
from typing import Any

from callseal.observe.errors import Error

_LONGEST_ANSWER = 262_144


class RouterSilentError(Error):
    """No answer: Kamailio does not run, or this user may not use its socket."""

    id = "router_silent"


class RouterRefusedError(Error):
    """Kamailio answered with an error; `code` is its number (500 is also "try again later")."""

    id = "router_refused"

    def __init__(self, method: str, code: int, message: str) -> None:
        super().__init__(f"Kamailio refused {method}: {code} {message}")
        self.code = code


class RouterControl:
    """`path` is the socket (`control.sock` in the router's directory). Blocking; callers with an event loop use a thread."""

    def __init__(self, path: Path, *, timeout_s: float = 2.0) -> None:
        self.path = path
        self._timeout = timeout_s

    def call(self, method: str, *params: str | int) -> Any:
        """The `result` of one command. Raises `RouterSilentError`, `RouterRefusedError`."""
        request = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": 1})
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as asker:
                asker.settimeout(self._timeout)
                asker.bind(f"\0callseal-control-{secrets.token_hex(8)}")
                asker.connect(str(self.path))
                asker.send(request.encode())
                answer = json.loads(asker.recv(_LONGEST_ANSWER))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or (
                "timed out" if isinstance(error, TimeoutError) else ""
            )
            raise RouterSilentError(
                f"Kamailio does not answer on {self.path}{f' ({reason})' if reason else ''}",
                advice="Is it running, and may this user (root, or Kamailio's own) use the socket?",
            ) from None
        if "error" in answer:
            fault = answer["error"]
            raise RouterRefusedError(method, int(fault.get("code", 0)), str(fault.get("message", "")))
        return answer.get("result")
