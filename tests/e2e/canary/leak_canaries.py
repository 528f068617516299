"""The card numbers of the log-leak story, one for each way in, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from callseal.audit.canary_scan import TEST_CARDS

EVENTS = "4242424242424242"
TONES = "378282246310005"
RELAY = "5555555555554444"
PLAIN_INFO = "5105105105105100"
MISTYPED = "4242424242424241"
DECLINED = "4000000000009995"
PSP_FAILS = "4000000000000119"
CRASHED = "4012888888881881"
SIP_FACES = ("4111111111111111", "371449635398431", "30569309025904")
SIP_PARTNER = "6011111111111117"
HTTP = (
    "2223003122003222", "36227206271667", "3530111333300000", "6200000000000005", "3566002020360505", "6011000990139424",
    "4000000000000069",
)  # fmt: skip
WEBHOOKS = "4000056655665556"
NOTICES = "4000000000000127"
DATAGRAMS = "4000000000000259"
CANARIES = tuple(
    dict.fromkeys(
        [EVENTS, TONES, RELAY, PLAIN_INFO, MISTYPED, DECLINED, PSP_FAILS, CRASHED, *SIP_FACES, SIP_PARTNER, *HTTP, WEBHOOKS, NOTICES,
         DATAGRAMS, *TEST_CARDS]
    )
)  # fmt: skip


@dataclass(slots=True)
class Told:
    """What happened, so that nobody takes a story in which nothing happened for a proof."""

    workspace: Path
    layers: tuple[Path, ...] = ()
    captured: list[str] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
    sip: int = 0
    http: int = 0
    refused: int = 0
    webhooks: list[int] = field(default_factory=list)
    inlet: int = 0
    traced: int = 0
    crashed: dict[str, int] = field(default_factory=dict)
