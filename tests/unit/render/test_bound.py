"""An edge behind one-to-one NAT: what is bound is the card's, what is shown and compared is the deployment's."""

from __future__ import annotations

from pathlib import Path

import pytest

from callseal.deployment import Deployment, Edge, HostPort, read
from callseal.lab.block import Block
from callseal.lab.encryption import over_tls
from callseal.lab.second_edge import table
from callseal.render import plan
from callseal.render.bound import interfaces, listener
from callseal.render.desk_firewall import desk_firewall
from callseal.render.zone import zone
from callseal.services.edge import edge_settings
from tests.unit.render.test_firewall import lines
from tests.unit.render.test_plan import EXAMPLE, deployment, tls_files

pytestmark = pytest.mark.unit

SIP, MEDIA = "127.88.0.20", "127.88.0.21"
CARD, MEDIA_CARD = "127.88.0.220", "127.88.0.221"
BOUND = (f'media = "{MEDIA}"', f'media = "{MEDIA}"\nbind_sip = "{CARD}"\nbind_media = "{MEDIA_CARD}"')


def behind_nat(root: Path, *changes: tuple[str, str]) -> Deployment:
    return deployment(root, BOUND, *changes)


def rendered(made: Deployment, edge: str = "edge-1") -> dict[str, str]:
    return {file.path: file.text for file in plan(made, edge)}


def test_bound_is_the_edge_with_its_cards_addresses(tmp_path: Path) -> None:
    edge = behind_nat(tmp_path).edge("edge-1")
    bound = edge.bound
    assert (str(bound.sip), str(bound.media)) == (f"{CARD}:5060", MEDIA_CARD)
    assert bound.bound == bound
    assert (str(edge.sip), str(edge.media)) == (f"{SIP}:5060", MEDIA)
    assert (bound.ng, bound.agent, bound.events) == (edge.ng, edge.agent, edge.events)
    plain = deployment(tmp_path).edge("edge-1")
    assert plain.bound == plain


def test_one_of_the_two_may_be_mapped_and_ipv6_never_is(tmp_path: Path) -> None:
    edge = behind_nat(tmp_path).edge("edge-1")
    sip_only = edge.model_copy(update={"bind_media": None})
    assert (str(sip_only.bound.sip), str(sip_only.bound.media)) == (f"{CARD}:5060", MEDIA)
    both = edge.model_copy(
        update={
            "sip6": HostPort.parse("[2001:db8::1]:5060"),
            "media6": HostPort.parse("[2001:db8::2]:1").address,
        }
    )
    assert both.bound.sip6 == both.sip6
    assert interfaces(both) == (f"{MEDIA_CARD}!{MEDIA}", "2001:db8::2")


def test_rtpengines_interface(tmp_path: Path) -> None:
    assert interfaces(behind_nat(tmp_path).edge("edge-1")) == (f"{MEDIA_CARD}!{MEDIA}",)
    assert interfaces(deployment(tmp_path).edge("edge-1")) == (MEDIA,)


@pytest.mark.parametrize(
    ("bound", "host", "text"),
    [
        ("192.0.2.1:5060", None, "192.0.2.1:5060"),
        ("203.0.113.1:5060", None, "203.0.113.1:5060 advertise 192.0.2.1:5060"),
        ("203.0.113.1:5060", "edge.example", "203.0.113.1:5060 advertise edge.example:5060"),
        ("192.0.2.1:5060", "edge.example", "192.0.2.1:5060 advertise edge.example:5060"),
    ],
)
def test_a_listener_shows_what_it_is_not_bound_to(bound: str, host: str | None, text: str) -> None:
    assert listener(HostPort.parse(bound), HostPort.parse("192.0.2.1:5060"), host) == text


def test_kamailio_is_bound_to_the_card_and_knows_what_peers_see(tmp_path: Path) -> None:
    files = rendered(behind_nat(tmp_path))
    defines = files["data/defines.cfg"]
    assert f"#!define EDGE_LISTEN udp:{CARD}:5060 advertise {SIP}:5060\n" in defines
    assert f'#!define EDGE_URI "sip:{SIP}:5060"\n' in defines
    assert f'#!define HOME_MEDIA "{MEDIA}/32"\n' in defines
    assert MEDIA_CARD not in defines
    assert f"\nalias={SIP}:5060\n" in files["data/nodes.cfg"]
    assert "alias" not in rendered(deployment(tmp_path))["data/nodes.cfg"]


