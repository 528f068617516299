"""An audit from end to end: captures in, one verdict a call out. No clock and no file of its own; the caller brings both."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from callseal import __version__
from callseal.audit import verdict, windows
from callseal.audit.canonical import Json, canonical
from callseal.audit.captures import CaptureError, Captures, Named, Progress
from callseal.audit.case import Case, cases_of, count_sip
from callseal.audit.doubts import CaptureFile
from callseal.audit.observer import Observation, Observer
from callseal.audit.roles import Call
from callseal.audit.self_test import SelfTest, self_test


@dataclass(frozen=True, slots=True)
class Options:
    """How to judge. `stretches` are secured windows in Unix seconds, `record` is a call's record; both replace what SIP says.

    `relative` True: the stretches count from the capture's first frame. `deployment` is the text of a deployment file, to be hashed.
    """

    keys: bool = False
    agent: str = ""
    call: str = ""
    stretches: tuple[tuple[float, float], ...] = ()
    relative: bool = False
    record: dict[str, Any] | None = None
    deployment: bytes | None = None


@dataclass(frozen=True, slots=True)
class Audited:
    """A call, and what was found."""

    case: Case
    tested: SelfTest
    _verdict: Callable[[], Json] = field(repr=False)

    @property
    def verdict(self) -> Json:
        """Not yet sealed. Made anew every time: a capture may hold thousands of calls."""
        return self._verdict()


Judged = Callable[[int, int], None]
"""Told after each call: how many are judged, and of how many."""


def audit(
    captures: Sequence[Named],
    options: Options,
    *,
    made_at: int,
    progress: Progress = lambda _octets: None,
    judged: Judged = lambda _done, _all: None,
) -> list[Audited]:
    """Reads, judges, and tests itself. Raises `CaptureError` when there is nothing to judge."""
    reading = Captures(captures, progress)
    observer = Observer(keys=options.keys)
    observer.watch(reading.frames())
    observation = observer.finish()
    return judge(observation, reading.files(), options, made_at=made_at, judged=judged)


def judge(
    observation: Observation,
    files: tuple[CaptureFile, ...],
    options: Options,
    *,
    made_at: int,
    whole: bool = False,
    judged: Judged = lambda _done, _all: None,
) -> list[Audited]:
    """Verdicts on what was observed; `whole`: it is known that nothing was missed. Raises `CaptureError`."""
    cases = cases_of(observation, options.agent)
    if options.call:
        cases = [pair for pair in cases if options.call in (pair[0].name, *pair[0].call_ids)]
        if not cases:
            raise CaptureError(f"call {options.call} is not in the capture")
    if not cases:
        problem = "; ".join(f"{one.name} {one.problem}" for one in files if one.problem)
        raise CaptureError(
            "neither RTP nor a call is in the capture" + (f" ({problem})" if problem else ""),
            advice="a capture of the interface that carries the agent's media is needed",
        )
    for case, _ in cases:
        case.whole = whole
    seed = hashlib.sha256("".join(one.sha256 for one in files).encode()).digest()
    found = []
    for case, call in cases:
        found.append(_audited(case, call, observation, files, options, seed, made_at))
        judged(len(found), len(cases))
    return found


def _audited(  # noqa: PLR0917
    case: Case,
    call: Call | None,
    observation: Observation,
    files: tuple[CaptureFile, ...],
    options: Options,
    seed: bytes,
    made_at: int,
) -> Audited:
    case.windows = _windows(case, call, observation, options)
    if call is not None:
        count_sip(case, call)
    tested = self_test([one.stream for one in case.judged], observation.signalling.codec_of, seed)
    if tested.on_silence:
        case.notes.append("the self-test was made on silence: of so many streams no more packets are kept")
    said = partial(
        verdict.build,
        case,
        files,
        observation.counts,
        tested,
        configuration=_configuration(options, case.windows.known_by),
        made_by=f"callseal {__version__}",
        made_at=made_at,
    )
    return Audited(case, tested, said)


def _windows(case: Case, call: Call | None, observation: Observation, options: Options) -> windows.Windows:
    if options.stretches:
        shift = observation.begin if options.relative else 0.0
        return windows.given([(a + shift, b + shift) for a, b in options.stretches], case.begin, case.end)
    if options.record is not None:
        try:
            return windows.from_record(options.record, case.begin, case.end)
        except ValueError as error:
            raise CaptureError(str(error), advice="callseal record REFERENCE --json prints one") from None
    return case.windows if call is None else windows.from_signalling(call, case.begin, case.end)


def _configuration(options: Options, known_by: str) -> Json:
    settings = verdict.settings(keys=options.keys, agent=options.agent, windows=known_by)
    return {
        "settings": settings,
        "sha256": hashlib.sha256(canonical(settings)).hexdigest(),
        "deployment_sha256": hashlib.sha256(options.deployment).hexdigest()
        if options.deployment is not None
        else None,
    }
