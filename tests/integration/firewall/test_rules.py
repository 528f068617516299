"""Every rule of an edge's firewall, both ways: who is named passes, who is next to them does not, and both are counted."""

from __future__ import annotations

import pytest

from tests.integration.firewall.wire import EDGE, Guarded

pytestmark = pytest.mark.integration

SIP, MEDIA, INSIDE = EDGE, "192.0.2.21", "192.0.2.22"
OTHER_SIP, OTHER_MEDIA, OTHER_INSIDE = "203.0.113.20", "203.0.113.21", "203.0.113.22"
CARRIER, PARTNER, PARTNER_MEDIA, PLATFORM = "198.51.100.10", "192.0.2.130", "192.0.2.131", "198.51.100.140"
PLATFORM_API, DESK, DNS, OFFICE = "198.51.100.141", "192.0.2.50", "192.0.2.53", "192.0.2.60"
BESIDE_CARRIER, BESIDE_PARTNER, STRANGER = "198.51.100.11", "192.0.2.132", "203.0.113.66"
SECOND_PARTNER = "203.0.113.130"

LET_IN = [
    ("sip_in.carrier-a", (CARRIER, 5060), (SIP, 5060)),
    ("sip_in.carrier-a", (CARRIER, 49152), (SIP, 5060)),
    ("sip_in.sandbox", (PARTNER, 5060), (SIP, 5060)),
    ("sip_in.pbx", (PLATFORM, 5060), (SIP, 5060)),
    ("rtp_in.carrier-a", (CARRIER, 20000), (MEDIA, 30000)),
    ("rtp_in.carrier-a", (CARRIER, 20000), (MEDIA, 39999)),
    ("rtp_in.sandbox", (PARTNER_MEDIA, 30000), (MEDIA, 30002)),
    ("rtp_in.pbx", (PLATFORM, 20000), (MEDIA, 30004)),
    ("rtp_in.edge-2", (OTHER_MEDIA, 30000), (MEDIA, 30006)),
    ("ng_in.edge-2", (OTHER_INSIDE, 40000), (INSIDE, 2223)),
]
KEPT_OUT = [
    ("the address next to the carrier's", (BESIDE_CARRIER, 5060), (SIP, 5060)),
    ("the address next to the partner's", (BESIDE_PARTNER, 5060), (SIP, 5060)),
    ("a stranger", (STRANGER, 5060), (SIP, 5060)),
    ("a partner that is not in the deployment", (SECOND_PARTNER, 5060), (SIP, 5060)),
    ("the partner's media server does not speak SIP", (PARTNER_MEDIA, 5060), (SIP, 5060)),
    ("the partner's signalling address sends no RTP", (PARTNER, 30000), (MEDIA, 30000)),
    ("RTP of the address next to the carrier's", (BESIDE_CARRIER, 20000), (MEDIA, 30000)),
    ("a port below the media ports", (CARRIER, 20000), (MEDIA, 29999)),
    ("a port above the media ports", (CARRIER, 20000), (MEDIA, 40000)),
    ("SIP at the media address", (CARRIER, 5060), (MEDIA, 5060)),
    ("media ports at the SIP address", (CARRIER, 20000), (SIP, 30000)),
    ("the carrier at rtpengine's control port", (CARRIER, 5060), (INSIDE, 2223)),
    ("the partner at rtpengine's control port", (PARTNER, 5060), (INSIDE, 2223)),
    ("the platform at rtpengine's control port", (PLATFORM, 5060), (INSIDE, 2223)),
    ("the desk at rtpengine's control port", (DESK, 40000), (INSIDE, 2223)),
    ("the carrier at the edge agent's events", (CARRIER, 5060), (INSIDE, 8023)),
    ("the name server, unasked", (DNS, 53), (INSIDE, 40000)),
]
LET_OUT = [
    ("sip_out.carrier-a", (SIP, 5060), (CARRIER, 5060)),
    ("sip_out.sandbox", (SIP, 5060), (PARTNER, 5060)),
    ("sip_out.pbx", (SIP, 5060), (PLATFORM, 5060)),
    ("rtp_out.carrier-a", (MEDIA, 30000), (CARRIER, 20000)),
    ("rtp_out.sandbox", (MEDIA, 30002), (PARTNER_MEDIA, 30000)),
    ("rtp_out.pbx", (MEDIA, 30004), (PLATFORM, 20000)),
    ("rtp_out.edge-2", (MEDIA, 30006), (OTHER_MEDIA, 30000)),
    ("ng_out.edge-2", (INSIDE, 40000), (OTHER_INSIDE, 2223)),
    ("dns", (INSIDE, 40000), (DNS, 53)),
]
KEPT_IN = [
    ("SIP to a stranger", (SIP, 5060), (STRANGER, 5060)),
    ("SIP to the address next to the partner's", (SIP, 5060), (BESIDE_PARTNER, 5060)),
    ("SIP from another port", (SIP, 5062), (CARRIER, 5060)),
    ("RTP to a stranger", (MEDIA, 30000), (STRANGER, 30000)),
    ("RTP from another port", (MEDIA, 5060), (CARRIER, 20000)),
    ("a question to a name server that is not listed", (INSIDE, 40000), (STRANGER, 53)),
    ("a log line to somebody", (INSIDE, 40000), (STRANGER, 514)),
    ("the time, from nobody listed", (INSIDE, 40000), (STRANGER, 123)),
    ("the other edge's events", (INSIDE, 40000), (OTHER_INSIDE, 8023)),
]

