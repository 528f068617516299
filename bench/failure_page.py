"""The committed result of `make bench-failure` as a page."""

from __future__ import annotations

from typing import Any

from bench.report import percentile

_HEAD = """\
# What a death costs

Written by `make bench-failure` on {date}: {calls} calls up, {rate:g} new calls a second, Kamailio {kamailio}, rtpengine {rtpengine}, {cpus} CPUs,
system load {load} on a machine that others used too, niceness {nice}. What happens and why: [failure](../explanation/failure.md). Times in seconds from the `kill -9`.

| kill -9 of | longest silence of an open call's leg, median / worst | of the secured call's | card says so, median / worst | secured call afterwards | new calls: tried / by the other edge / lost | open calls hung up afterwards |
|---|---|---|---|---|---|---|
"""
_TAIL = """
- *Silence*: the longest pause between two packets that a leg received in the 12 s after the kill; ordinary jitter of this machine included, so
  0.1 s and less is none. Ten of the open calls were listened to, both legs, and the secured one.
- *Card says so*: until the event stream held the notice (`node_lost`; `partner_gone` for the secured call when the partner dies). "-": nothing has
  happened to these calls, and the card says nothing.
- *By the other edge*: the carrier got no answer for 2 s and dialled the second edge. *Lost*: neither answered.
- With the partner dead, new calls go past it (the number's policy), and nobody is between the legs of the old ones: they end when the phones
  hang up.
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
        nice=content["niceness"],
    )
    return head + "".join(_row(one) for one in content["cases"]) + _TAIL


def _row(one: dict[str, Any]) -> str:
    card = one["card_open"] or ([one["card_secured"]] if one["card_secured"] is not None else [])
    again = f", again after {one['secured_again']:.1f}" if one["secured_again"] is not None else ""
    hung_up = f"{one['hung_up']} of {one['calls']}" if one["hung_up"] else "-"
    cells = (
        one["case"],
        _two(one["gaps"]),
        f"{one['secured_gap']:.2f}",
        _two(card) if card else "-",
        one["secured_state"] + again,
        f"{one['tried']} / {one['second_edge']} / {one['lost']}",
        hung_up,
    )
    return f"| {' | '.join(cells)} |\n"


def _two(samples: list[float]) -> str:
    return f"{percentile(samples, 50):.2f} / {max(samples):.2f}"
