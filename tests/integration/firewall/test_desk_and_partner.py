"""The desk's rendered firewall, and the partner's host behind the rules that follow from what it is told about us."""

from __future__ import annotations

import pytest

from tests.integration.firewall.test_rules import (
    BESIDE_PARTNER,
    CARRIER,
    DESK,
    DNS,
    INSIDE,
    MEDIA,
    OFFICE,
    OTHER_INSIDE,
    OTHER_MEDIA,
    OTHER_SIP,
    PARTNER,
    PARTNER_MEDIA,
    PLATFORM,
    PLATFORM_API,
    SECOND_PARTNER,
    SIP,
    STRANGER,
)
from tests.integration.firewall.wire import Guarded

pytestmark = pytest.mark.integration

PSP = "192.0.2.133"
WANTED = [
    ("edge_in.edge-1", INSIDE, (DESK, 8050)),
    ("edge_in.edge-2", OTHER_INSIDE, (DESK, 8050)),
    ("webhooks_in.sandbox", PARTNER, (DESK, 8050)),
    ("browsers_in", OFFICE, (DESK, 8050)),
    ("edge_out.edge-1", DESK, (INSIDE, 8022)),
    ("edge_out.edge-2", DESK, (OTHER_INSIDE, 8022)),
    ("partner_out.sandbox", DESK, (PARTNER, 8030)),
    ("platform_out.pbx", DESK, (PLATFORM_API, 8041)),
    ("dns", DESK, (DNS, 53)),
]
NOT_WANTED = [
    ("refused_in", STRANGER, (DESK, 8050)),
    ("refused_in", CARRIER, (DESK, 8050)),
    ("refused_in", PLATFORM, (DESK, 8050)),
    ("refused_in", SECOND_PARTNER, (DESK, 8050)),
    ("refused_in", BESIDE_PARTNER, (DESK, 8050)),
    ("refused_in", PARTNER_MEDIA, (DESK, 8050)),
    ("refused_in", PSP, (DESK, 8050)),
    ("refused_in", OFFICE, (DESK, 22)),
    ("refused_in", PARTNER, (DESK, 8051)),
    ("refused_out", DESK, (STRANGER, 443)),
    ("refused_out", DESK, (PARTNER, 443)),
    ("refused_out", DESK, (PSP, 8033)),
    ("refused_out", DESK, (INSIDE, 2224)),
    ("refused_out", DESK, (OFFICE, 8060)),
]


@pytest.mark.parametrize(("counter", "source", "target"), WANTED)
def test_the_desk_meets_whom_it_needs(
    guarded: Guarded, counter: str, source: str, target: tuple[str, int]
) -> None:
    before = guarded.counted(DESK).get(counter, 0)
    assert guarded.connection(source, target)
    assert guarded.counted(DESK)[counter] == before + 1


@pytest.mark.parametrize(("refused", "source", "target"), NOT_WANTED)
def test_the_desk_meets_nobody_else(
    guarded: Guarded, refused: str, source: str, target: tuple[str, int]
) -> None:
    before = guarded.counted(DESK).get(refused, 0)
    assert not guarded.connection(source, target)
    assert guarded.counted(DESK)[refused] > before


@pytest.mark.parametrize(
    ("refused", "source", "target"),
    [
        ("refused_in", (PARTNER, 5060), (DESK, 8050)),
        ("refused_in", (STRANGER, 53), (DESK, 40000)),
        ("refused_out", (DESK, 40000), (CARRIER, 5060)),
        ("refused_out", (DESK, 40000), (INSIDE, 2223)),
    ],
)
def test_no_datagram_comes_to_the_desk_or_leaves_it(
    guarded: Guarded, refused: str, source: tuple[str, int], target: tuple[str, int]
) -> None:
    before = guarded.counted(DESK).get(refused, 0)
    assert not guarded.datagram(source, target)
    assert guarded.counted(DESK)[refused] == before + 1


def test_no_rule_of_the_desk_is_left_untried(guarded: Guarded) -> None:
    tried = {name for name, *_ in WANTED} | {"refused_in", "refused_out"}
    assert set(guarded.hosts.counters(DESK)) - {"invalid_in"} == tried


@pytest.mark.parametrize(
    ("source", "target", "passes"),
    [
        ((SIP, 5060), (PARTNER, 5060), True),
        ((OTHER_SIP, 5060), (PARTNER, 5060), True),
        ((MEDIA, 30000), (PARTNER_MEDIA, 30000), True),
        ((OTHER_MEDIA, 30000), (PARTNER_MEDIA, 39999), True),
        ((CARRIER, 5060), (PARTNER, 5060), False),
        ((PLATFORM, 20000), (PARTNER_MEDIA, 30000), False),
        ((STRANGER, 5060), (PARTNER, 5060), False),
        ((BESIDE_PARTNER, 30000), (PARTNER_MEDIA, 30000), False),
        ((SECOND_PARTNER, 5060), (PARTNER, 5060), False),
    ],
)
def test_the_partners_host_hears_the_edges_alone(
    guarded: Guarded, source: tuple[str, int], target: tuple[str, int], passes: bool
) -> None:
    assert guarded.datagram(source, target) == passes


@pytest.mark.parametrize("source", [INSIDE, CARRIER, PLATFORM_API, STRANGER, BESIDE_PARTNER, OFFICE])
def test_the_partners_api_is_the_desks_alone(guarded: Guarded, source: str) -> None:
    assert guarded.connection(DESK, (PARTNER, 8030))
    assert not guarded.connection(source, (PARTNER, 8030))


def test_the_host_of_a_second_partner_is_closed_where_there_is_one(guarded: Guarded) -> None:
    assert not guarded.datagram((SIP, 5060), (SECOND_PARTNER, 5060))
    assert not guarded.connection(OTHER_INSIDE, (SECOND_PARTNER, 8030))
