"""One rtpengine call between the two legs: what the customer says reaches the agent, what the customer presses does not.

The mask is rtpengine's `block DTMF` with three things beside it, none of which may be missing:

* `DTMF-security=silence` replaces a digit's sound by silence, so speech goes on;
* `detect-DTMF` starts the tone detector, which a negotiated telephone-event payload would otherwise keep off;
* `delay-buffer=100` holds the audio back until the detector has decided; without it the tone has left already.

It is never lifted: after a delay buffer a plain `unblock DTMF` kills the daemon. The bridge is deleted instead, when
both legs are home. `random`, `zero` and `trigger` are never used: they crash some versions or leak the digit.
"""

from __future__ import annotations

from enum import StrEnum

from callseal.sandbox.media.ng_client import MediaError, NgClient
from callseal.wire.ng import NgValue


class Side(StrEnum):
    """Whose SDP or media it is; used as tag and label, so that everything rtpengine says names a side."""

    CUSTOMER = "customer"
    AGENT = "agent"

    @property
    def other(self) -> Side:
        return Side.AGENT if self is Side.CUSTOMER else Side.CUSTOMER


class Bridge:
    """`name` is rtpengine's call-id. Every method raises `MediaError`."""

    def __init__(self, ng: NgClient, name: str, *, prompt_dir: str = "") -> None:
        self._ng = ng
        self.name = name
        self._prompt_dir = prompt_dir

    async def offer(self, side: Side, sdp: str) -> str:
        """Hand in `side`'s SDP; returns what to offer to the other side."""
        return await self._negotiate("offer", side, {"from-tag": side}, sdp)

    async def answer(self, side: Side, sdp: str) -> str:
        """Hand in `side`'s answer to what `offer` returned; returns the answer for the side that offered."""
        return await self._negotiate("answer", side, {"from-tag": side.other, "to-tag": side}, sdp)

    async def _negotiate(self, command: str, side: Side, tags: dict[str, NgValue], sdp: str) -> str:
        reply = await self._ng.send(
            command,
            {
                "call-id": self.name,
                **tags,
                "label": side,
                "sdp": sdp,
                # Only packets from the address in the SDP count, and no packet teaches us another one.
                "flags": ["strict-source"],
                "endpoint-learning": "off",
                "ICE": "remove",
                "DTLS": "off",
                "rtcp-mux": ["demux"],
            },
        )
        answer = reply.get("sdp")
        if not isinstance(answer, str):
            raise MediaError(f"{command}: the reply holds no SDP")
        return answer

    async def mask(self) -> None:
        """Take digits, events and tones alike, out of what the agent hears."""
        await self._ng.send(
            "block DTMF",
            {
                "call-id": self.name,
                "from-tag": Side.CUSTOMER,
                "flags": ["directional", "detect-DTMF"],
                "DTMF-security": "silence",
                "delay-buffer": 100,
            },
        )

    async def play(self, recording: bytes, file: str = "") -> None:
        """Play to the customer, instead of what plays now: `file` below the prompt directory if there is one."""
        source: dict[str, NgValue] = (
            {"file": f"{self._prompt_dir}/{file}"}
            if self._prompt_dir and file
            else {"blob": recording.decode("utf-8", "surrogateescape")}
        )
        await self._ng.send("play media", {"call-id": self.name, "from-tag": Side.CUSTOMER, **source})

    async def delete(self) -> None:
        await self._ng.send("delete", {"call-id": self.name, "from-tag": Side.CUSTOMER, "delete-delay": 0})
