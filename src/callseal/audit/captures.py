"""Capture files: opened (gzip too), hashed while they are read, several of them in the order of time."""

from __future__ import annotations

import gzip
import hashlib
import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from callseal.audit.doubts import CaptureFile
from callseal.observe.errors import Error
from callseal.wire.pcap_stream import CaptureReader, Frame, NotACaptureError, Readable

_GZIP = b"\x1f\x8b"
_DRAIN = 1 << 20

Progress = Callable[[int], None]
"""Told how many octets were read since the last time."""


class CaptureError(Error):
    """A capture cannot be used."""

    id = "capture"


@dataclass(frozen=True, slots=True)
class Named:
    """An open capture and what to call it in the verdict."""

    name: str
    source: BinaryIO


class _Hashing:
    """Reads through to the file, hashes and counts on the way."""

    def __init__(self, source: BinaryIO, progress: Progress) -> None:
        self._source, self._progress = source, progress
        self._sha = hashlib.sha256()
        self._begin = source.read(2)
        self._given = b""
        self.size = 0
        self._take(self._begin)
        self._given = self._begin

    @property
    def compressed(self) -> bool:
        return self._begin == _GZIP

    def read(self, size: int = -1, /) -> bytes:
        if self._given:
            data, self._given = self._given, b""
            return data
        data = self._source.read(size)
        self._take(data)
        return data

    def readable(self) -> bool:
        return True

    def drain(self) -> str:
        """Reads the rest, so that the hash is that of the whole file."""
        while self.read(_DRAIN):
            pass
        return self._sha.hexdigest()

    def _take(self, data: bytes) -> None:
        self.size += len(data)
        self._sha.update(data)
        self._progress(len(data))


class _Whole:
    """Reads until it has as much as was asked for, as a `CaptureReader` expects at the beginning of a file."""

    def __init__(self, source: _Hashing) -> None:
        self._source = source

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(size)
        while data and 0 <= len(data) < size and (more := self._source.read(size - len(data))):
            data += more
        return data


class Captures:
    """Some captures, read once. After `frames` is through, `files` says what was read."""

    def __init__(self, captures: Sequence[Named], progress: Progress = lambda _octets: None) -> None:
        self._names = [one.name for one in captures]
        self._sources = [_Hashing(one.source, progress) for one in captures]
        self._readers = [CaptureReader(_opened(one)) for one in self._sources]

    def frames(self) -> Iterator[Frame]:
        """All frames in the order of time. Raises `CaptureError` for a file that is no capture at all."""
        rows = []
        for name, reader in zip(self._names, self._readers, strict=True):
            try:
                rows.append(iter(reader))
            except NotACaptureError as error:
                raise CaptureError(
                    f"{name}: {error}", advice="pcap and pcapng can be read, also with gzip"
                ) from None
        return rows[0] if len(rows) == 1 else heapq.merge(*rows, key=lambda frame: frame[0])

    def files(self) -> tuple[CaptureFile, ...]:
        """What was read, hashes included."""
        return tuple(
            CaptureFile(name, source.size, digest, reader.frames, reader.cut, reader.problem)
            for name, source, reader in zip(self._names, self._sources, self._readers, strict=True)
            for digest in (source.drain(),)
        )


def _opened(source: _Hashing) -> Readable:
    whole = _Whole(source)
    return gzip.GzipFile(fileobj=whole) if source.compressed else whole  # type: ignore[call-overload]


def open_file(path: Path) -> Named:
    """Raises `CaptureError`."""
    try:
        return Named(path.name, path.open("rb"))
    except OSError as error:
        raise CaptureError(f"{path}: {error.strerror}") from None
