"""Checks of Kamailio, by its own word over the control socket."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from callseal.deployment import Deployment, Peer
from callseal.deployment.groups import PARTNER_GROUP, PLATFORM_GROUP, carrier_group
from callseal.edge.router_state import Destination, Probe, RouterState, read_state
from callseal.observe.errors import Error
from callseal.operate.finding import Finding, fail, ok, warn
from callseal.operate.patient import Patient
from callseal.operate.rendered import newer_than_start
from callseal.operate.versions import is_tested, read_version, tested

QUEUE_WARN = 50
_MODULE = re.compile(r'(?m)^\s*loadmodule\s+"(\w+)\.so"')
_ALARMS = {
    "fence_unconfirmed": "a fence could not be confirmed, and the secure re-INVITE was refused",
    "hold_failed": "a hold could not be set, and media stayed where it was",
    "undo_failed": "a refused re-INVITE could not be undone: media may be at the partner",
    "media_failed": "rtpengine did not do what it was asked",
    "memory_refused": "shared memory was short, and new calls were turned away",
    "agent_unreached": "notices to the edge agent were given up: calls without payments",
}


def kamailio(patient: Patient) -> Iterator[Finding]:
    """Alive, of a tested version, running what was rendered, and nothing loaded that is not ours."""
    control = patient.control
    try:
        said = str(control.call("core.version"))
        loaded = set(control.call("core.modules"))
        uptime_s = int(control.call("core.runinfo")["uptime_secs"])
    except Error as error:
        yield fail(
            "kamailio",
            error.message,
            "Start it, or see in its log why it ended: no call passes this edge. (Root, or Kamailio's own user, may ask it.)",
        )
        return
    version = read_version(said)
    if version is None or not is_tested("kamailio", version):
        yield fail("kamailio", f"{said.strip()} is not a tested version", f"Tested are {tested('kamailio')}.")
    else:
        yield ok("kamailio", f"{said.strip()} answers")
    yield _modules(patient, loaded)
    yield _started_after(patient, uptime_s)


def _modules(patient: Patient, loaded: set[str]) -> Finding:
    named: set[str] = set()
    for path in patient.router.glob("*.cfg"):
        named |= set(_MODULE.findall(path.read_text(encoding="utf-8")))
    strange = loaded - named
    if strange:
        return fail(
            "modules",
            f"Kamailio has loaded {', '.join(sorted(strange))}, which the configuration does not name",
            "Somebody started it with another configuration: start it with the rendered one.",
        )
    return ok("modules", f"{len(loaded)} modules, all of them ours")


def _started_after(patient: Patient, uptime_s: int) -> Finding:
    names = newer_than_start(patient.router, uptime_s, patient.now_ms())
    if names:
        return warn(
            "restart",
            f"{', '.join(names)}: written after Kamailio's start, so it does not know it yet",
            "`callseal reload --restart`: established calls go on, nothing about a call is in its memory.",
        )
    return ok("restart", "Kamailio runs what was rendered")


def router_state(patient: Patient) -> Iterator[Finding]:
    """Destinations, the queue to the edge agent, memory, alarms, draining."""
    try:
        state = read_state(patient.control)
    except Error as error:
        yield fail(
            "router",
            f"nothing is known of destinations, queue, memory, alarms and drain: {error.message}",
            "See the line of kamailio.",
        )
        return
    over_tls = frozenset(
        group for group, peer in peers_by_group(patient.deployment) if peer.transport == "tls"
    )
    yield from destinations(state.destinations, over_tls, state.events.get("tls_ended", 0))
    if state.draining:
        yield warn(
            "drain", "the edge is being drained: it takes no new calls", "`callseal undrain` ends that."
        )
    yield from tracing(patient)
    yield from figures(state)
    busiest = _most_calls(patient.control.call("pl.list")) if state.short_of_memory else ""
    yield from memory(state, busiest)


def tracing(patient: Patient) -> Iterator[Finding]:
    collector = patient.deployment.router.hep
    if collector is not None:
        yield warn(
            "tracing", f"SIP is traced to {collector}", "Take `hep` out of [router] when the fault is found."
        )


def peers_by_group(deployment: Deployment) -> Iterator[tuple[int, Peer]]:
    """Whom Kamailio's destination sets belong to, numbered as `callseal.render.plan` does."""
    yield from ((carrier_group(carrier.id), carrier) for carrier in deployment.carriers)
    yield (PARTNER_GROUP, deployment.partner)
    yield (PLATFORM_GROUP, deployment.platform)


