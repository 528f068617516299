"""The preflight sees a taken address and says what to do."""

from __future__ import annotations

import socket

import pytest

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
