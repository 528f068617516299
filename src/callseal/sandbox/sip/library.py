"""sippy's transaction layer, made fit for a place where SIP messages hold card digits.

Imported only by the SIP thread: sippy's event loop belongs to the thread that imports it first.

Used of sippy: message parsing, client and server transactions, timers. Its `UA` class is not used. A secure move needs
what it does not do: it sends the ACK of a re-INVITE past the dialog's route set when the 2xx carries no Record-Route, it
cannot send a second re-INVITE after one was refused, it turns a re-INVITE without body into a hold, and it leaves INFO
unanswered while a re-INVITE runs.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable
from typing import Any

import sippy.Network_server
import sippy.SipTransactionManager
import sippy.Udp_server
from sippy.Core import EventDispatcher
from sippy.Core.EventDispatcher import ED2
from sippy.SipConf import SipConf
from sippy.SipTransactionManager import SipTransactionManager
from sippy.Udp_server import Udp_server, Udp_server_opts

log = logging.getLogger(__name__)

PRODUCT = "Payment partner sandbox"


class Silent:
    """sippy's message log. Messages are never written: an INFO body is a digit."""

    def write(self, *_words: object, **_more: object) -> None:
        return


class InOrder(Udp_server_opts):  # type: ignore[misc]
    """One sender and one receiver thread: sippy's default of three sends an ACK and a BYE in any order."""

    nworkers = 1


class Transactions(SipTransactionManager):  # type: ignore[misc]
    """sippy's transactions with an access list; strangers get silence, as on a trunk that knows its peers."""

    model_udp_server = (Udp_server, InOrder)

    def __init__(
        self,
        address: tuple[str, int],
        admits: Callable[[str], bool],
        on_request: Callable[[Any, Any], Any],
    ) -> None:
        self._admits = admits
        host, port = address
        super().__init__(
            {"_sip_address": host, "_sip_port": port, "_sip_logger": Silent()},
            on_request,
        )

    def handleIncoming(self, data: bytes, source: Any, server: Any, rtime: Any) -> None:  # noqa: N802 - sippy's name
        if self._admits(source.address[0]):
            super().handleIncoming(data, source, server, rtime)


def _report(message: str, *_stream: object, **_extra: object) -> None:
    # `extra` is the raw message and the exception's text may quote it: kind and place are all that is written.
    error = sys.exc_info()[1]
    places = traceback.extract_tb(error.__traceback__)[-3:] if error is not None else []
    log.warning(
        "sip_library_fault",
        extra={
            "during": message.split(" from ", maxsplit=1)[0],
            "error": type(error).__name__,
            "at": [f"{place.filename.rsplit('/', 1)[-1]}:{place.lineno}" for place in places],
        },
    )


def keep_messages_out_of_output() -> None:
    """sippy prints what it cannot parse, whole, to standard output. Every module holds its own name for that function."""
    for module in (sippy.SipTransactionManager, sippy.Udp_server, sippy.Network_server, EventDispatcher):
        module.dump_exception = _report
    SipConf.my_uaname = PRODUCT


__all__ = ["ED2", "Transactions", "keep_messages_out_of_output"]
