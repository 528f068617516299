"""`make screenshots` does not write pictures that differ from the committed ones without a word."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support import card_screenshots

pytestmark = pytest.mark.unit


def test_without_the_font_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr(card_screenshots, "OUT", tmp_path / "out")
    monkeypatch.setattr(sys, "argv", ["card_screenshots"])
    with pytest.raises(SystemExit) as ended:
        card_screenshots.main()
    assert ended.value.code == 1
    assert "apt install fonts-inter pngquant" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
