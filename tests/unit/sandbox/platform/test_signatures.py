import base64
import hashlib
import hmac

import pytest

from callseal.sandbox.platform.signatures import NotGenuineError, message_id, secret_bytes

pytestmark = pytest.mark.unit

SECRET = b"a webhook secret of 32 bytes ..."
NOW = 1_790_000_000
BODY = b'{"type":"recording.pause"}'


def headers(
    *, name: str = "msg_1", at: int | str = NOW, body: bytes = BODY, secret: bytes = SECRET
) -> dict[str, str]:
    mac = hmac.new(secret, f"{name}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": name,
        "webhook-timestamp": str(at),
        "webhook-signature": "v1," + base64.b64encode(mac).decode(),
    }


def check(given: dict[str, str], body: bytes = BODY) -> str:
    return message_id(given, body, secret=SECRET, now_s=NOW)


def test_a_genuine_message() -> None:
    assert check(headers()) == "msg_1"


def test_a_published_example_of_the_specification() -> None:
    given = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    secret = secret_bytes("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    assert message_id(given, body, secret=secret, now_s=1614265330) == given["webhook-id"]


@pytest.mark.parametrize("age", [-300, 300])
def test_five_minutes_are_allowed_in_both_directions(age: int) -> None:
    assert check(headers(at=NOW - age)) == "msg_1"


@pytest.mark.parametrize("age", [-301, 301])
def test_older_and_from_further_ahead_is_stale(age: int) -> None:
    with pytest.raises(NotGenuineError, match="stale"):
        check(headers(at=NOW - age))


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_each_header_is_needed(name: str) -> None:
    given = headers()
    del given[name]
    with pytest.raises(NotGenuineError, match="headers"):
        check(given)


@pytest.mark.parametrize("stamp", ["", "now", "-5", "1.79e9", "\u0661", "1" * 12])
def test_a_timestamp_is_digits(stamp: str) -> None:
    with pytest.raises(NotGenuineError, match="headers"):
        check(headers(at=stamp))


def test_id_is_not_empty_and_not_long() -> None:
    for name in ("", "x" * 129):
        with pytest.raises(NotGenuineError, match="headers"):
            check(headers(name=name))


def test_another_body_id_time_or_secret_is_refused() -> None:
    good = headers()
    for given, body in (
        (good, BODY + b" "),
        ({**good, "webhook-id": "msg_2"}, BODY),
        ({**good, "webhook-timestamp": str(NOW - 1)}, BODY),
        (headers(secret=b"another secret"), BODY),
    ):
        with pytest.raises(NotGenuineError, match="signature"):
            check(given, body)


def test_one_good_signature_among_several_is_enough_but_only_v1() -> None:
    good = headers()
    mac = good["webhook-signature"]
    old = headers(secret=b"another secret")["webhook-signature"]
    assert check({**good, "webhook-signature": f"v1a,xx {old} v1,%% {mac}"}) == "msg_1"
    for wrong in (mac.replace("v1,", "v2,"), mac.removeprefix("v1,"), old, "v1,", "v1,\u0661", mac[:-8]):
        with pytest.raises(NotGenuineError, match="signature"):
            check({**good, "webhook-signature": wrong})


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_!!!", "whsec_" + "YQ==", base64.b64encode(b"x" * 32).decode()]
)
def test_a_secret_has_its_standard_form(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_ and base64"):
        secret_bytes(secret)
