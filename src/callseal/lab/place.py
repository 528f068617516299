"""Where a process lives: in the lab's own network, or in a network namespace that is a host of its own.

A `Namespace` has no name and no file: it lives as long as the lab holds it open or a process runs in it. A lab that is
killed leaves nothing behind, and two labs cannot meet (docs/adr/0008-hosts-without-names.md).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from callseal.observe.errors import Error

_NEWNET = 0x40000000  # CLONE_NEWNET; os.unshare and os.setns are in Python 3.12 and later only
_OWN = "/proc/thread-self/ns/net"
# The mount goes with the process, as those of a root filesystem do (rootfs.py).
_RESOLVE = '[ ! -e /etc/resolv.conf ] || mount --bind "$1" /etc/resolv.conf; shift; exec "$@"'
_libc = ctypes.CDLL(None, use_errno=True)


class PlaceError(Error):
    """The kernel refused a network namespace."""


class Place:
    """Here: the network of whoever runs the lab."""

    def argv(self, command: Sequence[str]) -> list[str]:
        """The argv that runs `command` at this place; the process keeps its pid."""
        return list(command)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Sockets made and programs started in this block belong to this place, and stay there afterwards.

        It holds for the calling thread only.
        """
        yield


HERE = Place()


class Namespace(Place):
    """A new, empty network namespace. Needs root. Raises `PlaceError`.

    With `resolver` what is started there finds that file as its /etc/resolv.conf.
    """

    def __init__(self, resolver: Path | None = None) -> None:
        self._resolver = resolver
        own = os.open(_OWN, os.O_RDONLY)
        try:
            _call(_libc.unshare, _NEWNET)
            try:
                self._descriptor = os.open(_OWN, os.O_RDONLY)
            finally:
                _call(_libc.setns, own, _NEWNET)
        finally:
            os.close(own)

    @property
    def path(self) -> str:
        """A path that names it for programs started by us: `ip ... netns PATH`, `nsenter --net=PATH`."""
        return f"/proc/{os.getpid()}/fd/{self._descriptor}"

    def argv(self, command: Sequence[str]) -> list[str]:
        inside = ["nsenter", f"--net={self.path}", "--"]
        if self._resolver is not None:
            inside += ["unshare", "--mount", "--propagation", "private"]
            inside += ["sh", "-ec", _RESOLVE, "sh", str(self._resolver)]
        return [*inside, *command]

    @contextmanager
    def inside(self) -> Iterator[None]:
        own = os.open(_OWN, os.O_RDONLY)
        try:
            _call(_libc.setns, self._descriptor, _NEWNET)
            try:
                yield
            finally:
                _call(_libc.setns, own, _NEWNET)
        finally:
            os.close(own)

    def close(self) -> None:
        """Let go of it. It vanishes with its devices when no process is in it any more."""
        os.close(self._descriptor)


def _call(function: ctypes._NamedFuncPointer, *arguments: int) -> None:
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise PlaceError(
            f"the kernel refused a network namespace: {os.strerror(number)}",
            advice="The lab on hosts needs root and Linux's network namespaces (CONFIG_NET_NS).",
        )
