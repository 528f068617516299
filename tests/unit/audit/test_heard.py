"""Counts add up, keys stay inside."""

from __future__ import annotations

import json

import pytest

from callseal.audit.heard import Key, Method, Talker, TalkerHeard, told

pytestmark = pytest.mark.unit
TALKER = Talker("192.0.2.1:30000", 7)


def keys(row: str, method: Method) -> list[Key]:
    return [Key(float(at), method, TALKER, key) for at, key in enumerate(row)]


def test_counts() -> None:
    heard = told(
        keys("42", Method.EVENT) + keys("4", Method.TONE),
        [TalkerHeard(TALKER, packets=9, loud=2)],
        seconds=1.0,
    )
    assert (heard.events, heard.tones, heard.infos, heard.keys, heard.packets, heard.loud) == (
        2,
        1,
        0,
        3,
        9,
        2,
    )
    assert not heard.clean


def test_comparison_is_exact_and_by_method() -> None:
    heard = told(keys("4242", Method.EVENT) + keys("9", Method.INFO), [], seconds=1.0)
    assert heard.equals("4242")
    assert heard.equals("9", Method.INFO)
    for wrong in ("424", "42429", "9999", ""):
        assert not heard.equals(wrong)
    assert told([], [], seconds=1.0).equals("")


def test_silence_is_evidence_only_if_somebody_listened() -> None:
    assert told([], [TalkerHeard(TALKER, packets=1)], seconds=1.0).listened
    assert not told([], [], seconds=1.0).listened
    assert not told([], [TalkerHeard(TALKER, packets=1)], seconds=1.0, missed=1).listened
    assert not told([], [TalkerHeard(TALKER, packets=2, deaf=1)], seconds=1.0).listened


def test_nothing_it_writes_holds_a_key() -> None:
    heard = told(keys("*#*", Method.TONE), [TalkerHeard(TALKER, packets=1, tones=3)], seconds=1.0)
    for text in (repr(heard), json.dumps(heard.as_dict()), repr(keys("*#*", Method.TONE))):
        assert not {"*", "#"} & set(text)
