"""The whole partner: its settings, and how its parts are put together.

SIP thread  --heard-->  Switchboard -> Call -> Session  --webhooks-->  desk
            <-verbs--                    |        |
REST  ------------------------------------------->|------> PSP
rtpengine <--ng-- Mover, Bridge -------- |        |
rtpengine --digit feed--------------------------->|
"""

from __future__ import annotations

import asyncio
import random
import secrets
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import httpx2
from fastapi import FastAPI
from pydantic import Field, StringConstraints

from callseal.cards import Brand
from callseal.sandbox.api.app import create_app
from callseal.sandbox.api.verbs import Verbs
from callseal.sandbox.capture.commands import Prompt
from callseal.sandbox.capture.engine import Rules
from callseal.sandbox.media import prompts
from callseal.sandbox.media.bridge import Bridge
from callseal.sandbox.media.digit_feed import DigitFeed
from callseal.sandbox.media.insert import Insert
from callseal.sandbox.media.keys import IN_CLEAR, srtp
from callseal.sandbox.media.ng_client import NgClient
from callseal.sandbox.session.charges import Charges
from callseal.sandbox.session.mover import Mover
from callseal.sandbox.session.psp_client import PspClient
from callseal.sandbox.session.switchboard import HeaderNames, Switchboard
from callseal.sandbox.session.switches import Switches
from callseal.sandbox.session.webhooks import Webhooks
from callseal.sandbox.session.world import World
from callseal.sandbox.sip.heard import Heard
from callseal.sandbox.sip.stack import SipSettings, SipStack

Endpoint = Annotated[str, StringConstraints(pattern=r"^\d{1,3}(\.\d{1,3}){3}:\d{1,5}$")]
_LAST_WORDS_S = 0.3  # for the BYEs to leave


