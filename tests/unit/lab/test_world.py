"""What a world cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from callseal.lab.block import Block
from callseal.lab.choices import Choices
from callseal.lab.workspace import Workspace
from callseal.lab.world import World

pytestmark = pytest.mark.unit


def test_a_block_has_no_tls_for_a_second_edge(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, Block("127.9.9"), tls=frozenset({"carrier"}))
    with pytest.raises(ValueError, match="UDP only"), World(workspace, Choices(edges=2)):
        pass
    assert not list(tmp_path.iterdir()), "it is refused before anything is written"
