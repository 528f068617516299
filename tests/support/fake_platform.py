"""A contact-centre platform for desk tests: takes webhooks and checks their signatures."""

from __future__ import annotations

import hmac
import json
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from tests.support.desk_places import PLATFORM_WEBHOOK, sign


class FakePlatform:
    def __init__(self) -> None:
        self.app = FastAPI()
        self.seen: list[dict[str, Any]] = []
        self.acknowledge = True
        self.status = 200
        self.app.post("/events")(self._take)

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        expected = sign(
            PLATFORM_WEBHOOK, request.headers["webhook-id"], int(request.headers["webhook-timestamp"]), body
        )
        assert hmac.compare_digest(expected["webhook-signature"], request.headers["webhook-signature"])
        self.seen.append(json.loads(body))
        return JSONResponse({"acknowledged": self.acknowledge}, self.status)

    def types(self) -> list[str]:
        return [message["type"] for message in self.seen]
