"""Namespaces without names: what is made inside stays there, what is outside stays out, and nothing is left."""

from __future__ import annotations

import errno
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from callseal.lab.hosts import Hosts
from callseal.lab.place import HERE, Namespace
from callseal.lab.preflight import HOST_TOOLS, faults

pytestmark = pytest.mark.integration


def own() -> int:
    return Path("/proc/thread-self/ns/net").stat().st_ino


def test_sockets_and_programs_belong_to_the_place_where_they_were_made() -> None:
    outside = own()
    namespace = Namespace()
    try:
        with namespace.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as lonely:
            assert own() != outside
            inside = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
        assert own() == outside
        assert inside.split()[:2] == ["lo", "DOWN"]
        with namespace.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as lonely:
            pass_out = lonely.dup()
        with pass_out, pytest.raises(OSError, match="unreachable") as refused:
            pass_out.sendto(b"x", ("127.0.0.1", 9))  # this network's loopback is up, that one's is not
        assert refused.value.errno == errno.ENETUNREACH
        listed = namespace.argv(["ip", "-br", "link"])
        assert subprocess.run(listed, capture_output=True, text=True, check=True).stdout == inside
    finally:
        namespace.close()


def test_only_the_calling_thread_steps_inside() -> None:
    seen: list[int] = []
    outside, namespace = own(), Namespace()
    watcher_may_look, looked = threading.Event(), threading.Event()

    def watch() -> None:
        watcher_may_look.wait(5)
        seen.append(own())
        looked.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with namespace.inside():
            watcher_may_look.set()
            looked.wait(5)
    finally:
        watcher.join()
        namespace.close()
    assert seen == [outside]


def test_an_error_inside_leads_out_again() -> None:
    outside, namespace = own(), Namespace()
    with pytest.raises(KeyError), namespace.inside():
        raise KeyError
    namespace.close()
    assert own() == outside


def test_here_is_where_we_are() -> None:
    with HERE.inside():
        assert HERE.argv(["true"]) == ["true"]


def test_a_resolver_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("nameserver 192.0.2.53\n")
    own = Path("/etc/resolv.conf").read_bytes()
    namespace = Namespace(file)
    try:
        shell = subprocess.Popen(
            namespace.argv(["cat", "/etc/resolv.conf"]), stdout=subprocess.PIPE, text=True
        )
        assert shell.communicate()[0] == "nameserver 192.0.2.53\n"
    finally:
        namespace.close()
    assert Path("/etc/resolv.conf").read_bytes() == own


def test_two_labs_with_the_same_addresses_run_side_by_side(tmp_path: Path) -> None:
    first, second = Hosts(), Hosts()
    try:
        first.open(tmp_path)
        second.open(tmp_path)
        sockets = []
        for hosts in (first, second):
            with hosts.inside(hosts.desk):
                sockets.append(socket.create_server((hosts.desk, 8050)))
        with second.inside(second.office):
            caller = socket.create_connection((second.desk, 8050), timeout=2)
        sockets[0].settimeout(0.1)
        with pytest.raises(TimeoutError):
            sockets[0].accept()
        sockets[1].settimeout(2)
        sockets[1].accept()[0].close()
        for one in (caller, *sockets):
            one.close()
    finally:
        first.close()
        second.close()


def test_the_door_for_a_browser_goes_with_the_lab(tmp_path: Path) -> None:
    hosts = Hosts()
    hosts.open(tmp_path)
    try:
        hosts.open_door()
        with hosts.inside(hosts.desk):
            server = socket.create_server((hosts.desk, 8050))
        with server, socket.create_connection((hosts.desk, 8050), timeout=2) as browser:
            assert browser.getsockname()[0] == hosts.door
    finally:
        hosts.close()
    links = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
    assert "callseal-door" not in links


def test_the_preflight_of_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults(Hosts()) == []
    monkeypatch.setattr("shutil.which", lambda tool: None if tool in HOST_TOOLS else f"/bin/{tool}")
    found = faults(Hosts())
    assert {fault.advice for fault in found} == {f"apt install {package}" for package in HOST_TOOLS.values()}
