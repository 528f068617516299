"""What the command line and the demo do with an audit: seal, tell, draw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from callseal.audit import report, seal
from callseal.audit.audit import Audited, Options, audit, judge
from callseal.audit.canonical import Json
from callseal.audit.captures import open_file

__all__ = [
    "Audited",
    "Options",
    "as_text",
    "audit",
    "judge",
    "open_file",
    "sealed",
    "sealing",
    "write_report",
]


def sealed(found: Sequence[Audited], out: Path | None = None, sign: Path | None = None) -> list[Json]:
    """All verdicts of `sealing`."""
    return list(sealing(found, out, sign))


def sealing(found: Sequence[Audited], out: Path | None = None, sign: Path | None = None) -> Iterator[Json]:
    """The verdicts one by one, in a chain: that of the folder `out`, or one of their own. Raises `SealError`."""
    key = seal.load_key(sign) if sign else None
    folder = seal.VerdictFolder(out, key) if out is not None else None
    previous = seal.BEGINNING
    for number, one in enumerate(found, start=1):
        if folder is not None:
            yield folder.add(one.verdict)[1]
            continue
        row = seal.seal(one.verdict, number, previous, key)
        previous = seal.digest(row)
        yield row


def write_report(path: Path, found: Sequence[Audited], verdicts: Sequence[Json]) -> None:
    """One HTML page. Raises `SealError`'s kin when it cannot be written."""
    text = report.page([one.case for one in found], verdicts)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise seal.SealError(f"{path}: {error.strerror}") from None


def as_text(verdict: Json) -> list[str]:
    """A few lines on one verdict; the first says it all."""
    result, call, tested = verdict["result"], verdict["call"], verdict["self_test"]
    known = verdict["windows"]["known_by"]
    said = {
        "clean": "CLEAN        no digit reached the agent's side",
        "digits": "DIGITS       " + (result["reasons"][0] if result["reasons"] else ""),
        "no_evidence": "NO EVIDENCE  " + (result["reasons"][0] if result["reasons"] else ""),
    }[result["verdict"]]
    lines = [f"{said}: call {call['name']}"]
    lines += [f"             {one}" for one in result["reasons"][1:]]
    if known == "unknown":
        lines.append(
            "             when the line was secured is not known: the whole capture was judged (--window or --record tells it)"
        )
    else:
        lines.append(
            f"             {result['windows']} guarded window{'' if result['windows'] == 1 else 's'}, {result['guarded_ms'] / 1000:.1f} s, windows known by {known}; "
            f"the customer pressed {result['digits_from_customer']} keys in them"
        )
    level = result["loudest_tone_dbm0_x10"]
    lines.append(
        f"             {result['packets_to_agent']} packets to the agent, {result['lost_to_agent']} missing; longest piece of tone "
        f"{result['longest_fragment_ms']} ms" + ("" if level is None else f", loudest {level / 10:.1f} dBm0")
    )
    heard = ", ".join(one["codec"] for one in tested["codecs"]) or "no codec"
    passed = "passed" if tested["passed"] else "NOT passed" if tested["codecs"] else "not possible"
    lines.append(
        f"             self-test {passed} ({heard}, down to {tested['claim_dbm0_x10'] / 10:.0f} dBm0)"
    )
    lines += [f"             not seen: {one}" for one in verdict["unseen"]]
    lines += [f"             note: {one}" for one in verdict["notes"]]
    return lines
