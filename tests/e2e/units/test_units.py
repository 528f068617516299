"""The units of infra/systemd under a real systemd, installed by the commands of docs/how-to/deploy.md: each as its own user, in its sandbox,
and a card is paid through them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from callseal.audit.canary_scan import scan
from callseal.edge.router_control import RouterControl
from callseal.lab.authority import Authority
from callseal.lab.encryption import NAMES
from callseal.lab.rootfs import project_root
from tests.support.machine import CannotBootError, Machine
from tests.support.stage import Stage, Stages
from tests.support.tls_peer import certificate_shown
from tests.support.unit_world import STORE, UNITS, world_on

pytestmark = pytest.mark.e2e

FILE = "/etc/callseal/callseal.toml"
KEYS = "/run/callseal/data/keys.cfg"
SOCKET = "/run/callseal/control.sock"
SECRET = "/etc/callseal/secrets/edge-secret"
USERS = {"kamailio": "router", "rtpengine": "media", "edge": "agent", "desk": "desk"}
MOST_EXPOSED = 15
"""Of 100, by `systemd-analyze security`; a service without a sandbox has 96. Most of the 14 is that they speak with a network at all."""
ASK = f"import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.connect('{SOCKET}')"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    machine = Machine(tmp_path_factory.mktemp("machine"))
    try:
        machine.start().wait_ready()
    except CannotBootError as missing:
        machine.stop()
        pytest.skip(f"no systemd can be booted here: {missing}")
    try:
        yield machine
    finally:
        machine.stop()


@pytest.fixture(scope="module")
def stage(machine: Machine, stages: Stages) -> Iterator[Stage]:
    """TLS and SRTP towards partner and platform, and every library in its daemon: all that a sandbox could be in the way of."""
    settings = {"store": f'"{STORE}"', "router.fence": '"tones"'}
    settings |= {f"{face}.media_profile": '"srtp"' for face in ("partner", "platform")}
    with ExitStack() as stack:
        stack.enter_context(kernel_gives_up_soon())
        yield stages.open(
            stack, settings=settings, tls=frozenset({"partner", "platform"}), world=world_on(machine)
        )


@contextmanager
def kernel_gives_up_soon() -> Iterator[None]:
    """What infra/sysctl says: the machine has the network of this test, and may not set what the kernel does with it."""
    file = project_root() / "infra/sysctl/60-callseal-edge.conf"
    said = re.findall(r"(?m)^(net[\w.]+) = (\d+)$", file.read_text(encoding="utf-8"))
    before = {path: path.read_text() for name, _ in said for path in [Path("/proc/sys", *name.split("."))]}
    assert before
    try:
        for path, (_, value) in zip(before, said, strict=True):
            path.write_text(value)
        yield
    finally:
        for path, value in before.items():
            path.write_text(value)


def healthy(machine: Machine, patience_s: float = 15) -> None:
    """Until the doctor has nothing to say; fails with what he says."""
    deadline = time.monotonic() + patience_s
    while True:
        done = machine.run("callseal", "doctor", FILE, "--json", check=False)
        found: list[dict[str, Any]] = json.loads(done.stdout)
        if done.returncode == 0:
            return
        assert time.monotonic() < deadline, [one for one in found if one["level"] != "ok"]
        time.sleep(0.5)


def used_again(machine: Machine) -> None:
    """Kamailio looks once a second whether an rtpengine is back that was silent; until then it has none for a new call."""
    control, deadline = RouterControl(machine.root / SOCKET.lstrip("/")), time.monotonic() + 10
    while any(one["disabled"] for one in control.call("rtpengine.show", "all")):
        assert time.monotonic() < deadline, str(control.call("rtpengine.show", "all"))
        time.sleep(0.1)


def paid(stage: Stage, *, between: Any = lambda: None) -> str:
    """A paid call of which the agent hears no key; its reference. `between`: done while the call is up, before it is secured."""
    call = stage.call()
    call.dial()
    between()
    stage.ear.mark("press")
    assert call.pay()["result"]["outcome"] == "approved"
    stage.ear.mark("restored")
    heard = stage.ear.heard("press", "restored")
    assert heard.listened, heard
    assert heard.clean, heard
    call.hang_up()
    return call.reference


def test_a_card_is_paid_and_the_record_is_the_operators_to_read(stage: Stage, machine: Machine) -> None:
    reference = paid(stage)
    told = machine.say("callseal", "record", reference, FILE)
    assert "charge approved" in told
    found = scan(machine.root / "var/lib/callseal")
    assert not found.unread
    assert not found.findings
    # Root has looked into the desk's store: what that left behind is the desk's.
    assert machine.say("find", "/var/lib/callseal/desk", "/var/lib/callseal/agent", "-user", "root") == ""


def test_the_doctor_finds_nothing_wrong(stage: Stage, machine: Machine) -> None:
    healthy(machine)
    assert "the log door is there" in machine.run("callseal", "doctor", FILE).stdout
    assert (
        machine.say("systemctl", "is-active", *(f"callseal-{unit}" for unit in USERS)).split()
        == ["active"] * 4
    )


@pytest.mark.parametrize("unit", USERS)
def test_it_is_nobody_special(stage: Stage, machine: Machine, unit: str) -> None:
    status = machine.status(machine.main_pid(f"callseal-{unit}"))
    name = f"callseal-{USERS[unit]}"
    assert set(status["Uid"].split()) == {machine.say("id", "-u", name)}
    none = "0" * 16
    assert {status[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {none}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    allowed = {"kamailio": {"callseal-control", "callseal-router"}, "edge": {name, "callseal-control"}}
    groups = {machine.say("getent", "group", group).partition(":")[0] for group in status["Groups"].split()}
    assert groups <= allowed.get(unit, {name})


@pytest.mark.parametrize(
    ("unit", "command", "may"),
    [
        ("kamailio", f"cat {KEYS}", True),
        ("kamailio", f"echo >> {KEYS}", False),
        ("kamailio", "echo >> /run/callseal/kamailio.cfg", False),
        ("kamailio", "mv /run/callseal/kamailio.cfg /run/callseal/other.cfg", False),
        ("kamailio", "cat /etc/callseal/callseal.toml", False),
        ("kamailio", f"cat {SECRET}", False),
        ("kamailio", "cat /run/callseal/data/private_key.pem", True),
        ("edge", "cat /etc/callseal/tls/edge.pem", True),
        ("edge", "cat /etc/callseal/tls/edge.key", False),
        ("rtpengine", "cat /run/callseal/edge.env", False),
        ("rtpengine", f"cat {KEYS}", False),
        ("rtpengine", "cat /etc/callseal/callseal.toml", False),
        ("rtpengine", f"python3 -c \"{ASK}\"", False),
        ("edge", f"python3 -c \"{ASK}\"", True),
        ("edge", "cat /run/credentials/callseal-edge.service/secrets_edge-secret", True),
        ("edge", "ls /run/credentials/callseal-desk.service/", False),
        ("edge", f"cat {SECRET}", False),
        ("edge", f"cat {KEYS}", False),
        ("edge", "ls /var/lib/callseal/desk", False),
        ("desk", "cat /run/credentials/callseal-desk.service/secrets_partner-api-key", True),
        ("desk", f"cat {SECRET}", False),
        ("desk", f"cat {KEYS}", False),
        ("desk", f"python3 -c \"{ASK}\"", False),
        ("desk", "ls /var/lib/callseal/agent", False),
        *((unit, "touch /usr/there || touch /etc/there || touch /var/lib/there || touch /root/there", False) for unit in USERS),
    ],
)  # fmt: skip
def test_it_has_what_it_needs_and_no_more(
    stage: Stage, machine: Machine, unit: str, command: str, may: bool
) -> None:
    done = machine.within(f"callseal-{unit}", "sh", "-c", command)
    assert (done.returncode == 0) is may, done.stdout + done.stderr


@pytest.mark.parametrize("unit", [*USERS, "render@"])
def test_systemd_has_little_to_say_against_it(stage: Stage, machine: Machine, unit: str) -> None:
    path = f"/etc/systemd/system/callseal-{unit}.service"
    verified = machine.run("systemd-analyze", "verify", path, check=False)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    limit = f"--threshold={MOST_EXPOSED}"
    exposed = machine.run(
        "systemd-analyze", "security", "--no-pager", "--offline=true", limit, path, check=False
    )
    assert exposed.returncode == 0, exposed.stdout


def test_all_of_them_restart_quickly_and_a_call_that_is_up_is_paid(stage: Stage, machine: Machine) -> None:
    def restart(*units: str) -> None:
        for unit in units:
            begun = time.monotonic()
            machine.run("systemctl", "restart", f"callseal-{unit}")
            assert time.monotonic() - begun < 6, unit
        for name, unit in UNITS.items():
            if unit in units:
                stage.world.daemons[name].wait_ready()

    paid(stage, between=lambda: restart("edge", "desk"))
    restart("rtpengine", "kamailio")
    used_again(machine)
    healthy(machine)
    call = stage.call()
    call.dial()
    call.hang_up()


def test_all_of_them_come_up_with_the_machine(stage: Stage, machine: Machine) -> None:
    """As at a boot: one job for all that is enabled, and nothing of ours in /run."""
    machine.run("systemctl", "stop", *(f"callseal-{unit}" for unit in USERS))
    machine.shell("rm -rf /run/callseal")
    machine.run("systemctl", "start", "multi-user.target")
    for name in UNITS:
        stage.world.daemons[name].wait_ready()
    healthy(machine)
    assert (
        machine.say("systemctl", "show", "-P", "NRestarts", *(f"callseal-{unit}" for unit in USERS)).split()
        == ["0"] * 4
    )


def test_a_killed_router_comes_back_also_when_the_deployment_is_broken_on_the_disk(
    stage: Stage, machine: Machine
) -> None:
    text = (machine.root / FILE.lstrip("/")).read_text(encoding="utf-8")
    kamailio = stage.world.daemons["kamailio"]
    before = kamailio.pid
    try:
        machine.put(FILE, text.replace("[[edges]]", "[[edges"))
        kamailio.kill()
        kamailio.wait_ready(10)
        assert kamailio.pid != before
        assert (
            machine.run("systemctl", "is-failed", "callseal-render@router", check=False).stdout.strip()
            == "failed"
        )
    finally:
        machine.put(FILE, text)
    healthy(machine)


def test_a_renewed_certificate_is_taken_by_a_reload(stage: Stage, machine: Machine) -> None:
    """Its key is root's; Kamailio's workers read it again as their own user."""
    folder, now = stage.world.workspace.root / "tls", datetime.fromtimestamp(time.time(), UTC)
    before = certificate_shown(stage)
    authority = Authority.at(folder, "", now)
    authority.issue(NAMES["edge"], now=now, addresses=stage.world.block.kamailios).write(folder, "edge")
    for name, mode in (("edge.pem", 0o644), ("edge.key", 0o600)):
        machine.put(f"/etc/callseal/tls/{name}", (folder / name).read_text(encoding="ascii"), mode)
    assert "done: tls.reload" in machine.say("callseal", "reload", FILE)
    deadline = time.monotonic() + 5
    while certificate_shown(stage) == before:
        assert time.monotonic() < deadline, "the old certificate is still shown"
        time.sleep(0.05)


def test_the_operator_reloads_drains_and_restarts(stage: Stage, machine: Machine) -> None:
    text = (machine.root / FILE.lstrip("/")).read_text(encoding="utf-8")
    number = '[[numbers]]\nmatch = "+4420794699"\ntenant = "acme"\ncarrier = "carrier-a"\n\n[router]'
    machine.put(FILE, text.replace("[router]", number, 1))
    assert "done: mtree.reload numbers" in machine.say("callseal", "reload", FILE)
    assert machine.say("stat", "-c", "%U:%G %a", "/run/callseal/data/numbers") == "root:callseal-router 640"

    text = text.replace('media_ports = "30000-39999"', 'media_ports = "30000-38999"')
    machine.put(FILE, text)
    told = machine.run("callseal", "reload", FILE).stdout
    assert "edge.env: changed; rtpengine takes it at its next start" in told
    machine.run("systemctl", "restart", "callseal-rtpengine")
    machine.put(FILE, text.replace("hold_ttl_ms = 10000", 'topology = "shown"', 1))
    assert "done: restarted" in machine.say("callseal", "reload", "--restart", FILE)
    stage.world.daemons["rtpengine-edge"].wait_ready()
    healthy(machine)

    assert "drained" in machine.say("callseal", "drain", FILE, "--limit", "20")
    machine.run("callseal", "undrain", FILE)
    healthy(machine)
