"""Emergency services by name: the number that a service URN (RFC 5031) stands for."""

from __future__ import annotations

from callseal.deployment.model import Deployment

PREFIX = "urn:service:"
ANY = PREFIX + "sos"
"""The service that every other emergency service is a part of."""


def services(deployment: Deployment) -> dict[str, str]:
    """Service (`sos`, `sos.police`: what follows `urn:service:`) -> the number that is dialled for it.

    Where the file does not say what `sos` is, it is the first emergency number, as long as all of them leave by one carrier: by which
    of several such a call should go, its name does not tell.
    """
    numbers = [number for number in deployment.numbers if number.emergency]
    named = {urn: number.match for number in numbers for urn in number.service_urns}
    if len({deployment.carrier_for(number).id for number in numbers}) == 1:
        named.setdefault(ANY, numbers[0].match)
    return {urn.removeprefix(PREFIX): match for urn, match in named.items()}
