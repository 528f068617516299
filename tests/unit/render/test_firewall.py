"""The rendered firewall: whom it names, and what a change of the deployment changes. Whether it works: integration/firewall."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from callseal.render import plan
from tests.unit.render.test_plan import deployment, tls_files

pytestmark = pytest.mark.unit

SECOND_EDGE = """
[[edges]]
id = "edge-2"
region = "elsewhere"
server_id = 2
sip = "203.0.113.20:5060"
media = "203.0.113.21"
media_ports = "40000-49999"
ng = "203.0.113.22:2223"
agent = "http://203.0.113.22:8022"
events = "203.0.113.22:8023"
"""


def rules(root: Path, *changes: tuple[str, str], more: str = "", edge: str = "edge-1") -> str:
    """The rules' file, with `more` at the end of the deployment."""
    made = deployment(root, *changes, ("# [firewall] ", f"{more}\n# "))
    return next(file.text for file in plan(made, edge) if file.path == "firewall.nft")


def lines(text: str, chain: str) -> list[str]:
    body = re.search(rf"chain {chain} \{{\n(.*?)\n\t\}}", text, re.DOTALL)
    assert body is not None
    return [line.strip() for line in body[1].splitlines()]


def test_everything_is_dropped_in_the_end(tmp_path: Path) -> None:
    text = rules(tmp_path)
    for chain, hook, last in (("arriving", "input", "refused_in"), ("leaving", "output", "refused_out")):
        assert lines(text, chain)[0] == f"type filter hook {hook} priority filter; policy drop;"
        assert lines(text, chain)[-1] == f'counter name "{last}"'
    assert lines(text, "passing") == ["type filter hook forward priority filter; policy drop;"]


def test_it_replaces_what_it_loaded_before(tmp_path: Path) -> None:
    assert "\ntable inet callseal\ndelete table inet callseal\n\ntable inet callseal {\n" in rules(tmp_path)


def test_a_peer_may_send_sip_to_the_sip_port_and_rtp_to_the_media_ports(tmp_path: Path) -> None:
    arriving = lines(rules(tmp_path), "arriving")
    at = arriving.index("# partner sandbox")
    assert arriving[at + 1 : at + 3] == [
        'ip saddr 127.88.0.30 ip daddr 127.88.0.20 udp dport 5060 counter name "sip_in.sandbox" accept',
        'ip saddr 127.88.0.31 ip daddr 127.88.0.21 udp dport 30000-39999 counter name "rtp_in.sandbox" accept',
    ]


def test_every_peer_has_its_rules_both_ways(tmp_path: Path) -> None:
    text = rules(tmp_path)
    for peer in ("carrier-a", "sandbox", "pbx"):
        for what in ("sip", "rtp"):
            assert f'counter name "{what}_in.{peer}" accept' in "\n".join(lines(text, "arriving"))
            assert f'counter name "{what}_out.{peer}" accept' in "\n".join(lines(text, "leaving"))


def test_a_peer_on_tls_reaches_the_tls_port_alone_and_is_reached_on_any(tmp_path: Path) -> None:
    text = tls_files(tmp_path, "partner")["firewall.nft"].text
    arriving, leaving = lines(text, "arriving"), lines(text, "leaving")
    far = "ip saddr 127.88.0.30 ip daddr 127.88.0.20"
    assert [line for line in arriving if line.startswith(far)] == [
        f'{far} tcp dport 5061 ct state new counter name "sip_in.sandbox" accept'
    ]
    assert (
        'ip daddr 127.88.0.30 tcp dport 1-65535 ct state new counter name "sip_out.sandbox" accept' in leaving
    )
    assert 'counter name "sip_in.pbx"' in text
    assert "ip saddr 127.88.0.40 ip daddr 127.88.0.20 udp dport 5060" in text


