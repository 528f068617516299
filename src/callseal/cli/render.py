"""`callseal render`: the router's data from a deployment."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from callseal.cli.edge import UnknownEdgeError
from callseal.cli.options import File
from callseal.deployment import read
from callseal.render.write import hand_written_files, write_desk_firewall, write_zone
from callseal.render.write import render as render_edge


def render(
    file: File,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where to write; made when it is not there.")
    ],
    edge: Annotated[
        str | None, typer.Option("--edge", metavar="ID", help="Which edge; the id of an [[edges]] entry.")
    ] = None,
    desk: Annotated[
        bool, typer.Option("--desk", help="The firewall of the desk's host, and nothing else.")
    ] = False,
    part: Annotated[
        Literal["router", "media"] | None,
        typer.Option("--part", help="What Kamailio reads, or what rtpengine's unit reads; both without it."),
    ] = None,
) -> None:
    """Write what one edge's Kamailio reads, and its firewall. Or the desk's firewall.

    Only data is rendered; kamailio.cfg itself is written by hand and the same for all. With [dns] zone in the deployment the
    zone file is written too; it is the same for every edge.
    """
    if (edge is None) != desk:
        raise typer.BadParameter("say --edge ID or --desk")
    if desk and part:
        raise typer.BadParameter("--part is of an edge")
    deployment = read(file)
    if edge is None:
        typer.echo(f"wrote {write_desk_firewall(deployment, out)}")
        return
    known = [one.id for one in deployment.edges]
    if edge not in known:
        raise UnknownEdgeError(file, edge, known)
    written = render_edge(deployment, edge, out, part=part)
    if part != "media":
        written += write_zone(deployment, out, serial=int(time.time()))
    copied = {out / one.path for one in hand_written_files()}.intersection(written)
    if copied:
        typer.echo(f"wrote {len(copied)} files into {out} that are the same for every edge")
    for path in written:
        if path not in copied:
            typer.echo(f"wrote {path}")
