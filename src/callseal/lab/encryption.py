"""SIP over TLS in a lab: what changes in the example deployment, and the certificates that its processes get."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from callseal.lab.authority import Authority
from callseal.lab.site import Site

FACES = ("carrier", "partner", "platform")
TLS_PORT = 5061
NAMES = {
    "edge": "edge.example.net",
    "carrier": "sip.carrier.example",
    "partner": "sip.partner.example",
    "partner-2": "sip.partner-2.example",
    "platform": "sip.platform.example",
}
"""What each certificate says; documentation names (RFC 2606)."""

_TABLE = """
[tls]
certificate = "tls/edge.pem"
private_key = "tls/edge.key"
ca = "tls/ca.pem"
"""
_TITLES = {"carrier": "[[carriers]]", "partner": "[partner]", "platform": "[platform]"}
_STANDBY = "[[partner.standby]]"


def over_tls(text: str, faces: Collection[str]) -> str:
    """The deployment `text` with these faces on TLS, each asked for the name of its certificate."""
    if not faces:
        return text
    for face in faces:
        table, rest = text.split(_TITLES[face] + "\n", 1)
        rest = re.sub(
            r"(?m)\A((?:(?!\[).*\n)*?destinations = .*):5060\"\]", rf'\g<1>:{TLS_PORT}"]', rest, count=1
        )
        line = f'transport = "tls"\ntls_name = ["{NAMES[face]}"]'
        rest = re.sub(r'(?m)^transport = "udp".*$', line, rest, count=1)
        text = f"{table}{_TITLES[face]}\n{rest}"
    if "partner" in faces:
        text = text.replace(f"{_STANDBY}", f'{_STANDBY}\ntls_name = ["{NAMES["partner-2"]}"]')
    text = re.sub(r'(?m)^(sip = "(.*):5060")$', rf'\g<1>\nsip_tls = "\g<2>:{TLS_PORT}"', text)
    return text + _TABLE


def make_certificates(folder: Path, site: Site, now: datetime) -> None:
    """`ca.pem`, and `NAME.pem` and `NAME.key` for edge and faces, where they are not there yet. Keys are 0600."""
    authority = Authority.at(folder, "sandbox authority", now)
    where = {
        "edge": site.kamailios,
        "carrier": (site.customer,),
        "partner": (site.partner,),
        "platform": (site.agent,),
        **{f"partner-{number}": (sip,) for number, (sip, _) in enumerate(site.partners[1:], start=2)},
    }
    for name, addresses in where.items():
        if not (folder / f"{name}.pem").exists():
            authority.issue(NAMES[name], now=now, addresses=addresses).write(folder, name)
