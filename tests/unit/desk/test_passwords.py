from __future__ import annotations

import pytest

from callseal.desk.passwords import Failures, check, matches, scrypt_record
from callseal.desk.settings import AgentLogin

pytestmark = pytest.mark.unit

RECORD = scrypt_record("correct horse", b"0123456789abcdef", n=2**10)
ALICE = AgentLogin("alice", "Alice", "acme", RECORD)
BOB = AgentLogin("bob", "Bob", "globex", "staple")


def test_a_password_may_be_kept_as_it_stands_or_as_scrypt() -> None:
    assert matches(RECORD, "correct horse")
    assert not matches(RECORD, "correct horsf")
    assert matches("staple", "staple")
    assert not matches("staple", "stapl")
    assert not matches("staple", "")
    assert "correct" not in RECORD


@pytest.mark.parametrize(
    "record", ["scrypt$", "scrypt$x$8$1$AA==$AA==", "scrypt$1024$8$1$AA==", "scrypt$3$8$1$AA==$AA=="]
)
def test_a_record_that_cannot_be_read_matches_nothing(record: str) -> None:
    assert not matches(record, "correct horse")
    assert not matches(record, record)


def test_who_it_is() -> None:
    assert check((ALICE, BOB), "alice", "correct horse") is ALICE
    assert check((ALICE, BOB), "bob", "staple") is BOB
    assert check((ALICE, BOB), "alice", "staple") is None
    assert check((BOB,), "nobody", "staple") is None, "an unknown name with a known password is nobody"
    assert check((), "", "") is None


def test_ten_wrong_ones_lock_a_name_for_half_an_hour() -> None:
    failures = Failures()
    for number in range(10):
        assert failures.locked_until("alice", f"a{number}", number) is None
        failures.failed("alice", f"a{number}", number)
    assert failures.locked_until("alice", "elsewhere", 10) == 30 * 60_000
    assert failures.locked_until("bob", "elsewhere", 10) is None
    assert failures.locked_until("alice", "elsewhere", 30 * 60_000 + 1) is None, "the first one is forgotten"


def test_many_names_from_one_address_lock_the_address() -> None:
    failures = Failures()
    for number in range(30):
        failures.failed(f"name{number}", "attacker", 0)
    assert failures.locked_until("alice", "attacker", 1) is not None
    assert failures.locked_until("alice", "home", 1) is None


def test_a_good_login_clears_the_name() -> None:
    failures = Failures()
    for _ in range(9):
        failures.failed("alice", "a", 0)
    failures.succeeded("alice")
    failures.failed("alice", "a", 0)
    assert failures.locked_until("alice", "b", 1) is None


def test_memory_has_an_end() -> None:
    failures = Failures()
    for number in range(11_000):
        failures.failed(f"name{number}", "a", 0)
    assert len(failures._times) <= 10_000
