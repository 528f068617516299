"""The museum of wrong deployments: one fault a file, told with its id and line, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from callseal.deployment import VALIDATORS, DeploymentError, examine, read

pytestmark = pytest.mark.unit

MUSEUM = Path(__file__).parent / "museum"
WRONG = sorted(path for path in MUSEUM.glob("*.toml") if path.stem != "good")
NOT_IN_A_FILE = {"CS001", "CS040", "CS041", "CS042", "CS043", "CS064"}
"""Validators that look at the machine and not at the text; test_reader has them."""


def expected(path: Path) -> list[tuple[str, int]]:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    return sorted((id_, int(line)) for id_, line in re.findall(r"(CS\d{3}) line (\d+)", first))


def test_the_good_one_is_good() -> None:
    found = examine(MUSEUM / "good.toml")
    assert found.faults == ()
    assert found.deployment is not None


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_each_fault_is_told_with_id_and_line(path: Path) -> None:
    found = examine(path)
    assert sorted((fault.id, fault.line) for fault in found.faults) == expected(path)
    assert all(fault.message and fault.advice for fault in found.faults)
    assert (found.deployment is None) == bool(found.errors)


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_the_name_says_which(path: Path) -> None:
    ids = {id_.lower() for id_, _ in expected(path)}
    assert path.stem.split("_")[0] in ids or path.stem == "ten_faults"


def test_every_validator_has_its_exhibit() -> None:
    shown = {id_ for path in WRONG for id_, _ in expected(path)}
    assert shown | NOT_IN_A_FILE == set(VALIDATORS)


def test_ten_faults_at_once() -> None:
    assert len(expected(MUSEUM / "ten_faults.toml")) == 10
    with pytest.raises(DeploymentError) as error:
        read(MUSEUM / "ten_faults.toml")
    assert len(error.value.faults) == 9
    told = error.value.diagnostics()
    assert "CS012 transport-not-supported" in told
    assert "SIP over TLS, and there is no [tls] table" in told


def test_a_literal_secret_and_a_password_are_not_repeated() -> None:
    for name, secret in (("cs011_literal_secret", "sk_live"), ("cs016_password_in_url", "hunter2")):
        (fault,) = examine(MUSEUM / f"{name}.toml").faults
        assert secret not in str(fault)
        assert secret not in fault.advice


def test_a_near_miss_is_recognised() -> None:
    (fault,) = examine(MUSEUM / "cs004_unknown_key_near_miss.toml").faults
    assert fault.message.endswith("did you mean secure_timeout_ms?")
