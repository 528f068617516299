"""What an ear heard: counts. The keys themselves stay inside and can only be compared."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Method(StrEnum):
    """How a key came: telephone-event (RFC 4733), tone in the audio, or SIP message (INFO, KPML)."""

    EVENT = "event"
    TONE = "tone"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Talker:
    """One sender as the listener sees it. `source` is `address:port`; `ssrc` 0 where there is none."""

    source: str
    ssrc: int = 0


@dataclass(frozen=True, slots=True)
class Key:
    """One key that arrived, at `at` seconds of the ear's clock."""

    at: float
    method: Method
    talker: Talker
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TalkerHeard:
    """Counts of one sender. `loud` packets hold audio above silence, `deaf` ones a codec this ear cannot decode."""

    talker: Talker
    packets: int = 0
    loud: int = 0
    deaf: int = 0
    events: int = 0
    tones: int = 0
    infos: int = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """What arrived in a window of `seconds`.

    `missed` counts datagrams that the kernel dropped before the ear had them, since the ear opened: with them, silence
    proves nothing.
    """

    events: int
    tones: int
    infos: int
    packets: int
    loud: int
    deaf: int
    missed: int
    seconds: float
    talkers: tuple[TalkerHeard, ...] = ()
    _keys: tuple[Key, ...] = field(default=(), repr=False)

    @property
    def keys(self) -> int:
        """How many keys arrived, by whatever method; one key that came in two ways counts twice."""
        return self.events + self.tones + self.infos

    @property
    def clean(self) -> bool:
        """No key arrived. Means something only if `listened`."""
        return self.keys == 0

    @property
    def listened(self) -> bool:
        """There was audio, nothing was missed and everything could be decoded: silence is evidence."""
        return self.packets > 0 and self.missed == 0 and self.deaf == 0

    def equals(self, digits: str, method: Method | None = None) -> bool:
        """Whether exactly `digits` arrived, in order, by `method` (None: by any one method). In memory, for tests."""
        if not digits:
            return self.clean
        wanted = (method,) if method is not None else tuple(Method)
        return any(hmac.compare_digest(self._row(one), digits.upper()) for one in wanted)

    def _row(self, method: Method) -> str:
        return "".join(key.key for key in self._keys if key.method is method)

    def as_dict(self) -> dict[str, object]:
        """Counts as JSON has them; no key."""
        return {
            **{
                name: getattr(self, name)
                for name in ("events", "tones", "infos", "packets", "loud", "deaf", "missed")
            },
            "seconds": round(self.seconds, 3),
            "talkers": [
                {
                    "source": one.talker.source,
                    "packets": one.packets,
                    "loud": one.loud,
                    "keys": one.events + one.tones + one.infos,
                }
                for one in self.talkers
            ],
        }


def told(keys: Iterable[Key], talkers: Iterable[TalkerHeard], *, seconds: float, missed: int = 0) -> Heard:
    """Adds up one window."""
    kept = tuple(sorted(keys, key=lambda key: key.at))
    each = tuple(talkers)
    return Heard(
        events=sum(key.method is Method.EVENT for key in kept),
        tones=sum(key.method is Method.TONE for key in kept),
        infos=sum(key.method is Method.INFO for key in kept),
        packets=sum(one.packets for one in each),
        loud=sum(one.loud for one in each),
        deaf=sum(one.deaf for one in each),
        missed=missed,
        seconds=seconds,
        talkers=each,
        _keys=kept,
    )
