"""`callseal demo`: a paid call, end to end, on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from callseal.lab import demo as lab_demo
from callseal.lab.block import DEFAULT, Block
from callseal.lab.hosts import Hosts


def _block(text: str) -> Block:
    try:
        return Block.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def demo(
    block: Annotated[
        Block, typer.Option("--block", metavar="127.A.B", parser=_block, help="The /24 of loopback to use.")
    ] = DEFAULT,  # type: ignore[assignment]  # typer parses the default too
    hosts: Annotated[
        bool,
        typer.Option(
            "--hosts", help="On hosts of their own (network namespaces) with firewalls, instead of loopback."
        ),
    ] = False,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep",
            metavar="DIR",
            help="Keep deployment, logs and state there instead of throwing them away.",
        ),
    ] = None,
    serve: Annotated[
        bool,
        typer.Option(
            "--serve", help="Keep everything running: two links, the agent's card and the customer's keypad."
        ),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Draw the audit of the calls on one HTML page."),
    ] = None,
) -> None:
    """Play a paid call on real parts, and say what the agent heard. From the first INVITE to the receipt."""
    raise typer.Exit(
        lab_demo.run(
            lab_demo.DemoOptions(
                site=Hosts(partners=2) if hosts else block, keep=keep, serve=serve, report=report
            )
        )
    )
