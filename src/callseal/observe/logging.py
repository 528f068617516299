"""Log lines: one JSON object a line on standard error, and no card number in any of them.

Whatever is logged goes through one door: structlog's own events, the standard library's and uvicorn's. The scrubber
stands last, once before the line is written (so that the JSON stays JSON) and once on the finished line.

Start uvicorn with `log_config=None`, or it puts its own handlers back.
"""

from __future__ import annotations

import json
import logging
import sys
from functools import lru_cache
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from callseal.observe.scrubber import scrub, scrub_value

_TALKATIVE = ("httpx", "httpx2", "httpcore", "httpcore2", "asyncio", "uvicorn.error")
"""Libraries whose INFO lines hold URLs and headers, or say what `ready` says; only their warnings are of use."""

LONGEST_VALUE = 16 * 1024
"""Characters of one logged value; the rest is cut."""


def configure(
    service: str, level: str = "INFO", *, stream: TextIO | None = None
) -> structlog.stdlib.BoundLogger:
    """Sets up logging for this process and returns its logger; every line carries `service`.

    `level` is a name of the `logging` module; `ValueError` when it is not one. `stream` is standard error by default.
    """
    threshold = logging.getLevelNamesMapping().get(level.upper())
    if threshold is None:
        raise ValueError(f"unknown log level {level!r}")
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _named(service),
            _scrub_event,
            _render,
        ],
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(threshold)
    for name in ("uvicorn", "uvicorn.access", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    return cast("structlog.stdlib.BoundLogger", structlog.get_logger(f"callseal.{service}"))


def _named(service: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return add


_clean_name = lru_cache(maxsize=1024)(scrub)
"""Names of fields are words of the code, the same ones again and again."""


def _scrub_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {_clean_name(name): scrub_value(_shortened(value), name) for name, value in event.items()}


def _shortened(value: object) -> object:
    """What peers send may be logged, and they may send a lot: nobody reads a value of 16 KiB, everybody waits for it."""
    if isinstance(value, str | bytes) and len(value) > LONGEST_VALUE:
        text = value[:LONGEST_VALUE]
        kept = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        return f"{kept} [{len(value) - LONGEST_VALUE} more]"
    return value


def _render(_logger: WrappedLogger, method: str, event: EventDict) -> str:
    line = json.dumps(event, default=str, ensure_ascii=False)
    clean = scrub(line)
    if clean == line:
        return line
    return clean if _is_json(clean) else json.dumps({"event": clean, "level": event.get("level", method)})


def _is_json(line: str) -> bool:
    try:
        parsed: Any = json.loads(line)
    except ValueError:
        return False
    return isinstance(parsed, dict)
