"""The verdict on one call: a JSON object of whole numbers, strings, lists and objects. Its schema is docs/reference/verdict.md.

It holds counts and never a digit. Times are milliseconds, levels tenths of a dBm0: no fractions, so that its canonical form is unambiguous.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from callseal.audit import doubts, self_test, tone_scan
from callseal.audit.canonical import Json
from callseal.audit.case import Assigned, Case, Found
from callseal.audit.doubts import CaptureFile
from callseal.audit.self_test import SelfTest

SCHEMA = 1


class Result(StrEnum):
    """What a verdict says. Only CLEAN is good news."""

    CLEAN = "clean"
    DIGITS = "digits"
    NO_EVIDENCE = "no_evidence"


def settings(*, keys: bool, agent: str, windows: str) -> Json:
    """What decides how a capture is judged; its hash is in the verdict."""
    return {
        "schema": SCHEMA,
        "keys_allowed": keys,
        "agent": agent,
        "windows": windows,
        "most_lost_permille": round(doubts.MOST_LOST_SHARE * 1000),
        "claim_dbm0_x10": round(self_test.CLAIM_DBM0 * 10),
        "detector": {
            name.lower(): round(getattr(tone_scan, name) * 1000)
            for name in (
                "PIECE",
                "QUIETEST_RMS",
                "MIN_SHARE",
                "CLEAR_SHARE",
                "MAX_TWIST",
                "MIN_LEAD",
                "LONG_SHARE",
                "LONG_LEAD",
                "LONG_ASIDE",
                "ENOUGH",
                "MISSES",
            )
        },
    }


def build(
    case: Case,
    files: tuple[CaptureFile, ...],
    counts: Mapping[str, int],
    tested: SelfTest,
    *,
    configuration: Json,
    made_by: str,
    made_at: int,
) -> Json:
    """The verdict, unsigned and without its place in a chain."""
    complete = not any(one.problem for one in files)
    unseen = doubts.unseen(case, files, counts)
    result, reasons = _judge(case, tested, complete=complete)
    return {
        "kind": "callseal-verdict",
        "schema": SCHEMA,
        "made_by": made_by,
        "made_at": made_at,
        "configuration": configuration,
        "capture": {
            "complete": complete,
            "files": [
                {
                    "name": one.name,
                    "bytes": one.size,
                    "sha256": one.sha256,
                    "frames": one.frames,
                    "cut_frames": one.cut,
                    "problem": one.problem,
                }
                for one in files
            ],
        },
        "call": {
            "name": case.name,
            "call_ids": list(case.call_ids),
            "roles_known_by": case.known_by,
            "begin_ms": _ms(case.begin),
            "end_ms": _ms(case.end),
            "end_seen": case.ended,
        },
        "windows": {
            "known_by": case.windows.known_by,
            "list": [
                {
                    "kind": one.kind,
                    "begin_ms": _ms(one.begin) - _ms(case.begin),
                    "end_ms": _ms(one.end) - _ms(case.begin),
                    "complete": one.complete,
                }
                for one in case.windows.windows
            ],
        },
        "streams": [_stream(case, one) for one in case.streams],
        "messages": [
            {
                "leg": one.leg,
                "from": one.sender,
                "to": one.receiver,
                "judged": one.judged,
                "window": case.windows.windows.index(one.window),
                "info_digits": one.infos,
            }
            for one in case.sip
        ],
        "self_test": {
            "passed": tested.passed,
            "claim_dbm0_x10": round(self_test.CLAIM_DBM0 * 10),
            "info": tested.info,
            "codecs": [
                {
                    "codec": one.codec,
                    "event": one.event,
                    "unnegotiated_event": one.unnegotiated_event,
                    "tone": one.tone,
                    "over_sound_db": one.over_sound_db,
                }
                for one in tested.codecs
            ],
        },
        "notes": [*case.notes, *case.windows.notes],
        "unseen": unseen,
        "result": {"verdict": result.value, "reasons": reasons, **_summary(case)},
    }


def _stream(case: Case, one: Assigned) -> Json:
    stream = one.stream
    return {
        "leg": one.leg,
        "from": one.sender,
        "to": one.receiver,
        "judged": one.judged,
        "source": stream.source,
        "destination": stream.destination,
        "ssrc": stream.ssrc,
        "codecs": dict(sorted(stream.codecs.items())),
        "packets": stream.packets,
        "lost": stream.lost,
        "duplicates": stream.duplicates,
        "not_decrypted": stream.hidden_packets,
        "findings_not_listed": stream.overflow,
        "windows": [
            {
                "window": number,
                "digits": {"event": found.events, "tone": found.tones},
                "fragments": found.fragments,
                "longest_fragment_ms": round(found.longest_fragment_ms),
                "loudest_tone_dbm0_x10": _tenths(found.loudest_tone_dbm0),
                "packets": found.packets,
                "lost": found.lost,
                "undecoded": found.undecoded,
                "heard_ms": round(found.seconds * 1000),
            }
            for number, found in enumerate(case.found(stream))
        ],
    }


def _summary(case: Case) -> Json:
    guarded = _guarded(case)
    known = case.windows.known
    found = [one for one, _ in guarded]
    fragments = [one.longest_fragment_ms for one in found]
    levels = [one.loudest_tone_dbm0 for one in found if one.loudest_tone_dbm0 is not None]
    return {
        "digits_to_agent": sum(one.digits for one in found) + sum(one.infos for one in _guarded_sip(case)),
        "digits_from_customer": _from_customer(case),
        "longest_fragment_ms": round(max(fragments, default=0.0)),
        "loudest_tone_dbm0_x10": _tenths(max(levels, default=None)),
        "windows": sum(window.guarded for window in case.windows.windows) if known else 0,
        "guarded_ms": sum(_ms(one.end) - _ms(one.begin) for one in case.windows.windows if one.guarded),
        "packets_to_agent": sum(one.packets for one in found),
        "lost_to_agent": sum(one.lost for one in found),
    }


def _guarded(case: Case) -> list[tuple[Found, Assigned]]:
    """Every judged stream in every window that counts: the guarded ones, or all when windows are unknown."""
    return [
        (found, one)
        for one in case.judged
        for found in case.found(one.stream)
        if found.window.guarded or not case.windows.known
    ]


def _guarded_sip(case: Case) -> list[Any]:
    return [one for one in case.sip if one.judged and (one.window.guarded or not case.windows.known)]


def _from_customer(case: Case) -> int:
    """Keys the customer was seen to press in the guarded windows, by whatever way there were most."""
    media = [
        found
        for one in case.streams
        if one.sender == "customer"
        for found in case.found(one.stream)
        if found.window.guarded
    ]
    infos = sum(one.infos for one in case.sip if one.sender == "customer" and one.window.guarded)
    return max(sum(one.events for one in media), sum(one.tones for one in media), infos)


def _judge(case: Case, tested: SelfTest, *, complete: bool) -> tuple[Result, list[str]]:
    """Digits always win; otherwise every reason why silence would prove nothing."""
    guarded = _guarded(case)
    digits = sum(found.digits for found, _ in guarded) + sum(one.infos for one in _guarded_sip(case))
    why = doubts.doubts(case, tested, guarded, complete=complete)
    if digits and case.windows.known:
        return Result.DIGITS, [f"{_digits(digits)} reached the agent's side in a guarded window", *why]
    if digits:
        return Result.NO_EVIDENCE, [
            f"{_digits(digits)} reached the agent's side, and it is not known when the line was secured",
            *why,
        ]
    return (Result.NO_EVIDENCE, why) if why else (Result.CLEAN, [])


def _digits(count: int) -> str:
    return f"{count} digit{'' if count == 1 else 's'}"


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _tenths(level: float | None) -> int | None:
    return None if level is None else round(level * 10)
