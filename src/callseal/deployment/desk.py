"""The desk and who may log in. Field descriptions are the reference's text."""

from __future__ import annotations

from pydantic import Field

from callseal.deployment.fields import Currency, FileField, HttpUrl, Milliseconds, Name, Text
from callseal.deployment.secrets import Secret
from callseal.deployment.table import Table


class Agent(Table):
    """A person at the desk."""

    login: Name = Field(description="login name")
    name: Text = Field(description="name as shown")
    tenant: Name = Field(description="whose calls they see")
    password: Secret = Field(description="their password")


class Desk(Table):
    """The service behind the agent's card."""

    url: HttpUrl = Field(description="URL under which edges, partner and browsers reach it")
    edge_secret: Secret = Field(
        description="bearer secret between edges and desk, both ways; 16 characters or more"
    )
    operator_secret: Secret | None = Field(
        None,
        description="bearer secret of operators and canary: `callseal payments` and `callseal canary` need it; 16 characters or more",
    )
    store: FileField = Field(description="SQLite file of the desk, relative to the deployment file")
    secure_timeout_ms: Milliseconds = Field(
        3_000, description="not secured in this time: the call is restored"
    )
    restore_timeout_ms: Milliseconds = Field(
        3_000, description="not restored in this time: alarm, the hold stays"
    )
    secured_idle_ms: Milliseconds = Field(
        300_000, description="secured without a capture for this long: restored"
    )
    capture_field_ms: Milliseconds = Field(120_000, description="time for one field")
    capture_overall_ms: Milliseconds = Field(300_000, description="time for all fields")
    currencies: tuple[Currency, ...] = Field(
        min_length=1, description="currencies the card offers (ISO 4217)"
    )
    agents: tuple[Agent, ...] = Field((), description="who may log in")
