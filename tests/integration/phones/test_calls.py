"""Two phones call each other directly."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from callseal.lab.phone import phone_command
from callseal.phones.driver import Phone, PhoneError
from callseal.phones.settings import PhoneSettings
from tests.integration.phones.conftest import AGENT, CUSTOMER, MakePhone

pytestmark = pytest.mark.integration

AGENT_URI = f"sip:agent@{AGENT}"


def test_call_is_answered_and_hung_up_by_the_caller(make_phone: MakePhone) -> None:
    customer = make_phone("customer", CUSTOMER, user="+447700900123")
    agent = make_phone("agent", AGENT, auto_answer=True, ring_ms=100)

    customer.call(AGENT_URI)
    incoming = agent.wait("incoming")
    assert incoming["remote"] == f"<sip:+447700900123@{CUSTOMER}>"
    assert incoming["offer"] is True
    assert customer.wait("ringing")["code"] == 180
    assert customer.wait("answered")["call_id"] == agent.wait("answered")["call_id"]

    customer.hangup()
    assert customer.wait("ended")["by"] == "local"
    ended = agent.wait("ended")
    assert (ended["by"], ended["code"]) == ("remote", 200)


def test_callee_hangs_up(make_phone: MakePhone) -> None:
    customer = make_phone("customer", CUSTOMER)
    agent = make_phone("agent", AGENT, auto_answer=True)
    customer.call(AGENT_URI)
    agent.wait("answered")
    agent.hangup()
    assert agent.wait("ended")["by"] == "local"
    assert customer.wait("ended")["by"] == "remote"


def test_media_is_bound_to_the_phones_own_address(make_phone: MakePhone) -> None:
    customer = make_phone("customer", CUSTOMER, rtp_first=21000, rtp_last=21010)
    agent = make_phone("agent", AGENT, auto_answer=True, codecs=["PCMA", "PCMU"])
    customer.call(AGENT_URI)

    media = agent.wait("media")
    assert media["local"] == f"{AGENT}:20000"
    assert media["remote"] == f"{CUSTOMER}:21000"
    assert (media["dtmf_payload_type"], media["direction"]) == (101, "sendrecv")
    assert customer.wait("media")["remote"] == f"{AGENT}:20000"
    time_to_see = time.monotonic() + 3
    while (stats := agent.stats())["received_packets"] < 50:
        assert time.monotonic() < time_to_see
    assert stats["source"] == f"{CUSTOMER}:21000"
    assert stats["lost_packets"] == 0


@pytest.mark.parametrize(("codecs", "expected"), [(["PCMU"], "PCMU"), (["PCMA", "PCMU"], "PCMA")])
def test_codec_follows_the_callers_order(make_phone: MakePhone, codecs: list[str], expected: str) -> None:
    customer = make_phone("customer", CUSTOMER, codecs=codecs)
    agent = make_phone("agent", AGENT, auto_answer=True, codecs=["PCMU", "PCMA"])
    customer.call(AGENT_URI)
    assert customer.wait("media")["codec"] == expected
    assert agent.wait("media")["codec"] == expected


def test_srtp(make_phone: MakePhone) -> None:
    customer = make_phone("customer", CUSTOMER, rtp="srtp")
    agent = make_phone("agent", AGENT, rtp="srtp", auto_answer=True)
    customer.call(AGENT_URI)
    customer.wait("answered")
    customer.press("12")
    agent.wait("dtmf", count=2)


def test_incoming_shows_header_names_and_only_safe_values(make_phone: MakePhone) -> None:
    customer = make_phone("customer", CUSTOMER)
    agent = make_phone("agent", AGENT)
    reference = "0123456789abcdef" * 2
    customer.call(AGENT_URI, headers={"X-Call-Reference": reference, "X-Payment-Token": "bearer-value"})
    headers = agent.wait("incoming")["headers"]
    assert headers["X-Call-Reference"] == reference
    assert headers["X-Payment-Token"] is None
    assert headers["Via"] is None
    assert "X-Route-Cookie" not in headers
    assert "bearer-value" not in str(agent.events)


def test_manual_answer_with_early_media(make_phone: MakePhone) -> None:
    customer = make_phone("customer", CUSTOMER)
    agent = make_phone("agent", AGENT)
    customer.call(AGENT_URI)
    agent.wait("incoming")
    assert customer.wait("ringing")["code"] == 180
    agent.answer(183)
    customer.wait("ringing", code=183)
    customer.wait("media")
    assert customer.count("answered") == 0
    agent.answer()
    customer.wait("answered")


def test_callee_rejects_and_caller_cancels(make_phone: MakePhone) -> None:
    customer = make_phone("customer", CUSTOMER)
    agent = make_phone("agent", AGENT)
    customer.call(AGENT_URI)
    agent.wait("incoming")
    agent.hangup(486)
    assert customer.wait("ended")["code"] == 486

    customer.call(AGENT_URI)
    agent.wait("incoming")
    customer.wait("ringing", code=180)
    customer.wait("ringing", code=180)
    customer.hangup()
    assert customer.wait("ended")["code"] == 487
    assert agent.wait("ended", by="remote")["code"] == 487


def test_second_caller_is_told_busy_and_the_first_call_goes_on(make_phone: MakePhone) -> None:
    customer = make_phone("customer", CUSTOMER)
    other = make_phone("other", "127.86.0.11")
    agent = make_phone("agent", AGENT, auto_answer=True)
    customer.call(AGENT_URI)
    customer.wait("answered")
    other.call(AGENT_URI)
    assert other.wait("ended")["code"] == 486
    customer.press("1")
    agent.wait("dtmf", count=1)
    assert agent.count("incoming") == 1
    agent.hangup()
    customer.wait("ended")


def test_second_caller_without_an_offer_is_told_busy_too(make_phone: MakePhone) -> None:
    """PJSIP dies when a call without an offer is refused while it is still being announced (assertion in `pjsip_rx_data_free_cloned`)."""
    customer, agent = make_phone("customer", CUSTOMER), make_phone("agent", AGENT, auto_answer=True)
    other = make_phone("other", "127.86.0.11")
    customer.call(f"sip:agent@{AGENT}")
    customer.wait("answered")
    other.call(f"sip:agent@{AGENT}", late_offer=True)
    assert other.wait("ended")["code"] == 486
    assert agent.alive
    customer.hangup()
    assert customer.wait("ended")["by"] == "local"


def test_late_offer(make_phone: MakePhone) -> None:
    customer = make_phone("customer", CUSTOMER)
    agent = make_phone("agent", AGENT, auto_answer=True)
    customer.call(AGENT_URI, late_offer=True)
    assert agent.wait("incoming")["offer"] is False
    customer.wait("answered")
    assert agent.wait("media")["remote"] == f"{CUSTOMER}:20000"
    assert customer.wait("media")["dtmf_payload_type"] == 101
    customer.press("12")
    agent.wait("dtmf", count=2)


def test_calls_go_through_the_outbound_proxy(make_phone: MakePhone) -> None:
    """The proxy here is a socket: the INVITE arrives there, with a Route for it and the dialled URI untouched."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as proxy:
        proxy.bind(("127.86.0.20", 0))
        proxy.settimeout(5)
        port = proxy.getsockname()[1]
        customer = make_phone("customer", CUSTOMER, outbound_proxy=f"127.86.0.20:{port}")
        customer.call("sip:+442071234567@edge.example")
        invite, source = proxy.recvfrom(65535)
    assert source == (CUSTOMER, 5060)
    text = invite.decode()
    assert text.startswith("INVITE sip:+442071234567@edge.example SIP/2.0")
    assert f"Route: <sip:127.86.0.20:{port};lr>" in text
    assert "a=rtpmap:101 telephone-event/8000" in text
    assert "ice" not in text.lower()
    assert "Session-Expires" not in text
    assert "User-Agent" not in text


