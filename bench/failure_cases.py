"""The deaths of the failure bench, what was found of each, and its table."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.table import Table

from bench.failure_world import NAME_SERVER
from bench.report import percentile


@dataclass(frozen=True, slots=True)
class Case:
    """`victims` die. `open_says`, `secured_says`: what the card must say of an open and of the secured call. `restart`: they come back
    while we watch. `hang_up`: calls can be ended through the partner afterwards. `names`: peers are found by DNS. `planned`: nobody
    dies, the first edge is drained, and nothing at all may be lost."""

    name: str
    victims: tuple[str, ...]
    open_says: str = ""
    secured_says: str = ""
    restart: bool = False
    hang_up: bool = True
    names: bool = False
    planned: bool = False


CASES = (
    Case("rtpengine of an edge", ("rtpengine-edge",), "node_lost", "node_lost"),
    Case("Kamailio of an edge", ("kamailio",)),
    Case("Kamailio and rtpengine of an edge", ("kamailio", "rtpengine-edge"), "node_lost", "node_lost"),
    Case("edge agent", ("edge-agent",), restart=True),
    Case("desk", ("desk",), restart=True),
    Case("store (locked for 4 s)", (), restart=True),
    Case("partner", ("partner",), "", "partner_gone", hang_up=False),
    Case("name server (all peers are names)", (NAME_SERVER,), names=True),
    Case("nothing: planned drain of an edge", (), planned=True),
)


@dataclass(slots=True)
class Found:
    """One case. Times in seconds; `gaps` of the open calls' legs that were listened to."""

    case: str
    calls: int
    gaps: list[float] = field(default_factory=list)
    secured_gap: float = 0.0
    deaf_after: int = 0
    card_open: list[float] = field(default_factory=list)
    card_back: list[float] = field(default_factory=list)
    card_secured: float | None = None
    secured_again: float | None = None
    secured_state: str = ""
    tried: int = 0
    answered: int = 0
    second_edge: int = 0
    lost: int = 0
    hung_up: int = 0
    keys_pressed: int = 0
    keys_leaked: int = 0
    drained: float | None = None
    voices_late: float = 0.0
    faults: list[str] = field(default_factory=list)


def judge(case: Case, found: Found) -> None:
    """What has to survive. A fault makes the run fail."""
    if found.deaf_after:
        found.faults.append(f"{found.deaf_after} legs of open calls heard nothing at the end")
    if case.open_says and len(found.card_open) < found.calls - 1:
        found.faults.append(f"the card said nothing of {found.calls - 1 - len(found.card_open)} calls")
    if case.secured_says and found.card_secured is None:
        found.faults.append("the card said nothing of the secured call")
    if case.hang_up and found.hung_up < found.calls:
        found.faults.append(f"{found.calls - found.hung_up} calls could not be hung up")
    if found.keys_leaked:
        found.faults.append(
            f"{found.keys_leaked} packets with a key of the secured call reached the agent's leg"
        )
    if case.planned and found.lost:
        found.faults.append(f"{found.lost} new calls were lost")
    if case.planned and found.drained is None:
        found.faults.append("the drain did not come to its end")
    # Home again is no fault: when the evidence does not come in time, the call is not called secure.
    stuck = case.secured_says == "partner_gone"
    wanted = ("restoring", "media_at_partner") if stuck else ("secured", "securing", "restoring", "ready")
    if found.secured_state not in wanted:
        found.faults.append(f"the secured call is {found.secured_state}")


def table(results: list[Found]) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in (
        "kill -9",
        "gap p50",
        "max",
        "secured",
        "card p50",
        "max",
        "new",
        "2nd edge",
        "lost",
        "leaked",
        "faults",
    ):
        shown.add_column(name, justify="left" if name in ("kill -9", "faults") else "right")
    for one in results:
        card = one.card_open or ([one.card_secured] if one.card_secured is not None else [])
        shown.add_row(
            one.case,
            f"{percentile(one.gaps, 50):.2f}",
            f"{max(one.gaps):.2f}",
            f"{one.secured_gap:.2f}",
            f"{percentile(card, 50):.2f}" if card else "-",
            f"{max(card):.2f}" if card else "-",
            str(one.tried),
            str(one.second_edge),
            str(one.lost),
            str(one.keys_leaked),
            "; ".join(one.faults),
        )
    return shown
