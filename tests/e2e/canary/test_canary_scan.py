"""Whatever a world wrote, no card digit is in it: every world of the suite is searched when it closes."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from callseal.audit.canary_scan import scan
from callseal.lab.story import APPROVED
from tests.support.stage import Stages

pytestmark = pytest.mark.e2e


def test_a_world_with_a_paid_call_closes_clean(stages: Stages) -> None:
    with ExitStack() as stack:
        call = stages.open(stack).call()
        call.dial()
        call.pay()
        call.hang_up()
    folder = stages.written[-1]
    assert scan(folder, exclude=[folder / "phone-customer"]).files > 10, "too little to be a world"


def test_a_world_with_a_card_in_it_does_not_close(stages: Stages) -> None:
    stack = ExitStack()
    with pytest.raises(AssertionError, match="kamailio"), stack:  # noqa: PT012  # it is the end of the block that raises
        stages.open(stack)
        log = next((stages.written[-1] / "logs").glob("kamailio*"))
        with log.open("ab") as end:
            end.write(f"INFO body Signal={APPROVED.number}\n".encode())
