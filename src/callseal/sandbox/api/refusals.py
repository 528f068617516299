"""How the API says no: a status, a stable id, words that repeat nothing of the request."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

_Body = TypeVar("_Body", bound=BaseModel)


class ProblemError(Exception):
    """A refusal; `facts` stand beside `error` and `message` in its body."""

    def __init__(self, status: int, error: str, message: str, **facts: object) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, object] = {"error": error, "message": message, **facts}


def parse(model: type[_Body], body: bytes) -> _Body:
    """The body as `model`. Raises `ProblemError` 422, which names places and repeats no value."""
    try:
        return model.model_validate_json(body or b"{}")
    except ValidationError as error:
        places = {".".join(map(str, one["loc"])) or "body" for one in error.errors(include_input=False)}
        raise ProblemError(422, "invalid_body", "wrong: " + ", ".join(sorted(places))) from None
