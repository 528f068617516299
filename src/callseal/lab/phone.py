"""The lab's two phones: how a phone process is started on this machine, and what the lab tells each of them.

`Phone` is `callseal.phones.driver.Phone`: it starts the process by its command line and knows nothing of PJSIP
(docs/adr/0003-phone-driver.md).
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from callseal.lab.encryption import TLS_PORT
from callseal.lab.rootfs import Rootfs, project_root
from callseal.lab.workspace import Workspace
from callseal.phones.driver import COMMAND, Method, Phone, PhoneError, PhoneSettings

__all__ = [
    "Method",
    "Phone",
    "PhoneError",
    "PhoneSettings",
    "agent_phone",
    "customer_phone",
    "phone_command",
    "write_settings",
]

CUSTOMER_NUMBER = "+447700900123"  # Ofcom keeps this range for drama
CUSTOMER_FEED_PORT = 9001
AGENT_FEED_PORT = 9002
RING_MS = 300
_SOURCES = "/srv/callseal"
_SITE = "/srv/site"
_RESOLVER = Path("/etc/resolv.conf")


def phone_command(folder: Path) -> list[str]:
    """What starts a phone whose settings lie in `folder`; `--config FILE` is appended.

    PJSIP's wheel knows Python 3.11 and 3.12 only. On a newer Python the phone runs on the Python 3.11 of a Debian 12 root
    filesystem, with the wheel that `infra/host/setup` put into `build/phones-site`. Raises `RootfsError`.
    """
    if importlib.util.find_spec("pjsua2") is not None:
        return list(COMMAND)
    binds = {
        project_root() / "src": _SOURCES,
        project_root() / "build" / "phones-site": _SITE,
        folder.resolve(): str(folder.resolve()),
    }
    if _RESOLVER.exists():  # the phone asks whom its host asks: in a lab of hosts this file is the lab's
        binds[_RESOLVER] = str(_RESOLVER)
    python = [
        "/usr/bin/env",
        f"PYTHONPATH={_SOURCES}:{_SITE}",
        "PYTHONDONTWRITEBYTECODE=1",
        "/usr/bin/python3.11",
    ]
    return Rootfs.build("bookworm").argv([*python, *COMMAND[1:]], binds)


def customer_phone(workspace: Workspace, **changes: Any) -> Phone:
    """The customer on the carrier's side: dials through the edge, speaks, presses. `changes` are fields of `PhoneSettings`."""
    return _phone(workspace, _customer(workspace) | _tls(workspace, "carrier") | changes)


def agent_phone(workspace: Workspace, **changes: Any) -> Phone:
    """The agent on the platform's side: answers by itself after a short ring."""
    return _phone(workspace, _agent(workspace) | _tls(workspace, "platform") | changes)


def write_settings(workspace: Workspace, **changes: Any) -> dict[str, Path]:
    """Both phones' settings as files, `{"customer": PATH, "agent": PATH}`, for the keypad page, which starts them itself."""
    return {
        table["name"]: _write(workspace, table | _tls(workspace, face) | changes)
        for face, table in (("carrier", _customer(workspace)), ("platform", _agent(workspace)))
    }


def _customer(workspace: Workspace) -> dict[str, Any]:
    site = workspace.site
    return {
        "name": "customer",
        "address": site.customer,
        "user": CUSTOMER_NUMBER,
        "outbound_proxy": f"{site.kamailio}:5060",
        "say": "customer",
        "audio_feed": (f"{site.keypad}:{CUSTOMER_FEED_PORT}",),
    }


def _agent(workspace: Workspace) -> dict[str, Any]:
    site = workspace.site
    return {
        "name": "agent",
        "address": site.agent,
        "user": "agent",
        "outbound_proxy": f"{site.kamailio}:5060",
        "say": "agent",
        "auto_answer": True,
        "ring_ms": RING_MS,
        "audio_feed": (f"{site.keypad}:{AGENT_FEED_PORT}",),
    }


def _tls(workspace: Workspace, face: str) -> dict[str, Any]:
    """What changes when that face speaks TLS: the phone is its SIP side, with its certificate."""
    if face not in workspace.tls:
        return {}
    # Copies beside the settings: a phone may run in a root filesystem that sees its own folder only.
    folder = workspace.directory(f"phone-{'customer' if face == 'carrier' else 'agent'}")
    files = {"tls_certificate": f"{face}.pem", "tls_key": f"{face}.key", "tls_ca": "ca.pem"}
    for name in files.values():
        copy = folder / name
        copy.touch(mode=0o600)
        copy.write_bytes((workspace.root / "tls" / name).read_bytes())
    return {
        "transport": "tls",
        "sip_port": TLS_PORT,
        "outbound_proxy": f"{workspace.block.kamailio}:{TLS_PORT}",
        **{setting: str(folder / name) for setting, name in files.items()},
    }


def _phone(workspace: Workspace, table: dict[str, Any]) -> Phone:
    config = _write(workspace, table)
    return Phone(
        config,
        log=workspace.logs / f"phone-{table['name']}.log",
        command=workspace.site.argv(table["address"], phone_command(config.parent)),
    )


def _write(workspace: Workspace, table: dict[str, Any]) -> Path:
    settings = PhoneSettings.from_table(table)
    path = workspace.directory(f"phone-{settings.name}") / f"{settings.name}.toml"
    path.write_text(settings.to_toml(), encoding="utf-8")
    return path
