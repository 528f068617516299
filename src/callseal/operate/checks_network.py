"""Checks of what lies between the edge and its peers: the names that it looks up, and the firewall that is loaded."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from ipaddress import ip_address

import dns.exception
import dns.resolver

from callseal.deployment import Deployment
from callseal.observe.errors import Error
from callseal.operate.finding import Finding, fail, ok, warn
from callseal.operate.patient import Patient
from callseal.operate.versions import read_version
from callseal.render.locate import locate, located_at

_LOOK_UP_S = 2.0
_NFT_S = 5.0
_DROPS = (6, 1)
"""From this version on Kamailio gives its own connections `tcp_send_timeout` for what it has written (TCP_USER_TIMEOUT, tcp(7))."""
_MOST_RETRIES = 4  # 6 s; the kernel's own 15 are a quarter of an hour
_COUNTER = re.compile(r"(?m)^\s*counter ([\w.\-]+) \{")
_LISTED = re.compile(r"counter ([\w.\-]+) \{")

LookUp = Callable[[str, int | None, str], list[str]]
"""(host, port, transport) to addresses; raises `dns.exception.DNSException` when no name server answers."""


def look_up(deployment: Deployment) -> LookUp:
    """As the edge does it: by its own resolvers, the host's where the deployment names none."""
    servers = deployment.dns.resolvers
    resolver = dns.resolver.Resolver(configure=not servers)
    if servers:
        resolver.nameservers = [str(server) for server in servers]
    resolver.lifetime = _LOOK_UP_S

    def found(host: str, port: int | None, transport: str) -> list[str]:
        if port is not None:
            return located_at(host, resolver)
        return [place.address for place in locate(host, resolver, transports=(transport,))]

    return found


def running(patient: Patient) -> str:
    """What Kamailio says it is. Raises `Error` when it does not answer."""
    return str(patient.control.call("core.version"))


def names(patient: Patient, using: Callable[[Deployment], LookUp] = look_up) -> Iterator[Finding]:
    """Destinations with a name: somebody answers, and with addresses that the peer's `signalling` lists."""
    deployment = patient.deployment
    asked = None
    for peer in deployment.peers:
        for uri in peer.destinations:
            if uri.address is not None:
                continue
            asked = asked or using(deployment)
            try:
                addresses = asked(uri.host, uri.port, peer.transport)
            except dns.exception.DNSException:
                yield fail(
                    "names",
                    f"{peer.id}: no name server answers for {uri.host}",
                    "Look at the resolver on this host, and at port 53 in the firewall: new calls to it fail once"
                    " Kamailio has forgotten its address.",
                )
                continue
            strange = [one for one in addresses if not any(ip_address(one) in net for net in peer.signalling)]
            if not addresses:
                yield fail("names", f"{peer.id}: {uri.host} has no address", "Ask its operator.")
            elif strange:
                yield fail(
                    "names",
                    f"{peer.id}: {uri.host} is at {', '.join(strange)}, which its `signalling` does not list",
                    "Add it, then `callseal reload` and load the firewall: until then what comes from there is a stranger's.",
                )
            else:
                yield ok("names", f"{peer.id}: {uri.host} is at {', '.join(addresses)}")


def late_messages(patient: Patient, said: Callable[[Patient], str] = running) -> Iterator[Finding]:
    """What was written to a peer that is gone is not delivered when it comes back. Nothing to say of UDP."""
    if all(peer.transport == "udp" for peer in patient.deployment.peers):
        return
    try:
        version = read_version(said(patient))
        retries = int((patient.proc / "sys" / "net" / "ipv4" / "tcp_retries2").read_text(encoding="ascii"))
    except (Error, OSError, ValueError):
        return  # dead, as another check tells
    if version is None or version >= _DROPS or retries <= _MOST_RETRIES:
        yield ok("late-messages", "what a peer that is gone was told is dropped with its connection")
    else:
        yield warn(
            "late-messages",
            f"tcp_retries2 is {retries}: a peer that comes back is given INVITEs of calls that are over",
            "With Kamailio before 6.1 copy infra/sysctl/60-callseal-edge.conf to /etc/sysctl.d and `sysctl --system`.",
        )


def loaded_rules() -> str | None:
    """What `nft` has loaded in this network namespace as the edge's table; "" when there is none, None without nft."""
    try:
        done = subprocess.run(
            ("nft", "list", "table", "inet", "callseal"),
            capture_output=True,
            text=True,
            timeout=_NFT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else ""


def firewall(patient: Patient, loaded: Callable[[], str | None] = loaded_rules) -> Iterator[Finding]:
    """The rendered firewall is the one that is loaded, as far as peers go. Nothing to say of an edge on loopback."""
    if ip_address(patient.edge.sip.host).is_loopback:
        return
    file = patient.router / "firewall.nft"
    load = f"Read it, then load it: nft -f {file} (docs/how-to/firewall.md)."
    text = loaded()
    if text is None:
        yield warn(
            "firewall", "nft does not answer: what is loaded cannot be seen", "Install nftables; run as root."
        )
        return
    if not text:
        yield warn("firewall", "the table `inet callseal` is not loaded: anybody may reach every port", load)
        return
    try:
        wanted = set(_COUNTER.findall(file.read_text(encoding="utf-8")))
    except OSError:
        return  # the line of `rendered` says so
    found = set(_LISTED.findall(text))
    missing, more = sorted(wanted - found), sorted(found - wanted)
    if missing or more:
        told = [f"without {', '.join(missing)}"] if missing else []
        told += [f"with {', '.join(more)}, which is no more"] if more else []
        yield warn("firewall", f"an older firewall is loaded, {' and '.join(told)}", load)
    else:
        yield ok("firewall", "the rendered firewall is loaded")
