from __future__ import annotations

import json

import pytest

from callseal.phones import commands as cmd
from callseal.phones.checked import FaultError

pytestmark = pytest.mark.unit


def line(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def test_defaults_are_a_humans_keypress() -> None:
    command = cmd.parse_command(line(do="press", digits="42#"))
    assert command == cmd.Press(digits="42#", method="rfc4733", duration_ms=100, gap_ms=80)


def test_call_takes_its_from_under_the_sip_name() -> None:
    command = cmd.parse_command(line(do="call", to="sip:a@b", **{"from": "sip:c@d"}))
    assert isinstance(command, cmd.Call)
    assert command.from_uri == "sip:c@d"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"do": "press", "digits": "4242x"}, "digits: must be 1 to 64 keys of 0-9 A-D * #"),
        ({"do": "press", "digits": "4242", "method": "4243"}, "method: must be one of rfc4733, inband, info"),
        ({"do": "press", "digits": "1", "4242": 1}, "unknown field"),
        ({"do": "4242"}, "do: unknown command"),
        ({"do": "press", "digits": 4242}, "digits: must be 1 to 64 keys of 0-9 A-D * #"),
        ({"do": "call", "to": "sip:4242 4242"}, "to: must be a SIP URI"),
        (
            {"do": "call", "to": "sip:a@b", "headers": {"X": "4242\r\nVia: 1"}},
            "headers: must be one line each",
        ),
        (
            {"do": "call", "to": "sip:a@b", "headers": {"X 4242": "a"}},
            "headers: must be names and values of headers",
        ),
        ({"do": "press"}, "digits: missing"),
        ({"do": "answer", "code": True}, "code: must be an integer from 180 to 299"),
        ({"do": "refuse_reinvite", "code": 200}, "code: must be an integer from 300 to 699"),
    ],
)
def test_faults_name_the_field_and_never_the_value(fields: dict[str, object], expected: str) -> None:
    with pytest.raises(FaultError) as wrong:
        cmd.parse_command(line(**fields))
    assert str(wrong.value) == expected
    assert "4242" not in str(wrong.value)


def test_broken_json_is_a_fault_without_its_text() -> None:
    with pytest.raises(FaultError) as wrong:
        cmd.parse_command(b'{"do": "press", "digits": "4242"')
    assert str(wrong.value) == "not a JSON object"


def test_number_survives_a_bad_command() -> None:
    assert cmd.number_of(line(do="press", id=7, digits="x")) == 7
    assert cmd.number_of(line(do="press")) is None
    assert cmd.number_of(b"{") is None


def test_never_answering_a_reinvite_is_code_zero() -> None:
    command = cmd.parse_command(line(do="refuse_reinvite", code=0))
    assert isinstance(command, cmd.RefuseReinvite)
    assert command.code == 0
