"""The world of the failure bench: two edges, and for one case peers that are names, a real name server, and the resolver beside the edges."""

from __future__ import annotations

from dataclasses import dataclass

from callseal.lab.caching_resolver import CachingResolver
from callseal.lab.daemon import Daemon
from callseal.lab.name_server import NameServer
from callseal.lab.processes import Processes
from callseal.lab.site import Site
from callseal.lab.workspace import Workspace
from callseal.lab.world import World

NAME_SERVER = "name-server"
ZONE = "peers.test"
TTL_S = 3
"""So short that what was known runs out while we watch."""
_ZONE = """\
$ORIGIN {zone}.
@ 60 IN SOA ns.{zone}. hostmaster.{zone}. 1 3600 600 604800 5
@ 60 IN NS ns.{zone}.
"""
_PEER = """\
{name} {ttl} IN NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.{name}.{zone}.
_sip._udp.{name} {ttl} IN SRV 10 10 5060 {name}-1.{zone}.
{name}-1 {ttl} IN A {address}
"""


@dataclass(frozen=True, slots=True)
class NamedWorkspace(Workspace):
    """Partner and platform are names, found by NAPTR and SRV."""

    def prepare(self) -> None:
        Workspace.prepare(self)
        text = self.deployment.read_text(encoding="utf-8")
        for name, address in _peers(self.site):
            text = text.replace(f'["sip:{address}:5060"]', f'["sip:{name}.{ZONE}"]')
        text += f'\n[dns]\nresolvers = ["{_resolver(self.site)}"]\n'
        self.deployment.write_text(text, encoding="utf-8")


class _NamedProcesses(Processes):
    def name_server(self) -> list[Daemon]:
        zone = _ZONE.format(zone=ZONE) + "".join(
            _PEER.format(zone=ZONE, ttl=TTL_S, name=name, address=address)
            for name, address in _peers(self.site)
        )
        server = NameServer(self.workspace.directory("dns"), _server(self.site), {ZONE: zone})
        beside = self.workspace.directory("resolver")
        return [
            server,
            CachingResolver(beside, _resolver(self.site), zone=ZONE, server=server.address),
        ]


class NamedWorld(World):
    """The world with a name server on the block."""

    processes = _NamedProcesses


def _peers(site: Site) -> tuple[tuple[str, str], ...]:
    return (("partner", site.partner), ("platform", site.agent))


def _server(site: Site) -> str:
    return site.host(53)


def _resolver(site: Site) -> str:
    return site.host(54)
