"""The committed result of `make bench-failure` as a page."""

from __future__ import annotations

from typing import Any

from bench.failure_world import TTL_S
from bench.report import percentile

_HEAD = """\
# What a death costs

Written by `make bench-failure` on {date}: {calls} calls up, {rate:g} new calls a second, Kamailio {kamailio}, rtpengine {rtpengine}, {cpus} CPUs,
system load {load} at the start and {load_at_end} at the end, niceness {nice}. What happens and why: [failure](../explanation/failure.md). Times in seconds from
the `kill -9` (or from `callseal drain`).

| kill -9 of | longest silence of an open call's leg, median / worst | of the secured call's | legs silent at the end | card says so, median / worst | secured call afterwards | keys pressed / heard by the agent | new calls: tried / by the other edge / lost | calls hung up afterwards |
|---|---|---|---|---|---|---|---|---|
"""
_TAIL = """
- *Silence*: the longest pause between two packets that a leg received in the 12 s after the kill; ordinary jitter of this machine included, so
  0.1 s and less is none (the bench's own voices were up to {late:.2f} s late). Ten of the open calls are listened to at 50 packets a second, both legs, and the
  secured one; the others speak at 5 a second, and whether they are heard at the end is in *legs silent at the end*.
- *Card says so*: until the event stream held the notice (`node_lost`; `partner_gone` for the secured call when the partner dies). "-": nothing has
  happened to these calls, and the card says nothing.
- *Keys*: the customer of the secured call presses one key after the other from the kill on, as long as the card does not say that the line is open
  again; "heard" are packets with a key (RFC 4733) at the agent's leg.
- *By the other edge*: the carrier got no answer for 2 s, or a refusal, and dialled the second edge. *Lost*: neither answered within 2 s.
- With the partner dead, new calls go past it (the number's policy), and nobody is between the legs of the old ones: they end when the phones
  hang up.
- Name server: partner and platform are found by NAPTR and SRV with a lifetime of {ttl} s, so that what was known runs out while we watch; the resolver beside the edges (`infra/dns`) goes on saying it.
"""


def page(content: dict[str, Any]) -> str:
    """Markdown from the bench's JSON."""
    head = _HEAD.format(
        date=content["date"],
        calls=content["calls"],
        rate=content["rate"],
        kamailio=content["kamailio"],
        rtpengine=content["rtpengine"],
        cpus=content["cpus"],
        load=content["load_at_start"][0],
        load_at_end=content["load_at_end"][0],
        nice=content["niceness"],
    )
    late = max((one["voices_late"] for one in content["cases"]), default=0.0)
    return (
        head + "".join(map(_row, content["cases"])) + _drained(content) + _TAIL.format(late=late, ttl=TTL_S)
    )


def _drained(content: dict[str, Any]) -> str:
    drained = [one["drained"] for one in content["cases"] if one["drained"] is not None]
    if not drained:
        return ""
    return f"\n`callseal drain` said that nothing is left {drained[0]:.1f} s after it began; its calls were hung up from 12 s on.\n"


def _row(one: dict[str, Any]) -> str:
    card = one["card_open"] or ([one["card_secured"]] if one["card_secured"] is not None else [])
    again = f", again after {one['secured_again']:.1f}" if one["secured_again"] is not None else ""
    hung_up = f"{one['hung_up']} of {one['calls']}" if one["hung_up"] else "-"
    cells = (
        one["case"],
        _two(one["gaps"]),
        f"{one['secured_gap']:.2f}",
        str(one["deaf_after"]),
        _two(card) if card else "-",
        one["secured_state"] + again,
        f"{one['keys_pressed']} / {one['keys_leaked']}",
        f"{one['tried']} / {one['second_edge']} / {one['lost']}",
        hung_up,
    )
    return f"| {' | '.join(cells)} |\n"


def _two(samples: list[float]) -> str:
    return f"{percentile(samples, 50):.2f} / {max(samples):.2f}"
