"""`callseal demo --serve`: the agent's card and the customer's keypad, as two links that open logged in."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from pathlib import Path

from rich.console import Console

from callseal.lab.daemon import Daemon
from callseal.lab.hosts import Hosts
from callseal.lab.phone import phone_command
from callseal.lab.story import DIALLED
from callseal.lab.world import AGENT_LOGIN, World

WATCH_S = 0.5


def serve(world: World, phones: dict[str, Path], out: Console) -> None:
    """Start the keypad page (which owns both phones), print the links, and stay until Ctrl-C or until a part ends."""
    key = secrets.token_urlsafe(24)
    if isinstance(world.site, Hosts):
        world.site.open_door()
    with _keypad(world, phones, key) as keypad:
        links = {
            entry["login"]: entry["url"]
            for entry in json.loads(world.demo_links_file.read_text(encoding="utf-8"))
        }
        out.print()
        out.print(f"the agent's card      {links[AGENT_LOGIN]}", style="bold")
        out.print(f"the customer's keypad http://{world.site.keypad}:8060/demo?key={key}", style="bold")
        out.print(
            f"logs and state are in {world.workspace.root}; each link opens in one browser; Ctrl-C ends everything",
            style="dim",
        )
        while all(daemon.alive for daemon in (*world.daemons.values(), keypad)):
            time.sleep(WATCH_S)
        ended = next(daemon for daemon in (*world.daemons.values(), keypad) if not daemon.alive)
        out.print(f"{ended.name} ended by itself:\n{ended.tail()}", style="bold red")


def _keypad(world: World, phones: dict[str, Path], key: str) -> Daemon:
    folder = world.workspace.directory("keypad")
    site, command = world.site, phone_command(world.workspace.root)
    key_file = folder / "keypad.key"
    key_file.touch(mode=0o600)
    key_file.write_text(key, encoding="ascii")
    table = {
        "listen": f"{site.keypad}:8060",
        "key_file": str(key_file),
        "dial": f"sip:{DIALLED}@{site.kamailio}",
        "customer": str(phones["customer"]),
        "agent": str(phones["agent"]),
        "customer_command": site.argv(site.customer, command),
        "agent_command": site.argv(site.agent, command),
    }
    config = folder / "keypad.toml"
    config.write_text(
        "".join(f"{name} = {json.dumps(value)}\n" for name, value in table.items()), encoding="utf-8"
    )
    argv = [sys.executable, "-m", "callseal.services.keypad", "--config", str(config)]
    return Daemon(
        "keypad",
        argv,
        log=world.workspace.logs / "keypad.log",
        cwd=folder,
        env=dict(os.environ),
        place=site.place(site.keypad),
    )
