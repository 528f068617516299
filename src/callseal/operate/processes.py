"""Which process has a socket, and how it was started: from /proc, because a daemon in a chroot or container tells only there."""

from __future__ import annotations

import configparser
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

_LISTENING = "0A"
_SHORT = {"-L": "log-level", "-r": "redis", "-w": "redis-write"}


@dataclass(frozen=True, slots=True)
class Listener:
    """A bound UDP or listening TCP socket. `host` as the kernel has it; `0.0.0.0` and `::` are every address."""

    protocol: str
    host: str
    port: int
    inode: str

    @property
    def everywhere(self) -> bool:
        return ip_address(self.host).is_unspecified


def listeners(proc: Path) -> list[Listener]:
    """Every listener of this network namespace."""
    found: list[Listener] = []
    for protocol in ("udp", "tcp"):
        for table in (protocol, f"{protocol}6"):
            with suppress(OSError):
                lines = (proc / "net" / table).read_text(encoding="ascii").splitlines()[1:]
                found += [
                    Listener(protocol, *_endpoint(fields[1]), fields[9])
                    for fields in map(str.split, lines)
                    if protocol == "udp" or fields[3] == _LISTENING
                ]
    return found


def _endpoint(text: str) -> tuple[str, int]:
    """`0100007F:1388`: address as words of the machine's byte order (little endian on what we run on), port as it reads."""
    words, _, port = text.partition(":")
    raw = b"".join(bytes.fromhex(words[at : at + 8])[::-1] for at in range(0, len(words), 8))
    return str(ip_address(raw)), int(port, 16)


def listening(found: list[Listener], protocol: str, address: tuple[str, int]) -> Listener | None:
    """The listener that serves `address`: on it, or on every address."""
    wanted = ip_address(address[0])
    fitting = (one for one in found if one.protocol == protocol and one.port == address[1])
    return next((one for one in fitting if one.everywhere or ip_address(one.host) == wanted), None)


def owner(proc: Path, inode: str) -> int | None:
    """The process that holds a socket, None when it cannot be seen (other user, other pid namespace)."""
    wanted = f"socket:[{inode}]"
    for directory in _pids(proc):
        with suppress(OSError):
            for descriptor in (directory / "fd").iterdir():
                with suppress(OSError):
                    if str(descriptor.readlink()) == wanted:
                        return int(directory.name)
    return None


def _pids(proc: Path) -> Iterator[Path]:
    return (entry for entry in proc.iterdir() if entry.name.isdigit())


def main_process(proc: Path, pid: int) -> int:
    """The process from which `pid` and its like (same program) were forked."""
    program = (proc / str(pid) / "cmdline").read_bytes()
    while True:
        parent = _parent(proc, pid)
        try:
            same = parent > 1 and (proc / str(parent) / "cmdline").read_bytes() == program
        except OSError:
            same = False
        if not same:
            return pid
        pid = parent


def _parent(proc: Path, pid: int) -> int:
    lines = (proc / str(pid) / "status").read_text(encoding="utf-8", errors="replace").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("PPid:")), 0)


def rtpengine_options(proc: Path, pid: int) -> Mapping[str, str]:
    """The options rtpengine runs with: its command line over its configuration file. Long names; a switch has "". Raises `OSError`."""
    arguments = (proc / str(pid) / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")[1:]
    given = _arguments(arguments)
    file = given.get("config-file", "/etc/rtpengine/rtpengine.conf")
    options: dict[str, str] = {}
    if file != "none":
        options |= _section(
            proc / str(pid) / "root" / file.lstrip("/"), given.get("config-section", "rtpengine")
        )
    return options | given


def rtpengine_interfaces(proc: Path, pid: int) -> tuple[str, ...]:
    """Its interfaces in their order, as given: options, which may be many, over the one line of its configuration file. Raises `OSError`."""
    arguments = (proc / str(pid) / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")[1:]
    found: list[str] = []
    for place, argument in enumerate(arguments):
        if argument in ("--interface", "-i"):
            found += arguments[place + 1 : place + 2]
        elif argument.startswith(("--interface=", "-i")):
            found += [argument.removeprefix("--interface=").removeprefix("-i")]
    if found:
        return tuple(found)
    line = rtpengine_options(proc, pid).get("interface", "")
    return tuple(filter(None, (one.strip() for one in line.split(";"))))


def _arguments(arguments: list[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for place, argument in enumerate(arguments):
        following = arguments[place + 1] if place + 1 < len(arguments) else ""
        value = "" if following.startswith("-") else following
        if argument.startswith("--"):
            name, equals, given = argument[2:].partition("=")
            options[name] = given if equals else value
        elif argument[:2] in _SHORT:
            options[_SHORT[argument[:2]]] = argument[2:] or value
    return options


def _section(path: Path, section: str) -> dict[str, str]:
    parser = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
    with suppress(OSError, configparser.Error):
        parser.read_string(path.read_text(encoding="utf-8"))
    return {name: value or "" for name, value in parser.items(section)} if parser.has_section(section) else {}
