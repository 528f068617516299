"""The firewall of the desk's host: nftables rules from the same deployment as the edges' (`callseal render --desk`).

All of it is TCP that somebody opens, so all of it is tracked. The desk hears edges, partners and browsers, and speaks to edge agents
and to the APIs of partners and platform; signalling and media never come near it.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from callseal.deployment import Deployment
from callseal.deployment.values import Network
from callseal.render.nft import Rules, hosts, literal

TABLE = "callseal_desk"
"""Not the edges' name: nobody shall replace the one with the other by mistake."""


def desk_firewall(deployment: Deployment) -> str:
    """An nftables file for the desk's own host: text for `nft -f`."""
    rules = _DeskRules(deployment)
    rules.collect()
    return rules.text(TABLE, "", "The desk is no router.")


class _DeskRules(Rules):
    def __init__(self, deployment: Deployment) -> None:
        super().__init__()
        self._deployment = deployment
        self._port = _port(deployment.desk.url)

    def collect(self) -> None:
        own = literal(self._deployment.desk.url)
        addresses = () if own is None else (own,)
        self._basics(
            "The desk, and whatever stands before it on this host (TLS).",
            ipv6=own is None or own.version == 6,
        )
        self._edges()
        self._partners()
        self._platform()
        self._browsers()
        self._machine(self._deployment, addresses)
        self._admit("monitoring", "tcp", self._port, self._deployment.firewall.monitoring)

    def _edges(self) -> None:
        for edge in self._deployment.edges:
            self._title(f"edge {edge.id}: hand-offs and events come from it, holds go to its agent")
            agent = literal(edge.agent)
            sip6 = None if edge.sip6 is None else edge.sip6.address
            # Whichever of its addresses it leaves by.
            leaves_by = hosts(edge.ng.address, agent, edge.sip.address, edge.bound.sip.address, sip6)
            self._admit(f"edge_in.{edge.id}", "tcp", self._port, leaves_by)
            self._reach(f"edge_out.{edge.id}", edge.agent, (), "")

    def _partners(self) -> None:
        services = self._deployment.firewall
        for partner in self._deployment.partners:
            self._title(f"partner {partner.id}: what is asked of it, and its webhooks")
            self._reach(f"partner_out.{partner.id}", partner.api, services.apis, "apis")
            senders = services.webhooks or hosts(literal(partner.api))
            self._admit(f"webhooks_in.{partner.id}", "tcp", self._port, senders)
            if not senders:
                self._in.append(
                    "# No rule: its api has a name, and [firewall] does not say where webhooks come from (key webhooks)."
                )

    def _platform(self) -> None:
        platform = self._deployment.platform
        self._title(f"platform {platform.id}: it is told about its calls")
        self._reach(f"platform_out.{platform.id}", platform.api, self._deployment.firewall.apis, "apis")

    def _browsers(self) -> None:
        browsers = self._deployment.firewall.browsers
        self._title("agents' browsers")
        self._admit("browsers_in", "tcp", self._port, browsers)
        if not browsers:
            self._in.append("# No rule: [firewall] does not say where they are (key browsers).")

    def _reach(self, name: str, url: str, listed: tuple[Network, ...], key: str) -> None:
        """We open a connection to `url`: to its address, or to what [firewall] lists where it has a name."""
        address = literal(url)
        far = hosts(address) if address is not None else listed
        self._let_out(name, "tcp", _port(url), far)
        if not far:
            told = f", and [firewall] does not say its addresses (key {key})" if key else ""
            self._out.append(f"# No rule: {url} has a name{told}.")


def _port(url: str) -> str:
    parts = urlsplit(url)
    return str(parts.port or (443 if parts.scheme == "https" else 80))
