import json
from typing import Any

import pytest

from callseal.sandbox.platform.messages import ShapeError, read

pytestmark = pytest.mark.unit

REFERENCE = "0123456789abcdef" * 2
ANNOTATED: dict[str, Any] = {"reference": REFERENCE, "state": "secured", "text": "Payment approved"}


def message(kind: str, **data: Any) -> bytes:
    return json.dumps({"type": kind, "data": data}).encode()


def test_the_three_messages() -> None:
    assert read(message("call.annotated", **ANNOTATED)).type == "call.annotated"
    for kind in ("recording.pause", "recording.resume"):
        assert read(message(kind, reference=REFERENCE)).data.reference == REFERENCE


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"type":"recording.pause"}',
        message("recording.stop", reference=REFERENCE),
        message("recording.pause", reference=REFERENCE.upper()),
        message("recording.pause", reference=REFERENCE, digits="4242"),
        message("recording.pause", reference=REFERENCE, text="Payment"),
        message("call.annotated", **ANNOTATED, last4="4242"),
        message("call.annotated", **{**ANNOTATED, "text": "paid with 4242 4242-4242 4242"}),
        message("call.annotated", **{**ANNOTATED, "text": 4242424242424242}),
        message("call.annotated", **{**ANNOTATED, "text": ""}),
        message("call.annotated", **{**ANNOTATED, "state": "Secured 1"}),
        message("call.annotated", reference=REFERENCE, state="secured"),
        json.dumps({"type": "recording.pause", "data": {"reference": REFERENCE}, "pan": "4242"}).encode(),
    ],
)
def test_everything_else_is_refused_without_a_word_of_it(body: bytes) -> None:
    with pytest.raises(ShapeError) as refused:
        read(body)
    assert "4242" not in str(refused.value)
    assert str(refused.value)
