"""Which anchors a deployment has that does not say: one only where nothing that it promises is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from callseal.deployment import Deployment, read
from callseal.deployment.anchoring import against_one, anchors

pytestmark = pytest.mark.unit

EXAMPLE = Path(__file__).parents[3] / "examples" / "sandbox.toml"
UNSAID = ('anchors = "two"', "")
SHOWN = ('fence = "events"', 'fence = "events"\ntopology = "shown"')
MEDIA = 'signalling = ["127.88.0.40"]\nmedia = ["127.88.0.40"]'


def deployment(folder: Path, *changes: tuple[str, str]) -> Deployment:
    text = EXAMPLE.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file = folder / "callseal.toml"
    file.write_text(text, encoding="utf-8")
    return read(file)


def media(*networks: str) -> tuple[str, str]:
    return MEDIA, f'signalling = ["127.88.0.40"]\nmedia = {list(networks)}'.replace("'", '"')


@pytest.mark.parametrize("said", ["one", "two"])
def test_what_is_said_counts(tmp_path: Path, said: str) -> None:
    assert anchors(deployment(tmp_path, ('anchors = "two"', f'anchors = "{said}"'))) == said


@pytest.mark.parametrize("changes", [(SHOWN,), (media("8.8.8.8", "8.8.4.4/32"),)])
def test_one_where_nothing_speaks_against_it(tmp_path: Path, changes: tuple[tuple[str, str], ...]) -> None:
    made = deployment(tmp_path, UNSAID, *changes)
    assert (anchors(made), against_one(made)) == ("one", "")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ((), "127.88.0.40, an inside address"),
        ((media("8.8.8.8", "127.88.0.41"),), "127.88.0.41, an inside address"),
        ((SHOWN, media("127.88.0.40/31")), "anywhere in 127.88.0.40/31"),
        ((SHOWN, media("127.88.0.40", "2606:4700::1")), "IPv4 and IPv6"),
        ((SHOWN, ('media_profile = "rtp"\nanchors', 'media_profile = "srtp"\nanchors')), "with SRTP"),
        ((SHOWN, ('media_profile = "rtp"\ntoken', 'media_profile = "srtp"\ntoken')), "with SRTP"),
    ],
)
def test_two_where_it_would_cost_something(
    tmp_path: Path, changes: tuple[tuple[str, str], ...], why: str
) -> None:
    made = deployment(tmp_path, *changes, UNSAID)
    assert anchors(made) == "two"
    assert why in against_one(made)
