"""A lab's directory."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path

import pytest

from callseal.lab.block import Block
from callseal.lab.workspace import Workspace

pytestmark = pytest.mark.unit


def test_the_deployment_moves_into_the_block_and_takes_settings(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, Block("127.9.9"), {"anchors": '"one"'})
    workspace.prepare()
    text = workspace.deployment.read_text()
    assert 'sip = "127.9.9.20:5060"' in text
    assert "127.88.0." not in text
    assert '\nanchors = "one" ' in text


def test_a_setting_of_one_table_leaves_the_others_alone(tmp_path: Path) -> None:
    settings = {"partner.media_profile": '"srtp"', "carriers.payments": "false"}
    workspace = Workspace(tmp_path, Block("127.9.9"), settings)
    workspace.prepare()
    said = tomllib.loads(workspace.deployment.read_text())
    assert (said["partner"]["media_profile"], said["platform"]["media_profile"]) == ("srtp", "rtp")
    assert said["carriers"][0]["media_profile"] == "rtp"
    assert (said["carriers"][0]["payments"], said["numbers"][0]["payments"]) == (False, True)


def test_secrets_are_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, Block("127.9.9"))
    workspace.prepare()
    first = workspace.secret("edge-secret")
    workspace.prepare()
    assert workspace.secret("edge-secret") == first
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (tmp_path / "secrets").iterdir())
    assert len({path.read_text() for path in (tmp_path / "secrets").iterdir()}) == 8


def test_an_unknown_setting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no line for 'ancors'"):
        Workspace(tmp_path, Block("127.9.9"), {"ancors": '"one"'}).prepare()
