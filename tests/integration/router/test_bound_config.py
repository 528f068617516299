"""`kamailio -c` for an edge behind NAT, which has an IPv6 address that is not mapped, on both tested rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from callseal.deployment import read
from callseal.lab.rootfs import Rootfs
from callseal.lab.router import check_config
from callseal.lab.workspace import Workspace
from callseal.render import render
from tests.integration.router.rig import BLOCK

pytestmark = [pytest.mark.integration, pytest.mark.compat]


@pytest.mark.parametrize("tls", [(), ("partner", "platform")], ids=["UDP", "TLS"])
def test_config_is_good(tmp_path: Path, suite: str, tls: tuple[str, ...]) -> None:
    workspace = Workspace(tmp_path, BLOCK, {}, frozenset(tls))
    workspace.prepare()
    text = workspace.deployment.read_text(encoding="utf-8")
    media = f'media = "{BLOCK.edge_media}"'
    more = f'bind_sip = "{BLOCK.host(220)}"\nbind_media = "{BLOCK.host(221)}"\nsip6 = "[2001:db8::20]:5060"'
    assert media in text
    workspace.deployment.write_text(text.replace(media, f"{media}\n{more}"), encoding="utf-8")
    render(read(workspace.deployment), "edge-1", workspace.router)
    defines = (workspace.router / "data" / "defines.cfg").read_text(encoding="utf-8")
    assert f"udp:{BLOCK.host(220)}:5060 advertise {BLOCK.kamailio}:5060" in defines
    assert check_config(Rootfs.build(suite), workspace.router) == ""
