"""The SIP thread's doorway: everything about sippy stays on the other side of it.

sippy runs an event loop of its own (`ED2`), one a process, in the thread that imports it. Commands go in with
`callFromThread`; what was heard comes out by a callback, which the owner makes thread-safe
(`loop.call_soon_threadsafe`). No object of sippy's crosses.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from callseal.sandbox.sip.edges import Edges
from callseal.sandbox.sip.heard import Header, Heard


@dataclass(frozen=True, slots=True)
class SipSettings:
    """Addresses are (IPv4, port). Requests and answers from addresses outside `accept_from` meet silence."""

    listen: tuple[str, int]
    edge: tuple[str, int]
    accept_from: frozenset[str]
    wanted_headers: frozenset[str]
    other_edges: tuple[tuple[str, int], ...] = ()


class SipStack:
    """One UDP listener with its dialogs. Only one may run in a process."""

    def __init__(
        self,
        settings: SipSettings,
        *,
        on_heard: Callable[[Heard], None],
        answers_options: Callable[[], bool],
        silent: Callable[[], bool],
    ) -> None:
        """`on_heard` is called in the SIP thread; `answers_options` and `silent` are asked there, at each request."""
        self._settings = settings
        self._on_heard = on_heard
        self._answers_options = answers_options
        self._silent = silent
        self._edges = Edges((settings.edge, *settings.other_edges), source=settings.listen[0])
        self._finding: asyncio.Task[None] | None = None
        self._numbers = itertools.count(1)
        self._dialogs: dict[int, Any] = {}
        self._up = threading.Event()
        self._error: Exception | None = None
        self._loop: Any = None
        self._new_dialog: Callable[[int], Any] = _not_started
        self._thread = threading.Thread(target=self._run, name="sip", daemon=True)

    def start(self, timeout_s: float = 5.0) -> None:
        """Bind and run. Raises what the bind raised."""
        self._thread.start()
        if not self._up.wait(timeout_s):
            raise TimeoutError("the SIP thread did not start")
        if self._error is not None:
            raise self._error
        self._edges.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        self._edges.stop()
        if self._loop is not None:
            self._loop.callFromThread(self._loop.breakLoop)
            self._thread.join(timeout_s)

    async def find_edges(self) -> None:
        """Find out now which edges answer. Whoever asks while it is being found out waits for the same answer."""
        if self._finding is None or self._finding.done():
            self._finding = asyncio.create_task(asyncio.to_thread(self._edges.look))
        await asyncio.shield(self._finding)

    def new_number(self) -> int:
        """The number of a dialog to come; taken before `call`, so that nothing it hears finds nobody at home."""
        return next(self._numbers)

    def call(
        self,
        number: int,
        *,
        call_id: str,
        request_uri: str,
        from_: str,
        to: str,
        max_forwards: int,
        headers: Sequence[Header],
        sdp: str | None,
    ) -> None:
        """Start a call to the edge."""

        def begin() -> None:
            self._new_dialog(number).invite(
                call_id=call_id,
                request_uri=request_uri,
                from_=from_,
                to=to,
                max_forwards=max_forwards,
                headers=headers,
                sdp=sdp,
            )

        self._loop.callFromThread(begin)

    def progress(self, dialog: int, code: int, reason: str, sdp: str | None) -> None:
        self._do(dialog, "progress", code, reason, sdp)

    def answer(self, dialog: int, code: int, reason: str, sdp: str | None) -> None:
        self._do(dialog, "answer", code, reason, sdp)

    def reinvite(self, dialog: int, sdp: str | None) -> None:
        self._do(dialog, "reinvite", sdp)

    def give_up_reinvite(self, dialog: int) -> None:
        self._do(dialog, "give_up_reinvite")

    def acknowledge(self, dialog: int, sdp: str | None) -> None:
        self._do(dialog, "acknowledge", sdp)

    def info(self, dialog: int, content_type: str, body: str) -> None:
        self._do(dialog, "info", content_type, body)

    def hang_up(self, dialog: int, code: int = 480, reason: str = "Temporarily Unavailable") -> None:
        self._do(dialog, "hang_up", code, reason)

    def _do(self, dialog: int, verb: str, *words: object) -> None:
        def act() -> None:
            known = self._dialogs.get(dialog)
            if known is not None:
                getattr(known, verb)(*words)

        self._loop.callFromThread(act)

    def _run(self) -> None:
        try:
            from callseal.sandbox.sip.dialog import Dialog  # noqa: PLC0415 - sippy belongs to this thread
            from callseal.sandbox.sip.dialog_state import DialogState  # noqa: PLC0415
            from callseal.sandbox.sip.library import ED2, Transactions, keep_messages_out_of_output  # noqa: PLC0415

            keep_messages_out_of_output()
            transactions = Transactions(self._settings.listen, self._admits, self._unclaimed)
        except Exception as error:  # noqa: BLE001 - the starter raises it
            self._error = error
            self._up.set()
            return

        def forget(number: int) -> None:
            self._dialogs.pop(number, None)

        def new_dialog(number: int) -> Dialog:
            dialog = Dialog(
                number,
                DialogState(address=self._settings.listen, edge=self._settings.edge, alive=self._edges.alive),
                transactions=transactions,
                tell=self._on_heard,
                forget=forget,
                wanted=self._settings.wanted_headers,
            )
            self._dialogs[number] = dialog
            return dialog

        self._new_dialog = new_dialog
        self._loop = ED2
        self._up.set()
        ED2.loop()
        transactions.shutdown()

    def _admits(self, source: str) -> bool:
        return source in self._settings.accept_from and not self._silent()

    def _unclaimed(self, request: Any, _transaction: Any) -> Any:
        """A request that belongs to no dialog of ours."""
        method = request.getMethod()
        tagged = request.getHFBody("to").getTag() is not None
        if method == "OPTIONS" and not tagged:
            return (request.genResponse(200, "OK"), None, None) if self._answers_options() else None
        if method == "INVITE" and not tagged:
            return self._new_dialog(next(self._numbers)).take_invite(request)
        return request.genResponse(481, "Call/Transaction Does Not Exist"), None, None


def _not_started(_number: int) -> Any:
    raise RuntimeError("the SIP thread is not running")