class PartnerSettings(Switches):
    """One flat TOML file: where things are, how patient the partner is, and every switch of `Switches`."""

    sip: Endpoint = Field(description="where the B2BUA listens (UDP)")
    edge: Endpoint = Field(description="next hop of every INVITE of ours")
    other_edges: list[Endpoint] = Field([], description="where requests go while their own edge is dead")
    accept_from: list[str] = Field(
        [], description="addresses whose SIP is heard; default: the edges'. Strangers meet silence"
    )
    api: Endpoint = Field(description="where the REST API listens")
    api_key: Annotated[str, Field(min_length=8, description="bearer key of the API")]
    webhook_url: str = Field(description="where events go")
    webhook_secret: str = Field(description="`whsec_` and base64, Standard Webhooks")
    psp: str = Field(description="the PSP's URL")
    psp_timeout_s: float = Field(
        5.0, gt=0, le=60, description="how long a charge may take before it is unknown"
    )
    ng: Endpoint = Field(description="the partner's rtpengine, ng over UDP")
    digit_feed: Endpoint = Field(description="its --dtmf-log-dest; loopback")
    insert_address: str = Field(
        "", description="loopback address of the mask's sockets; default: that of `ng`"
    )
    prompt_dir: str = Field("", description="the prompts' folder as rtpengine sees it; default: sent over ng")

    media_profile: Literal["rtp", "srtp"] = Field("rtp", description="`srtp`: SDES keys, always")
    srtp_suite: Literal[
        "AES_256_CM_HMAC_SHA1_80",
        "AES_256_CM_HMAC_SHA1_32",
        "AES_CM_128_HMAC_SHA1_80",
        "AES_CM_128_HMAC_SHA1_32",
    ] = Field("AES_256_CM_HMAC_SHA1_80", description="the crypto suite it offers for media at its bridge")

    token_header: str = "X-Payment-Token"  # noqa: S105 - the name of a header
    cookie_header: str = "X-Route-Cookie"
    pass_headers: list[str] = Field(
        ["P-Asserted-Identity", "Privacy", "Diversion", "History-Info", "Identity"],
        description="go from the first leg to the second",
    )

    inter_digit_s: float = Field(10.0, gt=0, description="silence within a field that costs an attempt")
    settle_s: float = Field(3.0, gt=0, description="silence that ends a field which is good already")
    overall_s: float = Field(120.0, gt=0, description="time for a whole capture")
    attempts: int = Field(3, ge=1, description="wrong values per field before the capture is over")
    brands: list[Brand] = Field(list(Brand), description="brands that are taken")
    idle_s: float = Field(300.0, gt=0, description="secured without a press or a wish: leave by itself")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises `OSError`, `tomllib.TOMLDecodeError` or `pydantic.ValidationError`."""
        with path.open("rb") as source:
            return cls.model_validate(tomllib.load(source))

    def switches(self) -> Switches:
        """The part that `/faults` shows and changes."""
        return Switches.model_validate(self.model_dump(include=set(Switches.model_fields)))


def pair(endpoint: str) -> tuple[str, int]:
    host, _, port = endpoint.rpartition(":")
    return host, int(port)


@dataclass(slots=True)
class Partner:
    """Everything that runs; `app` is served by the caller."""

    app: FastAPI
    stack: SipStack
    switchboard: Switchboard
    ng: NgClient
    feed: DigitFeed
    webhooks: Webhooks
    http: httpx2.AsyncClient

    async def start(self) -> None:
        """Bind everything but HTTP. Raises `OSError`."""
        await self.ng.open()
        await self.feed.open()
        self.stack.start()

    async def stop(self) -> None:
        """Hang up every call, so that no leg is left without media, and let go."""
        self.switchboard.hang_up_all()
        await asyncio.sleep(_LAST_WORDS_S)
        self.stack.stop()
        self.feed.close()
        self.ng.close()
        await self.webhooks.close()
        await self.http.aclose()


def build(
    settings: PartnerSettings, *, clock: Callable[[], float], today: Callable[[], tuple[int, int]]
) -> Partner:
    """Put the partner together, inside a running event loop. Opens nothing yet.

    `clock` gives unix seconds, `today` (year, month).
    """
    switches = settings.switches()
    loop = asyncio.get_running_loop()
    chance = random.Random(secrets.randbits(64))  # noqa: S311 - waiting times after a glare, nothing secret
    library = prompts.load()
    http = httpx2.AsyncClient(trust_env=False)
    ng = NgClient(pair(settings.ng))
    psp = PspClient(http, url=settings.psp, timeout_s=settings.psp_timeout_s)
    charges = Charges(psp)
    webhooks = Webhooks(
        http,
        url=settings.webhook_url,
        secret=settings.webhook_secret,
        clock=clock,
        muted=lambda: switches.no_webhooks,
    )

    def new_bridge(name: str) -> Bridge:
        return Bridge(
            ng,
            name,
            insert=Insert(
                masking=switches.mask,
                sound=switches.mask_sound,
                heard=lambda key, transport: switchboard.heard_in_audio(name, key, transport),
            ),
            insert_address=settings.insert_address or pair(settings.ng)[0],
            prompt_dir=settings.prompt_dir,
            keys=srtp(settings.srtp_suite) if settings.media_profile == "srtp" else IN_CLEAR,
        )

    async def play(mover: Mover, wanted: Sequence[Prompt]) -> None:
        if mover.bridge is not None:
            file = f"{wanted[0]}.wav" if len(wanted) == 1 else ""
            await mover.bridge.play(prompts.joined(wanted, library), file)

    world = World(
        switches=switches,
        webhooks=webhooks,
        psp=psp,
        charges=charges,
        rules=Rules(
            inter_digit_s=settings.inter_digit_s,
            settle_s=settings.settle_s,
            overall_s=settings.overall_s,
            attempts=settings.attempts,
            brands=frozenset(settings.brands),
        ),
        today=today,
        play=play,
        idle_s=settings.idle_s,
    )
    names = HeaderNames(settings.token_header, settings.cookie_header, tuple(settings.pass_headers))

    def heard(one: Heard) -> None:
        loop.call_soon_threadsafe(switchboard.hear, one)

    stack = SipStack(
        SipSettings(
            listen=pair(settings.sip),
            edge=pair(settings.edge),
            accept_from=frozenset(
                settings.accept_from or [pair(each)[0] for each in (settings.edge, *settings.other_edges)]
            ),
            other_edges=tuple(pair(each) for each in settings.other_edges),
            wanted_headers=frozenset(names.wanted),
        ),
        on_heard=heard,
        answers_options=lambda: switches.answer_options,
        silent=lambda: switches.sip_silent,
    )
    switchboard = Switchboard(stack, world, names, new_bridge=new_bridge, chance=chance)
    app = create_app(
        api_key=settings.api_key,
        switchboard=switchboard,
        charges=charges,
        verbs=Verbs(psp, charges),
        switches=switches,
        webhooks=webhooks,
    )
    feed = DigitFeed(pair(settings.digit_feed), switchboard.pressed)
    return Partner(app, stack, switchboard, ng, feed, webhooks, http)
