"""The doctor on a healthy edge, and on one that is broken in each way that a running edge can be."""

from __future__ import annotations

import os
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from callseal.deployment import HostPort, PortRange
from callseal.edge.router_state import MEMORY_PERCENT
from callseal.lab.daemon import Daemon
from callseal.operate import checks_files, checks_media, checks_neighbours, checks_router, checks_traces
from callseal.operate.doctor import deployment_findings
from callseal.operate.drain import switch
from callseal.operate.finding import Finding
from tests.e2e.operate.operator import doctor, healthy, levels, only, patient, probed, run
from tests.support.stage import Stage

pytestmark = pytest.mark.e2e


def test_a_healthy_edge_has_nothing_to_say_but_ok(stage: Stage) -> None:
    healthy(stage)  # its destinations are probed 10 s after Kamailio's start
    code, found = doctor(stage)
    assert [one for one in found if one["level"] != "ok"] == []
    assert code == 0
    assert {one["check"] for one in found} >= {
        "deployment", "secrets", "rendered", "kamailio", "modules", "restart", "destinations", "alarms",
        "rtpengine", "rtpengine-version", "rtpengine-options", "rtpengine-level", "rtpengine-free", "kamailio-level", "core-files", "agent", "spool", "desk", "clock",
        "ports", "certificates", "room",
    }  # fmt: skip


def test_for_people_it_is_one_line_a_check(stage: Stage) -> None:
    done = run(stage, "doctor")
    assert done.returncode == 0
    assert all(line.startswith("ok  ") for line in done.stdout.splitlines())


def test_a_bad_deployment_is_told_with_its_line(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "callseal.toml"
    text = stage.world.workspace.deployment.read_text(encoding="utf-8")
    file.write_text(text.replace('region = "local"', 'region = "a place"'), encoding="utf-8")
    (finding,) = deployment_findings(file)
    assert finding.level == "fail"
    assert "region" in finding.text
    assert finding.advice


def test_dead_parts_are_told_and_do_not_hide_each_other(stage: Stage) -> None:
    daemons = stage.world.daemons
    dead = ("kamailio", "rtpengine-edge", "edge-agent", "desk")
    for name in dead:
        daemons[name].kill()
    try:
        code, found = doctor(stage)
    finally:
        for name in ("rtpengine-edge", "kamailio", "edge-agent", "desk"):
            daemons[name].restart()
    failed = {one["check"] for one in found if one["level"] == "fail"}
    assert failed >= {"kamailio", "router", "rtpengine", "agent", "desk", "ports"}
    assert code == 2
    assert all(one["advice"] for one in found if one["level"] != "ok")


def test_secrets_others_may_read_and_secrets_that_are_gone(stage: Stage) -> None:
    secret = stage.world.workspace.root / "secrets" / "edge-secret"
    secret.chmod(0o644)
    try:
        assert "0644" in only(checks_files.secrets, patient(stage)).text
    finally:
        secret.chmod(0o600)
    away = secret.with_name("away")
    secret.rename(away)
    try:
        assert "cannot be read" in only(checks_files.secrets, patient(stage)).text
    finally:
        away.rename(secret)
    assert levels(checks_files.secrets, patient(stage)) == {"secrets": {"ok"}}


@contextmanager
def _other_router(stage: Stage, tmp_path: Path, change: Callable[[Path], object]) -> Iterator[Path]:
    """A copy of the rendered directory, its socket linked, with something changed."""
    copy = tmp_path / "router"
    original = stage.world.workspace.router
    shutil.copytree(original, copy, ignore=shutil.ignore_patterns("control.sock"))
    (copy / "control.sock").symlink_to(original / "control.sock")
    change(copy)
    yield copy


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda router: (router / "data/numbers").write_text("", encoding="utf-8"), "numbers is changed"),
        (lambda router: (router / "media.cfg").unlink(), "media.cfg is missing"),
        (lambda router: (router / "data/keys.cfg").chmod(0o640), "keys.cfg is readable by others"),
        (lambda router: (router / "old.cfg").touch(), "old.cfg is left over"),
    ],
    ids=["changed", "missing", "mode", "left over"],
)
def test_drift(stage: Stage, tmp_path: Path, change: Callable[[Path], object], why: str) -> None:
    with _other_router(stage, tmp_path, change) as router:
        assert why in only(checks_files.rendered, patient(stage, router=router)).text


def test_a_module_that_nobody_wrote_down(stage: Stage, tmp_path: Path) -> None:
    def forget(router: Path) -> None:
        text = (router / "modules.cfg").read_text(encoding="utf-8")
        (router / "modules.cfg").write_text(text.replace('loadmodule "counters.so"\n', ""), encoding="utf-8")
        os.utime(router / "modules.cfg", (1, 1))

    with _other_router(stage, tmp_path, forget) as router:
        assert "counters" in only(checks_router.kamailio, patient(stage, router=router)).text


def test_written_after_the_start(stage: Stage, tmp_path: Path) -> None:
    later = patient(stage).now_ms() / 1000 + 60
    with _other_router(
        stage, tmp_path, lambda router: os.utime(router / "data/keys.cfg", (later, later))
    ) as router:
        assert "keys.cfg" in only(checks_router.kamailio, patient(stage, router=router)).text


def test_draining_is_told(stage: Stage) -> None:
    switch(patient(stage), draining=True)
    try:
        assert only(checks_router.router_state, patient(stage), probed).check == "drain"
    finally:
        switch(patient(stage), draining=False)


