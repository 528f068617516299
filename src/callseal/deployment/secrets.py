"""References to secrets. A deployment file names secrets and never holds one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from callseal.deployment.faults import refuse
from callseal.observe.errors import Error

CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""Where systemd puts what a unit's `LoadCredential=` names, for the user of that service alone (systemd.exec(5), Credentials)."""


class SecretError(Error):
    """A referenced secret cannot be read."""

    id = "secret_error"


class Secret:
    """`env:NAME` or `file:path` (relative to the deployment file); read when `reveal()` is called, never before.

    A service that may not read the file is given it by its unit: the credential of that path with `_` for `/`
    (`file:secrets/edge-secret` is `secrets_edge-secret`) is read instead, where there is one.

    It keeps no value, so that `repr`, `pickle` and a core file of an idle process show the reference only.
    """

    __slots__ = ("_base", "_kind", "_name")
    KINDS: ClassVar = ("env", "file")

    def __init__(self, reference: str, base: Path) -> None:
        kind, colon, name = reference.partition(":")
        if not colon or kind not in self.KINDS or not name.strip():
            # The text may be a real secret that somebody pasted: it is not repeated.
            raise ValueError("a secret is written as env:NAME or file:path")
        self._kind, self._name, self._base = kind, name.strip(), base

    @property
    def path(self) -> Path | None:
        """The file of a `file:` reference, else None."""
        return self._base / self._name if self._kind == "file" else None

    @property
    def variable(self) -> str | None:
        """The environment variable of an `env:` reference, else None."""
        return self._name if self._kind == "env" else None

    def reveal(self) -> str:
        """The secret, without the line end a text editor leaves. Raises `SecretError`."""
        if self.variable is not None:
            value = os.environ.get(self.variable, "")
            advice = f"Set the environment variable {self.variable} for this process."
        else:
            path = self._credential() or self._base / self._name
            advice = "`callseal keys FILE` creates the secret files that are missing."
            try:
                value = path.read_text(encoding="utf-8")
            except PermissionError:
                raise SecretError(
                    f"secret {self} cannot be read: Permission denied",
                    advice="Run this as root. A service is given it by its unit, LoadCredential= (docs/how-to/deploy.md).",
                ) from None
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
                raise SecretError(f"secret {self} cannot be read: {reason}", advice=advice) from None
        value = value.strip("\r\n")
        if not value:
            raise SecretError(f"secret {self} is empty or not set", advice=advice)
        return value

    def _credential(self) -> Path | None:
        directory = os.environ.get(CREDENTIALS)
        path = Path(directory) / self._name.lstrip("/").replace("/", "_") if directory else None
        return path if path is not None and path.is_file() else None

    def __str__(self) -> str:
        return f"{self._kind}:{self._name}"

    def __repr__(self) -> str:
        return f"Secret({self})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (str(self), self._base) == (str(other), other._base)

    def __hash__(self) -> int:
        return hash((str(self), self._base))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            cls._validate, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "pattern": "^(env|file):.+", "description": "env:NAME or file:path"}

    @classmethod
    def _validate(cls, value: object, info: ValidationInfo) -> Secret:
        if isinstance(value, cls):
            return value
        base = (info.context or {}).get("base", Path())
        try:
            return cls(value if isinstance(value, str) else "", base)
        except ValueError:
            raise refuse("CS011", "a secret stands in the deployment file itself") from None