def destinations(
    found: tuple[Destination, ...], over_tls: frozenset[int] = frozenset(), tls_ended: int = 0
) -> Iterator[Finding]:
    """`over_tls`: the sets whose peer speaks TLS; `tls_ended`: since Kamailio's start, with whomever."""
    groups: defaultdict[int, list[Destination]] = defaultdict(list)
    for one in found:
        groups[one.group].append(one)
    for group, members in sorted(groups.items()):
        down = [one.uri for one in members if not one.up]
        who = {1: "partner", 2: "platform"}.get(group, "carrier")
        if not down:
            yield from _up(who, members)
        elif len(down) == len(members):
            yield fail(
                "destinations",
                f"{who}: {', '.join(down)} down",
                "It does not answer OPTIONS: ask its operator."
                if group not in over_tls
                else "It does not answer OPTIONS over TLS"
                f" ({tls_ended} TLS connections have ended since Kamailio's start): does its certificate bear a name of"
                " `tls_name` and come from `ca`, and does it take ours? Else ask its operator.",
            )
        else:
            yield warn("destinations", f"{who}: {', '.join(down)} down, others are up", "Ask its operator.")
    if not groups:
        yield fail("destinations", "Kamailio has no destinations", "Look at data/dispatcher.list.")


def _up(who: str, members: list[Destination]) -> Iterator[Finding]:
    """Of a set in which Kamailio takes everything for up: what it knows, and what it only supposes."""
    asked = {probe: [one.uri for one in members if one.probe is probe] for probe in Probe}
    if asked[Probe.ANSWERED]:
        yield ok("destinations", f"{who}: {', '.join(asked[Probe.ANSWERED])} up")
    if asked[Probe.NONE_YET]:
        yield warn(
            "destinations",
            f"{who}: {', '.join(asked[Probe.NONE_YET])} not probed yet, so calls are sent there and nobody knows whether it answers",
            "Kamailio has just started, or taken a new list: look again in 10 seconds.",
        )
    if asked[Probe.UNANSWERED]:
        yield warn(
            "destinations",
            f"{who}: {', '.join(asked[Probe.UNANSWERED])} did not answer the last OPTIONS, or its name has no address; calls are still sent there",
            "Look again in 10 seconds: a second time, and it counts as down.",
        )


def figures(state: RouterState) -> Iterator[Finding]:
    if state.queue >= QUEUE_WARN:
        yield warn(
            "queue",
            f"{state.queue} notices wait for the edge agent",
            "Is the agent running, and fast enough?",
        )
    rung = [(name, state.events.get(name, 0)) for name in _ALARMS if state.events.get(name, 0)]
    for name, count in rung:
        yield warn(
            "alarms",
            f"{name} {count}: {_ALARMS[name]}",
            f"Look for it in Kamailio's log; {name} counts since its start.",
        )
    if not rung:
        yield ok("alarms", f"no alarm since Kamailio's start; {state.queue} notices wait for the edge agent")


def memory(state: RouterState, busiest: str) -> Iterator[Finding]:
    """Nothing when all is well. `busiest`: the peer that begins the most calls now."""
    amount = f"{state.free_bytes >> 20} of {state.total_bytes >> 20} MiB of shared memory free"
    if not state.guarded:
        yield fail(
            "memory",
            f"Kamailio does not look at its memory; {amount}",
            "What it runs is not what is rendered, or its timer hangs, or it has just started: ask again, then restart it.",
        )
    if state.short_of_memory == 0:
        return
    said = "new calls are turned away" if state.short_of_memory == 1 else "only calls that are up go on"
    yield fail(
        "memory",
        f"{amount}: {said}",
        f"It ends by itself. Most calls now: {busiest}. Lower that peer's `calls_per_second`, or give Kamailio more (-m).",
    )


def _most_calls(pipes: Iterable[Mapping[str, object]]) -> str:
    """From the counters of the limits (`router/limits.cfg`): who, and how many new calls in the last whole second."""
    calls = {
        name.removesuffix(".calls"): int(str(pipe["last_counter"]))
        for pipe in pipes
        if (name := str(pipe["name"])).endswith(".calls")
    }
    who = max(calls, key=lambda peer: calls[peer], default="")
    return f"{who} with {calls[who]} a second" if who else "nobody"
