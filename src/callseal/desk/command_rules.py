"""What holds for each command: how long it is tried, in whose lane it waits, what it makes pointless, and what its failure means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from callseal.payments import commands as cmd
from callseal.payments import events as ev
from callseal.payments.names import Do
from callseal.payments.ports import Refused, Unreachable


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try (ms from the first attempt), and the pauses between attempts."""

    for_ms: int
    first_ms: int = 100
    most_ms: int = 1_000


ONCE = Patience(0)
PATIENCE: dict[Do, Patience] = {
    Do.HOLD: Patience(1_500, most_ms=300),  # the agent waits, and the secure deadline is near
    Do.UNHOLD: Patience(10_000),  # as long as the hold lasts; after that it is gone by itself
    Do.QUERY_MEDIA: Patience(1_500, most_ms=300),
    Do.SECURE: Patience(1_500, most_ms=300),
    Do.CAPTURE: Patience(4_000),
    Do.RESET: Patience(4_000),
    Do.CANCEL_CAPTURE: Patience(4_000),
    Do.CHARGE: ONCE,
    Do.QUERY_CHARGE: ONCE,  # the session asks again, with its own back-off
    Do.RELEASE: Patience(5_000),
    Do.REFRESH: Patience(4_000),
    Do.ANNOTATE: Patience(60_000, first_ms=250, most_ms=10_000),
    Do.PAUSE_RECORDING: Patience(3_000),
    Do.RESUME_RECORDING: Patience(60_000, first_ms=250, most_ms=10_000),
}
LANES: dict[Do, str] = {
    Do.HOLD: "edge",
    Do.UNHOLD: "edge",
    Do.QUERY_MEDIA: "media",
    Do.SECURE: "partner",
    Do.CAPTURE: "partner",
    Do.RESET: "partner",
    Do.CANCEL_CAPTURE: "partner",
    Do.CHARGE: "partner",
    Do.RELEASE: "partner",
    Do.REFRESH: "partner",
    Do.QUERY_CHARGE: "money",
    Do.ANNOTATE: "platform",
    Do.PAUSE_RECORDING: "recording",
    Do.RESUME_RECORDING: "recording",
}
# What a new command makes pointless, if it is still waiting or being tried again.
SUPERSEDES: dict[Do, frozenset[Do]] = {
    Do.HOLD: frozenset({Do.UNHOLD, Do.HOLD, Do.QUERY_MEDIA}),  # an older question is about another time
    Do.UNHOLD: frozenset({Do.HOLD}),
    Do.RELEASE: frozenset({Do.SECURE, Do.CAPTURE, Do.RESET, Do.CANCEL_CAPTURE, Do.RELEASE}),
    Do.REFRESH: frozenset({Do.REFRESH}),
    Do.RESUME_RECORDING: frozenset({Do.PAUSE_RECORDING}),
    Do.PAUSE_RECORDING: frozenset({Do.RESUME_RECORDING}),
    Do.FORGET_TOKEN: frozenset(
        {Do.HOLD, Do.QUERY_MEDIA, Do.SECURE, Do.CAPTURE, Do.RESET, Do.CANCEL_CAPTURE, Do.RELEASE, Do.REFRESH}
    ),
}
_LATER = (Do.ANNOTATE, Do.PAUSE_RECORDING, Do.RESUME_RECORDING, Do.UNHOLD, Do.QUERY_CHARGE)
_CONFLICT = "idempotency_conflict"


def keep_after_restart(command: cmd.Command) -> bool:
    """Whether a command left over from before a crash still makes sense. The others are decided anew."""
    return command.do in _LATER


# What a failed command means to the session. `Refused` is certain; `Unreachable` may or may not have been carried out.
_REFUSED: dict[Do, Callable[[str], ev.Happening]] = {
    Do.HOLD: ev.HoldFailed,
    Do.QUERY_MEDIA: ev.EdgeLost,
    Do.SECURE: ev.SecureRefused,
    Do.CAPTURE: ev.CaptureRefused,
    Do.RESET: ev.ResetRefused,
    Do.RELEASE: ev.ReleaseRefused,
    Do.REFRESH: ev.RefreshFailed,
    Do.ANNOTATE: ev.AnnotateFailed,
    Do.PAUSE_RECORDING: ev.RecordingUnconfirmed,
}


def refused(command: cmd.Command, refusal: Refused) -> ev.Happening | None:
    """The other side said no."""
    if isinstance(command, cmd.PartnerCharge):
        # The key was used for another amount: some charge exists under it, and only asking tells which.
        unclear = refusal.code == _CONFLICT
        return (
            ev.ChargeUnclear(command.key, refusal.code)
            if unclear
            else ev.ChargeRefused(command.key, refusal.code)
        )
    make = _REFUSED.get(command.do)
    return make(refusal.code) if make else None


def unreachable(command: cmd.Command, error: Unreachable) -> ev.Happening | None:
    """Nobody answered in time."""
    if isinstance(command, cmd.PartnerCharge):
        return (
            ev.ChargeUnclear(command.key, error.reason)
            if error.sent
            else ev.ChargeRefused(command.key, "not_sent")
        )
    if isinstance(command, cmd.PartnerSecure):
        return None if error.sent else ev.SecureNotSent(error.reason)  # sent: its deadline decides
    if isinstance(command, cmd.PartnerRelease):
        return None  # not known to be released: the deadline of the way home decides
    make = _REFUSED.get(command.do)
    return make(error.reason) if make else None