CONNECTIONS = [
    ("desk_in", DESK, (INSIDE, 8022)),
    ("ng_in.edge-2", OTHER_INSIDE, (INSIDE, 2224)),
    ("desk_out", INSIDE, (DESK, 8050)),
    ("ng_out.edge-2", INSIDE, (OTHER_INSIDE, 2224)),
    ("dns", INSIDE, (DNS, 53)),
]


def _names(cases: list[tuple[str, tuple[str, int], tuple[str, int]]]) -> list[str]:
    return [f"{name} {source[0]}:{source[1]}-{target[0]}:{target[1]}" for name, source, target in cases]


@pytest.mark.parametrize(("counter", "source", "target"), LET_IN, ids=_names(LET_IN))
def test_let_in(guarded: Guarded, counter: str, source: tuple[str, int], target: tuple[str, int]) -> None:
    before = guarded.counted().get(counter, 0)
    assert guarded.datagram(source, target)
    assert guarded.counted()[counter] == before + 1


@pytest.mark.parametrize(("what", "source", "target"), KEPT_OUT, ids=[case[0] for case in KEPT_OUT])
def test_kept_out(guarded: Guarded, what: str, source: tuple[str, int], target: tuple[str, int]) -> None:
    before = guarded.counted().get("refused_in", 0)
    with guarded.taken_over(source[0]):
        assert not guarded.datagram(source, target), what
    assert guarded.counted()["refused_in"] == before + 1


@pytest.mark.parametrize(("counter", "source", "target"), LET_OUT, ids=_names(LET_OUT))
def test_let_out(guarded: Guarded, counter: str, source: tuple[str, int], target: tuple[str, int]) -> None:
    before = guarded.counted().get(counter, 0)
    assert guarded.datagram(source, target)
    assert guarded.counted()[counter] == before + 1


@pytest.mark.parametrize(("what", "source", "target"), KEPT_IN, ids=[case[0] for case in KEPT_IN])
def test_kept_in(guarded: Guarded, what: str, source: tuple[str, int], target: tuple[str, int]) -> None:
    before = guarded.counted().get("refused_out", 0)
    assert not guarded.datagram(source, target), what
    assert guarded.counted()["refused_out"] == before + 1


@pytest.mark.parametrize(("counter", "source", "target"), CONNECTIONS)
def test_connections_that_are_wanted(
    guarded: Guarded, counter: str, source: str, target: tuple[str, int]
) -> None:
    before = guarded.counted().get(counter, 0)
    assert guarded.connection(source, target)
    assert guarded.counted()[counter] == before + 1


@pytest.mark.parametrize(
    ("refused", "source", "target"),
    [
        ("refused_in", PARTNER, (INSIDE, 8022)),
        ("refused_in", PLATFORM_API, (INSIDE, 8022)),
        ("refused_in", STRANGER, (SIP, 5061)),
        ("refused_in", CARRIER, (SIP, 5060)),
        ("refused_in", DESK, (INSIDE, 2224)),
        ("refused_in", DESK, (SIP, 22)),
        ("refused_in", OFFICE, (INSIDE, 8022)),
        ("refused_out", INSIDE, (STRANGER, 443)),
        ("refused_out", INSIDE, (PARTNER, 8030)),
        ("refused_out", INSIDE, (PLATFORM_API, 8041)),
        ("refused_out", INSIDE, (DESK, 443)),
        ("refused_out", SIP, (STRANGER, 80)),
        ("refused_out", INSIDE, (OTHER_INSIDE, 8022)),
    ],
)
def test_connections_that_are_not(
    guarded: Guarded, refused: str, source: str, target: tuple[str, int]
) -> None:
    before = guarded.counted().get(refused, 0)
    with guarded.taken_over(source):
        assert not guarded.connection(source, target)
    assert guarded.counted()[refused] > before


def test_an_edge_that_was_taken_over_reaches_rtpengine_and_no_more(guarded: Guarded) -> None:
    """Its own rules would have stopped most of this; here they are gone."""
    guarded.hosts.unload_firewall(OTHER_SIP)
    try:
        assert guarded.datagram((OTHER_INSIDE, 40000), (INSIDE, 2223))
        before = guarded.counted().get("refused_in", 0)
        assert not guarded.datagram((OTHER_INSIDE, 40000), (INSIDE, 8023)), "the edge agent's events"
        assert not guarded.datagram((OTHER_SIP, 5060), (SIP, 5060)), "SIP"
        assert not guarded.connection(OTHER_INSIDE, (INSIDE, 8022)), "the edge agent"
        assert guarded.counted()["refused_in"] >= before + 3
    finally:
        guarded.hosts.load_firewall(OTHER_SIP, guarded.files["edge-2"])


def test_no_rule_is_left_untried(guarded: Guarded) -> None:
    tried = {name for name, *_ in (*LET_IN, *LET_OUT, *CONNECTIONS)} | {"refused_in", "refused_out"}
    assert set(guarded.hosts.counters(EDGE)) - {"invalid_in"} == tried
