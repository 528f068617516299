"""What all tables of a deployment have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """A table of the file, frozen. A key that it does not know is a fault (CS004)."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
