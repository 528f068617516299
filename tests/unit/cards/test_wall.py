"""Every way out of a card value is shut, one test a way."""

import copy
import json
import pickle
from collections.abc import Callable

import pytest

from callseal.cards import Card, CardData, CardDataRefusedError, Expiry, Pan, PostalCode, SecurityCode

pytestmark = pytest.mark.unit

VALUES = [
    pytest.param(lambda: Pan("4242424242424242"), "4242424242424242", id="pan"),
    pytest.param(lambda: SecurityCode("737"), "737", id="security code"),
    pytest.param(lambda: Expiry("1230"), "1230", id="expiry"),
    pytest.param(lambda: PostalCode("90210"), "90210", id="postal code"),
]
WAYS_OUT = {
    "repr": repr,
    "str": str,
    "format": "{}".format,
    "format spec": lambda value: f"{value:>20}",
    "percent": lambda value: "%s" % value,  # noqa: UP031 - the old way must be shut too
    "bytes": bytes,
    "pickle": pickle.dumps,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "json": json.dumps,
    "json default=str": lambda value: json.dumps(value, default=str),
    "vars": vars,
    "hash": hash,
    "list": list,
    "len": len,
    "int": int,
}


@pytest.mark.parametrize(("make", "digits"), VALUES)
@pytest.mark.parametrize("way", WAYS_OUT.values(), ids=WAYS_OUT.keys())
def test_no_way_out(make: Callable[[], CardData], digits: str, way: Callable[[object], object]) -> None:
    with pytest.raises(TypeError) as refused:
        way(make())
    assert digits not in str(refused.value)


@pytest.mark.parametrize(("make", "digits"), VALUES)
def test_reveal_is_the_way_and_wipe_ends_it(make: Callable[[], CardData], digits: str) -> None:
    value = make()
    assert value.reveal() == digits
    value.wipe()
    value.wipe()
    assert value.wiped
    with pytest.raises(ValueError, match="wiped") as gone:
        value.reveal()
    assert digits not in str(gone.value)


@pytest.mark.parametrize("kind", [Pan, SecurityCode, Expiry, PostalCode])
@pytest.mark.parametrize(
    "wrong", ["4242 4242 4242 4242", "1x34", "", "\u0664\u0662\u0664", "4242424242424241"]
)
def test_an_error_never_quotes_what_was_wrong(kind: type[CardData], wrong: str) -> None:
    if kind is PostalCode and wrong == "4242424242424241":
        kind(wrong)  # a postcode has no check digit
        return
    with pytest.raises(ValueError, match=r".+") as error:
        kind(wrong)
    assert not wrong or wrong not in str(error.value)


def test_equality_needs_the_same_type() -> None:
    assert Pan("4242424242424242") == Pan("4242424242424242")
    assert Pan("4242424242424242") != Pan("4111111111111111")
    assert SecurityCode("1230") != Expiry("1230")


def test_refusal_is_a_type_error_so_json_and_logging_treat_it_as_such() -> None:
    assert issubclass(CardDataRefusedError, TypeError)


def test_a_card_prints_nothing_and_wipes_everything() -> None:
    pan, code = Pan("4242424242424242"), SecurityCode("123")
    card = Card(pan=pan, security_code=code, brand=pan.brand, last4=pan.last4)
    assert repr(card) == str(card) == "Card(...)"
    card.wipe()
    assert pan.wiped
    assert code.wiped
    assert card.pan is None
    assert card.last4 == "4242"
