"""Says each command to the one it is for: an edge, the call's partner, the platform. One attempt; retries are the dispatcher's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from callseal.desk.metrics import Metrics
from callseal.desk.partners import Partners
from callseal.payments import commands as cmd
from callseal.payments import events as ev
from callseal.payments.ports import EdgePort, PartnerPort, Pending, PlatformPort, StorePort, Unreachable

_REFRESHES_AT_A_TIME = 4
"""A node that dies asks for one of each call on it. The partner answers more slowly the more it has to do: so it sets the pace."""


class TokenGone(Exception):  # noqa: N818 - a state of the world
    """The call has ended: there is nothing left to authenticate with."""


class Caller(Protocol):
    """What the dispatcher needs of the desk."""

    store: StorePort
    metrics: Metrics
    now_ms: Callable[[], int]

    def apply(self, reference: str, event: ev.Happening, *, source: str, done: int | None = None) -> Any: ...


class Addressees:
    def __init__(self, desk: Caller, *, edges: EdgePort, partners: Partners, platform: PlatformPort) -> None:
        self._desk = desk
        self._edges = edges
        self._partners = partners
        self._platform = platform
        self._refreshing = asyncio.Semaphore(_REFRESHES_AT_A_TIME)

    async def attempt(self, pending: Pending) -> ev.Happening | None:  # noqa: PLR0912 - one line a command
        """The event that the answer is, if it is one. Raises `Refused`, `Unreachable`, `TokenGone`."""
        command = pending.command
        match command:
            case cmd.Hold():
                expires_at = await self._edges.hold(
                    edge=command.edge,
                    reference=command.reference,
                    call_id=command.call_id,
                    node=command.node,
                    ttl_ms=command.ttl_ms,
                    key=command.key,
                )
                return ev.HoldConfirmed(expires_at)
            case cmd.Unhold():
                await self._edges.unhold(
                    edge=command.edge,
                    reference=command.reference,
                    call_id=command.call_id,
                    node=command.node,
                    key=command.key,
                )
            case cmd.QueryMedia():
                asked_at = self._desk.now_ms()
                report = await self._edges.media(
                    edge=command.edge,
                    reference=command.reference,
                    customer_call_id=command.customer_call_id,
                    agent_call_id=command.agent_call_id,
                    node=command.node,
                )
                return ev.MediaSeen(
                    report.customer,
                    report.agent,
                    report.fenced,
                    report.anchored,
                    asked_at,
                    report.customer_node,
                    report.agent_node,
                )
            case cmd.PartnerSecure():
                await self._partner(command).secure(self._token(command), command.key)
            case cmd.PartnerCapture():
                await self._partner(command).capture(
                    self._token(command), command.key, command.fields, command.stored_card
                )
            case cmd.PartnerReset():
                await self._partner(command).reset(self._token(command), command.key, command.field)
            case cmd.PartnerCancelCapture():
                await self._partner(command).cancel_capture(self._token(command), command.key)
            case cmd.PartnerCharge():
                token = self._token(command)
                self._desk.store.mark_attempted(pending.id, self._desk.now_ms())
                await self._desk.store.on_disk()
                await self._partner(command).charge(token, command.key, command.amount, command.reference)
            case cmd.PartnerRelease():
                await self._partner(command).release(self._token(command), command.key)
            case cmd.PartnerRefresh():
                async with self._refreshing:
                    await self._partner(command).refresh(self._token(command), command.key)
            case cmd.QueryCharge():
                return await self._partner(command).ask_charge(command.charge)
            case cmd.Annotate():
                await self._platform.annotate(
                    reference=command.reference, state=command.state, text=command.text, key=command.key
                )
                return ev.Annotated()
            case cmd.PauseRecording():
                await self._platform.pause_recording(reference=command.reference, key=command.key)
            case cmd.ResumeRecording():
                await self._platform.resume_recording(reference=command.reference, key=command.key)
        return None

    def _partner(self, command: cmd.Command) -> PartnerPort:
        """The one whose call it is."""
        session = self._desk.store.load(command.reference)
        try:
            return self._partners[session.partner_id if session else ""]
        except KeyError:
            raise Unreachable("unknown_partner", sent=False) from None

    def _token(self, command: cmd.Command) -> str:
        token = self._desk.store.token(command.reference)
        if token is None:
            raise TokenGone
        return token
