"""Reading `query` replies: parties, counters, places; nothing is invented from a broken reply."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callseal.edge.anchors import Anchor, ng_call_id, place_of, read_anchor
from callseal.wire.ng import NgReply
from tests.unit.edge.fakes import (
    CUSTOMER,
    HOME,
    PARTNER,
    PLATFORM,
    STRANGER,
    FakeParty,
    FakeRtpengine,
    customer_leg,
    settings,
)

pytestmark = pytest.mark.unit

MEDIA = settings(Path("unused")).media


def anchor(*parties: FakeParty) -> Anchor:
    ng = FakeRtpengine()
    ng.add("c.customer", *parties)
    return read_anchor(asyncio.run(ng.query("c.customer")))


def test_names_carry_the_leg() -> None:
    assert ng_call_id("abc@host", "agent") == "abc@host.agent"


def test_counters_are_of_audio_rtp_only() -> None:
    seen = anchor(FakeParty("carrier", CUSTOMER, received=10, sent=7), FakeParty("partner", HOME, 7, 10))
    assert (seen.received_from("carrier"), seen.sent_to("carrier")) == (10, 7)
    assert seen.sent_to("partner") == 10


@pytest.mark.parametrize(
    ("address", "place"),
    [
        (HOME, "home"),
        (PARTNER, "partner"),
        (PLATFORM, "platform"),
        (STRANGER, "unknown"),
        ("0.0.0.0", "unknown"),
    ],
)
def test_place_of_the_partners_side(address: str, place: str) -> None:
    assert anchor(*customer_leg(address)).partner_place(MEDIA) == place


def test_parties_that_disagree_are_unknown() -> None:
    both = anchor(FakeParty("carrier", CUSTOMER), FakeParty("partner", HOME), FakeParty("partner", PARTNER))
    assert both.partner_place(MEDIA) == "unknown"


def test_longest_prefix_wins_and_a_tie_is_unknown() -> None:
    wide = replace(MEDIA, partner=(ip_network("127.82.0.0/16"),))
    assert place_of(HOME, wide) == "home"
    assert place_of(STRANGER, wide) == "partner"
    assert place_of(HOME, replace(MEDIA, partner=(ip_network(HOME),))) == "unknown"


def test_ipv6_and_nonsense_addresses() -> None:
    six = replace(MEDIA, partner=(ip_network("2001:db8::/32"),))
    assert place_of("2001:db8::7", six) == "partner"
    assert place_of("not an address", MEDIA) == "unknown"


replies: st.SearchStrategy[NgReply] = st.recursive(
    st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["tags", "label", "medias", "type", "audio", "streams", "flags", "RTP", "endpoint", "stats"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


@given(replies)
def test_no_reply_breaks_the_reader(reply: NgReply) -> None:
    assert read_anchor(reply).partner_place(MEDIA) == "unknown"
