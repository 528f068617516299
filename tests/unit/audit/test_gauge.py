"""Counts over time in a fixed amount of memory."""

from __future__ import annotations

import numpy as np
import pytest

from callseal.audit.gauge import MOST_BINS, Gauge

pytestmark = pytest.mark.unit


def test_sums_of_a_stretch() -> None:
    gauge = Gauge(100.0)
    gauge.add("packets", 100 + np.arange(500) / 50)
    gauge.add("lost", np.array([103.05]), np.array([7]))
    gauge.louder(np.array([104.01, 104.02]), np.array([5.0, 9.0], dtype=np.float32))
    reading = gauge.reading(103.0, 105.0)
    assert (reading.packets, reading.lost, reading.loudest) == (100, 7, 9.0)
    assert reading.seconds == pytest.approx(2.0)
    assert gauge.reading(0, 1).packets == 0


def test_a_week_takes_no_more_memory_and_loses_no_packet() -> None:
    gauge = Gauge(0.0)
    for hour in range(24 * 7):
        gauge.add("packets", hour * 3600 + np.arange(0, 3600, 10.0))
    assert len(gauge) <= MOST_BINS
    assert int(gauge.bins("packets").sum()) == 24 * 7 * 360
    assert gauge.width > 60


@pytest.mark.parametrize("moment", [6.45, 6.4 * 2 + 0.05, 700.0])
def test_sound_may_be_what_makes_it_longer(moment: float) -> None:
    gauge = Gauge(0.0)
    gauge.louder(np.array([moment]), np.array([9.0], dtype=np.float32))
    assert gauge.energy[int(moment / gauge.width)] == 9.0
