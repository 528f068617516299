"""What several verbs are told alike: the deployment file, and where an agent's password comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_FILE = Path("callseal.toml")

File = Annotated[Path, typer.Argument(metavar="FILE", help="The deployment file (TOML).")]
PASSWORD = "CALLSEAL_PASSWORD"  # noqa: S105 - the variable's name
