"""The example deployment, told for hosts: their addresses, the edge once more in another region, names in the lab's zone."""

from __future__ import annotations

import re
from collections.abc import Mapping

from callseal.lab.host_commands import HostsError
from callseal.lab.partner_host import standing_by
from callseal.lab.site import EXAMPLE_PREFIX, Site

SECOND_EDGE = 100
"""What is added to the numbers of the first edge's processes (and the first partner's)."""
NG_PORT = 2223
ZONE = "lab.test"
"""The name server's zone; `.test` never exists outside (RFC 6761)."""
_DNS = """
[dns]
zone = "{zone}"
name_servers = ["ns.{zone}"]
resolvers = ["{server}"]

[firewall]
browsers = [{browsers}]
"""
_CLUSTERS = """
[[regions]]
id = "europe"
cluster = "europe.{zone}"

[[regions]]
id = "america"
cluster = "america.{zone}"
"""
_EXAMPLE_ADDRESS = re.compile(rf"{re.escape(EXAMPLE_PREFIX)}\.(\d+)(:{NG_PORT}\b)?")
_EDGE_TABLE = re.compile(r"(?ms)^\[\[edges\]\]\n.*?(?=^\[|\Z)")


def on_hosts(
    example: str,
    site: Site,
    addresses: Mapping[int, str],
    *,
    name_server: str,
    browsers: tuple[str, ...],
    clusters: bool = False,
) -> str:
    """The example with these addresses, the same edge once more in another region, and names in the lab's zone.

    `addresses` maps process numbers (the last byte in the example). With `clusters` each region has a name of its own. Raises `HostsError` when the example has another form.
    """
    found = _EDGE_TABLE.search(example)
    if found is None:
        raise HostsError("the example has no [[edges]]")
    second = found[0]
    for key, old, new in (
        ("id", '"edge-1"', '"edge-2"'),
        ("region", '"local"', '"america"'),
        ("server_id", "1", "2"),
    ):
        second, count = re.subn(rf"(?m)^({key} = ){re.escape(old)}", rf"\g<1>{new}", second)
        if count != 1:
            raise HostsError(f"the example's edge has no {key} = {old}")
    first = example.replace('region = "local"', 'region = "europe"')
    edges = _moved(first, 0, addresses) + "\n\n" + _moved(second, SECOND_EDGE, addresses)
    edges = re.sub(r'(?m)^id = "(edge-\d)"$', rf'\g<0>\nhost = "\g<1>.{ZONE}"', edges)
    named = standing_by(edges, site)
    text = named + _DNS.format(
        zone=ZONE, server=name_server, browsers=", ".join(f'"{one}"' for one in browsers)
    )
    return text + _CLUSTERS.format(zone=ZONE) if clusters else text


def _moved(text: str, step: int, addresses: Mapping[int, str]) -> str:
    def address(found: re.Match[str]) -> str:
        # rtpengine's control port moves to the inside address.
        number = int(found[1]) + step + (1 if found[2] else 0)
        moved = addresses.get(number)
        return f"{moved}{found[2] or ''}" if moved else found[0]

    return _EXAMPLE_ADDRESS.sub(address, text)
