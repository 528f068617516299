"""The units of infra/systemd under a real systemd, installed by the commands of docs/how-to/deploy.md: each as its own user, in its sandbox,
and a card is paid through them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.machine import CannotBootError, Machine
from tests.support.stage import Stage, Stages
from tests.support.unit_world import STORE, world_on

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    try:
        machine = Machine(tmp_path_factory.mktemp("machine")).start().wait_ready()
    except CannotBootError as missing:
        pytest.skip(f"no systemd can be booted here: {missing}")
    try:
        yield machine
    finally:
        machine.stop()


@pytest.fixture(scope="module")
def stage(machine: Machine, stages: Stages) -> Iterator[Stage]:
    settings = {"store": f'"{STORE}"', "router.fence": '"tones"'}
    with ExitStack() as stack:
        yield stages.open(stack, settings=settings, world=world_on(machine))


def test_a_card_is_paid(stage: Stage) -> None:
    call = stage.call()
    call.dial()
    stage.ear.mark("press")
    assert call.pay()["result"]["outcome"] == "approved"
    stage.ear.mark("restored")
    heard = stage.ear.heard("press", "restored")
    assert heard.listened, heard
    assert heard.clean, heard
    call.hang_up()
