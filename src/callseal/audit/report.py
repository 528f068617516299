"""The audit as one page for people: self-contained, no script, no foreign resource, light and dark, printable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from importlib.resources import files

from callseal.audit.canonical import Json
from callseal.audit.case import Case
from callseal.audit.seal import digest
from callseal.audit.timeline import drawing

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_SAYS = {"clean": "Clean", "digits": "Digits reached the agent", "no_evidence": "No evidence"}
_LEGEND = (
    '<div class="legend"><span><i style="background:var(--secured-fill)"></i>secured</span>'
    '<span><i style="background:var(--moving-fill)"></i>on its way to or from the partner</span>'
    '<span><i style="background:var(--sound-fill)"></i>sound, -60 to 0 dBm0; a gap: no packet</span>'
    '<span><i class="tick" style="background:var(--event)"></i>digit as telephone-event</span>'
    '<span><i class="tick" style="background:var(--tone)"></i>digit as tone</span>'
    '<span><i class="dot" style="background:var(--piece)"></i>piece of tone, shorter than a digit</span></div>'
)


def page(cases: Sequence[Case], verdicts: Sequence[Json]) -> str:
    """The whole page; `cases` and `verdicts` go together."""
    style = files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    calls = "".join(_call(case, verdict) for case, verdict in zip(cases, verdicts, strict=True))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(_headline(verdicts))}</title><style>{style}</style></head><body><main>"
        f"<h1>{escape(_headline(verdicts))}</h1><p class='lead'>{escape(_lead(verdicts))}</p>{calls}{_foot(verdicts)}"
        "</main></body></html>\n"
    )


def _headline(verdicts: Sequence[Json]) -> str:
    results = [one["result"] for one in verdicts]
    reached = sum(one["digits_to_agent"] for one in results)
    if any(one["verdict"] == "digits" for one in results):
        return f"{reached} digit{'' if reached == 1 else 's'} reached the agent's side"
    if any(one["verdict"] == "no_evidence" for one in results):
        return (
            "The audit gives no evidence"
            if len(results) == 1
            else "The audit gives no evidence on every call"
        )
    return "No digit reached the agent's side"


def _lead(verdicts: Sequence[Json]) -> str:
    pressed = sum(one["result"]["digits_from_customer"] for one in verdicts)
    seconds = sum(one["result"]["guarded_ms"] for one in verdicts) / 1000
    calls = f"{len(verdicts)} call{'' if len(verdicts) == 1 else 's'}"
    if not seconds:
        return f"{calls}; when the line was secured is not known."
    return f"{calls}, guarded for {seconds:.1f} s, in which the customer pressed {pressed} keys."


def _call(case: Case, verdict: Json) -> str:
    result = verdict["result"]
    reasons = "".join(f"<li>{escape(one)}</li>" for one in result["reasons"])
    return (
        f'<section class="call"><div class="top"><span class="badge {result["verdict"]}">{_SAYS[result["verdict"]]}</span>'
        f'<h2>{escape(_when(verdict["call"]["begin_ms"]))}</h2><span class="id">{escape(verdict["call"]["name"])}</span></div>'
        f'<div class="facts">{"".join(_facts(verdict))}</div>'
        + (f'<ul class="why">{reasons}</ul>' if reasons else "")
        + f'<div class="scroll">{drawing(case)}</div>{_LEGEND}{_details(verdict)}</section>'
    )


def _facts(verdict: Json) -> Iterator[str]:
    result, tested = verdict["result"], verdict["self_test"]
    level = result["loudest_tone_dbm0_x10"]
    known = verdict["windows"]["known_by"] != "unknown"
    longest = result["longest_fragment_ms"]
    pairs = [
        (str(result["digits_to_agent"]), "digits to the agent" + (" while guarded" if known else "")),
        (str(result["digits_from_customer"]) if known else "-", "digits pressed by the customer"),
        (f"{result['guarded_ms'] / 1000:.1f} s" if known else "unknown", "guarded"),
        (
            f"{longest} ms" if longest else "none",
            "longest piece of tone" + (f", {level / 10:.0f} dBm0" if level is not None else ""),
        ),
        (
            "passed" if tested["passed"] else "not passed",
            f"self-test, down to {tested['claim_dbm0_x10'] / 10:.0f} dBm0",
        ),
    ]
    return (f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>" for value, name in pairs)


def _details(verdict: Json) -> str:
    rows = "".join(_row(one, verdict) for one in verdict["streams"])
    unseen = "".join(f"<li>{escape(one)}</li>" for one in [*verdict["unseen"], *verdict["notes"]])
    messages = "".join(
        f"<li>{one['info_digits']} digits in SIP, {escape(one['from'])} to {escape(one['to'])}, {escape(_kind(verdict, one['window']))}</li>"
        for one in verdict["messages"]
    )
    return (
        "<details><summary>Streams, counts and what could not be seen</summary><h3>Streams</h3><div class='scroll'><table>"
        "<tr><th>leg</th><th>from</th><th>to</th><th>codecs</th><th class='n'>packets</th><th class='n'>missing</th>"
        "<th class='n'>events, guarded</th><th class='n'>tones, guarded</th><th class='n'>pieces</th></tr>"
        f"{rows}</table></div>"
        + (f"<h3>Digits in messages</h3><ul class='why'>{messages}</ul>" if messages else "")
        + (f"<h3>Not seen, and notes</h3><ul class='why'>{unseen}</ul>" if unseen else "")
        + "</details>"
    )


def _row(stream: Json, verdict: Json) -> str:
    guarded = [one for one in stream["windows"] if _kind(verdict, one["window"]) not in ("open", "unknown")]
    chosen = guarded or stream["windows"]
    codecs = ", ".join(f"{name} {count}" for name, count in stream["codecs"].items())
    if stream["not_decrypted"]:
        codecs = (codecs + ", " if codecs else "") + f"encrypted {stream['not_decrypted']}"
    numbers = (
        stream["packets"],
        stream["lost"],
        sum(one["digits"]["event"] for one in chosen),
        sum(one["digits"]["tone"] for one in chosen),
        sum(one["fragments"] for one in chosen),
    )
    words = (stream["leg"], stream["from"] or stream["source"], stream["to"] or stream["destination"], codecs)
    return (
        "<tr>"
        + "".join(f"<td>{escape(word)}</td>" for word in words)
        + "".join(f"<td class='n'>{number}</td>" for number in numbers)
        + "</tr>"
    )


def _kind(verdict: Json, window: int) -> str:
    return str(verdict["windows"]["list"][window]["kind"])


def _foot(verdicts: Sequence[Json]) -> str:
    last = verdicts[-1]
    signature = last.get("signature")
    captures = "; ".join(
        f"{one['name']} ({one['bytes']:,} octets, SHA-256 {one['sha256']})"
        for one in last["capture"]["files"]
    )
    signed = f"signed by {signature['key']}" if signature else "not signed"
    return (
        f"<footer><p>Capture: {escape(captures)}</p><p>Settings {escape(last['configuration']['sha256'])}. "
        f"Verdicts {verdicts[0]['chain']['index']} to {last['chain']['index']} of their chain, last {digest(last)}, {escape(signed)}. "
        f"Made by {escape(last['made_by'])}, {escape(_when(last['made_at'] * 1000))}.</p>"
        "<p>Clean means: in the windows shown, on the packets of this capture, an observer that had passed its self-test found no digit on its way to "
        "the agent's side. It says nothing of digits that were spoken, nor of media that did not pass where the capture was taken.</p>"
        "<p>This page is for people; what can be verified is the verdict itself (callseal audit verify). It holds no digit.</p></footer>"
    )


def _when(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
