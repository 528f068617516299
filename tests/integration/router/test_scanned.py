"""SIPVicious itself against the router alone, no firewall before it: a stranger finds nothing, a known peer is answered."""

from __future__ import annotations

import pytest

from tests.integration.router.rig import BLOCK, Rig
from tests.integration.router.story import inbound
from tests.support.sipvicious import QUICK, finds, scanners, start

pytestmark = pytest.mark.integration


def test_a_stranger_s_scanners_find_nothing(rig: Rig) -> None:
    before = rig.count("strangers")
    with scanners(BLOCK.host(99), BLOCK.kamailio, QUICK) as found:
        inbound(rig).hang_up()
    assert found == {" ".join(tool): False for tool in QUICK}
    assert rig.count("strangers") >= before + len(QUICK), "they were heard, and not answered"


def test_the_same_scanner_finds_the_edge_from_a_known_address(rig: Rig) -> None:
    """Or silence would say nothing about the edge."""
    assert finds(start(rig.carrier.address, BLOCK.kamailio, 0, *QUICK[0]))
