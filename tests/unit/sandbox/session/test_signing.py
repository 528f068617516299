import base64

import pytest

from callseal.sandbox.session import signing
from callseal.sandbox.session.signing import SignatureError, headers, key_of, new_secret, signature, verify

pytestmark = pytest.mark.unit

# The example of the Standard Webhooks specification.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
KEY = key_of(SECRET)


def test_the_specifications_example() -> None:
    found = signature(KEY, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY)
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_is_signed_verifies() -> None:
    key = key_of(new_secret())
    sent = headers(key, "msg_1", 1000, BODY)
    assert verify(key, sent, BODY, now=1000.5) == "msg_1"
    several = {**sent, "webhook-signature": "v1,AAAA " + sent["webhook-signature"] + " v2,x"}
    assert verify(key, several, BODY, now=1000.5) == "msg_1"


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_2"},
        {"webhook-id": ""},
        {"webhook-timestamp": "1001"},
        {"webhook-timestamp": "soon"},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": ""},
    ],
)
def test_any_change_is_seen(change: dict[str, str]) -> None:
    with pytest.raises(SignatureError):
        verify(KEY, {**headers(KEY, "msg_1", 1000, BODY), **change}, BODY, now=1000)


def test_another_body_another_key_another_time() -> None:
    sent = headers(KEY, "msg_1", 1000, BODY)
    with pytest.raises(SignatureError, match="no signature"):
        verify(KEY, sent, BODY + b" ", now=1000)
    with pytest.raises(SignatureError, match="no signature"):
        verify(key_of(new_secret()), sent, BODY, now=1000)
    for now in (1000 + signing.TOLERANCE_S + 1, 1000 - signing.TOLERANCE_S - 1):
        with pytest.raises(SignatureError, match="timestamp"):
            verify(KEY, sent, BODY, now=now)


@pytest.mark.parametrize("wrong", ["MfKQ9r8G", "whsec_!!!", "whsec_" + base64.b64encode(b"short").decode()])
def test_a_secret_has_its_form(wrong: str) -> None:
    with pytest.raises(ValueError, match="webhook secret") as error:
        key_of(wrong)
    assert wrong not in str(error.value)
