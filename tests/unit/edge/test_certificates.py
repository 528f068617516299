"""Time left of certificate files, as the edge agent's metrics show it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from callseal.edge.certificates import METRIC, CertificateExpiry, ends_at
from callseal.lab.authority import Authority

pytestmark = pytest.mark.unit
NOW = datetime(2026, 7, 1, tzinfo=UTC)
DAY_S = 86_400


def issued(days: int) -> bytes:
    return (
        Authority.new("a", NOW).issue("edge.example.net", now=NOW, lifetime=timedelta(days=days)).certificate
    )


def exposed(now: datetime, *files: Path) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(CertificateExpiry(files, lambda: int(now.timestamp() * 1000)))
    lines = [line for line in generate_latest(registry).decode().splitlines() if line.startswith(METRIC)]
    return {line.split('"')[1]: float(line.split(" ")[-1]) for line in lines}


def test_the_first_to_end_counts() -> None:
    assert ends_at(issued(90) + issued(30)) == (NOW + timedelta(days=30)).timestamp()


def test_seconds_left_a_file(tmp_path: Path) -> None:
    edge, ca = tmp_path / "edge.pem", tmp_path / "ca.pem"
    edge.write_bytes(issued(90))
    ca.write_bytes(issued(30))
    assert exposed(NOW, edge, ca) == {"edge.pem": 90 * DAY_S, "ca.pem": 30 * DAY_S}
    assert exposed(NOW + timedelta(days=31), edge, ca) == {"edge.pem": 59 * DAY_S, "ca.pem": -DAY_S}
    edge.write_bytes(issued(365))
    assert exposed(NOW, edge)["edge.pem"] == 365 * DAY_S, "a renewed file shows at once"


def test_a_file_that_says_nothing_rings_the_alarm(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_bytes(b"")
    assert exposed(NOW, empty, tmp_path / "none.pem") == {
        "empty.pem": float("-inf"),
        "none.pem": float("-inf"),
    }
