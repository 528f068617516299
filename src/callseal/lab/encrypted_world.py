"""What a world has more when faces speak TLS: the partners' fronts, and another way to ask whether the edge is up."""

from __future__ import annotations

from callseal.lab.daemon import Daemon
from callseal.lab.encryption import TLS_PORT
from callseal.lab.front import INSIDE_PORT, Front, write_front
from callseal.lab.partner_host import PartnerHost
from callseal.lab.rootfs import Rootfs
from callseal.lab.router import resolver_inside, sip_answers
from callseal.lab.tls_probe import tls_answers, tls_listens
from callseal.lab.workspace import Workspace


def edge_answers(workspace: Workspace, edge: str) -> bool:
    """OPTIONS from the partner to the SIP address `edge`, over its own transport: strangers would get silence."""
    site = workspace.site
    if "partner" in workspace.tls:
        with site.inside(site.partner):
            return tls_answers(edge, TLS_PORT, site.partner, workspace.root / "tls", "partner")
    return sip_answers(edge, 5060, source=site.partner, place=site.place(site.partner))


def partner_next_hop(workspace: Workspace, partner: PartnerHost) -> str:
    """Where the partner's B2BUA sends its calls: to its own front when it speaks TLS, else straight to the edge."""
    return f"{partner.sip}:{INSIDE_PORT}" if "partner" in workspace.tls else f"{workspace.site.kamailio}:5060"


def partner_hears(workspace: Workspace, partner: PartnerHost) -> list[str]:
    """Whose SIP the partner's B2BUA takes: its own front's, else that of every edge."""
    return [partner.sip] if "partner" in workspace.tls else list(workspace.site.kamailios)


def partner_front(workspace: Workspace, suite: str, partner: PartnerHost) -> list[Daemon]:
    """The front, when the partner speaks TLS."""
    if "partner" not in workspace.tls:
        return []
    site, certificates = workspace.site, workspace.root / "tls"

    def ready() -> bool:
        with site.inside(site.kamailio):
            return tls_listens(partner.sip, TLS_PORT, site.card(site.kamailio), certificates, "edge")

    folder = workspace.directory(f"partner{partner.suffix}-front")
    write_front(
        folder, certificates, partner=partner.sip, edge=site.kamailio, certificate=partner.certificate
    )
    return [
        Front(
            Rootfs.build(suite),
            folder,
            name=f"partner{partner.suffix}-front",
            log=workspace.logs / f"partner{partner.suffix}-front.log",
            ready=ready,
            binds=resolver_inside(site),
            place=site.place(partner.sip),
        )
    ]
