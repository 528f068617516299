"""Why an HTTP server did not answer, in words for a terminal."""

from __future__ import annotations

import re

import httpx2


def reason(error: httpx2.HTTPError) -> str:
    """Never anything of the request or of an answer: what the system or OpenSSL said, or that it took too long."""
    if isinstance(error, httpx2.TimeoutException):
        return "no answer in time"
    if isinstance(error, httpx2.ConnectError):
        return re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__
    return type(error).__name__
