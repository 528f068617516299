"""What came, in order, and how the platform behaves."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from enum import StrEnum
from typing import Any

from callseal.sandbox.platform.messages import Annotation, Message

SILENCE_S = 60.0


class Fault(StrEnum):
    """What the platform does instead of what it is told."""

    REFUSE = "refuse"
    """422, for good."""
    NOT_ACKNOWLEDGED = "not_acknowledged"
    """200 and `{"acknowledged": false}`: the recording goes on."""
    SILENT = "silent"
    """No answer for a minute, then 504."""


class IdReusedError(Exception):
    """A `webhook-id` came again with another body."""


class Inbox:
    """Genuine, well-formed messages. `seen` has them all, also those met by a fault; a repeated `webhook-id` that was done is left out."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.fault: Fault | None = None
        self.fault_times = 0
        self._done: dict[str, bytes] = {}
        self._closing = asyncio.Event()

    def set_fault(self, kind: Fault | None, times: int) -> None:
        """The next `times` messages meet `kind`."""
        self.fault, self.fault_times = (kind, times) if kind else (None, 0)

    def take(self, message_id: str, body: bytes, message: Message, at: int) -> Fault | None:
        """Note a message that came `at` (unix ms); returns the fault it meets.

        A message that was done is done once; one that met a fault may come again under its id. Raises `IdReusedError`.
        """
        digest = hashlib.sha256(body).digest()
        if message_id in self._done:
            if self._done[message_id] != digest:
                raise IdReusedError
            return None
        fault = self.fault
        if fault is None:
            self._done[message_id] = digest
        else:
            self.set_fault(fault if self.fault_times > 1 else None, self.fault_times - 1)
        annotation = message.data if isinstance(message, Annotation) else None
        self.seen.append(
            {
                "type": message.type,
                "reference": message.data.reference,
                "state": annotation.state if annotation else None,
                "text": annotation.text if annotation else None,
                "at": at,
                "fault": fault,
            }
        )
        return fault

    async def silence(self) -> None:
        """Say nothing until nobody listens any more, or until the platform closes."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), SILENCE_S)

    def close(self) -> None:
        """Ends every silence, so that the process can end."""
        self._closing.set()
