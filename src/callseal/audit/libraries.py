"""Loads what the extra `callseal[audit]` brings, in the one way that is quick: arithmetic on one thread."""

from __future__ import annotations

import os

from callseal.observe.errors import Error


class MissingExtraError(Error):
    """The decoders are not installed."""

    id = "missing_extra"


def load() -> None:
    """Imports numpy and PyAV. Raises `MissingExtraError`.

    OpenBLAS would share products of a few thousand numbers between all cores and spend most of the time waiting.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        import av  # noqa: F401, PLC0415
        import numpy  # noqa: F401, ICN001, PLC0415
    except ImportError as error:
        raise MissingExtraError(
            f"{error.name} is not installed",
            advice="pip install './callseal[audit]' brings the decoders (./callseal is the clone)",
        ) from None
