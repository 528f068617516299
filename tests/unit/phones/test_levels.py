from __future__ import annotations

import math

import pytest

from callseal.phones.levels import peak_of, tone_volume

pytestmark = pytest.mark.unit


def test_zero_dbm0_is_3_17_db_below_the_loudest_sine() -> None:
    assert peak_of(3.17) == pytest.approx(32636)
    assert 20 * math.log10(32636 / peak_of(0)) == pytest.approx(3.17)


def test_six_db_is_half() -> None:
    assert peak_of(-16.02) == pytest.approx(peak_of(-10) / 2, rel=1e-3)


@pytest.mark.parametrize("digit", "0123456789*#ABCD")
def test_volume_undoes_pjsips_halving_and_its_oscillators_gain(digit: str) -> None:
    low = {"1": 697, "4": 770, "7": 852, "*": 941}[
        next(row for row in ("123A", "456B", "789C", "*0#D") if digit in row)[0]
    ]
    peak = tone_volume(-10, digit) / 2 / math.cos(math.pi * low / 8000)
    assert peak == pytest.approx(peak_of(-10), rel=1e-3)


def test_loudest_setting_fits_and_a_louder_one_is_refused() -> None:
    assert tone_volume(-4, "D") <= 28_000
    with pytest.raises(ValueError, match="do not fit"):
        tone_volume(-3, "D")
