"""What Kamailio may say of a call: who may speak, what is kept, what is refused, and what is never repeated."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import urlencode

import pytest
import structlog

from tests.unit.edge.face import BEARER, HANDOFF, KAMAILIO, LEG, STRANGER, Face, on_face
from tests.unit.edge.fakes import (
    REFERENCE,
    TOKEN,
)

pytestmark = pytest.mark.unit


def test_handoff_is_kept_and_answered_204(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        answer = await face.post("/inlet/handoff", data=HANDOFF)
        assert (answer.status_code, answer.content) == (204, b"")
        assert await face.queued() == [HANDOFF | {"edge": "edge-1", "at": face.agent.now_ms()}]

    on_face(tmp_path, story)


def test_handoff_twice_is_one_record(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        for _ in range(2):
            assert (await face.post("/inlet/handoff", data=HANDOFF)).status_code == 204
        assert len(await face.queued()) == 1

    on_face(tmp_path, story)


@pytest.mark.parametrize(
    ("reason", "told"),
    [("", "no_token"), ("partner_down", "partner_down"), ("carrier_not_trusted", "carrier_not_trusted")],
)
def test_handoff_without_token_has_a_reason(tmp_path: Path, reason: str, told: str) -> None:
    async def story(face: Face) -> None:
        await face.post("/inlet/handoff", data=HANDOFF | {"token": "", "reason": reason})
        (body,) = await face.queued()
        assert (body["token"], body["reason"]) == ("", told)

    on_face(tmp_path, story)


def lines(*notices: tuple[str, dict[str, str]]) -> bytes:
    return "".join(f"{kind}?{urlencode(fields)}\n" for kind, fields in notices).encode()


def test_many_notices_in_one_request(tmp_path: Path) -> None:
    other = "b" * 32

    async def story(face: Face) -> None:
        body = lines(
            ("handoff", HANDOFF),
            ("handoff", HANDOFF | {"reference": other}),
            ("leg", LEG | {"kind": "refused", "code": "488"}),
            ("leg", LEG | {"kind": "ended"}),
        )
        answer = await face.post("/inlet/notices", content=body)
        assert (answer.status_code, answer.content) == (204, b"")
        queued = await face.queued()
        mine = [row.get("kind", "handoff") for row in queued if row["reference"] == HANDOFF["reference"]]
        assert mine == ["handoff", "leg_refused", "call_ended"]
        assert len(queued) == 4

    on_face(tmp_path, story)


@pytest.mark.parametrize("bad", [b"leg?reference=x", b"leg?=", b"secret?a=b", b"handoff", b"\xff"])
def test_a_refused_notice_holds_up_no_other(tmp_path: Path, bad: bytes) -> None:
    async def story(face: Face) -> None:
        answer = await face.post("/inlet/notices", content=bad + b"\n" + lines(("handoff", HANDOFF)))
        assert answer.status_code == 400
        assert HANDOFF["token"] not in answer.text
        assert len(await face.queued()) == 1

    on_face(tmp_path, story)


def test_what_cannot_be_written_is_asked_for_again_and_holds_up_its_call(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        async def broken(*_: object, **__: object) -> bool:
            raise sqlite3.OperationalError("disk full")

        face.agent.spool.put = broken  # type: ignore[method-assign]
        with pytest.raises(sqlite3.OperationalError):  # the server makes it a 500
            await face.post(
                "/inlet/notices", content=lines(("handoff", HANDOFF), ("leg", LEG | {"kind": "held"}))
            )
        assert not face.agent.holds.is_held(LEG["reference"])

    on_face(tmp_path, story)


@pytest.mark.parametrize("path", ["/inlet/handoff", "/inlet/leg", "/inlet/hold"])
@pytest.mark.parametrize("source", [STRANGER, "10.0.0.1", "127.82.0.22"])
def test_only_our_kamailio_may_speak(tmp_path: Path, path: str, source: str) -> None:
    async def story(face: Face) -> None:
        headers = {"X-Forwarded-For": KAMAILIO, **BEARER}
        answer = await face.post(path, source=source, data=HANDOFF | LEG, headers=headers)
        assert answer.status_code == 403
        assert await face.queued() == []

    on_face(tmp_path, story)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reference", "short"),
        ("reference", REFERENCE + "\n"),
        ("direction", "sideways"),
        ("reason", "because"),
        ("token", "x" * 257),
        ("caller", "a\r\nb"),
    ],
)
def test_a_bad_handoff_is_refused_without_echo(tmp_path: Path, field: str, value: str) -> None:
    async def story(face: Face) -> None:
        with structlog.testing.capture_logs() as logs:
            answer = await face.post("/inlet/handoff", data=HANDOFF | {field: value})
        assert answer.json() == {"error": "bad_fields", "fields": [field]}
        assert answer.status_code == 400
        assert TOKEN not in answer.text + str(logs)
        assert await face.queued() == []

    on_face(tmp_path, story)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"no form at all", 400), (b"\xff=1", 400), (b"a=1&a=2", 400), (b"a=" + b"x" * 20_000, 413)],
)
def test_a_body_that_is_no_form(tmp_path: Path, body: bytes, status: int) -> None:
    async def story(face: Face) -> None:
        assert (await face.post("/inlet/handoff", content=body)).status_code == status

    on_face(tmp_path, story)


def test_a_field_given_twice_is_refused(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        body = urlencode(HANDOFF) + "&token=another"
        answer = await face.post("/inlet/handoff", content=body.encode())
        assert (answer.status_code, answer.json()) == (400, {"error": "bad_form"})
        assert await face.queued() == []

    on_face(tmp_path, story)


def test_the_token_is_in_no_log_line(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        with structlog.testing.capture_logs() as logs:
            await face.post("/inlet/handoff", data=HANDOFF)
            await face.post("/inlet/leg", data=LEG | {"kind": "ended"})
        assert len(logs) >= 2
        assert TOKEN not in str(logs)

    on_face(tmp_path, story)
