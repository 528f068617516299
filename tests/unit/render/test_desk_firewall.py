"""The rendered firewall of the desk: whom it names, and what it says when it cannot. Whether it works: integration/firewall."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from callseal.cli.main import app
from callseal.render.desk_firewall import desk_firewall
from tests.unit.render.test_firewall import SECOND_EDGE, lines
from tests.unit.render.test_plan import deployment

pytestmark = pytest.mark.unit

KNOWN = """[firewall]
browsers = ["198.51.100.0/26"]
webhooks = ["192.0.2.136/29"]
apis = ["192.0.2.144/29"]
admin = ["192.0.2.192/26"]
monitoring = ["192.0.2.90"]
"""


def rules(root: Path, *changes: tuple[str, str], more: str = "") -> str:
    return desk_firewall(deployment(root, *changes, ("# [firewall] ", f"{more}\n# ")))


def test_everything_is_dropped_in_the_end(tmp_path: Path) -> None:
    text = rules(tmp_path)
    for chain, hook, last in (("arriving", "input", "refused_in"), ("leaving", "output", "refused_out")):
        assert lines(text, chain)[0] == f"type filter hook {hook} priority filter; policy drop;"
        assert lines(text, chain)[-1] == f'counter name "{last}"'
    assert "untracked" not in text
    assert "\ntable inet callseal_desk\ndelete table inet callseal_desk\n" in text


def test_every_edge_may_report_and_its_agent_is_reached(tmp_path: Path) -> None:
    text = rules(tmp_path, more=SECOND_EDGE)
    assert (
        'ip saddr { 203.0.113.20, 203.0.113.22 } tcp dport 8050 ct state new counter name "edge_in.edge-2" accept'
        in lines(text, "arriving")
    )
    assert 'ip daddr 203.0.113.22 tcp dport 8022 ct state new counter name "edge_out.edge-2" accept' in lines(
        text, "leaving"
    )


def test_no_media_and_no_signalling_comes_near_it(tmp_path: Path) -> None:
    text = rules(tmp_path, more=KNOWN)
    assert "udp" not in "\n".join(line for line in lines(text, "arriving"))
    assert "127.88.0.10" not in text, "the carrier"
    assert "127.88.0.40" not in text, "the agent's phone"


def test_browsers_administrators_and_monitoring_are_listed(tmp_path: Path) -> None:
    arriving = lines(rules(tmp_path, more=KNOWN), "arriving")
    for line in (
        'ip saddr 198.51.100.0/26 tcp dport 8050 ct state new counter name "browsers_in" accept',
        'ip saddr 192.0.2.192/26 ip daddr 127.88.0.50 tcp dport 22 ct state new counter name "admin" accept',
        'ip saddr 192.0.2.90 tcp dport 8050 ct state new counter name "monitoring" accept',
    ):
        assert line in arriving
    assert "# No rule: [firewall] does not say where they are (key browsers)." in rules(tmp_path)


NAMED = (
    ("http://127.88.0.30:8030", "https://api.partner.example"),
    ("http://127.88.0.41:8041", "https://api.platform.example"),
    ("http://127.88.0.50:8050", "https://desk.example.net"),
)


def test_names_are_not_looked_up_but_asked_for(tmp_path: Path) -> None:
    text = rules(tmp_path, *NAMED)
    assert (
        "# No rule: https://api.partner.example has a name, and [firewall] does not say its addresses (key apis)."
        in lines(text, "leaving")
    )
    assert (
        "# No rule: its api has a name, and [firewall] does not say where webhooks come from (key webhooks)."
        in lines(text, "arriving")
    )
    known = rules(tmp_path, *NAMED, more=KNOWN)
    assert "# No rule" not in known
    assert (
        'ip daddr 192.0.2.144/29 tcp dport 443 ct state new counter name "partner_out.sandbox" accept'
        in lines(known, "leaving")
    )
    assert (
        'ip saddr 192.0.2.136/29 tcp dport 443 ct state new counter name "webhooks_in.sandbox" accept'
        in lines(known, "arriving")
    )
    assert 'ip saddr 192.0.2.192/26 tcp dport 22 ct state new counter name "admin" accept' in lines(
        known, "arriving"
    )


def test_the_command_writes_it_and_wants_one_of_edge_and_desk(tmp_path: Path) -> None:
    deployment(tmp_path)
    file, out = str(tmp_path / "callseal.toml"), tmp_path / "desk"
    done = CliRunner().invoke(app, ["render", file, "--desk", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert [path.name for path in out.iterdir()] == ["firewall.nft"]
    assert (out / "firewall.nft").read_text().startswith("# Firewall of the desk. Rendered from")
    for wrong in ([], ["--desk", "--edge", "edge-1"]):
        assert CliRunner().invoke(app, ["render", file, *wrong, "--out", str(out)]).exit_code == 2