def test_commands_without_a_call_are_refused_in_words(make_phone: MakePhone) -> None:
    agent = make_phone("agent", AGENT)
    for refused in (agent.hangup, agent.hold, agent.unhold, agent.stats):
        with pytest.raises(PhoneError, match="there is no call"):
            refused()
    with pytest.raises(PhoneError, match="there is no call"):
        agent.press("4242")


def test_bad_command_is_an_error_without_its_digits(make_phone: MakePhone) -> None:
    agent = make_phone("agent", AGENT)
    with pytest.raises(PhoneError, match="digits: must be 1 to 64 keys") as refused:
        agent.send("press", digits="42424242x")
    assert "42424242" not in str(refused.value)
    assert "42424242" not in str(agent.events)


def test_taken_address_is_said_at_start(make_phone: MakePhone) -> None:
    make_phone("agent", AGENT)
    with pytest.raises(PhoneError, match=r"cannot start.*Address already in use"):
        make_phone("second", AGENT)


def test_sigterm_mid_call_hangs_up_and_ends_in_time(make_phone: MakePhone) -> None:
    customer = make_phone("customer", CUSTOMER, say="customer")
    agent = make_phone("agent", AGENT, auto_answer=True)
    customer.call(AGENT_URI)
    customer.wait("answered")
    started = time.monotonic()
    customer.terminate()
    assert agent.wait("ended")["by"] == "remote"
    assert customer.stop() == 0
    assert time.monotonic() - started < 3


def test_killed_phone_leaves_the_other_one_usable(make_phone: MakePhone, tmp_path: Path) -> None:
    agent = make_phone("agent", AGENT, auto_answer=True)
    doomed = Phone.from_settings(
        PhoneSettings(name="doomed", address="127.86.0.12"), tmp_path, command=phone_command(tmp_path)
    )
    doomed.start()
    doomed.call(AGENT_URI)
    agent.wait("answered")
    doomed.kill()
    agent.hangup()
    customer = make_phone("customer", CUSTOMER)
    until_free = time.monotonic() + 5
    while True:
        customer.call(AGENT_URI)
        try:
            customer.wait("answered", timeout=1)
            break
        except PhoneError:
            assert time.monotonic() < until_free


def test_twenty_calls_in_a_row(make_phone: MakePhone) -> None:
    customer = make_phone("customer", CUSTOMER, say="customer")
    agent = make_phone("agent", AGENT, say="agent", auto_answer=True)
    sizes: list[int] = []
    for number in range(1, 21):
        customer.call(AGENT_URI)
        customer.wait("answered")
        customer.press("5", duration_ms=60, gap_ms=60)
        agent.wait("dtmf", count=1)
        (customer if number % 2 else agent).hangup()
        customer.wait("ended")
        agent.wait("ended")
        sizes.append(_resident_kib(customer.pid) + _resident_kib(agent.pid))
    assert sizes[-1] - sizes[4] < 2048, f"memory grew over 15 calls: {sizes}"
    assert customer.count("error") == agent.count("error") == 0


def _resident_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")
