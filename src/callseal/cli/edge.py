"""What the verbs that work on one running edge have in common: which file, which edge, where its router lies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from callseal.deployment import Deployment, Edge, read
from callseal.observe.errors import Error
from callseal.operate.patient import Patient, ask_ng, get
from callseal.render import SEEN_AT
from callseal.services.clock import now_ms

EdgeId = Annotated[
    str, typer.Option("--edge", metavar="ID", help="Which edge; may be left out when there is one.")
]
RouterDir = Annotated[
    Path, typer.Option("--router", metavar="DIR", help="The rendered directory that Kamailio reads.")
]
AT_HOME = Path(SEEN_AT)
STATE = Path("/var/lib/callseal")
"""Where the units keep what must survive a restart (`StateDirectory=`)."""


class UnknownEdgeError(Error):
    """`--edge` names no edge of the file, or is missing where there is more than one to choose from."""

    id = "unknown_edge"
    status = 2

    def __init__(self, file: Path, edge: str, known: list[str]) -> None:
        what = f"{file} has no edge {edge!r}" if edge else f"which edge? {file} has {len(known)}"
        super().__init__(what, advice=f"Say --edge with one of: {', '.join(known)}.")


def patient(file: Path, edge: str, router: Path) -> Patient:
    """Raises `DeploymentError`, `UnknownEdgeError`."""
    return patient_of(read(file), file, edge, router)


def chosen(deployment: Deployment, file: Path, edge: str) -> Edge:
    """The edge that `--edge` names, or the only one. Raises `UnknownEdgeError`."""
    known = [one.id for one in deployment.edges]
    name = edge or (known[0] if len(known) == 1 else "")
    if name not in known:
        raise UnknownEdgeError(file, edge, known)
    return deployment.edge(name)


def patient_of(deployment: Deployment, file: Path, edge: str, router: Path) -> Patient:
    return Patient(
        deployment=deployment,
        edge=chosen(deployment, file, edge),
        router=router,
        now_ms=now_ms,
        get=get,
        ng=ask_ng,
        state=(file.resolve().parent / "state", STATE),
    )