def test_short_of_memory_is_told(stage: Stage) -> None:
    """Kamailio is told a larger figure of what was free at its start, and comes to find too little of it left."""
    control = patient(stage).control
    was = int(control.call("pv.shvGet", MEMORY_PERCENT)["value"])
    control.call("pv.shvSet", MEMORY_PERCENT, "int", was * 5)
    try:
        found = _once(lambda: only(checks_router.router_state, patient(stage), probed))
        assert (found.check, found.level) == ("memory", "fail")
        assert "new calls are turned away" in found.text
        page = f"{patient(stage).edge.agent}/metrics"
        with urllib.request.urlopen(page, timeout=3) as answer:
            assert b"callseal_edge_router_short_of_memory 1.0" in answer.read()
    finally:
        control.call("pv.shvSet", MEMORY_PERCENT, "int", was)


def _once(look: Callable[[], Finding], timeout_s: float = 2.0) -> Finding:
    """What is found as soon as something is."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return look()
        except (AssertionError, ValueError):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_level_that_was_raised_while_it_ran(stage: Stage) -> None:
    def level(number: int) -> None:
        host = stage.world.block.edge_media
        with urllib.request.urlopen(f"http://{host}:2224/cli/set%20loglevel%20{number}", timeout=3):
            pass

    level(7)
    try:
        assert only(checks_media.rtpengine, patient(stage)).check == "rtpengine-level"
    finally:
        level(5)


def test_forbidden_options_of_the_process_that_runs(stage: Stage) -> None:
    engine = stage.world.daemons["rtpengine-edge"]
    argv = list(engine.argv)
    engine.stop()
    engine.argv += ["--dtmf-log-dest=127.0.0.1:9", "--homer=127.0.0.1:9", "--recording-dir=/tmp"]
    try:
        engine.restart()
        found = [finding for finding in checks_media.rtpengine(patient(stage)) if finding.level == "fail"]
    finally:
        engine.stop()
        engine.argv[:] = argv
        engine.restart()
    assert sorted(finding.text.split("--")[1].split(",")[0] for finding in found) == [
        "dtmf-log-dest", "homer", "recording-dir",
    ]  # fmt: skip


def _edge(stage: Stage, **changes: Any) -> Any:
    who = patient(stage)
    return patient(stage, edge=who.edge.model_copy(update=changes))


def test_ports(stage: Stage) -> None:
    other = _edge(stage, media_ports=PortRange(30000, 30999))
    assert only(checks_media.rtpengine, other).check == "rtpengine-ports"
    sip = _edge(stage, sip=HostPort(patient(stage).edge.sip.address, 5070))
    assert "5070/udp" in only(checks_neighbours.ports, sip).text


def test_clock(stage: Stage) -> None:
    who = patient(stage)
    assert levels(checks_neighbours.desk, who)["clock"] == {"ok"}
    ahead = patient(stage, now_ms=lambda: who.now_ms() + 5_000)
    assert levels(checks_neighbours.desk, ahead)["clock"] == {"warn"}
    far = patient(stage, now_ms=lambda: who.now_ms() - 60_000)
    assert "behind" in only(checks_neighbours.desk, far).text


def test_log_levels(stage: Stage) -> None:
    """With the log door they are what it says; without, `debugger` has them, and they can be raised while it runs."""
    kamailio = stage.world.daemons["kamailio"]
    assert ["log door" in finding.text for finding in checks_traces.log_levels(patient(stage))] == [True]
    argv = list(kamailio.argv)
    try:
        _restart_with(kamailio, [word for word in argv if not word.startswith("LD_PRELOAD=")])
        control = patient(stage).control
        assert levels(checks_traces.log_levels, patient(stage)) == {"kamailio-level": {"ok"}}
        control.call("dbg.set_mod_level", "regex", 3)
        assert "regex" in only(checks_traces.log_levels, patient(stage)).text
        _restart_with(
            kamailio, ["WITH_LOG_DOOR=1" if word.startswith("LD_PRELOAD=") else word for word in argv]
        )
        assert levels(checks_traces.log_levels, patient(stage)) == {"kamailio-level": {"fail"}}
    finally:
        _restart_with(kamailio, argv)
    assert levels(checks_traces.log_levels, patient(stage)) == {"kamailio-level": {"ok"}}


def _restart_with(daemon: Daemon, argv: list[str]) -> None:
    daemon.stop()
    daemon.argv[:] = argv
    daemon.restart()


def test_processes_that_may_leave_a_core(stage: Stage) -> None:
    """Each with what forbids it taken away."""
    kamailio, rtpengine = (stage.world.daemons[name] for name in ("kamailio", "rtpengine-edge"))
    config, argv = stage.world.workspace.router / "kamailio.cfg", rtpengine.argv
    text = config.read_text(encoding="utf-8")
    try:
        config.write_text(text.replace("disable_core_dump=yes", "disable_core_dump=no"), encoding="utf-8")
        rtpengine.argv = [word.replace("--core=0:0", "--core=unlimited:unlimited") for word in argv]
        for daemon in (rtpengine, kamailio):
            daemon.stop()
            daemon.restart()
        found = [one for one in checks_traces.core_files(patient(stage)) if one.level == "fail"]
        assert [one.text.split()[0] for one in found] == ["kamailio", "rtpengine"]
    finally:
        config.write_text(text, encoding="utf-8")
        rtpengine.argv = argv
        for daemon in (rtpengine, kamailio):
            daemon.stop()
            daemon.restart()
    assert levels(checks_traces.core_files, patient(stage)) == {"core-files": {"ok"}}
