"""SIGTERM and SIGINT from a service's first step to its last: a supervisor may stop what it has only just started.

Before there is an event loop nothing is open, and the process ends on the spot. In the loop the service is taken back like any
task, so that what it has opened is closed. Once uvicorn has begun, a signal is uvicorn's to heed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any, TypeVar, cast

T = TypeVar("T")


class ToldToEnd(Exception):  # noqa: N818 - no error
    """To end, before the service served."""


def at_once() -> None:
    """A signal ends this process with 0, now. Not by an exception: a callback or a finaliser could swallow it."""
    _heed(lambda: os._exit(0))


async def until_told(service: Coroutine[Any, Any, T]) -> T:
    """The service's result. A signal cancels it wherever it waits, unless somebody called `hand_over` before; raises `ToldToEnd` then."""
    loop, task = asyncio.get_running_loop(), cast("asyncio.Task[Any]", asyncio.current_task())
    told = False

    def take_back() -> None:
        nonlocal told
        told = True
        task.cancel()
        loop.call_soon_threadsafe(lambda: None)  # it may be asleep

    _heed(take_back)
    try:
        result = await service
    except (asyncio.CancelledError, Exception) as error:
        if told:
            raise ToldToEnd from error
        raise
    finally:
        _heed(lambda: None)  # it is ending
    if told:
        raise ToldToEnd
    return result


def hand_over(heed: Callable[[], None]) -> None:
    """From now on a signal calls `heed`. Raises `CancelledError` when one came before and this task is about to hear of it: what
    would begin now would be torn down half begun."""
    _heed(heed)
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _heed(heed: Callable[[], None]) -> None:
    if threading.current_thread() is not threading.main_thread():  # it hears of no signal
        return

    def handler(_number: int, _frame: FrameType | None) -> None:
        heed()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)
