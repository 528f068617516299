"""With whom the edges speak: carriers, partner and platform. Field descriptions are the reference's text."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from callseal.deployment.fields import DnsName, Flag, HeaderName, HttpUrl, Name, NetworkField, PerSecond
from callseal.deployment.policies import (
    CALLER_HEADERS,
    DEFAULT_SUITES,
    CallerHeader,
    CryptoSuite,
    MediaProfile,
)
from callseal.deployment.secrets import Secret
from callseal.deployment.standby import Standby
from callseal.deployment.table import Table
from callseal.deployment.values import SipUri

Transport = Literal["udp", "tcp", "tls"]


_SUITES_HELP = "crypto suites it may use with `srtp`, in order; no suite may belong to two faces"


class Peer(Table):
    """What carriers, partner and platform have in common: who they are, where they are, how they speak."""

    id: Name = Field(description="name in logs, metrics and rendered files")
    signalling: tuple[NetworkField, ...] = Field(
        min_length=1, description="addresses or networks that may send SIP; anything else is met with silence"
    )
    media: tuple[NetworkField, ...] = Field(
        min_length=1, description="addresses or networks where its RTP may be"
    )
    destinations: tuple[SipUri, ...] = Field(
        min_length=1, description="where requests to it are sent, in order"
    )
    transport: Transport = Field(
        "udp", description="SIP transport, both ways; a request that comes over another is a stranger's"
    )
    tls_name: tuple[DnsName, ...] = Field(
        (),
        description="with `tls`: names of which its certificate must bear one; required of the partner, "
        "without it a carrier's or platform's connection is encrypted and no more",
    )
    media_profile: MediaProfile = Field(
        "rtp", description="`srtp`: SDES keys offered and required, anything else is refused; `rtp`: in clear"
    )
    srtp_suites: tuple[CryptoSuite, ...] = Field(
        min_length=1, description="crypto suites it may use with `srtp`, in order"
    )
    requests_per_second: PerSecond = Field(
        5000, description="SIP requests a second and edge; what begins something new is answered 503 above it"
    )
    calls_per_second: PerSecond = Field(
        500, description="new calls a second and edge; emergency calls are never turned away"
    )


class Carrier(Peer):
    """A SIP trunk of the phone network; the customer is behind it."""

    srtp_suites: tuple[CryptoSuite, ...] = Field(
        DEFAULT_SUITES["carrier"], min_length=1, description=_SUITES_HELP
    )
    headers: tuple[CallerHeader, ...] = Field(
        CALLER_HEADERS,
        description="what it may say about the caller; of this set, headers that are not listed are removed",
    )
    payments: Flag = Field(True, description="false: no payment is offered on calls from or to this carrier")


class Partner(Peer):
    """The PCI-certified payment partner: a SIP B2BUA and an API."""

    srtp_suites: tuple[CryptoSuite, ...] = Field(
        DEFAULT_SUITES["partner"],
        min_length=1,
        description=f"{_SUITES_HELP}. The first is for media at the partner, the last for the way home",
    )
    adapter: Literal["sandbox"] = Field(description="which partner adapter speaks to it")
    token_header: HeaderName = Field(
        "X-Payment-Token", description="header in which its INVITE brings the token"
    )
    cookie_place: Literal["header", "request-uri"] = Field(
        "header", description="where the route cookie travels; `request-uri` for partners that drop headers"
    )
    mask_checked: Flag = Field(
        False,
        description="true: what it sends the agent while secured has passed the conformance check, so the fence need not look at audio",
    )
    early_media: Flag = Field(
        True,
        description="false: it never has the agent's media before a call out is answered, nor from the start of one that begins without "
        'SDP. With `anchors = "one"` such legs then need no anchor of their own at home; if it does so all the same, its SDP is removed',
    )
    api: HttpUrl = Field(description="base URL of its API")
    api_key: Secret = Field(description="bearer key for its API")
    webhook_secret: Secret = Field(description="verifies its webhooks (Standard Webhooks)")
    standby: tuple[Standby, ...] = Field(
        (), description="further partners, tried in this order while those before them are down"
    )


class Platform(Peer):
    """The contact centre's voice side; the agent is on it."""

    srtp_suites: tuple[CryptoSuite, ...] = Field(
        DEFAULT_SUITES["platform"], min_length=1, description=_SUITES_HELP
    )
    adapter: Literal["webhook"] = Field(description="which platform adapter speaks to it")
    anchors: Literal["one", "two"] | None = Field(
        None,
        description="rtpengine sessions a normal call crosses; `one` relays the agent leg only while secured, shows the partner the platform's "
        "media addresses and takes the agent's audio from the address in the platform's SDP only. Left out: `one` where media is RTP, `media` "
        'lists exact addresses, and none of them is an inside address that `topology = "hidden"` hides; else `two`. `callseal check` says which',
    )
    dtmf_info: Flag = Field(
        False, description="true lets SIP INFO with digits from the partner reach the platform"
    )
    api: HttpUrl = Field(description="where its events are posted")
    webhook_secret: Secret = Field(description="signs these events (Standard Webhooks)")