def test_tcp_uses_the_port_of_udp(tmp_path: Path) -> None:
    text = rules(tmp_path, ('transport = "udp"', 'transport = "tcp"'))
    assert "ip saddr 127.88.0.30 ip daddr 127.88.0.20 tcp dport 5060 ct state new" in text
    assert "udp dport 5060" not in text


def test_networks_are_listed_without_overlaps(tmp_path: Path) -> None:
    change = (
        'media = ["127.88.0.10"]',
        'media = ["127.88.0.10", "198.51.100.0/24", "198.51.100.7", "203.0.113.5"]',
    )
    assert (
        "ip saddr { 127.88.0.10, 198.51.100.0/24, 203.0.113.5 } ip daddr 127.88.0.21 udp dport 30000-39999"
        in rules(tmp_path, change)
    )


def test_a_network_of_the_other_family_needs_an_address_of_that_family(tmp_path: Path) -> None:
    networks = (
        'signalling = ["127.88.0.10"]',
        'signalling = ["127.88.0.10", "2001:db8::/64"]',
    )
    assert "2001:db8" not in rules(tmp_path, networks)
    listening = ('sip = "127.88.0.20:5060"', 'sip = "127.88.0.20:5060"\nsip6 = "[2001:db8:1::20]:5060"')
    text = rules(tmp_path, networks, listening)
    assert "ip6 saddr 2001:db8::/64 ip6 daddr 2001:db8:1::20 udp dport 5060" in text
    assert "ip saddr 127.88.0.10 ip daddr 127.88.0.20 udp dport 5060" in text, (
        "and the other family as before"
    )
    assert "nd-neighbor-solicit" in text
    assert not any("2001:db8" in line and "sip_in.sandbox" in line for line in text.splitlines())


def test_media_of_both_families(tmp_path: Path) -> None:
    six = (
        ('media = ["127.88.0.10"]', 'media = ["2001:db8::10"]'),
        ('media = "127.88.0.21"', 'media = "127.88.0.21"\nmedia6 = "2001:db8:1::21"'),
    )
    text = rules(tmp_path, *six)
    assert "ip6 saddr 2001:db8::10 ip6 daddr 2001:db8:1::21 udp dport 30000-39999" in text
    assert "ip6 saddr 2001:db8:1::21 udp sport 30000-39999 ip6 daddr 2001:db8::10" in text
    assert "ip saddr 127.88.0.31 ip daddr 127.88.0.21 udp dport 30000-39999" in text
    assert "ip6 daddr 2001:db8:1::21 udp dport 30000-39999 notrack" in text


def test_edges_use_each_others_rtpengine(tmp_path: Path) -> None:
    text = rules(tmp_path, more=SECOND_EDGE)
    ours = 'ip daddr 127.88.0.21 udp dport 2223 ct state new counter name "ng_in.edge-2" accept'
    assert f"ip saddr {{ 203.0.113.20/31, 203.0.113.22 }} {ours}" in lines(text, "arriving")
    assert 'ip daddr 203.0.113.22 udp dport 2223 ct state new counter name "ng_out.edge-2" accept' in text
    assert "udp sport 30000-39999 ip daddr 203.0.113.21" in text
    assert "udp dport 40000-49999" in rules(tmp_path, more=SECOND_EDGE, edge="edge-2")


def test_without_a_second_edge_the_control_port_is_open_to_nobody(tmp_path: Path) -> None:
    assert "2223" not in rules(tmp_path)
    assert "2224" not in rules(tmp_path)


def test_desk(tmp_path: Path) -> None:
    text = rules(tmp_path)
    assert (
        'ip saddr 127.88.0.50 ip daddr 127.88.0.22 tcp dport 8022 ct state new counter name "desk_in" accept'
        in lines(text, "arriving")
    )
    assert 'ip daddr 127.88.0.50 tcp dport 8050 ct state new counter name "desk_out" accept' in lines(
        text, "leaving"
    )


