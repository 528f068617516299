"""A service is killed, and another process of it takes over at once, because it has done its imports before.

What is asked is whether a process in whose memory nothing is can go on. How long Python takes to start, half a second or on a busy machine
ten, is not asked; the desk waits 6.5 s for an edge agent.
"""

from __future__ import annotations

import copy
import subprocess

from callseal.lab.daemon import Daemon

_LOADED = "imports are done"
_WAIT = f"""
import importlib, sys
module = importlib.import_module(sys.argv[1])
print({_LOADED!r}, file=sys.stderr, flush=True)
sys.stdin.readline()
sys.exit(module.main(sys.argv[2:]))
"""


def killed_and_succeeded(daemon: Daemon) -> None:
    """`daemon` runs `python -m callseal.services.NAME ...`; afterwards it is the other process, which is ready."""
    dash_m = daemon.argv.index("-m")
    successor = copy.copy(daemon)
    successor.argv = [*daemon.argv[:dash_m], "-c", _WAIT, *daemon.argv[dash_m + 1 :]]
    successor._stdin = subprocess.PIPE
    successor._ready = lambda: _LOADED in successor.log_text()
    successor.start().wait_ready()
    daemon.kill()
    assert successor.process is not None
    assert successor.process.stdin is not None
    successor.process.stdin.close()
    daemon.process, daemon._log_start = successor.process, successor._log_start
    daemon.wait_ready()
