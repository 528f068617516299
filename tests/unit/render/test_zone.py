"""The zone's records: what is in it, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from callseal.render.write import write_zone
from callseal.render.zone import zone
from tests.unit.render.test_plan import deployment

pytestmark = pytest.mark.unit

NAMES = (
    "[[edges]]",
    (
        '[dns]\nzone = "example.net"\nname_servers = ["ns1.example.net"]\n\n'
        '[[regions]]\nid = "local"\ncluster = "sip.example.net"\n\n[[edges]]\nhost = "edge-1.example.net"'
    ),
)


def lines(text: str) -> set[str]:
    return {" ".join(line.split()) for line in text.splitlines() if not line.startswith((";", "$"))}


def test_no_zone_no_file(tmp_path: Path) -> None:
    assert zone(deployment(tmp_path), serial=1) == ""
    assert write_zone(deployment(tmp_path), tmp_path, serial=1) == []


def test_only_what_is_spoken_is_offered(tmp_path: Path) -> None:
    assert lines(zone(deployment(tmp_path, NAMES), serial=7)) == {
        "example.net. 300 IN SOA ns1.example.net. hostmaster.example.net. 7 3600 600 604800 30",
        "example.net. 300 IN NS ns1.example.net.",
        'sip.example.net. 60 IN NAPTR 30 10 "s" "SIP+D2U" "" _sip._udp.sip.example.net.',
        "_sip._udp.sip.example.net. 30 IN SRV 10 50 5060 edge-1.example.net.",
        "sip.example.net. 300 IN A 127.88.0.20",
        "edge-1.example.net. 300 IN A 127.88.0.20",
    }


def test_ipv6_edges_have_aaaa(tmp_path: Path) -> None:
    six = ('sip = "127.88.0.20:5060"', 'sip = "127.88.0.20:5060"\nsip6 = "[2001:db8::20]:5060"')
    made = lines(zone(deployment(tmp_path, NAMES, six), serial=7))
    for name in ("edge-1.example.net", "sip.example.net"):
        assert f"{name}. 300 IN AAAA 2001:db8::20" in made
        assert f"{name}. 300 IN A 127.88.0.20" in made