def test_a_desk_with_a_name_is_said_to_be_missing_unless_its_addresses_are_listed(tmp_path: Path) -> None:
    named = ('url = "http://127.88.0.50:8050"', 'url = "https://desk.example.net"')
    text = rules(tmp_path, named)
    assert text.count("# No rule: it has a name") == 2
    assert "desk_in" not in text
    text = rules(tmp_path, named, more='[firewall]\ndesk = ["192.0.2.64/28"]')
    assert "No rule" not in text
    assert "ip daddr 192.0.2.64/28 tcp dport 443" in text


def test_services_of_the_machine(tmp_path: Path) -> None:
    plain = rules(tmp_path)
    assert not [
        port for port in ("dport 53 ", "dport 123 ", "dport 22 ", "echo-request", "dport 67") if port in plain
    ]
    text = rules(
        tmp_path,
        more='[dns]\nresolvers = ["192.0.2.53", "2001:db8::53"]\n[firewall]\ntime_servers = ["192.0.2.123"]\n'
        'admin = ["192.0.2.192/26"]\nmonitoring = ["192.0.2.90"]\ndhcp = true',
    )
    leaving, arriving = lines(text, "leaving"), lines(text, "arriving")
    for family, address in (("ip", "192.0.2.53"), ("ip6", "2001:db8::53")):
        for protocol in ("udp", "tcp"):
            assert (
                f'{family} daddr {address} {protocol} dport 53 ct state new counter name "dns" accept'
                in leaving
            )
    assert 'ip daddr 192.0.2.123 udp dport 123 ct state new counter name "ntp" accept' in leaving
    assert sum("tcp dport 22 " in line for line in arriving) == 2, "SIP and media address"
    assert "ip saddr 192.0.2.192/26 icmp type echo-request accept" in arriving
    assert any(
        line.startswith("ip saddr 192.0.2.90 ip daddr 127.88.0.22 tcp dport 8022") for line in arriving
    )
    assert "udp sport 68 udp dport 67 accept" in leaving


def test_a_resolver_on_the_host_that_may_ask_nobody_is_told(tmp_path: Path) -> None:
    """Unbound beside Kamailio asks for itself: the addresses that it forwards to stand in the list, too."""
    alone = rules(tmp_path, more='[dns]\nresolvers = ["127.0.0.1"]\n')
    assert alone.count("# No rule: the resolver on this host may ask nobody") == 1
    forwarding = rules(tmp_path, more='[dns]\nresolvers = ["127.0.0.1", "192.0.2.53"]\n')
    assert "No rule" not in forwarding
    assert "192.0.2.53" in forwarding


def test_what_is_not_tracked_is_what_is_matched_by_both_ends(tmp_path: Path) -> None:
    text = rules(tmp_path)
    assert lines(text, "untracked_in")[1:] == [
        "ip daddr 127.88.0.20 udp dport 5060 notrack",
        "ip daddr 127.88.0.21 udp dport 30000-39999 notrack",
    ]
    assert [
        line.replace("saddr", "daddr").replace("sport", "dport") for line in lines(text, "untracked_out")[1:]
    ] == (lines(text, "untracked_in")[1:])


def test_every_counter_is_declared_and_used(tmp_path: Path) -> None:
    text = rules(tmp_path, more=SECOND_EDGE)
    declared = re.findall(r"\tcounter (\S+) \{ \}", text)
    assert len(set(declared)) == len(declared)
    assert set(declared) == set(re.findall(r'counter name "([^"]+)"', text))


def test_a_trace_may_leave_only_where_there_is_a_collector(tmp_path: Path) -> None:
    rule = 'ip daddr 192.0.2.90 udp dport 9060 ct state new counter name "hep" accept'
    assert rule not in lines(rules(tmp_path), "leaving")
    traced = rules(tmp_path, ('fence = "events"', 'fence = "events"\nhep = "192.0.2.90:9060"'))
    assert rule in lines(traced, "leaving")