@pytest.mark.parametrize("named", [False, True])
def test_streams_leave_from_the_card(tmp_path: Path, named: bool) -> None:
    tls_files(tmp_path)
    text = over_tls(EXAMPLE.read_text(encoding="utf-8").replace(*BOUND), ("partner",))
    if named:
        text = text.replace("sip_tls = ", 'host = "edge-1.example.net"\nsip_tls = ')
    (tmp_path / "callseal.toml").write_text(text, encoding="utf-8")
    defines = rendered(read(tmp_path / "callseal.toml"))["data/defines.cfg"]
    shown = "edge-1.example.net" if named else SIP
    assert f"#!define EDGE_LISTEN_TLS tls:{CARD}:5061 advertise {shown}:5061\n" in defines
    assert f"#!define EDGE_SOURCE {CARD}\n" in defines


def test_its_own_firewall_sees_the_card_and_turns_own_media_round(tmp_path: Path) -> None:
    text = rendered(behind_nat(tmp_path))["firewall.nft"]
    arriving, leaving = lines(text, "arriving"), lines(text, "leaving")
    assert (
        f'ip saddr 127.88.0.30 ip daddr {CARD} udp dport 5060 counter name "sip_in.sandbox" accept'
        in arriving
    )
    assert (
        f"ip saddr 127.88.0.31 ip daddr {MEDIA_CARD} udp dport 30000-39999 "
        'counter name "rtp_in.sandbox" accept' in arriving
    )
    assert SIP not in text, "no packet on the card has it"
    assert f'ip saddr {MEDIA_CARD} ip daddr {MEDIA_CARD} counter name "own_public" accept' in leaving
    assert f"ip saddr {MEDIA_CARD} ip daddr {MEDIA} udp dport 30000-39999 ip daddr set {MEDIA_CARD}" in lines(
        text, "own_public_out"
    )
    assert lines(text, "own_public_out")[-1] == f"ip daddr {MEDIA} drop"
    assert lines(text, "own_public_in")[-1].endswith(f"ip saddr set {MEDIA}")
    assert "own_public" not in rendered(deployment(tmp_path))["firewall.nft"]


def test_others_see_it_as_it_is_shown_and_by_whatever_it_leaves(tmp_path: Path) -> None:
    two = behind_nat(tmp_path, ("[desk]\n", table(Block()) + "\n[desk]\n"))
    arriving = "\n".join(lines(rendered(two, "edge-2")["firewall.nft"], "arriving"))
    media = next(line for line in arriving.splitlines() if 'counter name "rtp_in.edge-1"' in line)
    assert media.startswith(f"ip saddr {MEDIA} ip daddr")
    control = next(line for line in arriving.splitlines() if 'counter name "ng_in.edge-1"' in line)
    assert "127.88.0.220/31" in control, "in one network of a cloud it leaves as it is bound"
    admitted = next(
        line for line in desk_firewall(two).splitlines() if 'counter name "edge_in.edge-1"' in line
    )
    assert SIP in admitted or "127.88.0.20/" in admitted
    assert CARD in admitted


def test_the_zone_has_public_addresses(tmp_path: Path) -> None:
    example = (Path(__file__).parents[3] / "examples" / "two-regions.toml").read_text(encoding="utf-8")
    (tmp_path / "two.toml").write_text(
        example.replace(
            'media = "192.0.2.11"',
            'media = "192.0.2.11"\nbind_sip = "198.51.100.220"\nbind_media = "198.51.100.221"',
        ),
        encoding="utf-8",
    )
    text = zone(read(tmp_path / "two.toml"), serial=1)
    assert "A 192.0.2.10\n" in text
    assert "198.51.100.2" not in text


def test_kamailios_datagrams_come_from_the_card(tmp_path: Path) -> None:
    made = behind_nat(tmp_path)
    settings = edge_settings(made, "edge-1", tmp_path)
    assert CARD in settings.peers
    assert [str(one) for one in settings.media.home] == [f"{MEDIA}/32"]


def test_every_address_of_an_edge_is_thought_of() -> None:
    """Who adds one asks whether it can be mapped (docs/adr/0033)."""
    known = {"sip", "sip6", "sip_tls", "sip_tls6", "media", "media6", "ng", "agent", "events"}
    others = {"id", "region", "server_id", "host", "media_ports", "bind_sip", "bind_media"}
    assert set(Edge.model_fields) == known | others
