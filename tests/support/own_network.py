"""Each worker of a parallel run is a host of its own: a network namespace with nothing in it but its loopback.

The suite's daemons stand at fixed addresses of 127.0.0.0/8. Two workers on one loopback would meet there; in two namespaces they
cannot, and no test has to know. Without workers (plain `pytest`) the tests use the machine's loopback.
"""

from __future__ import annotations

import ctypes
import os
import subprocess

CLONE_NEWNET = 0x40000000
"""unshare(2); `os.unshare` is there from Python 3.12 on."""


def enter() -> None:
    """Move this thread, and what it starts from now on, into a new network namespace. Raises `OSError` unless root."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"a worker needs a network of its own: {os.strerror(number)}")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
