import base64

import pytest

from callseal.sandbox.media.bridge import Side
from callseal.sandbox.session.switchboard import calling_side
from callseal.sandbox.sip.heard import Header, Invited

pytestmark = pytest.mark.unit

MAC = "0" * 32


def invited(cookie: str | None = None, uri: str = "sip:+44@edge") -> Invited:
    headers = () if cookie is None else (Header("x-route-cookie", cookie),)
    return Invited(1, "c", uri, "<sip:a>", "<sip:b>", 70, headers, None)


def cookie(payload: bytes, *, padded: bool = True) -> str:
    text = base64.urlsafe_b64encode(payload).decode()
    return f"1.current.{text if padded else text.rstrip('=')}.{MAC}"


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize(
    ("payload", "side"),
    [
        (b"rf=ab;d=out;n=44;ci=x", Side.AGENT),
        (b"rf=ab;d=in;n=44;ci=x", Side.CUSTOMER),
        (b"rf=ab;d=in;n=44;ci=y;d=out", Side.CUSTOMER),
        (b"no cookie at all", Side.CUSTOMER),
    ],
)
def test_the_cookie_says_who_calls(payload: bytes, side: Side, padded: bool) -> None:
    assert calling_side(invited(cookie(payload, padded=padded)), "X-Route-Cookie") is side


def test_it_may_stand_in_the_request_uri() -> None:
    uri = f"sip:+44@edge;rc={cookie(b'd=out;ci=x', padded=False)}"
    assert calling_side(invited(uri=uri), "X-Route-Cookie") is Side.AGENT


@pytest.mark.parametrize("nonsense", ["", "1.k.%%%.mac", f"1.k.A.{MAC}", "x" * 5000])
def test_without_a_cookie_the_customer_calls(nonsense: str) -> None:
    assert calling_side(invited(nonsense), "X-Route-Cookie") is Side.CUSTOMER
    assert calling_side(invited(), "X-Route-Cookie") is Side.CUSTOMER
