"""`callseal canary`: a synthetic paid call, again and again, that switches payments off when a digit gets through."""

from __future__ import annotations

import os
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from callseal.cli.edge import EdgeId, chosen
from callseal.cli.options import DEFAULT_FILE, PASSWORD, File
from callseal.deployment import read
from callseal.lab.canary_call import Line, place
from callseal.operate import canary as operate_canary
from callseal.operate.payments_switch import operators_of
from callseal.services.clock import now_ms


class Press(StrEnum):
    RFC4733 = "rfc4733"
    INBAND = "inband"
    INFO = "info"


def canary(
    *,
    customer: Annotated[
        Path, typer.Option("--customer", metavar="TOML", help="Settings of the phone on the carrier's side.")
    ],
    agent: Annotated[
        Path, typer.Option("--agent", metavar="TOML", help="Settings of the phone on the platform's side.")
    ],
    login: Annotated[
        str,
        typer.Option("--login", metavar="NAME", help=f"Agent at the desk; {PASSWORD} holds the password."),
    ],
    number: Annotated[
        str, typer.Option("--number", metavar="E164", help="The canary's own number, which rings that agent.")
    ],
    file: File = DEFAULT_FILE,
    edge: EdgeId = "",
    press: Annotated[Press, typer.Option("--press", help="How the customer's keys travel.")] = Press.RFC4733,
    interface: Annotated[
        str, typer.Option("--interface", metavar="NAME", help="Where the agent's phone's packets arrive.")
    ] = "lo",
    every: Annotated[
        float, typer.Option("--every", metavar="MINUTES", min=0.1, help="How long to wait between two calls.")
    ] = 15.0,
    once: Annotated[bool, typer.Option("--once", help="One call, then end.")] = False,
) -> None:
    """Place a paid test call and listen at the agent's side. It takes the live path, with a test card, and tells the desk.

    A digit heard switches payments off for every call, until a person says `callseal payments on`. Nothing is charged. Run it as
    root where the agent's phone is. Status with --once: 0 clean, 3 digits, 4 no evidence, 1 the call failed.
    """
    deployment = read(file)
    entrance = chosen(deployment, file, edge)
    operators = operators_of(deployment)
    password = os.environ.get(PASSWORD) or typer.prompt("Password", hide_input=True)
    line = Line(
        customer=customer,
        agent=agent,
        number=number,
        edge=entrance.sip.host,
        desk=str(deployment.desk.url),
        login=login,
        password=password,
        method=press.value,
        interface=interface,
    )
    line.check()
    status = operate_canary.run(
        lambda: place(line),
        operators,
        every_s=None if once else every * 60,
        say=typer.echo,
        now_ms=now_ms,
        sleep=time.sleep,
    )
    if status:
        raise typer.Exit(status)
