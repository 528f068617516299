"""The preflight on a host where another SIP server has taken every address; in a network of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration

PROGRAM = """
import socket
from callseal.lab.block import Block
from callseal.lab.preflight import faults
other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
other.bind((ADDRESS, 5060))
for fault in faults(Block("127.80.77")):
    print(fault.what, "|", fault.advice)
"""


def told(address: str) -> str:
    program = PROGRAM.replace("ADDRESS", repr(address))
    argv = [
        "unshare",
        "--net",
        "sh",
        "-ec",
        'ip link set lo up; exec "$@"',
        "sh",
        sys.executable,
        "-c",
        program,
    ]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def test_a_listener_on_all_addresses_is_recognised() -> None:
    """No other block would help then, so the advice is another one."""
    assert "0.0.0.0:5060" in told("0.0.0.0")
    assert "ss -lunp" in told("0.0.0.0")


def test_a_listener_somewhere_else_is_nobodys_business() -> None:
    assert told("127.80.78.20") == ""
