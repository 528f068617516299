"""The lab's block of loopback."""

from __future__ import annotations

import pytest

from callseal.lab.block import Block

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("text", ["127.88.1", "127.88.1.0", "127.88.1.0/24", " 127.88.1 "])
def test_reads_the_forms_people_write(text: str) -> None:
    assert Block.parse(text).kamailio == "127.88.1.20"


@pytest.mark.parametrize("text", ["10.0.0", "127.88", "127.300.1", "127.88.1.7", "", "localhost"])
def test_refuses_what_is_not_loopback(text: str) -> None:
    with pytest.raises(ValueError, match="block of loopback"):
        Block.parse(text)


def test_every_listener_is_in_the_block_and_unique() -> None:
    listeners = Block("127.9.9").listeners()
    assert len(set(listeners)) == len(listeners)
    assert all(address.startswith("127.9.9.") for _, address, _ in listeners)
