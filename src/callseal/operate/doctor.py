"""`callseal doctor`: every check, in order, each on its own: what fails early does not hide what follows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from callseal.deployment import examine
from callseal.operate import (
    checks_bound,
    checks_files,
    checks_media,
    checks_neighbours,
    checks_network,
    checks_router,
    checks_tls,
    checks_traces,
)
from callseal.operate.finding import Finding, fail, ok
from callseal.operate.patient import Patient

Check = Callable[[Patient], Iterable[Finding]]

CHECKS: tuple[Check, ...] = (
    checks_files.secrets,
    checks_files.rendered,
    checks_router.kamailio,
    checks_router.router_state,
    checks_tls.peer_check,
    checks_media.rtpengine,
    checks_traces.log_levels,
    checks_traces.core_files,
    checks_neighbours.edge_agent,
    checks_neighbours.desk,
    checks_neighbours.ports,
    checks_bound.addresses,
    checks_network.names,
    checks_network.firewall,
    checks_bound.own_public,
    checks_network.late_messages,
    checks_files.certificates,
    checks_files.room,
)


def deployment_findings(file: Path) -> list[Finding]:
    """Whether the deployment can be read. Faults are one finding each; secrets are looked at by their own check."""
    found = examine(file, secrets=False)
    if found.deployment is None:
        return [
            fail(
                "deployment",
                f"{fault.file}:{fault.line} {fault.where or 'file'}: {fault.message}",
                fault.advice,
            )
            for fault in found.errors
        ]
    return [ok("deployment", f"{file} is good")]


def examine_edge(patient: Patient, checks: Iterable[Check] = CHECKS) -> Iterator[Finding]:
    """Findings as they come. A check that breaks is itself a finding."""
    for check in checks:
        try:
            yield from check(patient)
        except Exception as error:  # noqa: BLE001 - one broken check must not hide the others
            yield fail(
                check.__name__.replace("_", "-"),
                f"this check broke: {type(error).__name__}",
                "Please report it.",
            )
