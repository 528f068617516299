"""A partner that stands by: what is its own. How it speaks (transport, media, headers, adapter) is said once, in `[partner]`."""

from __future__ import annotations

from pydantic import Field

from callseal.deployment.fields import DnsName, Flag, HttpUrl, Name, NetworkField
from callseal.deployment.secrets import Secret
from callseal.deployment.table import Table
from callseal.deployment.values import SipUri


class Standby(Table):
    """A further partner: another site of the same company, or another account. New calls go to it while those before it are down."""

    id: Name = Field(description="name in logs, metrics, hand-offs and rendered files")
    signalling: tuple[NetworkField, ...] = Field(
        min_length=1, description="addresses or networks that may send SIP; none of them another partner's"
    )
    media: tuple[NetworkField, ...] = Field(
        min_length=1, description="addresses or networks where its RTP may be"
    )
    destinations: tuple[SipUri, ...] = Field(
        min_length=1,
        description="where requests to it are sent, in order, after those of the partners before it",
    )
    tls_name: tuple[DnsName, ...] = Field(
        (), description="with `tls`: names of which its certificate must bear one; required then"
    )
    mask_checked: Flag = Field(
        False,
        description="as `mask_checked` of the partner; the fence looks at audio unless all of them are checked",
    )
    api: HttpUrl = Field(description="base URL of its API")
    api_key: Secret = Field(description="bearer key for its API")
    webhook_secret: Secret = Field(description="verifies its webhooks (Standard Webhooks)")
