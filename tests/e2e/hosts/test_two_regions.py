"""A paid call through a deployment like examples/two-regions.toml, from which docs/how-to/deploy.md goes: what each face speaks, the
fence, the anchors, and every name there are that file's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from callseal.deployment import read
from callseal.deployment.anchoring import anchors
from callseal.lab.hosts import Hosts
from tests.support.stage import Stage, keys_heard

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

EXAMPLE = read(Path(__file__).parents[3] / "examples" / "two-regions.toml")
SPOKEN = {
    "carrier": EXAMPLE.carriers[0].transport,
    "partner": EXAMPLE.partner.transport,
    "platform": EXAMPLE.platform.transport,
}


def test_a_paid_call_like_the_example(open_stage: Callable[..., Stage]) -> None:
    assert len(EXAMPLE.clusters) == 2
    hosts = Hosts(partners=2, clusters=True)  # Two partners, because these are found by name.
    stage = open_stage(
        site=hosts,
        tls=frozenset(face for face, transport in SPOKEN.items() if transport == "tls"),
        settings={
            "partner.media_profile": f'"{EXAMPLE.partner.media_profile}"',
            "platform.media_profile": f'"{EXAMPLE.platform.media_profile}"',
            "fence": f'"{EXAMPLE.fence}"',
            "anchors": f'"{anchors(EXAMPLE)}"',
        },
    )
    call = stage.call()
    call.dial()
    stage.ear.mark("press")
    assert call.pay()["result"]["outcome"] == "approved"
    stage.ear.mark("restored")
    call.hang_up()
    assert keys_heard(stage, "press", "restored") == 0
    for address in (*hosts.kamailios, hosts.desk):
        counted = hosts.counters(address)
        assert counted["refused_in"] == counted["refused_out"] == 0, (address, counted)
