"""Checks of an edge's own addresses: they are on its cards, rtpengine has the pair that the deployment says, and what it sends to its
own public address stays here."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator, Sequence

from callseal.deployment import Edge
from callseal.operate.checks_network import loaded_rules
from callseal.operate.finding import Finding, fail, ok, warn
from callseal.operate.patient import Patient
from callseal.render.bound import interfaces
from callseal.render.own_public import COUNTER

_KEYS = ("sip", "sip_tls", "sip6", "sip_tls6", "media", "media6")


def on_card(address: str) -> bool:
    """Can a socket of this network namespace have that address?"""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asker:
        try:
            asker.bind((address, 0))
        except OSError as error:
            return error.errno != errno.EADDRNOTAVAIL
    return True


def addresses(patient: Patient, has: Callable[[str], bool] = on_card) -> Iterator[Finding]:
    """What the edge is bound to is on a card of this machine."""
    edge, bound = patient.edge, patient.edge.bound
    told: dict[str, str] = {}
    for key in _KEYS:
        place, shown = getattr(bound, key), getattr(edge, key)
        if place is not None:
            address = str(getattr(place, "address", place))
            name = key if place == shown else "bind_media" if key == "media" else "bind_sip"
            told.setdefault(address, name)
    missing = {address: key for address, key in told.items() if not has(address)}
    for address, key in missing.items():
        yield fail(
            "addresses",
            f"{key} {address} is on no card of this machine",
            "Give the card this address, or write the card's own into the deployment."
            if key.startswith("bind")
            else f"Give a card this address. Where a cloud maps it, say the card's own: "
            f"{'bind_media' if key == 'media' else 'bind_sip'} (docs/how-to/deploy.md).",
        )
    if not missing:
        yield ok(
            "addresses", f"{', '.join(told)} {'is' if len(told) == 1 else 'are'} on this machine's cards"
        )


def interface(given: Sequence[str], edge: Edge) -> Finding:
    """`given`: rtpengine's interfaces as it was started with, `[NAME/]BOUND[!SHOWN]` each."""
    wanted = interfaces(edge)
    if tuple(one.rpartition("/")[2] for one in given) == wanted:
        return ok("rtpengine-interface", f"rtpengine has {' and '.join(wanted)}")
    options = " ".join(f"--interface={one}" for one in wanted)
    return fail(
        "rtpengine-interface",
        f"rtpengine has {' and '.join(given) or 'no interface'}, the deployment says {' and '.join(wanted)}",
        f"Start it with {options}: what it shows to peers must be what everything else compares with.",
    )


def own_public(patient: Patient, loaded: Callable[[], str | None] = loaded_rules) -> Iterator[Finding]:
    """Behind NAT the firewall also turns media round that goes to the edge's own public address. Nothing to say of other edges."""
    if patient.edge.bind_media is None:
        return
    text = loaded()
    if text is None:
        return  # the firewall's own line says so
    if f'"{COUNTER}"' in text or f"counter {COUNTER} " in text:
        yield ok("own-public", f"media to {patient.edge.media} stays on this machine")
    else:
        yield warn(
            "own-public",
            f"media to {patient.edge.media}, our own address, leaves this machine, and not every cloud brings it back",
            "Load the rendered firewall, or these two chains of it: without them customer and agent may not hear each other.",
        )
