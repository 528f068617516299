"""Any edge takes any request of a dialog: the INVITEs go through one, everything else through another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from callseal.lab.encryption import FACES
from callseal.lab.rootfs import Rootfs
from tests.integration.router.conftest import Keeper
from tests.integration.router.rig import AGENT, CUSTOMER, PARTNER_AGENT, PARTNER_CUSTOMER
from tests.integration.router.story import Story, inbound, only_the_partner_gets_keys, outbound, place
from tests.integration.router.two_edges import CLUSTER, SECOND_EDGE, SECOND_MEDIA, TwoEdges

pytestmark = pytest.mark.integration

MIXED = frozenset(FACES) - {"carrier"}


@pytest.fixture(scope="module", params=[frozenset(), MIXED], ids=["UDP", "TLS but for the carrier"])
def pair(
    request: pytest.FixtureRequest, suite: str, tmp_path_factory: pytest.TempPathFactory, keeper: Keeper
) -> Iterator[TwoEdges]:
    keeper.close()  # its rig holds the same addresses
    with TwoEdges(Rootfs.build(suite), tmp_path_factory.mktemp("two-edges"), tls=request.param) as edges:
        yield edges


@pytest.fixture
def edges(pair: TwoEdges) -> TwoEdges:
    pair.fresh()
    return pair


def exchange(story: Story, method: str) -> None:
    """One request of that method each way on both legs, answered."""
    for one, other in (
        (story.carrier, story.partner_customer),
        (story.partner_customer, story.carrier),
        (story.platform, story.partner_agent),
        (story.partner_agent, story.platform),
    ):
        cseq = one.request(method)
        request = other.incoming(method)
        assert f" {SECOND_EDGE}" in request.get("Via"), "Via is the edge's own"
        other.reply(request, 200)
        assert one.answered(cseq, method).status == 200


@pytest.mark.compat
def test_everything_after_the_invite_through_another_edge(edges: TwoEdges) -> None:
    story = inbound(edges)
    assert story.leg1_invite is not None
    for route in story.leg1_invite.all("Record-Route"):
        assert route.startswith(f"<sip:{CLUSTER};transport="), route
        assert ";rn=1;" in route
    edges.through_second()
    story.everybody_talks()
    assert edges.agent_media.wait_voice(CUSTOMER) >= 15
    story.secure()
    assert place(story.at_carrier)[0] == str(edges.deployment.edge("edge-1").media), (
        "the media stays where it is"
    )
    assert edges.agent_media.wait_voice(PARTNER_AGENT) >= 15
    assert edges.customer_media.wait_voice(PARTNER_CUSTOMER) >= 15
    edges.agent_media.clear()
    story.restore()
    story.release_hold()
    assert edges.agent_media.wait_voice(CUSTOMER) >= 15
    assert edges.customer_media.wait_voice(AGENT) >= 15
    exchange(story, "INFO")
    exchange(story, "UPDATE")
    story.hang_up()
    assert not edges.anchored(story.carrier.call_id, "customer")
    # The second edge's agent is told what passed there, with the node that has the media.
    edges.second_sink.wait_leg("agent", "answered", "partner")
    assert {leg["node"] for leg in edges.second_sink.legs} == {"1"}
    assert [leg["kind"] for leg in edges.sink.legs] == []


@pytest.mark.compat
def test_the_ack_through_another_edge(edges: TwoEdges) -> None:
    """The 2xx came back through the first edge; its ACK is a request like any other."""
    story = outbound(edges, switch=edges.through_second)
    cseq = story.platform.request("BYE")
    story.partner_agent.reply(story.partner_agent.incoming("BYE"), 200)
    assert story.platform.answered(cseq, "BYE").status == 200


@pytest.mark.compat
def test_one_edge_of_the_name_dies_with_all_it_has(edges: TwoEdges) -> None:
    """The name in Record-Route leads to the other edge, `rn` to a node that is dead: the call begins anew there, fenced, and comes
    home. (The last story of a pair.)"""
    story = inbound(edges)
    story.everybody_talks()
    story.secure()
    edges.kamailio.kill()
    edges.rtpengine.kill()
    edges.through_second()
    story.to_partner("agent")
    story.to_partner("customer")
    assert place(story.at_carrier)[0] == place(story.at_platform)[0] == SECOND_MEDIA
    assert edges.agent_media.wait_voice(PARTNER_AGENT) >= 15
    assert edges.customer_media.wait_voice(PARTNER_CUSTOMER) >= 15
    only_the_partner_gets_keys(edges)
    assert edges.agent_media.voices(CUSTOMER) == 0
    exchange(story, "INFO")
    story.hang_up()
    edges.second_sink.wait_leg("customer", "ended")
