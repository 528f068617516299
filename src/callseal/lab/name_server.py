"""The name server of the lab on hosts: nsd (RFC 1035 zone in, answers out), authoritative for one zone and nothing else."""

from __future__ import annotations

from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode

from callseal.deployment import Deployment
from callseal.lab.daemon import Daemon
from callseal.lab.place import HERE, Place

ZONE = "lab.test"
"""The zone's name; `.test` never exists outside (RFC 6761)."""
_PORT = 53

_CONFIGURATION = """\
server:
    ip-address: {address}
    do-ip6: no
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    database: ""
    pidfile: ""
    xfrdfile: "{folder}/xfrd.state"
    zonelistfile: "{folder}/zone.list"
    hide-version: yes
    hide-identity: yes
remote-control:
    control-enable: no
zone:
    name: {zone}
    zonefile: "{zone}.zone"
"""


def minimal_zone(deployment: Deployment) -> str:
    """A zone file with an address for every edge: `edge-1.lab.test`."""
    records = "".join(f"{edge.id} IN A {edge.sip.host}\n" for edge in deployment.edges)
    return (
        f"$ORIGIN {ZONE}.\n$TTL 30\n"
        "@ IN SOA ns hostmaster 1 3600 600 86400 30\n"
        f"@ IN NS ns\nns IN A {deployment.firewall.resolvers[0].network_address}\n{records}"
    )


class NameServer(Daemon):
    """nsd serving `text` as zone `lab.test` on `address`, UDP and TCP port 53; its files are in `folder`."""

    def __init__(self, text: str, *, address: str, folder: Path, log: Path, place: Place = HERE) -> None:
        folder.joinpath(f"{ZONE}.zone").write_text(text, encoding="utf-8")
        configuration = folder / "nsd.conf"
        configuration.write_text(
            _CONFIGURATION.format(address=address, folder=folder, zone=ZONE), encoding="utf-8"
        )
        super().__init__(
            "name-server",
            ["nsd", "-d", "-c", str(configuration)],
            log=log,
            ready=lambda: answers(address, place),
            place=place,
        )


def answers(address: str, place: Place = HERE) -> bool:
    """True when the server at `address`, asked from `place`, knows the zone."""
    question = dns.message.make_query(f"{ZONE}.", "SOA")
    try:
        with place.inside():
            reply = dns.query.udp(question, address, timeout=0.2, port=_PORT)
    except (dns.exception.DNSException, OSError):
        return False
    return reply.rcode() == dns.rcode.NOERROR and bool(reply.answer)
