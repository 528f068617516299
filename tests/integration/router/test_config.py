"""`kamailio -c` on the rendered directory, for every switch, on both tested rows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from callseal.deployment import read
from callseal.lab.rootfs import Rootfs
from callseal.lab.router import check_config
from callseal.lab.workspace import Workspace
from callseal.render import render
from tests.integration.router.rig import BLOCK

pytestmark = pytest.mark.integration

SWITCHES: dict[str, dict[str, str]] = {
    "plain": {},
    "one anchor": {"anchors": '"one"'},
    "digits in INFO": {"dtmf_info": "true"},
    "cookie in URI": {"cookie_place": '"request-uri"'},
    "no fence": {"fence": '"unsafe-off"'},
    "SRTP": {"media_profile": '"srtp"'},
    "SRTP behind an RTP carrier": {"partner.media_profile": '"srtp"', "platform.media_profile": '"srtp"'},
    "SRTP behind an RTP carrier, one anchor": {
        "anchors": '"one"',
        "partner.media_profile": '"srtp"',
        "platform.media_profile": '"srtp"',
    },
    "all": {
        "anchors": '"one"',
        "dtmf_info": "true",
        "cookie_place": '"request-uri"',
        "fence": '"unsafe-off"',
    },
}


TRANSPORTS: dict[str, tuple[dict[str, str], frozenset[str]]] = {
    "TLS to partner and platform": ({}, frozenset({"partner", "platform"})),
    "TLS everywhere": ({}, frozenset({"carrier", "partner", "platform"})),
    "TCP everywhere": ({"transport": '"tcp"'}, frozenset()),
    "TLS everywhere, SRTP, one anchor": (
        {"anchors": '"one"', "media_profile": '"srtp"'},
        frozenset({"carrier", "partner", "platform"}),
    ),
    "TLS everywhere, all switches": (SWITCHES["all"], frozenset({"carrier", "partner", "platform"})),
}


def rendered(
    root: Path, settings: dict[str, str], *, previous: bool = False, tls: frozenset[str] = frozenset()
) -> Path:
    workspace = Workspace(root, BLOCK, settings, tls)
    workspace.prepare()
    if previous:
        workspace.secret("signing-k0")
        text = workspace.deployment.read_text(encoding="utf-8").replace("# previous = ", "previous = ")
        workspace.deployment.write_text(text, encoding="utf-8")
    render(read(workspace.deployment), "edge-1", workspace.router)
    return workspace.router


@pytest.mark.compat
@pytest.mark.parametrize("switch", SWITCHES)
def test_config_is_good(tmp_path: Path, suite: str, switch: str) -> None:
    assert check_config(Rootfs.build(suite), rendered(tmp_path, SWITCHES[switch])) == ""


@pytest.mark.compat
@pytest.mark.parametrize("transports", TRANSPORTS)
def test_config_with_streams_is_good(tmp_path: Path, suite: str, transports: str) -> None:
    settings, tls = TRANSPORTS[transports]
    assert check_config(Rootfs.build(suite), rendered(tmp_path, settings, tls=tls)) == ""


NAMES = (
    '\n[dns]\nresolvers = ["127.0.0.53"]\n\n[[regions]]\nid = "local"\ncluster = "sip.example.net"\n'
    '\n[[regions]]\nid = "other"\ncluster = "other.sip.example.net"\n'
)


@pytest.mark.compat
@pytest.mark.parametrize("tls", [frozenset(), frozenset({"partner", "platform"})], ids=["UDP", "TLS"])
@pytest.mark.parametrize(
    "settings", [{}, {"anchors": '"one"', "media_profile": '"srtp"'}], ids=["plain", "one anchor, SRTP"]
)
def test_config_with_names_is_good(
    tmp_path: Path, suite: str, tls: frozenset[str], settings: dict[str, str]
) -> None:
    router = rendered(tmp_path, settings, tls=tls)
    deployment = tmp_path / "callseal.toml"
    text = deployment.read_text(encoding="utf-8") + NAMES
    deployment.write_text(
        re.sub(r'"sip:127[0-9.]+:506[01]"', '"sip:sip.peer.example"', text), encoding="utf-8"
    )
    render(read(deployment), "edge-1", router)
    assert check_config(Rootfs.build(suite), router) == ""


@pytest.mark.compat
def test_config_with_two_keys_is_good(tmp_path: Path, suite: str) -> None:
    assert check_config(Rootfs.build(suite), rendered(tmp_path, {}, previous=True)) == ""


def test_check_can_fail(tmp_path: Path, suite: str) -> None:
    router = rendered(tmp_path, {})
    dialog = router / "dialog.cfg"
    dialog.write_text(
        dialog.read_text(encoding="utf-8").replace("route[DIALOG] {", "route[DIALOG] {{"), encoding="utf-8"
    )
    assert "dialog.cfg" in check_config(Rootfs.build(suite), router)
