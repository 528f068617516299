"""What rtpengine's unit reads."""

from __future__ import annotations

import dataclasses
from ipaddress import ip_address
from pathlib import Path

import pytest

from callseal.render.bound import interfaces
from callseal.render.environment import ENVIRONMENT, environment
from callseal.render.plan import plan
from tests.unit.render.test_plan import deployment

pytestmark = pytest.mark.unit


def test_it_says_what_the_edge_says(tmp_path: Path) -> None:
    given = deployment(tmp_path)
    assert environment(given, given.edge("edge-1")).splitlines()[1:] == [
        'MEDIA="--interface=127.88.0.21"',
        'NG="127.88.0.21:2223"',
        'NG_HTTP="127.88.0.21:2224"',
        'PORT_MIN="30000"',
        'PORT_MAX="39999"',
    ]


def test_both_families_have_an_option_each(tmp_path: Path) -> None:
    given = deployment(tmp_path)
    edge = given.edge("edge-1").model_copy(update={"media6": ip_address("2001:db8::21")})
    assert interfaces(edge) == ("127.88.0.21", "2001:db8::21")
    assert '\nMEDIA="--interface=127.88.0.21 --interface=2001:db8::21"\n' in environment(given, edge)


def test_it_is_one_of_the_rendered_files_and_no_secret(tmp_path: Path) -> None:
    (file,) = [one for one in plan(deployment(tmp_path), "edge-1") if one.path == ENVIRONMENT]
    assert file.mode == 0o644
    assert dataclasses.asdict(file)["text"].startswith("# ")
