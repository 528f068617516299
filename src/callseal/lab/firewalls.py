"""Firewalls of the hosts that the deployment speaks of: rendered for edges and desk, derived for the partners."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from callseal.deployment import Deployment
from callseal.lab.host_rules import partner_rules
from callseal.lab.hosts import Hosts
from callseal.lab.partner_host import partner_hosts
from callseal.lab.site import Site
from callseal.lab.workspace import Workspace
from callseal.render.write import write_desk_firewall


def load_firewalls(workspace: Workspace, deployment: Deployment, rendered: Mapping[str, Path]) -> None:
    """Onto each host its rules; `rendered` has the router's directory of each edge. Without hosts there is nothing to load them into."""
    site: Site = workspace.site
    for edge in deployment.edges:
        site.load_firewall(edge.sip.host, rendered[edge.id] / "firewall.nft")
    if not isinstance(site, Hosts):
        return
    folder = workspace.directory("firewalls")
    site.load_firewall(site.desk, write_desk_firewall(deployment, folder / "desk"))
    for host in partner_hosts(site):
        file = folder / f"{host.certificate}.nft"
        file.write_text(partner_rules(deployment, host.of(deployment)), encoding="utf-8")
        site.load_firewall(host.sip, file)
