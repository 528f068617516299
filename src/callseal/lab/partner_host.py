"""The machines of the lab's partners: the first, and on hosts a second that stands by (`[[partner.standby]]`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from callseal.deployment import Deployment, Partner
from callseal.lab.site import Site

NAMES_ZONE = "partners.test"
"""Where partners that are found by name have theirs; `.test` never exists outside (RFC 6761)."""
_STANDBY = """\

[[partner.standby]]
id = "{id}"
signalling = ["{sip}"]
media = ["{media}"]
destinations = ["sip:{name}.{zone}"]
mask_checked = true
api = "http://{sip}:8030"
api_key = "file:secrets/{api_key}"
webhook_secret = "file:secrets/{webhook_secret}"
"""
_ZONE = """\
$ORIGIN {zone}.
@ 300 IN SOA ns.{zone}. hostmaster.{zone}. 1 3600 600 604800 5
@ 300 IN NS ns.{zone}.
ns 300 IN A {server}
"""
_RECORDS = """\
{name} 300 IN NAPTR 10 10 "s" "{service}" "" {label}.{name}.{zone}.
{label}.{name} 300 IN SRV 10 10 {port} {name}-sip.{zone}.
{name}-sip 300 IN A {sip}
"""
_WAYS = {"udp": ("SIP+D2U", "_sip._udp", 5060), "tls": ("SIPS+D2T", "_sips._tcp", 5061)}


@dataclass(frozen=True, slots=True)
class PartnerHost:
    """`suffix` ends the names of its processes, secrets and certificate; the first partner's is empty."""

    suffix: str
    sip: str
    media: str

    @property
    def id(self) -> str:
        return f"sandbox{self.suffix}"

    @property
    def name(self) -> str:
        """Its DNS name, in `NAMES_ZONE`."""
        return f"sandbox{self.suffix or '-1'}"

    @property
    def certificate(self) -> str:
        return f"partner{self.suffix}"

    @property
    def api_key(self) -> str:
        return f"partner{self.suffix}-api-key"

    @property
    def webhook_secret(self) -> str:
        return f"partner{self.suffix}-webhook"

    def of(self, deployment: Deployment) -> Partner:
        """What the deployment says of it."""
        return next(one for one in deployment.partners if one.id == self.id)


def partner_hosts(site: Site) -> tuple[PartnerHost, ...]:
    """In the order in which calls are offered to them."""
    return tuple(
        PartnerHost(suffix, sip, media)
        for suffix, (sip, media) in zip(("", "-2"), site.partners, strict=False)
    )


def standing_by(example: str, site: Site) -> str:
    """The deployment with the site's further partners, and all of them found by name; as it is when there is one."""
    first, *others = partner_hosts(site)
    if not others:
        return example
    head, rest = example.split("\n[platform]\n", 1)
    head = head.replace(f'"sip:{first.sip}:5060"', f'"sip:{first.name}.{NAMES_ZONE}"')
    for one in others:
        head += _STANDBY.format(
            id=one.id,
            sip=one.sip,
            media=one.media,
            name=one.name,
            zone=NAMES_ZONE,
            api_key=one.api_key,
            webhook_secret=one.webhook_secret,
        )
    return f"{head}\n[platform]\n{rest}"


def partner_zones(site: Site, deployment: Deployment, server: str) -> Iterator[tuple[str, str]]:
    """`(name, text)` of the zone that a second partner makes necessary; nothing where there is one partner."""
    found = partner_hosts(site)
    if len(found) == 1:
        return
    service, label, port = _WAYS[deployment.partner.transport]
    text = _ZONE.format(zone=NAMES_ZONE, server=server)
    for one in found:
        text += _RECORDS.format(
            name=one.name, sip=one.sip, zone=NAMES_ZONE, service=service, label=label, port=port
        )
    yield NAMES_ZONE, text
