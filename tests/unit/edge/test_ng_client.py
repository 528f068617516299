"""The list of what the agent may send: everything else is an exception before a byte leaves."""

from __future__ import annotations

from typing import Any

import pytest

from callseal.edge.ng_client import (
    ALLOWED,
    NgForbiddenError,
    NgRefusedError,
    UnknownCallError,
    UnknownPartyError,
    _judge,
    check,
    sessions_own,
)

pytestmark = pytest.mark.unit

BLOCK: dict[str, Any] = {
    "command": "block media",
    "call-id": "abc.customer",
    "label": "carrier",
    "flags": ["directional"],
}


TONES = BLOCK | {
    "command": "block DTMF",
    "call-id": "abc.agent",
    "label": "partner",
    "DTMF-security": "silence",
    "flags": ["directional", "detect-DTMF"],
}


@pytest.mark.parametrize(
    "change",
    [
        {"DTMF-security": "random"},
        {"DTMF-security": "zero"},
        {"flags": ["directional"]},
        {"call-id": "abc.customer"},
        {"label": "platform"},
        {"delay-buffer": 100},
        {"trigger": "1"},
    ],
)
def test_tones_are_only_ever_made_silence_of_the_partner(change: dict[str, Any]) -> None:
    check(TONES)
    with pytest.raises(NgForbiddenError):
        check(TONES | change)


def test_the_list_is_short() -> None:
    assert set(ALLOWED) == {
        "ping",
        "statistics",
        "query",
        "block DTMF",
        "unblock DTMF",
        "block media",
        "unblock media",
    }


def test_what_the_agent_sends_is_on_it() -> None:
    for message in (
        {"command": "ping"},
        {"command": "query", "call-id": "abc.agent"},
        BLOCK,
        BLOCK | {"command": "unblock DTMF", "delay-buffer": 0},
        BLOCK | {"command": "block DTMF", "call-id": "abc.agent", "label": "partner"},
        {k: v for k, v in BLOCK.items() if k != "label"} | {"from-tag": "t1"},
        BLOCK | {"call-id": "abc.agent", "label": "partner"},
        TONES,
    ):
        check(message)


@pytest.mark.parametrize(
    "change",
    [
        {"command": "delete"},
        {"command": "offer"},
        {"command": "start recording"},
        {"command": "play DTMF"},
        {"command": "silence media"},
        {"command": 7},
        {"DTMF-log-dest": "127.82.0.99:9"},
        {"DTMF-security": "random"},
        {"trigger": "1"},
        {"delay-buffer": 0},
        {"all": "all"},
        {"call-id": ""},
        {"call-id": "abc"},
        {"call-id": "abc.agent"},
        {"call-id": "a\nb.customer"},
        {"label": ""},
        {"from-tag": "both"},
        {"flags": []},
        {"flags": ["directional", "all"]},
        {"command": "unblock DTMF", "delay-buffer": 100},
    ],
)
def test_anything_else_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(NgForbiddenError):
        check(BLOCK | change)


@pytest.mark.parametrize("missing", ["command", "call-id", "label", "flags"])
def test_a_block_needs_all_its_parts(missing: str) -> None:
    with pytest.raises(NgForbiddenError):
        check({key: value for key, value in BLOCK.items() if key != missing})


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("Unknown call-id", UnknownCallError),
        ("Unknown call-ID", UnknownCallError),
        ("No monologue matching the given label", UnknownPartyError),
        ("From-tag given, but no such tag exists", UnknownPartyError),
        ("load limit", NgRefusedError),
    ],
)
def test_refusals_have_their_names(reason: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        _judge({"result": "error", "error-reason": reason})
    with pytest.raises(NgRefusedError):
        _judge({})


@pytest.mark.parametrize(
    ("reply", "count"),
    [
        ({"statistics": {"currentstatistics": {"sessionsown": 4, "sessionstotal": 9}}}, 4),
        ({"statistics": {"currentstatistics": {"sessionsown": 0}}}, 0),
        ({"statistics": {"currentstatistics": {"sessionsown": "4"}}}, None),
        ({"statistics": {"currentstatistics": {}}}, None),
        ({"statistics": []}, None),
        ({"result": "ok"}, None),
    ],
)
def test_an_answer_that_cannot_be_read_is_not_zero_anchors(reply: dict[str, Any], count: int | None) -> None:
    assert sessions_own(reply) == count
