"""Whether the lab can start here: asked before anything is measured."""

from __future__ import annotations

from rich.console import Console

from callseal.lab.block import Block
from callseal.lab.preflight import faults


def lab_is_ready(block: Block, console: Console) -> bool:
    """When it is not, the console says what is missing and what to do."""
    found = faults(block)
    if found:
        console.print("\n".join(f"{fault.what}: {fault.advice}" for fault in found), style="red")
    return not found
