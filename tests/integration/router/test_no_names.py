"""No name server answers: what an edge does that is started then, how it comes right by itself, and what it does when it knew the names."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from callseal.lab.caching_resolver import CachingResolver
from callseal.lab.name_server import NameServer
from callseal.lab.rootfs import Rootfs
from callseal.operate import checks_network
from callseal.operate.patient import Patient
from tests.integration.router.conftest import Keeper
from tests.integration.router.rig import BLOCK, Rig
from tests.integration.router.story import inbound
from tests.integration.router.test_partner_down import REJECTED, connect_out, dial_in, dial_out
from tests.support.sip_peer import Dialog

pytestmark = pytest.mark.integration

SERVER, RESOLVER = BLOCK.host(53), BLOCK.host(54)
ZONE = "peers.example"
TTL_S = 1
TEXT = f"""\
$ORIGIN {ZONE}.
@ 60 IN SOA ns.{ZONE}. hostmaster.{ZONE}. 1 3600 600 604800 5
@ 60 IN NS ns.{ZONE}.
partner {TTL_S} IN NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.partner.{ZONE}.
_sip._udp.partner {TTL_S} IN SRV 10 10 5060 one.{ZONE}.
one {TTL_S} IN A {BLOCK.partner}
"""
ONE_NAME_S = 3.0
"""NAPTR, SRV and A, each for `dns_retr_time` of router/kamailio.cfg."""
BACK_WITHIN_S = 25.0
"""Said in docs/how-to/dns.md."""


@contextmanager
def outage() -> Iterator[None]:
    """A name server that is there and says nothing, as one behind a broken line."""
    deadline = time.monotonic() + 5
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        while True:
            try:
                silent.bind((SERVER, 53))
                break
            except OSError:  # the killed one has not let go yet
                assert time.monotonic() < deadline
                time.sleep(0.02)
        yield


def named(resolver: str) -> Callable[[str], str]:
    """The partner is a name; carrier and platform are addresses."""
    old, new = f'"sip:{BLOCK.partner}:5060"', f'"sip:partner.{ZONE}"'
    return lambda text: f'{text.replace(old, new)}\n[dns]\nresolvers = ["{resolver}"]\n'


def the_call_follows_its_policy(rig: Rig) -> None:
    """As with a partner that is down; and whoever needs no name is served at once."""
    begun = time.monotonic()
    probe = Dialog.new(rig.carrier, f"sip:{rig.kamailio.sip[0]}")
    assert probe.answered(probe.request("OPTIONS"), "OPTIONS").status == 200
    assert time.monotonic() - begun < 1

    carrier, cseq = dial_in(rig, REJECTED)
    begun = time.monotonic()
    refused = carrier.answered(cseq)
    assert refused.start == "SIP/2.0 503 Partner Unavailable"
    assert time.monotonic() - begun < ONE_NAME_S + 2
    carrier.ack(cseq)
    assert not rig.anchored(carrier.call_id, "customer")

    platform, cseq = dial_out(rig, "+447700900555")
    connect_out(rig, platform, cseq)
    (handoff,) = rig.sink.handoffs
    assert handoff["reason"] == "partner_down"


def doctor(rig: Rig) -> str:
    patient = Patient(
        deployment=rig.deployment,
        edge=rig.deployment.edge("edge-1"),
        router=rig.workspace.router,
        now_ms=lambda: 0,
        get=lambda _: pytest.fail("names are asked of resolvers"),
        ng=lambda _address, _command: None,
    )
    (finding,) = checks_network.names(patient)
    return f"{finding.level}: {finding.text}"


@pytest.mark.compat
def test_a_call_whose_partner_has_no_address_now_follows_its_policy(
    suite: str, tmp_path: Path, keeper: Keeper
) -> None:
    keeper.close()  # its rig holds the same addresses
    with outage(), Rig(Rootfs.build(suite), tmp_path / "rig", amend=named(SERVER)) as rig:
        the_call_follows_its_policy(rig)
        log = rig.kamailio.log_text()
        assert "delayed" not in log, "tm answers behind us"


def test_an_edge_that_starts_without_names_comes_right_and_then_needs_them_no_more(
    suite: str, tmp_path: Path, keeper: Keeper
) -> None:
    keeper.close()
    with (
        CachingResolver(tmp_path / "unbound", RESOLVER, zone=ZONE, server=SERVER),
        Rig(Rootfs.build(suite), tmp_path / "rig", amend=named(RESOLVER)) as rig,
    ):
        with outage():
            the_call_follows_its_policy(rig)
            assert doctor(rig).startswith(f"fail: sandbox: no name server answers for partner.{ZONE}")
        rig.fresh()
        with NameServer(tmp_path / "nsd", SERVER, {ZONE: TEXT}) as server:
            begun = time.monotonic()
            while not _reaches_the_partner(rig):
                assert time.monotonic() - begun < BACK_WITHIN_S
            rig.fresh()
            inbound(rig).hang_up()
            assert doctor(rig) == f"ok: sandbox: partner.{ZONE} is at {BLOCK.partner}"
            server.kill()
        with outage():
            time.sleep(TTL_S + 1)
            rig.fresh()
            inbound(rig).hang_up()
            assert "as the resolver remembers it: no name server answers" in doctor(rig)


def _reaches_the_partner(rig: Rig) -> bool:
    """One call that the partner refuses, or nobody has heard of it."""
    carrier, cseq = dial_in(rig, REJECTED)
    with suppress(AssertionError):
        rig.partner.reply(rig.partner.expect_request("INVITE", timeout_s=ONE_NAME_S + 0.5), 486, tag="x")
    status = carrier.answered(cseq).status
    carrier.ack(cseq)
    assert status in (486, 503)
    return status == 486
