"""What anybody may read, and which rtpengines this edge reaches."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.edge.face import BEARER, HANDOFF, LEG, STRANGER, Face, on_face
from tests.unit.edge.fakes import (
    REFERENCE,
    TOKEN,
)

pytestmark = pytest.mark.unit


def test_health_and_metrics_hold_numbers_only(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        await face.post("/inlet/handoff", data=HANDOFF)
        await face.post("/inlet/leg", source=STRANGER, data=LEG)
        assert (await face.get("/healthz")).json() == {"status": "ok", "ng": True, "waiting": 1}
        face.ng.silent = True
        assert (await face.get("/healthz")).json()["ng"] is False
        page = (await face.get("/metrics")).text
        assert "callseal_edge_spool_rows 1.0" in page
        assert "callseal_edge_spool_oldest_seconds 0.0" in page
        assert "callseal_edge_holds 0.0" in page
        assert 'callseal_edge_refused_total{reason="inlet_source"} 1.0' in page
        assert "callseal_edge_ng_round_trip_seconds" in page
        for private in (TOKEN, REFERENCE, "+447700900123"):
            assert private not in page

    on_face(tmp_path, story)


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/redoc", "/"])
def test_nothing_else_is_served(tmp_path: Path, path: str) -> None:
    async def story(face: Face) -> None:
        assert (await face.get(path)).status_code == 404

    on_face(tmp_path, story)


def test_nodes_as_this_edge_reaches_them(tmp_path: Path) -> None:
    async def story(face: Face) -> None:
        assert (await face.get("/v1/nodes")).status_code == 401
        face.ng.up = 12
        answer = await face.get("/v1/nodes", headers=BEARER)
        assert answer.json() == {"nodes": {"edge-1": 12}}
        face.ng.silent = True
        answer = await face.get("/v1/nodes", headers=BEARER)
        assert answer.json() == {"nodes": {"edge-1": None}}

    on_face(tmp_path, story)
