"""The numbers under which Kamailio knows the peers: address groups, destination sets, entries of the policies."""

from __future__ import annotations

import hashlib
from typing import Final

PARTNER_GROUP: Final = 1
PLATFORM_GROUP: Final = 2
FIRST_CARRIER_GROUP: Final = 10
_BITS: Final = 28
"""Two of a hundred carriers get one number once in fifty thousand deployments; `check` says so (CS102)."""


def carrier_group(carrier_id: str) -> int:
    """A carrier's number: of its id alone, so that it keeps it whatever else changes in the deployment.

    A reload takes one list after the other. Were carriers numbered by their place, a call in between could be given to the one whose
    place it is in the next list.
    """
    digest = hashlib.sha256(f"carrier:{carrier_id}".encode()).digest()
    return FIRST_CARRIER_GROUP + int.from_bytes(digest[:4], "big") % (1 << _BITS)
