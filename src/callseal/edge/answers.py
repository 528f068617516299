"""What HTTP says of an rtpengine that did not do as it was told, to whoever waits for a hold or its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import HTTPException

from callseal.edge.ng_client import NgRefusedError, NgSilentError


@contextmanager
def rtpengine_errors() -> Iterator[None]:
    """503 `rtpengine_silent`: nobody knows whether it is done. 502 `rtpengine_refused`: it is not."""
    try:
        yield
    except NgSilentError:
        raise HTTPException(503, {"error": "rtpengine_silent"}) from None
    except NgRefusedError:
        raise HTTPException(502, {"error": "rtpengine_refused"}) from None
