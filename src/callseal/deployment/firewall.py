"""What only an edge's firewall needs to know; everything else in it follows from peers and edges."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from callseal.deployment.values import Flag, NetworkField


class Firewall(BaseModel):
    """Who else an edge may speak with, besides its peers, the desk, the other edges and `[dns] resolvers`. Nobody, when the table is left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    desk: tuple[NetworkField, ...] = Field(
        (),
        description="the desk's addresses; needed when the desk's `url` has a name, or others that it calls from",
    )
    time_servers: tuple[NetworkField, ...] = Field(
        (), description="NTP servers that the edge asks (port 123)"
    )
    admin: tuple[NetworkField, ...] = Field(
        (), description="where people administer the edge from: SSH (port 22) and ping"
    )
    monitoring: tuple[NetworkField, ...] = Field(
        (), description="where metrics are fetched from: the edge agent's port"
    )
    dhcp: Flag = Field(False, description="true lets the edge renew its lease")
