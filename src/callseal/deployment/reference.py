"""Writes the reference pages of the deployment from the models and the validators.

    python -m callseal.deployment.reference docs/reference

A test compares the pages with what this would write, so they cannot drift.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from callseal.deployment.faults import Severity
from callseal.deployment.fields import FileField, NetworkField
from callseal.deployment.model import Deployment
from callseal.deployment.secrets import Secret
from callseal.deployment.validators import VALIDATORS
from callseal.deployment.values import HostPort, PortRange, SipUri

_HEAD = "<!-- Written by `python -m callseal.deployment.reference docs/reference`; do not edit. -->\n"
_DEPLOYMENT = """\
# The deployment file

Everything Callseal must know about one installation, in one TOML file; [examples/sandbox.toml](../../examples/sandbox.toml) is a
complete one. `callseal check FILE` reads it and tells every fault with its line ([validators](validators.md)); editors can use
[deployment.schema.json](deployment.schema.json).

Secrets are never written into the file, only named: `env:NAME` is a variable of the service's environment, `file:path` a file
(relative to the deployment file), without the line end that a text editor leaves. `callseal keys FILE` creates the files that are missing.
"""
_VALIDATORS = """\
# Validators

What `callseal check` looks for. An id keeps its meaning for ever. Each has an exhibit, a file with just that fault, in
[the museum](../../tests/unit/deployment/museum), except those that look at the machine (CS001, CS040 to CS043, CS064).
"""
_WORDS: dict[object, str] = {
    str: "text",
    int: "integer",
    bool: "boolean",
    Path: "file name",
    Secret: "secret: `env:NAME` or `file:path`",
    HostPort: "address:port",
    SipUri: "SIP URI",
    PortRange: "first-last",
}
_SPECIAL = {  # fields whose Python type says less than their form
    "match": "number or prefix",
    "media": "address",
    "api": "URL",
    "agent": "URL",
    "url": "URL",
}


def pages() -> dict[str, str]:
    """File name -> content of every page."""
    return {
        "deployment.md": deployment_page(),
        "validators.md": validators_page(),
        "deployment.schema.json": json.dumps(Deployment.model_json_schema(), indent=2, ensure_ascii=False)
        + "\n",
    }


def deployment_page() -> str:
    parts = [_HEAD, _DEPLOYMENT]
    for path, model, many in _tables(Deployment, ""):
        title = f"`[[{path}]]`" if many else f"`[{path}]`" if path else "Top level"
        parts.append(f"## {title}\n")
        if path:
            parts.append(f"{_doc(model)}\n")
        parts.append(_fields(model))
    return "\n".join(parts)


def validators_page() -> str:
    parts = [_HEAD, _VALIDATORS]
    for validator in VALIDATORS.values():
        warning = " (warning)" if validator.severity is Severity.WARNING else ""
        parts += [
            f"## {validator.id} {validator.name}{warning}\n",
            f"{validator.meaning}\n",
            f"{validator.advice}\n",
        ]
    return "\n".join(parts)


def _tables(model: type[BaseModel], path: str) -> Iterator[tuple[str, type[BaseModel], bool]]:
    """(path, model, is an array) of this table and all within it, in the order of the file."""
    if not path:
        yield path, model, False
    for name, field in model.model_fields.items():
        inner = _model_of(field.annotation)
        if inner is not None:
            here = f"{path}.{name}" if path else name
            yield here, inner, get_origin(field.annotation) is tuple
            yield from _tables(inner, here)


def _fields(model: type[BaseModel]) -> str:
    rows = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        if _model_of(field.annotation) is not None and not field.description:
            continue
        cells = (f"`{field.alias or name}`", _type_of(name, field), _default(field), field.description or "")
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _type_of(name: str, field: FieldInfo) -> str:
    if _model_of(field.annotation) is not None:
        return "table"
    if get_origin(field.annotation) is tuple:
        element = get_args(field.annotation)[0]
        return "list of " + {SipUri: "SIP URIs"}.get(
            element, "networks" if element is NetworkField else "texts"
        )
    if name in _SPECIAL:
        return _SPECIAL[name]
    return _words(field.annotation)


def _words(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{json.dumps(value)}`" for value in get_args(annotation))
    if get_origin(annotation) in (UnionType, Union):
        return _words(next(part for part in get_args(annotation) if part is not type(None)))
    if annotation is FileField:
        return _WORDS[Path]
    if get_args(annotation):
        return _words(get_args(annotation)[0])
    return _WORDS.get(annotation, "text")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default is None or field.default_factory is not None:
        return ""
    return "" if field.default == () else f"`{json.dumps(field.default)}`"


def _model_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_of(part)) is not None), None)


def _doc(model: type[BaseModel]) -> str:
    text = (model.__doc__ or "").split(";")[0].strip()
    return text if text.endswith(".") else text + "."


def main(folder: Path) -> None:
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
