"""One call to be judged: its streams by role, its windows, and what was found in each. Counts leave here, keys never."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from callseal.audit.findings import Digit
from callseal.audit.heard import Method
from callseal.audit.homes import Homes, split, stray
from callseal.audit.observer import Observation
from callseal.audit.offers import plain_address
from callseal.audit.roles import Call, calls_of
from callseal.audit.rtp_stream import RtpStream
from callseal.audit.windows import UNKNOWN, Window, Windows

NO_DIALOG = "capture"
"""Name of the case of a capture without signalling."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """A stream with its role. `judged`: what the agent gets."""

    stream: RtpStream
    leg: str
    sender: str
    receiver: str
    judged: bool


@dataclass(frozen=True, slots=True)
class Found:
    """One stream in one window."""

    window: Window
    events: int
    tones: int
    fragments: int
    longest_fragment_ms: float
    loudest_tone_dbm0: float | None
    packets: int
    lost: int
    undecoded: int
    seconds: float

    @property
    def digits(self) -> int:
        return self.events + self.tones


@dataclass(frozen=True, slots=True)
class SipFound:
    """Keys in messages of one hop in one window."""

    window: Window
    leg: str
    sender: str
    receiver: str
    judged: bool
    infos: int


@dataclass(slots=True)
class Case:
    """A call, or the whole of a capture without one."""

    name: str
    call_ids: tuple[str, ...]
    known_by: str
    begin: float
    end: float
    ended: bool
    streams: list[Assigned]
    windows: Windows
    notes: list[str] = field(default_factory=list)
    sip: list[SipFound] = field(default_factory=list)
    whole: bool = False
    """It is known that the capture missed nothing: then gaps towards the agent are what a fence dropped."""

    @property
    def judged(self) -> list[Assigned]:
        return [one for one in self.streams if one.judged]

    def found(self, stream: RtpStream) -> list[Found]:
        """What was found in each window."""
        return [_found(stream, window) for window in self.windows.windows]


def cases_of(observation: Observation, agent: str = "") -> list[tuple[Case, Call | None]]:
    """Every call of a capture, windows still unknown; a capture without calls is one case."""
    agent = plain_address(agent)
    calls = calls_of(observation.signalling.dialogs.values(), agent)
    for call in calls:
        call.since = None if call.begun else observation.begin
    if not calls:
        return [(_without_calls(observation, agent), None)] if observation.streams else []
    cases: list[tuple[Case, Call | None]] = []
    homes = Homes(calls)
    left = 0
    by_call: dict[int, list[RtpStream]] = {id(call): [] for call in calls}
    for stream in observation.streams:
        home = homes.of(stream)
        if home is None:
            left += 1
        else:
            by_call[id(home)].append(stream)
    for call in calls:
        streams = by_call[id(call)]
        ended = call.ended
        end = max(
            [
                ended if ended is not None else max(one.end for one in call.dialogs),
                *(one.end for one in streams),
            ]
        )
        case = Case(
            call.name,
            tuple(one.call_id for one in call.dialogs),
            call.known_by,
            call.begin,
            end,
            ended is not None,
            [_assigned(one, call) for one in streams],
            Windows(UNKNOWN, (Window(UNKNOWN, call.begin, end),)),
            list(call.notes),
        )
        cases.append((case, call))
    if left:
        for case, _ in cases:
            case.notes.append(f"{left} streams of the capture belong to no dialog in it and are not judged")
    return cases


def count_sip(case: Case, call: Call) -> None:
    """Keys in messages, by window and hop."""
    for dialog in call.dialogs:
        hops: dict[tuple[str, str, int], int] = {}
        for one in dialog.digits:
            sender, receiver = call.role(call.host(one.source)), call.role(call.host(one.destination))
            number = next(
                (
                    n
                    for n, window in enumerate(case.windows.windows)
                    if window.begin <= one.digit.at < window.end
                ),
                len(case.windows.windows) - 1,
            )
            hops[sender, receiver, number] = hops.get((sender, receiver, number), 0) + 1
        for (sender, receiver, number), count in hops.items():
            case.sip.append(
                SipFound(
                    case.windows.windows[number], dialog.leg, sender, receiver, receiver == "agent", count
                )
            )


def _without_calls(observation: Observation, agent: str) -> Case:
    streams = [
        Assigned(one, "", "", "agent" if _at(one, agent) else "", not agent or _at(one, agent))
        for one in observation.streams
    ]
    begin = min(one.begin for one in observation.streams)
    end = max(one.end for one in observation.streams)
    notes = ["no SIP in the capture: streams were recognised by their shape"]
    if not agent:
        notes.append("which stream is the agent's is not known: all are judged")
    windows = Windows(UNKNOWN, (Window(UNKNOWN, begin, end),))
    return Case(NO_DIALOG, (), "shape", begin, end, False, streams, windows, notes)


def _at(stream: RtpStream, address: str) -> bool:
    return bool(address) and stream.destination.rpartition(":")[0].strip("[]") == address


def _assigned(stream: RtpStream, call: Call) -> Assigned:
    sender, receiver = call.owner(split(stream.source)), call.owner(split(stream.destination))
    if stray(stream, call):
        receiver = "agent"
    return Assigned(stream, _leg(stream, call), sender or "edge", receiver or "edge", receiver == "agent")


def _leg(stream: RtpStream, call: Call) -> str:
    """The leg in which either end was named first."""
    for where in (split(stream.destination), split(stream.source)):
        for dialog, one in call.descriptions():
            if where in one.addresses:
                return dialog.leg or dialog.call_id
    return ""


def _found(stream: RtpStream, window: Window) -> Found:
    digits = [one for one in stream.digits if window.begin <= one.at < window.end]
    fragments = [one for one in stream.fragments if window.begin <= one.at < window.end]
    levels = [one.level_dbm0 for one in digits if one.level_dbm0 is not None]
    levels += [one.level_dbm0 for one in fragments]
    reading = stream.gauge.reading(window.begin, window.end)
    return Found(
        window=window,
        events=_count(digits, Method.EVENT),
        tones=_count(digits, Method.TONE),
        fragments=len(fragments),
        longest_fragment_ms=max((one.milliseconds for one in fragments), default=0.0),
        loudest_tone_dbm0=max(levels, default=None),
        packets=reading.packets,
        lost=reading.lost,
        undecoded=reading.deaf,
        seconds=reading.seconds,
    )


def _count(digits: Sequence[Digit], method: Method) -> int:
    return sum(one.method is method for one in digits)
