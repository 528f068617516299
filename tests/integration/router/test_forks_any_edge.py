"""A fork's loser hangs up through another edge than the one that heard the fork. At home with one anchor no rtpengine can be asked: each
edge agent is told its part, under one name of the device, and the desk puts them together (tests/integration/desk/test_forks.py)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from callseal.lab.rootfs import Rootfs
from tests.integration.router.conftest import Keeper
from tests.integration.router.hearing import (
    fence_stands,
    heard_at_home,
    heard_while_secured,
    home_again,
    secured_and_heard,
)
from tests.integration.router.test_forks import forked
from tests.integration.router.two_edges import TwoEdges
from tests.support.sip_peer import Dialog

pytestmark = [pytest.mark.integration, pytest.mark.compat]


@pytest.fixture(scope="module")
def pair(suite: str, tmp_path_factory: pytest.TempPathFactory, keeper: Keeper) -> Iterator[TwoEdges]:
    keeper.close()  # its rig holds the same addresses
    folder = tmp_path_factory.mktemp("forks")
    with TwoEdges(Rootfs.build(suite), folder, settings={"anchors": '"one"'}) as edges:
        yield edges


@pytest.fixture
def edges(pair: TwoEdges) -> TwoEdges:
    pair.fresh()
    return pair


def hang_up(sender: Dialog, taker: Dialog) -> None:
    cseq = sender.request("BYE")
    taker.reply(taker.peer.expect_request("BYE"), 200)
    assert sender.answered(cseq, "BYE").status == 200


def test_at_home_the_end_bears_the_name_of_who_has_lost(edges: TwoEdges) -> None:
    story, other, loser = forked(edges, rang=False)
    lost = edges.sink.wait_leg("agent", "lost")["tag"]
    edges.through_second()
    hang_up(loser, other)
    assert edges.second_sink.wait_leg("agent", "ended")["tag"] == lost
    heard_at_home(story)
    edges.second_sink.forget()
    secured_and_heard(story)
    story.restore()
    hang_up(story.platform, story.partner_agent)
    assert edges.second_sink.wait_leg("agent", "ended")["tag"] not in ("", lost)


@pytest.mark.parametrize("who", ["partner", "device"])
def test_while_secured_the_end_is_nobodys(edges: TwoEdges, who: str) -> None:
    """The anchor is asked over the node in Record-Route, by whichever edge; the partner's BYE bears the mark of its dialog."""
    story, other, loser = forked(edges, rang=True)
    edges.through_second()
    story.secure()
    sender, taker = (other, loser) if who == "partner" else (loser, other)
    hang_up(sender, taker)
    heard_while_secured(story)
    fence_stands(story)
    assert "ended" not in {leg["kind"] for leg in edges.second_sink.legs + edges.sink.legs}
    home_again(story)
