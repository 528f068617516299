"""What the passing of time does to a capture and to a secured call, on a partner that is in a hurry."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from callseal.lab.rootfs import Rootfs
from tests.integration.sandbox.rig import Rig, running

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Half a second between digits, three for a capture, four idle."""
    directory = tmp_path_factory.mktemp("hurry")
    hurry = {"inter_digit_s": 0.6, "settle_s": 0.3, "overall_s": 3.0, "idle_s": 4.0, "attempts": 2}
    with running(directory, Rootfs.build(), **hurry) as up:
        yield up


def test_silence_costs_attempts(rig: Rig) -> None:
    call = rig.call()
    call.secure()
    call.post("capture", {"fields": ["card_number"]})
    call.customer_voice.press("42")
    assert call.wait("capture.timed_out")["kind"] == "inter_digit"
    call.wait("capture.started", 2)
    call.customer_voice.press("42")
    assert call.wait("capture.cancelled")["by"] == "partner"
    assert call.state() == "secured"
    call.hang_up()


def test_a_good_value_and_a_pause(rig: Rig) -> None:
    call = rig.call()
    call.secure()
    call.post("capture", {"fields": ["postal_code"]})
    call.customer_voice.press("90210")
    assert call.wait("capture.field_completed")["masked"] == "•••••"
    call.hang_up()


def test_the_whole_capture_runs_out_then_the_line_comes_home(rig: Rig) -> None:
    call = rig.call()
    call.secure()
    call.post("capture", {"fields": ["card_number"]})
    assert call.wait("capture.timed_out")["kind"] == "overall"
    assert call.state() == "secured"
    call.accept_reinvite("agent")
    call.accept_reinvite("customer")
    released = call.wait("session.released")
    assert (released["by"], released["legs"]) == ("partner", "home")
    call.hang_up()
