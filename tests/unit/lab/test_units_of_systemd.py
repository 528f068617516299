"""The units in infra/systemd: what each must say for the edge to be safe, and that all of them and the handbook say the same.

That they run so is tried under a real systemd: tests/e2e/units.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

from callseal.deployment import read
from callseal.lab.rootfs import project_root
from callseal.render import SEEN_AT
from callseal.render.environment import ENVIRONMENT

pytestmark = pytest.mark.unit

UNITS = project_root() / "infra/systemd"
HANDBOOK = (project_root() / "docs/how-to/deploy.md").read_text(encoding="utf-8")
USERS = {
    "kamailio": "callseal-router",
    "rtpengine": "callseal-media",
    "edge": "callseal-agent",
    "desk": "callseal-desk",
}
SERVICES = (*USERS, "render@")
SANDBOX = "# What it may do, and no more"


def text(name: str) -> str:
    return (UNITS / f"callseal-{name}.service").read_text(encoding="utf-8")


def said(name: str) -> dict[str, list[str]]:
    """Every setting with its values, in order."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for key, value in re.findall(r"(?m)^(\w+)=(.*)$", text(name)):
        found[key].append(value)
    return found


def test_these_are_all_of_them() -> None:
    assert {path.name for path in UNITS.glob("*.service")} == {
        f"callseal-{name}.service" for name in SERVICES
    }


@pytest.mark.parametrize("name", SERVICES)
def test_each_has_the_whole_sandbox(name: str) -> None:
    """The same lines in all: what one must have otherwise stands behind them, with its reason."""
    sandbox = text(name).partition(SANDBOX)[2].splitlines()
    common = text("desk").partition(SANDBOX)[2].splitlines()
    common = common[: common.index("SystemCallErrorNumber=EPERM") + 1]
    assert len(common) > 20
    assert sandbox[: len(common)] == common
    assert said(name)["CapabilityBoundingSet"] == [""]
    assert "AmbientCapabilities" not in said(name)
    assert said(name)["SystemCallFilter"][:2] == ["@system-service", "~@privileged"]
    assert said(name)["RestrictAddressFamilies"]


@pytest.mark.parametrize(("name", "user"), USERS.items())
def test_each_has_a_user_of_its_own_that_the_handbook_makes(name: str, user: str) -> None:
    assert said(name)["User"] == [user]
    users = (UNITS / "callseal.sysusers").read_text(encoding="utf-8")
    assert re.search(rf"(?m)^u {user} ", users)
    groups = {*said(name)["Group"], *said(name)["SupplementaryGroups"]}
    assert all(re.search(rf"(?m)^[ug] {group} ", users) for group in groups)
    assert f"| `callseal-{name}` | `{user}` |" in HANDBOOK
    assert f"callseal-{name}.service" in HANDBOOK or f"{name}" in re.findall(
        r"callseal-\{(.*?)\}\.service", HANDBOOK
    )[0].split(",")


@pytest.mark.parametrize("name", USERS)
def test_each_comes_back_for_ever_and_at_once(name: str) -> None:
    unit = said(name)
    assert (unit["Restart"], unit["RestartSec"], unit["StartLimitIntervalSec"]) == (["always"], ["1"], ["0"])
    assert int(unit["TimeoutStopSec"][0]) <= 10
    assert "Requires" not in unit, "what it needs may fail without keeping it down"


def test_only_kamailio_tells_its_own_processes_to_end() -> None:
    """All told at once, and its main process may hang on its way out (callseal.operate.reload)."""
    assert said("kamailio")["KillMode"] == ["mixed"]


def test_media_comes_first_and_nothing_is_real_time() -> None:
    for name in USERS:
        unit = said(name)
        assert -10 <= int(unit["Nice"][0]) < 0
        assert 100 < int(unit["CPUWeight"][0]) <= 1000
        assert not [key for key in unit if key.startswith("CPUScheduling")]
    assert max(USERS, key=lambda name: int(said(name)["CPUWeight"][0])) == "rtpengine"
    assert min(USERS, key=lambda name: int(said(name)["Nice"][0])) == "rtpengine"


def test_each_is_handed_the_secrets_that_the_deployment_says_it_needs(tmp_path: Path) -> None:
    file = tmp_path / "callseal.toml"
    example = project_root() / "examples/two-regions.toml"
    file.write_text(example.read_text(encoding="utf-8"), encoding="utf-8")
    desk = read(file).desk
    assert desk.edge_secret.path == tmp_path / "secrets/edge-secret"
    assert said("edge")["LoadCredential"] == ["secrets_edge-secret:/etc/callseal/secrets/edge-secret"]
    assert said("desk")["LoadCredential"] == ["secrets:/etc/callseal/secrets"]
    assert not said("kamailio")["LoadCredential"]
    assert not said("rtpengine")["LoadCredential"]
    assert f"/var/lib/{said('desk')['StateDirectory'][0]}/desk.sqlite3" == str(desk.store)
    assert (
        f"--state /var/lib/{said('edge')['StateDirectory'][0]}/${{EDGE}}.sqlite3"
        in said("edge")["ExecStart"][0]
    )


def test_rtpengine_and_kamailio_see_no_deployment_and_no_secret() -> None:
    assert "-/etc/callseal" in said("kamailio")["InaccessiblePaths"][0].split()
    assert {"-/etc/callseal", f"-{SEEN_AT}"} <= set(said("rtpengine")["InaccessiblePaths"][0].split())
    for name in ("edge", "desk"):
        assert said(name)["InaccessiblePaths"] == ["-/etc/callseal/secrets"]


def test_what_is_rendered_is_where_each_reads_it() -> None:
    render, folder = said("render@"), SEEN_AT.removeprefix("/run/")
    assert render["ExecStart"][0].endswith(f"--part %i --out {SEEN_AT}")
    assert (render["RuntimeDirectory"], render["RuntimeDirectoryMode"]) == ([folder], ["1771"])
    assert render["Group"] == said("kamailio")["SupplementaryGroups"]
    assert "User" not in render
    assert said("rtpengine")["EnvironmentFile"] == [f"{SEEN_AT}/{ENVIRONMENT}"]
    for name, part in (("kamailio", "router"), ("rtpengine", "media")):
        for key in ("Wants", "After"):
            assert f"callseal-render@{part}.service" in said(name)[key][0].split()


def test_nobody_but_the_log_door_says_that_it_is_there() -> None:
    """Inherited without the library, Kamailio would load nothing that keeps messages out of its log."""
    assert said("kamailio")["UnsetEnvironment"] == ["WITH_LOG_DOOR"]


def test_the_libraries_of_kamailio_go_into_kamailio_alone() -> None:
    """What is run before it, and the other daemons, know nothing of them."""
    for name in SERVICES:
        lines = [line for line in text(name).splitlines() if not line.startswith("UnsetEnvironment=")]
        assert "WITH_LOG_DOOR" not in "\n".join(lines), name
        assert not said(name)["ExecStartPre"], name
        if name != "kamailio":
            assert "log-door" not in text(name), name
            assert "peer-check" not in text(name), name
