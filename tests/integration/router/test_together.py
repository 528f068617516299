"""Trace, second address, one anchor, SRTP, names, TLS: every two of them and all are read, and an edge with all of them carries a call."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest

from callseal.deployment import read
from callseal.lab.encryption import FACES
from callseal.lab.name_server import NameServer
from callseal.lab.rootfs import Rootfs
from callseal.lab.router import check_config
from callseal.lab.workspace import Workspace
from callseal.render import render
from tests.integration.router.conftest import Keeper
from tests.integration.router.hearing import heard_at_home, home_again, secured_and_heard
from tests.integration.router.rig import BLOCK, Rig
from tests.integration.router.six import SixRig
from tests.integration.router.story import inbound, outbound
from tests.integration.router.test_one_anchor_srtp import speaking
from tests.integration.router.together import PARTS, RESOLVER, amended, settings_of, zones

pytestmark = [pytest.mark.integration, pytest.mark.compat]

EVERYTHING = frozenset(PARTS)
TOGETHER = [
    *(frozenset(pair) for pair in combinations(PARTS, 2)),
    *(EVERYTHING - {part} for part in PARTS),
    EVERYTHING,
]


def rendered(root: Path, parts: frozenset[str]) -> Path:
    workspace = Workspace(
        root, BLOCK, settings_of(parts), frozenset(FACES) if "TLS" in parts else frozenset()
    )
    workspace.prepare()
    text = amended(workspace.deployment.read_text(encoding="utf-8"), parts)
    workspace.deployment.write_text(text, encoding="utf-8")
    render(read(workspace.deployment), "edge-1", workspace.router)
    return workspace.router


@pytest.mark.parametrize("parts", TOGETHER, ids=lambda parts: " + ".join(sorted(parts)))
def test_config_with_these_together_is_good(tmp_path: Path, suite: str, parts: frozenset[str]) -> None:
    router = rendered(tmp_path, parts)
    assert switched_on(router) == parts, "each part is really in it"
    assert check_config(Rootfs.build(suite), router) == ""


def switched_on(router: Path) -> frozenset[str]:
    """As the rendered switches say."""
    switches = "".join(
        (router / "data" / name).read_text(encoding="utf-8") for name in ("defines.cfg", "policies.cfg")
    )
    signs = {
        "trace": "HEP_TRACE",
        "second address": "EDGE_LISTEN_SIX",
        "one anchor": "ANCHORS_ONE",
        "SRTP": "SRTP",
        "names": "WITH_NAMES",
        "TLS": "WITH_TLS",
    }
    return frozenset(part for part, sign in signs.items() if re.search(rf"#!define {sign}\b", switches))


class Everything(SixRig):
    """Every peer known by a name and on TLS and SRTP; one anchor, two addresses, traced."""

    def __init__(self, rootfs: Rootfs, root: Path) -> None:
        self._six = set()
        Rig.__init__(
            self,
            rootfs,
            root,
            settings=settings_of(EVERYTHING),
            tls=frozenset(FACES),
            amend=lambda text: amended(text, EVERYTHING),
        )


def test_an_edge_with_all_of_it_carries_a_call(
    tmp_path_factory: pytest.TempPathFactory, suite: str, keeper: Keeper
) -> None:
    """In and out, secured and back, over what the names say."""
    keeper.close()  # its rig holds the same addresses
    folder = tmp_path_factory.mktemp("together")
    with (
        NameServer(folder / "nsd", RESOLVER, zones()),
        Everything(Rootfs.build(suite), folder / "rig") as rig,
    ):
        for place_call in (inbound, outbound):
            story = place_call(speaking(rig))
            story.everybody_talks()
            heard_at_home(story)
            assert not rig.anchored(story.partner_agent.call_id, "agent")
            secured_and_heard(story)
            home_again(story)
            story.hang_up()
            assert rig.sink.traces, "it is traced"
            rig.fresh()
