"""The contract file, the routes and the names in the code agree."""

from __future__ import annotations

from typing import Any, cast

import pytest
from fastapi.routing import APIRoute
from jsonschema import Draft202012Validator

from callseal.cards import Brand
from callseal.payments import names
from callseal.sandbox.api.app import create_app
from callseal.sandbox.api.verbs import Verbs
from callseal.sandbox.capture.fields import Field, Reason
from callseal.sandbox.session.psp_client import REASONS
from callseal.sandbox.session.switches import Switches
from callseal.sandbox.session.table import State
from tests.support.partner_contract import check_answer, check_request, check_webhook, contract

pytestmark = pytest.mark.unit


def schema(name: str) -> dict[str, Any]:
    return cast("dict[str, Any]", contract()["components"]["schemas"][name])


def test_the_file_is_openapi_3_1_with_good_schemas() -> None:
    assert contract()["openapi"] == "3.1.0"
    for one in contract()["components"]["schemas"].values():
        Draft202012Validator.check_schema(one)


def test_every_route_is_in_the_file_and_the_other_way_round() -> None:
    nothing: Any = None
    app = create_app(
        api_key="x",
        switchboard=nothing,
        charges=nothing,
        verbs=Verbs(nothing, nothing),
        switches=Switches(),
        webhooks=nothing,
    )
    served = {
        (method.lower(), route.path)
        for route in app.routes
        if isinstance(route, APIRoute) and route.path != "/faults"
        for method in route.methods or ()
    }
    written = {(method, path) for path, operations in contract()["paths"].items() for method in operations}
    assert served == written


def test_names_are_the_same_everywhere() -> None:
    assert schema("Session")["properties"]["state"]["enum"] == [str(state) for state in State]
    assert schema("Field")["properties"]["name"]["enum"] == [str(field) for field in Field]
    assert set(schema("Field")["properties"]["reason"]["enum"]) == {*map(str, Reason), None}
    assert set(schema("Field")["properties"]["brand"]["enum"]) == {*map(str, Brand), None}
    assert set(schema("ChargeResult")["properties"]["reason"]["enum"]) == REASONS
    assert {str(brand) for brand in Brand} <= {str(brand) for brand in names.Brand}
    assert {str(field) for field in Field} == {str(name) for name in names.FieldName}


def test_the_judge_can_say_no() -> None:
    good = {"session-token": "t", "idempotency-key": "k"}
    check_request("POST", "/v1/session/secure", good, {})
    for path, headers, body in (
        ("/v1/session/secure", {"session-token": "t"}, {}),
        ("/v1/session/secure", good, {"more": 1}),
        ("/v1/session/charge", good, {"amount": 0, "currency": "GBP", "reference": "x"}),
        ("/v1/session/nothing", good, {}),
    ):
        with pytest.raises(Exception, match=r".+"):
            check_request("POST", path, headers, body)
    with pytest.raises(Exception, match=r".+"):
        check_answer("POST", "/v1/session/secure", 202, {"session": "short"})
    with pytest.raises(AssertionError, match="may not answer 500"):
        check_answer("POST", "/v1/session/secure", 500, {})
    with pytest.raises(Exception, match=r".+"):
        check_webhook({}, {"type": "session.secured", "timestamp": "now", "data": {}})
