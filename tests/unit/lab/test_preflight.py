"""The preflight sees a taken address and says what to do."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from callseal.lab import preflight
from callseal.lab.block import Block
from callseal.lab.preflight import faults

pytestmark = pytest.mark.unit

BLOCK = Block("127.80.77")


def test_a_taken_address_is_named_with_another_block_as_advice() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((BLOCK.kamailio, 5060))
        found = [fault for fault in faults(BLOCK) if "in use" in fault.what]
    assert len(found) == 1
    assert "127.80.77.20:5060/udp" in found[0].what
    assert "--block" in found[0].advice


def test_free_addresses_are_no_fault() -> None:
    assert not [fault for fault in faults(BLOCK) if "in use" in fault.what]


def test_an_installed_package_says_that_the_lab_is_in_the_clone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(preflight, "project_root", lambda: tmp_path)
    (found,) = faults(BLOCK)
    assert "clone" in found.advice
