"""The system's own tools that make the lab's network: `ip`, `nft`, and what /proc says."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

from callseal.observe.errors import Error


class HostsError(Error):
    """The network of the lab could not be made; the message carries what the tool said."""


def without_ipv6() -> None:
    """A device that comes up would announce itself over IPv6: noise for whoever counts refused packets."""
    for scope in ("all", "default"):
        with suppress(FileNotFoundError):  # a kernel without IPv6
            Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6").write_text("1", encoding="ascii")


def gives_up_soon() -> None:
    """As infra/sysctl says for edges: what was written to a host that is gone is forgotten with its connection, after 3 s."""
    Path("/proc/sys/net/ipv4/tcp_retries2").write_text("3", encoding="ascii")


def ip_batch(*lines: str) -> None:
    """Commands of `ip`, without its name, one a line. Raises `HostsError`."""
    run(["ip", "-batch", "-"], "".join(f"{line}\n" for line in lines))


def run(argv: list[str], text: str = "") -> str:
    """What the command printed; `text` is its input. Raises `HostsError` when it ends with anything but 0."""
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise HostsError(f"{' '.join(argv)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout
