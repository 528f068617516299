"""A partner that stands by, in everything that is rendered: it comes after the first, and is let in as itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from callseal.deployment import Deployment, read
from callseal.lab.host_rules import partner_rules
from callseal.lab.hosts import Hosts
from callseal.lab.workspace import Workspace
from callseal.render import plan
from callseal.render.desk_firewall import desk_firewall
from callseal.services.desk import desk_parts
from callseal.services.edge import edge_settings

pytestmark = pytest.mark.unit


def made(root: Path) -> Deployment:
    workspace = Workspace(root, Hosts(partners=2), {}, frozenset({"partner"}))
    workspace.prepare()
    return read(workspace.deployment)


def files(deployment: Deployment) -> dict[str, str]:
    return {file.path: file.text for file in plan(deployment, "edge-1")}


def test_it_says_its_own_and_speaks_as_the_first_does(tmp_path: Path) -> None:
    first, second = made(tmp_path).partners
    assert (first.id, second.id) == ("sandbox", "sandbox-2")
    assert (second.transport, second.adapter, second.token_header) == ("tls", "sandbox", first.token_header)
    assert first.tls_name != second.tls_name
    assert first.api_key != second.api_key
    assert first.api != second.api


def test_new_calls_go_to_the_first_and_then_to_the_second(tmp_path: Path) -> None:
    lines = files(made(tmp_path))["data/dispatcher.list"].splitlines()
    partners = [line.split() for line in lines if line.startswith("1 ")]
    assert [uri.partition(";")[0] for _, uri, _, _ in partners] == [
        "sip:sandbox-1.partners.test",
        "sip:sandbox-2.partners.test",
    ]
    priorities = [int(priority) for *_, priority in partners]
    assert priorities[0] > priorities[1]


def test_each_address_must_show_the_certificate_of_its_own_partner(tmp_path: Path) -> None:
    lines = files(made(tmp_path))["data/address.list"].splitlines()
    tags = {line.split()[1]: line.split()[4] for line in lines if line.startswith("1 ")}
    assert tags["192.0.2.130"].startswith("id=sandbox;tr=tls;cn=sip.partner.example;")
    assert tags["203.0.113.130"].startswith("id=sandbox-2;tr=tls;cn=sip.partner-2.example;")


def test_media_of_both_is_the_partners(tmp_path: Path) -> None:
    deployment = made(tmp_path)
    assert '#!define PARTNER_MEDIA "192.0.2.131/32,203.0.113.131/32"' in files(deployment)["data/defines.cfg"]
    media = edge_settings(deployment, "edge-1", tmp_path).media.partner
    assert [str(one) for one in media] == ["192.0.2.131/32", "203.0.113.131/32"]


def test_the_desk_has_an_api_and_secrets_of_each(tmp_path: Path) -> None:
    partners = desk_parts(made(tmp_path)).partners
    assert {name: one.url for name, one in partners.items()} == {
        "sandbox": "http://192.0.2.130:8030",
        "sandbox-2": "http://203.0.113.130:8030",
    }
    assert len({one.api_key for one in partners.values()}) == 2
    assert len({one.webhook_secrets for one in partners.values()}) == 2


def test_one_unchecked_mask_is_enough_for_the_stricter_fence(tmp_path: Path) -> None:
    deployment = made(tmp_path)
    first = deployment.partner
    unchecked = first.model_copy(
        update={"standby": (first.standby[0].model_copy(update={"mask_checked": False}),)}
    )
    plain = deployment.router.model_copy(update={"fence": None})
    assert deployment.model_copy(update={"router": plain}).fence == "events"
    assert deployment.model_copy(update={"router": plain, "partner": unchecked}).fence == "tones"


def test_both_have_rules_at_edge_and_desk(tmp_path: Path) -> None:
    deployment = made(tmp_path)
    edge = files(deployment)["firewall.nft"]
    assert "ip saddr 203.0.113.130 ip daddr 192.0.2.20 tcp dport 5061" in edge
    assert 'counter name "rtp_in.sandbox-2" accept' in edge
    desk = desk_firewall(deployment)
    for partner, address in (("sandbox", "192.0.2.130"), ("sandbox-2", "203.0.113.130")):
        assert (
            f'ip saddr {address} tcp dport 8050 ct state new counter name "webhooks_in.{partner}" accept'
            in desk
        )
        assert (
            f'ip daddr {address} tcp dport 8030 ct state new counter name "partner_out.{partner}" accept'
            in desk
        )


def test_a_partners_host_lets_in_what_it_was_told_of_us(tmp_path: Path) -> None:
    deployment = made(tmp_path)
    for partner in deployment.partners:
        accepted = re.findall(r"ip saddr \{ (.*?) \} (.*) accept", partner_rules(deployment, partner))
        assert accepted == [
            ("192.0.2.20, 203.0.113.20", "tcp dport 5061"),
            ("192.0.2.21, 203.0.113.21", "udp dport 30000-39999"),
            ("192.0.2.50", "tcp dport 8030"),
        ]
