"""What a stream looked like over time, in a fixed amount of memory: bins of 100 ms that become wider as the stream grows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NARROWEST_S = 0.1
MOST_BINS = 6000
FIELDS = ("packets", "lost", "deaf", "events")
"""Counts of a bin: packets, packets missing by their numbers, packets that could not be decoded, event packets."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Sums over a stretch of time; `loudest` is the highest mean square of a bin in it."""

    packets: int
    lost: int
    deaf: int
    events: int
    loudest: float
    seconds: float
    """Of bins in which there were packets."""


class Gauge:
    """Counts by time. `begin` is the time of the first packet, `width` that of a bin in seconds."""

    def __init__(self, begin: float) -> None:
        self.begin = begin
        self.width = NARROWEST_S
        self._counts: NDArray[Any] = np.zeros((len(FIELDS), 64), dtype=np.int64)
        self._energy = np.zeros(64, dtype=np.float32)
        self._used = 0

    def __len__(self) -> int:
        return self._used

    def add(self, name: str, times: NDArray[np.float64], amounts: NDArray[np.int64] | None = None) -> None:
        """One (or `amounts`) at each of `times`. Times before `begin` count at the beginning."""
        if not len(times):
            return
        places = self._places(times)
        found = np.bincount(places, weights=amounts, minlength=0)
        self._counts[FIELDS.index(name), : len(found)] += found.astype(np.int64)

    def louder(self, times: NDArray[np.float64], mean_squares: NDArray[np.float32]) -> None:
        """The loudest moment of each bin."""
        if not len(times):
            return
        places = self._places(times)  # first: it may put a longer array into the place of this one
        np.maximum.at(self._energy, places, mean_squares)

    def close(self) -> None:
        """Nothing will be added any more: it takes as little memory as it can."""
        counts = self._counts[:, : self._used]
        small = np.uint16 if not counts.size or int(counts.max()) < 1 << 16 else np.int64
        self._counts = counts.astype(small)
        self._energy = self._energy[: self._used].copy()

    def bins(self, name: str) -> NDArray[np.int64]:
        return self._counts[FIELDS.index(name), : self._used].astype(np.int64)

    @property
    def energy(self) -> NDArray[np.float32]:
        return self._energy[: self._used]

    def reading(self, begin: float, end: float) -> Reading:
        """Bins whose middle lies in [begin, end)."""
        middles = self.begin + (np.arange(self._used) + 0.5) * self.width
        chosen = (middles >= begin) & (middles < end)
        counts = self._counts[:, : self._used][:, chosen]
        packets, lost, deaf, events = (int(one) for one in counts.sum(axis=1))
        energy = self._energy[: self._used][chosen]
        return Reading(
            packets,
            lost,
            deaf,
            events,
            loudest=float(np.max(energy)) if len(energy) else 0.0,
            seconds=float((counts[0] > 0).sum() * self.width),
        )

    def _places(self, times: NDArray[np.float64]) -> NDArray[np.int64]:
        latest = max(float(np.max(times)) - self.begin, 0.0)
        while latest / self.width >= MOST_BINS:
            self._coarsen()
        need = int(latest / self.width) + 1
        if need > self._counts.shape[1]:
            more = min(max(need, self._counts.shape[1] * 2), MOST_BINS) - self._counts.shape[1]
            self._counts = np.pad(self._counts, ((0, 0), (0, more)))
            self._energy = np.pad(self._energy, (0, more))
        self._used = max(self._used, need)
        return np.maximum((times - self.begin) / self.width, 0).astype(np.int64)

    def _coarsen(self) -> None:
        size = self._counts.shape[1] + self._counts.shape[1] % 2
        counts = np.pad(self._counts, ((0, 0), (0, size - self._counts.shape[1])))
        energy = np.pad(self._energy, (0, size - len(self._energy)))
        self._counts = counts[:, 0::2] + counts[:, 1::2]
        self._energy = np.maximum(energy[0::2], energy[1::2])
        self.width *= 2
        self._used = (self._used + 1) // 2
