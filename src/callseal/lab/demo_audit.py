"""The demo's own capture, in memory, and the audit of it: what `callseal audit` says about the three calls just played."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path

from callseal.audit import libraries
from callseal.audit.recorder import LAB, Recorder
from callseal.audit.tap import TapError
from callseal.lab.block import Block
from callseal.lab.site import Site
from callseal.observe.errors import Error

NAME = "demo (in memory)"


@contextmanager
def recording(site: Site) -> Iterator[Recorder | None]:
    """Records what crosses the lab; None when that is not possible here."""
    networks = (IPv4Network(f"{site.prefix}.0/24"),) if isinstance(site, Block) else LAB
    try:
        with site.middle.inside():
            recorder = Recorder(networks, site.middle_interface)
    except TapError:
        yield None
        return
    with recorder:
        yield recorder


def told(recorder: Recorder, keep: Path | None, report: Path | None, made_at: int) -> tuple[bool, str, str]:
    """(whether every call is clean, one line on all calls, one on where to read more). Verdicts stay in `keep`, if there is one."""
    recorder.stop()
    try:
        libraries.load()
        # Large, and of no use to any other verb.
        from callseal.audit import command  # noqa: PLC0415
        from callseal.audit.captures import Named  # noqa: PLC0415

        found = command.audit([Named(NAME, recorder.capture())], command.Options(keys=True), made_at=made_at)
        verdicts = command.sealed(found, keep / "verdicts" if keep else None)
        if report is not None:
            command.write_report(report, found, verdicts)
    except Error as error:
        return False, f"AUDIT    {error.message}", ""
    results = [one["result"] for one in verdicts]
    clean = all(one["verdict"] == "clean" for one in results)
    reached, pressed = (
        sum(one[name] for one in results) for name in ("digits_to_agent", "digits_from_customer")
    )
    seconds = sum(one["guarded_ms"] for one in results) / 1000
    passed = all(one["self_test"]["passed"] for one in verdicts)
    line = (
        f"AUDIT    {len(results)} calls, {seconds:.1f} s secured: {reached} of {pressed} digits reached the agent; "
        f"self-test {'passed' if passed else 'NOT passed'}"
    )
    doubts = [reason for one in results if one["verdict"] != "clean" for reason in one["reasons"]]
    where = (
        f"         report {report.resolve().as_uri()}"
        if report
        else "         --report FILE draws it: both legs, tones and events, on one page"
    )
    return clean, line, doubts[0] if doubts else where
