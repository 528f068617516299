"""Why silence would prove nothing, and what could not be seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from callseal.audit.case import Assigned, Case, Found
from callseal.audit.self_test import SelfTest

MOST_LOST_SHARE = 0.02
"""Part of the packets to the agent that may be missing in a guarded window before silence proves nothing."""
_SENTENCES = {
    "fragments_incomplete": "IP packets have fragments missing",
    "link_types": "frames are of a link type that cannot be read here",
    "ipsec": "packets are encrypted by IPsec",
    "deep": "packets are in more tunnels than are opened",
    "tls_connections": "connections speak TLS: their SIP cannot be read",
    "websockets": "connections speak SIP in WebSocket frames, which are not opened",
    "sip_gaps": "gaps in SIP over TCP",
    "sip_not_kept": "SIP messages or offers beyond what is remembered",
    "keys_unreadable": "SDES keys are of a kind that is not known here",
    "dtls": "DTLS records: keys negotiated by DTLS are not in the signalling",
    "dtls_offers": "offers of audio keyed by DTLS-SRTP: its keys never pass, so what was said in it cannot be seen",
    "zrtp": "ZRTP packets: the ends make their keys in the media, and what was said with them cannot be seen",
    "turn": "packets are in channels of a TURN relay, which are not opened",
}
"""By the name under which it was counted."""


@dataclass(frozen=True, slots=True)
class CaptureFile:
    """One file that was read. `problem` is "" or why reading ended early; `cut` frames are not whole."""

    name: str
    size: int
    sha256: str
    frames: int
    cut: int
    problem: str


def doubts(
    case: Case, tested: SelfTest, guarded: Sequence[tuple[Found, Assigned]], *, complete: bool
) -> list[str]:
    """One sentence a reason. `guarded` is every judged stream in every window that counts."""
    found: list[str] = []
    if not case.judged:
        found.append("no media towards the agent's side is in the capture")
    elif not tested.codecs:
        found.append(
            "the observer was not tested: no sound to the agent's side that can be decoded is in the capture"
        )
    elif not tested.passed:
        found.append("the self-test did not pass")
    if case.windows.known and not any(window.guarded for window in case.windows.windows):
        found.append("the line was not secured while the capture ran")
    if any(window.guarded and not window.complete for window in case.windows.windows):
        found.append("the capture ends while the line is secured")
    if not complete and not case.ended:
        found.append("the capture is damaged and the call's end is not in it")
    return [*found, *_of_packets(case, guarded)] if case.judged and guarded else found


def _of_packets(case: Case, guarded: Sequence[tuple[Found, Assigned]]) -> list[str]:
    found: list[str] = []
    packets, lost = sum(one.packets for one, _ in guarded), sum(one.lost for one, _ in guarded)
    undecoded = sum(one.undecoded for one, _ in guarded)
    if not packets:
        found.append("no packet to the agent's side was seen while the line was secured")
    if undecoded:
        found.append(f"{undecoded} packets to the agent's side are {_why_undecoded(case)}")
    if lost > MOST_LOST_SHARE * (packets + lost) and not _whole(case):
        found.append(
            f"{lost} of {packets + lost} packets to the agent's side are missing, and nothing shows that the capture is whole"
        )
    if any(one.stream.overflow for one in case.judged):
        found.append("there were more findings than are kept")
    return found


def _why_undecoded(case: Case) -> str:
    streams = [one.stream for one in case.judged]
    causes = {
        "encrypted, and no key was allowed or found": sum(one.hidden_packets for one in streams),
        "in the capture with their beginning only": sum(one.cut_packets for one in streams),
        "longer than the time they last, most likely encrypted": sum(one.odd_packets for one in streams),
    }
    return (
        " or ".join(cause for cause, count in causes.items() if count)
        or "in a codec that cannot be decoded here"
    )


def _whole(case: Case) -> bool:
    """Whether what the ends themselves sent is in the capture without gaps: then gaps towards the agent are what a fence dropped.

    A fence that drops telephone-events leaves their sequence numbers out.
    """
    ends = [one.stream for one in case.streams if one.sender in ("customer", "agent")]
    packets, lost = sum(one.packets for one in ends), sum(one.lost for one in ends)
    return case.whole or (packets > 0 and lost <= MOST_LOST_SHARE * (packets + lost))


def unseen(case: Case, files: Sequence[CaptureFile], counts: Mapping[str, int]) -> list[str]:
    """What could not be seen, and why."""
    found = [f"{one.name} {one.problem}: what came after is not judged" for one in files if one.problem]
    cut = sum(one.cut for one in files)
    if cut:
        found.append(f"{cut} frames are in the capture with their beginning only")
    found += [f"{counts[name]} {text}" for name, text in _SENTENCES.items() if counts.get(name)]
    if case.windows.known_by == "signalling":
        found.append(
            "the press of Secure is not in SIP: the first window begins with the partner's first offer, and only the call's record (--record) "
            "names the press"
        )
    return found
