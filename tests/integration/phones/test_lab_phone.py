"""The lab's two phones on a block of their own."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from callseal.lab.block import Block
from callseal.lab.phone import (
    PhoneSettings,
    agent_phone,
    customer_phone,
    phone_command,
    write_settings,
)
from callseal.lab.rootfs import Rootfs
from callseal.lab.workspace import Workspace
from callseal.phones.driver import COMMAND

pytestmark = pytest.mark.integration


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path, Block("127.86.0"))
    workspace.directory("logs")
    return workspace


def test_customer_calls_agent(workspace: Workspace) -> None:
    # Without a router in between, the customer's proxy is the agent itself.
    straight = f"{workspace.block.agent}:5060"
    with agent_phone(workspace) as agent, customer_phone(workspace, outbound_proxy=straight) as customer:
        customer.call("sip:+442071234567@edge.example")
        incoming = agent.wait("incoming")
        assert incoming["remote"] == f"<sip:+447700900123@{workspace.block.customer}>"
        assert customer.wait("ringing")["code"] == 180
        customer.wait("answered")
        customer.press("12")
        agent.wait("dtmf", count=2)
    assert (customer.stop(), agent.stop()) == (0, 0)
    assert (workspace.logs / "phone-customer.log").read_text() == "ready\n"


def test_settings_for_the_keypad_page(workspace: Workspace) -> None:
    files = write_settings(workspace, codecs=["PCMA"])
    agent, customer = (PhoneSettings.read(files[name]) for name in ("agent", "customer"))
    assert (agent.address, agent.auto_answer, agent.codecs) == ("127.86.0.40", True, ("PCMA",))
    assert (customer.address, customer.outbound_proxy) == ("127.86.0.10", "127.86.0.20:5060")
    assert agent.audio_feed != customer.audio_feed


def test_phone_runs_here_when_pjsip_does(tmp_path: Path) -> None:
    has_pjsip = importlib.util.find_spec("pjsua2") is not None
    assert (phone_command(tmp_path) == list(COMMAND)) is has_pjsip


def test_phone_runs_in_a_root_filesystem_when_this_python_has_no_pjsip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setattr(Rootfs, "build", lambda suite: Rootfs(suite, tmp_path))
    command = phone_command(tmp_path)
    assert command[0] == "unshare"
    assert command[-2:] == ["-m", "callseal.services.phone"]
    assert str(tmp_path) in command
    assert ("/etc/resolv.conf" in " ".join(command)) is Path("/etc/resolv.conf").exists()


def test_phone_process_needs_the_standard_library_and_pjsip_only(tmp_path: Path) -> None:
    """A Python without any site-packages but PJSIP's own folder runs a phone to its end."""
    config = tmp_path / "bare.toml"
    config.write_text(PhoneSettings(name="bare", address="127.86.0.13").to_toml())
    done = subprocess.run(
        [*_bare_python(tmp_path), "--config", config],
        input=b'{"do": "quit"}\n',
        capture_output=True,
        check=False,
        timeout=10,
    )
    assert (done.returncode, done.stderr) == (0, b"ready\n")
    assert b'"event": "ready"' in done.stdout


def _bare_python(folder: Path) -> list[str | Path]:
    """Where this Python has no PJSIP, the phones' own Python is bare already."""
    found = importlib.util.find_spec("pjsua2")
    if found is None or found.origin is None:
        return [*phone_command(folder)]
    if not _same_version():
        pytest.skip("the host's Python is not the one PJSIP was installed for")
    site = folder / "site"
    site.mkdir()
    packages = Path(found.origin).parents[1]
    for name in ("pjsua2", "pjsua2_python.libs"):
        (site / name).symlink_to(packages / name)
    sources = Path(__file__).parents[3] / "src"
    program = "import sys; sys.path[:0] = sys.argv[1:3]; from callseal.services import phone; sys.exit(phone.main(sys.argv[3:]))"
    return ["/usr/bin/python3", "-I", "-S", "-c", program, sources, site]


def _same_version() -> bool:
    said = subprocess.run(["/usr/bin/python3", "-V"], capture_output=True, text=True, check=False).stdout
    return said.startswith(f"Python {sys.version_info.major}.{sys.version_info.minor}.")
