"""`EdgePort`: the edge agents over HTTP. The edge that reported the call is asked first; when it is gone, any other can do it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from callseal.payments.names import Place
from callseal.payments.ports import MediaReport, Refused, Unreachable
from callseal.wire.http_client import HttpPort, NoAnswerError, post_json

_NODES_S = 1.5
"""Longer than an agent waits for a silent rtpengine."""
_PLACES = {"partner": Place.PARTNER, "home": Place.HOME, "platform": Place.HOME}


class EdgeAgents:
    """`urls`: edge id -> base URL of its agent. `http` is made outside."""

    def __init__(
        self, urls: Mapping[str, str], secret: str, http: HttpPort, *, timeout_ms: int = 700
    ) -> None:
        self._urls = dict(urls)
        self._secret = secret
        self._http = http
        self._timeout = timeout_ms / 1000

    async def hold(self, *, edge: str, reference: str, call_id: str, node: str, ttl_ms: int, key: str) -> int:
        """Unix ms at which the hold ends by itself. Raises `Refused` when no edge knows the leg."""
        body = {"reference": reference, "call_id": call_id, "node": node, "ttl_ms": ttl_ms}
        answer = await self._ask(edge, "/v1/hold", body, key)
        if answer.get("held") is not True:
            raise Refused(200, "not_held")
        return _whole(answer.get("expires_at"))

    async def unhold(self, *, edge: str, reference: str, call_id: str, node: str, key: str) -> None:
        await self._ask(edge, "/v1/unhold", {"reference": reference, "call_id": call_id, "node": node}, key)

    async def media(
        self, *, edge: str, reference: str, customer_call_id: str, agent_call_id: str, node: str
    ) -> MediaReport:
        body = {
            "reference": reference,
            "customer_call_id": customer_call_id,
            "agent_call_id": agent_call_id,
            "node": node,
        }
        return read_media(await self._ask(edge, "/v1/media", body, None))

    async def nodes(self) -> dict[str, dict[str, int | None]]:
        """Every agent is asked at once; one that does not answer is not in the report."""
        answers = await asyncio.gather(*(self._nodes_of(url) for url in self._urls.values()))
        return {edge: said for edge, said in zip(self._urls, answers, strict=True) if said is not None}

    async def _nodes_of(self, url: str) -> dict[str, int | None] | None:
        headers = {"Authorization": f"Bearer {self._secret}"}
        try:
            answer = await self._http.request("GET", f"{url}/v1/nodes", headers=headers, timeout_s=_NODES_S)
            said = answer.json()["nodes"] if answer.is_success else None
        except (NoAnswerError, ValueError, KeyError, TypeError):
            return None
        if not isinstance(said, dict):
            return None
        return {str(node): up if isinstance(up, int) else None for node, up in said.items()}

    async def _ask(self, edge: str, path: str, body: dict[str, Any], key: str | None) -> dict[str, Any]:
        problem = Unreachable("no_edge", sent=False)
        for name in sorted(self._urls, key=lambda name: name != edge):
            try:
                return await self._post(self._urls[name] + path, body, key)
            except Unreachable as error:
                problem = Unreachable(error.reason, sent=error.sent or problem.sent)
        raise problem

    async def _post(self, url: str, body: dict[str, Any], key: str | None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._secret}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        try:
            answer = await post_json(self._http, url, body, headers=headers, timeout_s=self._timeout)
            content = answer.json() if answer.is_success else None
        except NoAnswerError as error:
            raise Unreachable(error.reason, sent=error.sent) from None
        except ValueError:
            raise Unreachable("no_json", sent=True) from None
        if isinstance(content, dict):
            return content
        if answer.is_client_error:
            raise Refused(answer.status, "no_such_leg" if answer.status == HTTPStatus.CONFLICT else "refused")
        raise Unreachable(f"status_{answer.status}", sent=True)


def read_media(answer: Mapping[str, Any]) -> MediaReport:
    """Anything that is not said clearly is unknown, not fenced, not anchored."""
    customer, agent = _leg(answer.get("customer")), _leg(answer.get("agent"))
    return MediaReport(
        customer=_PLACES.get(str(customer.get("where")), Place.UNKNOWN),
        agent=_PLACES.get(str(agent.get("where")), Place.UNKNOWN),
        fenced=agent.get("fenced") is True,
        anchored=customer.get("anchored") is True,
        held=customer.get("held") is True,
        customer_node=_name(customer.get("node")),
        agent_node=_name(agent.get("node")),
    )


def _leg(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _name(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
