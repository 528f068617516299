"""Checks of whom the edge depends on: its agent and the desk; and the ports between them.

Not the partner's API: the desk alone has a way to it, and watches it.
"""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from callseal.operate import processes
from callseal.operate.finding import Finding, fail, ok, warn
from callseal.operate.patient import NoAnswerError, Patient
from callseal.render.firewall import ng_http
from callseal.render.transports import streams

OLD_WARN_S = 10.0
OLD_FAIL_S = 120.0
SKEW_WARN_S = 2.0
SKEW_FAIL_S = 30.0


def edge_agent(patient: Patient) -> Iterator[Finding]:
    base = patient.edge.agent.rstrip("/")
    try:
        health, page = patient.get(f"{base}/healthz"), patient.get(f"{base}/metrics")
    except NoAnswerError as error:
        yield fail(
            "agent",
            f"the edge agent does not answer on {base} ({error})",
            "Start it, or see in its log what holds it up: calls go on, but no new one can take a payment.",
        )
        return
    if health.status != 200 or page.status != 200:
        yield fail("agent", f"the edge agent answers {health.status}", "Look at its log: is its disk full?")
        return
    yield ok("agent", f"the edge agent answers on {base}")
    figures = {
        sample.name: sample.value
        for family in text_string_to_metric_families(page.text)
        for sample in family.samples
        if not sample.labels
    }
    yield spool(
        int(figures.get("callseal_edge_spool_rows", 0)),
        figures.get("callseal_edge_spool_oldest_seconds", 0.0),
    )
    if figures.get("callseal_edge_router_up") != 1:
        yield warn(
            "agent-router",
            "the edge agent cannot read Kamailio's control socket: its metrics lack the router",
            "Does Kamailio run (its own line)? Then start the agent with --control and as a user who may use the socket.",
        )


def spool(rows: int, oldest_s: float) -> Finding:
    text = f"{rows} rows wait for the desk, the oldest for {oldest_s:.0f} s"
    advice = "The desk does not take them: see the desk's line, and `not_delivered` in the agent's log."
    if oldest_s >= OLD_FAIL_S:
        return fail("spool", text, advice)
    return warn("spool", text, advice) if oldest_s >= OLD_WARN_S else ok("spool", text)


def desk(patient: Patient) -> Iterator[Finding]:
    url = patient.deployment.desk.url.rstrip("/")
    try:
        before = patient.now_ms()
        answer = patient.get(f"{url}/readyz")
        now_ms = (before + patient.now_ms()) / 2
    except NoAnswerError as error:
        yield fail(
            "desk",
            f"the desk does not answer on {url} ({error})",
            "Start it, or see in its log what holds it up: calls go on without payments until it is back.",
        )
        return
    if answer.status != 200:
        yield fail(
            "desk", f"the desk answers {answer.status} on {url}/readyz", "Look at its log and its disk."
        )
    else:
        yield ok("desk", f"the desk is ready on {url}")
    yield skew(answer.date, now_ms)


def skew(date: str, now_ms: float) -> Finding:
    """HTTP's Date has whole seconds (RFC 9110, 6.6.1): half a second is added, on average."""
    try:
        theirs = parsedate_to_datetime(date).timestamp() + 0.5
    except ValueError:
        return warn("clock", "the desk sends no date", "Compare the clocks by hand.")
    off = now_ms / 1000 - theirs
    text = f"this clock is {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} the desk's"
    advice = "Run NTP on both: cookies, tokens and webhooks carry times."
    if abs(off) >= SKEW_FAIL_S:
        return fail("clock", text, advice)
    return (
        warn("clock", text, advice)
        if abs(off) >= SKEW_WARN_S
        else ok("clock", "the clocks of edge and desk agree")
    )


def ports(patient: Patient) -> Iterator[Finding]:
    """Who should listen does; and what has no password does not listen everywhere."""
    edge, found = patient.edge.bound, processes.listeners(patient.proc)
    agent = urlsplit(edge.agent)
    wanted: tuple[tuple[str, str, tuple[str, int], bool], ...] = (
        ("SIP", "udp", edge.sip.pair, False),
        ("rtpengine's ng", "udp", edge.ng.pair, True),
        ("rtpengine's HTTP", "tcp", ng_http(edge).pair, True),
        ("the edge agent", "tcp", (agent.hostname or "", agent.port or 80), True),
        ("the edge agent's datagrams", "udp", edge.events.pair, True),
    )
    spoken = streams(patient.deployment)
    if "tcp" in spoken:
        wanted = (*wanted, ("SIP over TCP", "tcp", edge.sip.pair, False))
    if "tls" in spoken and edge.sip_tls is not None:
        wanted = (*wanted, ("SIP over TLS", "tcp", edge.sip_tls.pair, False))
    if edge.sip6 is not None:
        wanted = (*wanted, ("SIP over IPv6", "udp", edge.sip6.pair, False))
    good = 0
    for name, protocol, address, inside in wanted:
        where = f"{address[0]}:{address[1]}/{protocol}"
        listener = processes.listening(found, protocol, address)
        if listener is None:
            yield fail("ports", f"nobody listens on {where} ({name})", "Start it; see its own line.")
        elif inside and listener.everywhere:
            yield fail(
                "ports",
                f"{name} listens on every address, port {address[1]}/{protocol}",
                f"Anybody who reaches it may use it: bind it to {address[0]}.",
            )
        else:
            good += 1
    if good == len(wanted):
        yield ok("ports", f"all {good} ports are served, inner ones on their own address only")
