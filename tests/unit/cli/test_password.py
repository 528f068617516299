"""`callseal password`: a record that the desk takes, and no trace of the password."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from callseal.cli.main import app
from callseal.cli.password import PasswordError
from callseal.desk.passwords import matches

pytestmark = pytest.mark.unit

GIVEN = "correct horse battery"


def test_the_record_is_the_passwords_and_another_each_time() -> None:
    records = []
    for _ in range(2):
        result = CliRunner().invoke(app, ["password"], input=f"{GIVEN}\n")
        assert result.exit_code == 0
        assert GIVEN not in result.output
        records.append(result.stdout.strip())
        assert matches(records[-1], GIVEN)
        assert not matches(records[-1], GIVEN + " ")
    assert records[0] != records[1], "each has a salt of its own"


@pytest.mark.parametrize("given", ["", "elevenchars"])
def test_a_short_one_is_refused(given: str) -> None:
    result = CliRunner().invoke(app, ["password"], input=f"{given}\n")
    assert isinstance(result.exception, PasswordError)
    assert result.stdout == ""
