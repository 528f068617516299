"""Two rtpengine calls and the mask between them: what the customer says reaches the agent, what they press does not.

    customer <-> [near] <-> insert (mask) <-> [far] <-> agent

* near hears the digits: rtpengine reports RFC 4733 events to the digit feed, blocked or not. With the mask on it drops
  them on the way to the agent (`block DTMF`), so that the event's sound is never even made.
* the insert silences tones (see `mask`).
* far is the agent's side.

Both calls are G.711 in the middle; whatever else a leg speaks, rtpengine transcodes. The blocks are never lifted: the
calls are deleted when both legs are home (an `unblock` after a delay buffer kills some versions, and there is no need).
"""

from __future__ import annotations

from enum import StrEnum

from callseal.sandbox.media.insert import Endpoint, Insert
from callseal.sandbox.media.keys import IN_CLEAR, Keys
from callseal.sandbox.media.ng_client import MediaError, NgClient
from callseal.wire.ng import NgValue
from callseal.wire.sdp import SessionDescription


class Side(StrEnum):
    """Whose SDP or media it is; used as tag and label, so that everything rtpengine says names a side."""

    CUSTOMER = "customer"
    AGENT = "agent"

    @property
    def other(self) -> Side:
        return Side.AGENT if self is Side.CUSTOMER else Side.CUSTOMER


# Only packets from the address in the SDP count, and no packet teaches rtpengine another one: the voice of a leg that
# has not moved yet must not make itself the customer's peer.
_STRICT: dict[str, NgValue] = {
    "flags": ["strict-source"],
    "endpoint-learning": "off",
    "ICE": "remove",
    "DTLS": "off",
    "rtcp-mux": ["demux"],
}
_G711_ONLY: dict[str, NgValue] = {
    "codec": {"strip": ["all"], "offer": ["PCMU", "PCMA", "telephone-event"], "transcode": ["PCMU"]}
}


class Bridge:
    """`name` names both calls: `<name>.near` and `<name>.far`. Every method raises `MediaError`."""

    def __init__(
        self,
        ng: NgClient,
        name: str,
        *,
        insert: Insert,
        insert_address: str,
        prompt_dir: str = "",
        keys: Keys = IN_CLEAR,
    ) -> None:
        self._ng = ng
        self._insert = insert
        self._insert_address = insert_address
        self._prompt_dir = prompt_dir
        self.keys = keys
        self._open = False
        self._masked = False
        self.near = f"{name}.near"
        self.far = f"{name}.far"

    def _call(self, side: Side) -> str:
        return self.near if side is Side.CUSTOMER else self.far

    async def offer(self, side: Side, sdp: str) -> str:
        """Hand in `side`'s SDP; returns what to offer to the other side."""
        if not self._open:
            await self._insert.open(self._insert_address)
            self._open = True
        inside, outside = {**_STRICT, **self.keys.inside}, {**_STRICT, **self.keys.outside}
        inner = await self._negotiate("offer", self._call(side), side, {**inside, **_G711_ONLY}, sdp)
        return await self._negotiate(
            "offer", self._call(side.other), side, outside, self._through_insert(side, inner)
        )

    async def answer(self, side: Side, sdp: str) -> str:
        """Hand in `side`'s answer to what `offer` returned; returns the answer for the side that offered."""
        inner = await self._negotiate("answer", self._call(side), side, _STRICT, sdp)
        outer = await self._negotiate(
            "answer", self._call(side.other), side, _STRICT, self._through_insert(side, inner)
        )
        if self._insert.masking and not self._masked:
            # Drop mode: no transcoding, no delay. From mr12.4 a from-tag means nothing without `directional`.
            await self._ng.send(
                "block DTMF", {"call-id": self.near, "from-tag": Side.CUSTOMER, "flags": ["directional"]}
            )
            self._masked = True
        return outer

    async def _negotiate(
        self, command: str, call: str, side: Side, options: dict[str, NgValue], sdp: str
    ) -> str:
        tags: dict[str, NgValue] = (
            {"from-tag": side} if command == "offer" else {"from-tag": side.other, "to-tag": side}
        )
        reply = await self._ng.send(command, {"call-id": call, "label": side, "sdp": sdp, **tags, **options})
        answer = reply.get("sdp")
        if not isinstance(answer, str):
            raise MediaError(f"{command}: the reply holds no SDP")
        return answer

    def _through_insert(self, side: Side, sdp: str) -> str:
        """One call's inner SDP, as the other call shall see it: with the insert's address instead.

        An SDP from `side` comes out of that side's call with the port where this call takes media from the inside. The
        insert's face towards this call sends there; the other call sends to the insert's other face.
        """
        description = SessionDescription.parse(sdp)
        audio = description.audio
        if audio is None:
            raise MediaError("no audio to bridge")
        inner: Endpoint = (audio.address, audio.port)
        here, there = (
            (self._insert.near, self._insert.far)
            if side is Side.CUSTOMER
            else (self._insert.far, self._insert.near)
        )
        here.peer = inner
        moved = tuple(
            media.moved(*there.endpoint) if media is audio else media for media in description.media
        )
        return str(SessionDescription(description.lines, moved))

    async def play(self, recording: bytes, file: str = "") -> None:
        """Play to the customer, instead of what plays now: `file` below the prompt directory if there is one."""
        source: dict[str, NgValue] = (
            {"file": f"{self._prompt_dir}/{file}"}
            if self._prompt_dir and file
            else {"blob": recording.decode("utf-8", "surrogateescape")}
        )
        await self._ng.send("play media", {"call-id": self.near, "from-tag": Side.CUSTOMER, **source})

    async def close(self) -> None:
        """Delete both calls; a call that is not there is a call that is gone."""
        self._insert.close()
        for call in (self.near, self.far):
            try:
                await self._ng.send("delete", {"call-id": call, "from-tag": Side.CUSTOMER, "delete-delay": 0})
            except MediaError:
                continue
