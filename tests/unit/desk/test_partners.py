"""Whose call it is, and who signed a webhook: a token is shown to the partner that gave it, and each speaks for its own calls."""

from __future__ import annotations

import json

import pytest

from callseal.desk.partners import Partners
from callseal.partners.sandbox import SandboxPartner, SandboxSettings
from callseal.partners.sandbox.webhook import signature
from callseal.payments.ports import WebhookRejected
from callseal.wire.http_client import HttpClient

pytestmark = pytest.mark.unit

NOW = 1_790_000_000_000
ONE, TWO = "whsec_b25lIG9uZSBvbmUgb25lIG9uZSE=", "whsec_dHdvIHR3byB0d28gdHdvIHR3byE="


def partner(secret: str) -> SandboxPartner:
    return SandboxPartner(SandboxSettings("http://192.0.2.130:8030", "a-key", (secret,)), HttpClient())


def webhook(secret: str) -> tuple[dict[str, str], bytes]:
    body = json.dumps(
        {
            "type": "session.secured",
            "timestamp": "2026-09-21T14:13:20Z",
            "data": {"session": "0" * 32, "seq": 1},
        }
    ).encode()
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(NOW // 1000),
        "webhook-signature": signature(secret, "msg_1", NOW // 1000, body),
    }, body


def test_each_partner_has_its_own_calls() -> None:
    first, second = partner(ONE), partner(TWO)
    both = Partners({"one": first, "two": second})
    assert both["one"] is first
    assert both["two"] is second
    assert both[""] is first, "a call from before partners had names"


def test_a_token_of_a_partner_that_was_taken_out_is_shown_to_no_other() -> None:
    with pytest.raises(KeyError):
        Partners({"one": partner(ONE)})["two"]


def test_one_partner_without_a_name_has_every_call() -> None:
    alone = partner(ONE)
    assert Partners.alone(alone)["whatever"] is alone


@pytest.mark.parametrize(("secret", "signer"), [(ONE, "one"), (TWO, "two")])
def test_the_signature_says_who_speaks(secret: str, signer: str) -> None:
    message, signers = Partners({"one": partner(ONE), "two": partner(TWO)}).read_webhook(
        *webhook(secret), NOW
    )
    assert message.type == "session.secured"
    assert signers == {signer}


def test_two_sites_of_one_company_may_have_one_secret() -> None:
    _, signers = Partners({"one": partner(ONE), "two": partner(ONE)}).read_webhook(*webhook(ONE), NOW)
    assert signers == {"one", "two"}


def test_nobodys_signature_is_refused() -> None:
    with pytest.raises(WebhookRejected, match="signature"):
        Partners({"one": partner(ONE), "two": partner(TWO)}).read_webhook(
            *webhook("whsec_" + "AAAA" * 8), NOW
        )
