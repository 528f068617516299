"""Reasons in words: every reason has a sentence, and the card says the same one."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from callseal.payments.names import PaymentsOff
from callseal.payments.notices import PAYMENTS_OFF

pytestmark = pytest.mark.unit


def test_desk_and_card_say_the_same_about_payments_that_are_off() -> None:
    assert set(PAYMENTS_OFF) == set(PaymentsOff)
    text = (resources.files("callseal.desk") / "static/card/text.js").read_text(encoding="utf-8")
    block = text.partition("PAYMENTS_OFF = {")[2].partition("};")[0]
    assert dict(re.findall(r'(\w+): "([^"]+)"', block)) == {
        str(key): said for key, said in PAYMENTS_OFF.items()
    }
