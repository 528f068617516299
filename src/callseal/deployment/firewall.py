"""What only firewalls need to know; everything else in them follows from peers, edges and desk."""

from __future__ import annotations

from pydantic import Field

from callseal.deployment.fields import Flag, NetworkField
from callseal.deployment.table import Table


class Firewall(Table):
    """Who else edges and desk may speak with, besides peers, each other and `[dns] resolvers`. Nobody, when the table is left out."""

    desk: tuple[NetworkField, ...] = Field(
        (),
        description="the desk's addresses; needed when the desk's `url` has a name, or others that it calls from",
    )
    browsers: tuple[NetworkField, ...] = Field((), description="where agents' browsers are: the desk's port")
    webhooks: tuple[NetworkField, ...] = Field(
        (),
        description="where partners send webhooks from; needed when a partner's `api` has a name, or they come from elsewhere",
    )
    apis: tuple[NetworkField, ...] = Field(
        (),
        description="addresses of the partners' and the platform's `api`, where that has a name; the desk goes there",
    )
    time_servers: tuple[NetworkField, ...] = Field((), description="NTP servers (port 123)")
    admin: tuple[NetworkField, ...] = Field(
        (), description="where people administer the machines from: SSH (port 22) and ping"
    )
    monitoring: tuple[NetworkField, ...] = Field(
        (), description="where metrics are fetched from: the port of edge agent and desk"
    )
    dhcp: Flag = Field(False, description="true lets the machine renew its lease")
