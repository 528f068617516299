"""The partner's contract as a judge: every request, answer and webhook of a test is held against `openapi.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker


@cache
def contract() -> dict[str, Any]:
    text = (resources.files("callseal.partners.sandbox") / "openapi.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    """Follow a `$ref` inside the document."""
    if "$ref" not in node:
        return node
    found: Any = contract()
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def _validator(schema: dict[str, Any]) -> Draft202012Validator:
    # The document's components travel with the schema, so that its references resolve.
    whole = {**schema, "components": contract()["components"]}
    return Draft202012Validator(whole, format_checker=FormatChecker())


def _operation(method: str, path: str) -> dict[str, Any]:
    for template, operations in contract()["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        if re.fullmatch(pattern, path) and method.lower() in operations:
            return dict(operations[method.lower()])
    raise AssertionError(f"{method} {path} is not in the contract")


def _check_headers(operation: dict[str, Any], headers: Mapping[str, str]) -> None:
    given = {name.lower(): value for name, value in headers.items()}
    for parameter in map(resolve, operation.get("parameters", [])):
        if parameter["in"] == "header":
            name = parameter["name"].lower()
            assert name in given, f"header {parameter['name']} is missing"
            _validator(parameter["schema"]).validate(given[name])


def check_request(method: str, path: str, headers: Mapping[str, str], body: object) -> None:
    """A request as its sender should send it. Raises `AssertionError` or `jsonschema.ValidationError`."""
    operation = _operation(method, path)
    _check_headers(operation, headers)
    if "requestBody" in operation:
        _validator(operation["requestBody"]["content"]["application/json"]["schema"]).validate(body)


def check_answer(method: str, path: str, status: int, body: object) -> None:
    """An answer as the partner should give it, whatever was asked."""
    responses = _operation(method, path)["responses"]
    assert str(status) in responses, f"{method} {path} may not answer {status}"
    _validator(responses[str(status)]["content"]["application/json"]["schema"]).validate(body)


def check_webhook(headers: Mapping[str, str], event: dict[str, Any]) -> None:
    """A webhook as the partner should send it."""
    hooks = contract()["webhooks"]
    assert event.get("type") in hooks, f"no webhook of type {event.get('type')} is in the contract"
    operation = hooks[event["type"]]["post"]
    _check_headers(operation, headers)
    _validator(operation["requestBody"]["content"]["application/json"]["schema"]).validate(event)
