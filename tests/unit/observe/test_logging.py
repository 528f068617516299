"""Whatever door a line comes through, it is one JSON object and holds no card."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from callseal.observe.logging import configure

pytestmark = pytest.mark.unit
PAN = "4242424242424242"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line(stream: io.StringIO) -> None:
    configure("edge", stream=stream).info("handoff", reference="0" * 31 + "a", attempt=2)
    (line,) = lines(stream)
    assert line["event"] == "handoff"
    assert (line["service"], line["level"], line["attempt"]) == ("edge", "info", 2)
    assert line["at"].endswith("Z")


def test_no_door_lets_a_card_through(stream: io.StringIO) -> None:
    log = configure("desk", stream=stream)
    log.info(f"pressed {PAN}", number=int(PAN), nested={"list": [PAN]}, **{f"key{PAN}": 1})
    log.info("one by one", presses=[int(digit) for digit in PAN])
    logging.getLogger("some.library").warning("got %s", PAN)
    logging.getLogger("uvicorn.access").info(
        '%s - "%s %s HTTP/%s" %d', "127.0.0.1:1", "GET", f"/?n={PAN}", "1.1", 200
    )
    try:
        json.loads("[]")[int(PAN)]
    except IndexError as error:
        error.add_note(f"asked for {PAN}")
        log.exception("failed")
        logging.getLogger("other").exception("failed too")
    assert PAN not in stream.getvalue()
    assert ", ".join(PAN) not in stream.getvalue()
    assert len(lines(stream)) == 6
    assert any("asked for [card removed]" in line.get("exception", "") for line in lines(stream))


def test_extra_fields_of_the_standard_library_are_kept_and_clean(stream: io.StringIO) -> None:
    configure("desk", stream=stream)
    logging.getLogger("x").warning("w", extra={"cvc": "123", "colour": "red"})
    (line,) = lines(stream)
    assert (line["cvc"], line["colour"]) == ("[removed]", "red")


def test_uvicorn_speaks_through_the_same_door(stream: io.StringIO) -> None:
    uvicorn = logging.getLogger("uvicorn.access")
    uvicorn.addHandler(logging.NullHandler())
    uvicorn.propagate = False
    configure("desk", stream=stream)
    uvicorn.info("GET /")
    assert lines(stream)[0]["logger"] == "uvicorn.access"


def test_level_and_chatter(stream: io.StringIO) -> None:
    log = configure("desk", "WARNING", stream=stream)
    log.info("quiet")
    logging.getLogger("httpx2").info("HTTP Request: GET http://…?token=x")
    assert stream.getvalue() == ""
    with pytest.raises(ValueError, match="LOUD"):
        configure("desk", "LOUD")


def test_what_is_long_is_cut(stream: io.StringIO) -> None:
    configure("edge", stream=stream).info("x" * 20_000, body=b"y" * 17_000)
    (line,) = lines(stream)
    assert line["event"].endswith("x [3616 more]")
    assert line["body"].endswith("y [616 more]")
