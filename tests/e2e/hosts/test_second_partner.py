"""Two partners over TLS, found by name: the second takes the calls when the first one's host is gone, and nobody is either of them but
itself. In the order of the file: the host is gone in the last tests."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime

import dns.message
import dns.query
import httpx2
import pytest

from callseal.lab.encryption import FACES, TLS_PORT
from callseal.lab.hosts import Hosts
from callseal.lab.tls_probe import tls_answers, tls_listens
from callseal.partners.sandbox.webhook import signature
from callseal.stores.sqlite.records import record_in
from tests.support.stage import Stage, keys_heard

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

EDGES = ("192.0.2.20", "203.0.113.20")
FIRST, SECOND = "192.0.2.130", "203.0.113.130"
SILENCE_S = 2.0
"""How long the router waits for a partner that says nothing (docs/how-to/dns.md)."""
FORGETS_S = 4.0
"""And how long what it wrote to him may still reach him."""


@pytest.fixture(scope="module")
def hosts() -> Hosts:
    return Hosts(partners=2, clusters=True)


@pytest.fixture(scope="module")
def stage(open_stage: Callable[..., Stage], hosts: Hosts) -> Stage:
    return open_stage(site=hosts, tls=frozenset(FACES))


def paid(stage: Stage) -> tuple[str, float]:
    """A paid call that the agent heard no digit of: its reference, and the seconds until both talked."""
    call = stage.call()
    began = time.monotonic()
    call.dial()
    took = time.monotonic() - began
    stage.ear.mark("press")
    assert call.pay()["result"]["outcome"] == "approved"
    stage.ear.mark("restored")
    call.hang_up()
    assert keys_heard(stage, "press", "restored") == 0
    return call.reference, took


def media_of(hosts: Hosts) -> dict[str, int]:
    """RTP that the first edge let in from each partner so far."""
    counted = hosts.counters(EDGES[0])
    return {partner: counted[f"rtp_in.{partner}"] for partner in ("sandbox", "sandbox-2")}


def grew(before: dict[str, int], after: dict[str, int]) -> dict[str, bool]:
    return {partner: after[partner] > before[partner] + 100 for partner in before}


def test_a_paid_call_over_tls_needs_the_names_and_meets_no_closed_door(stage: Stage, hosts: Hosts) -> None:
    before = media_of(hosts)
    paid(stage)
    assert grew(before, media_of(hosts)) == {"sandbox": True, "sandbox-2": False}
    for address in (*EDGES, hosts.desk):
        counted = hosts.counters(address)
        assert counted["refused_in"] == counted["refused_out"] == 0, (address, counted)
    for address in (FIRST, SECOND):
        assert hosts.counters(address)["refused_in"] == 0, address


def test_both_partners_are_in_dns(hosts: Hosts, stage: Stage) -> None:
    assert stage.world.daemons["name-server"].pid
    for name, address in (("sandbox-1", FIRST), ("sandbox-2", SECOND)):
        question = dns.message.make_query(f"_sips._tcp.{name}.partners.test.", "SRV")
        with hosts.inside(EDGES[0]):
            answer = dns.query.udp(question, hosts.name_server, timeout=2)
        assert [str(one) for records in answer.answer for one in records] == [
            f"10 10 {TLS_PORT} {name}-sip.partners.test."
        ]
        assert address in [str(one) for records in answer.additional for one in records]


def test_each_partner_is_believed_with_its_own_certificate_at_its_own_address(
    stage: Stage, hosts: Hosts
) -> None:
    certificates = stage.world.workspace.root / "tls"
    for address, own in ((FIRST, "partner"), (SECOND, "partner-2")):
        for certificate in ("partner", "partner-2", "carrier", "platform", "edge"):
            with hosts.inside(address):
                believed = tls_answers(EDGES[0], TLS_PORT, address, certificates, certificate)
            assert believed == (certificate == own), (address, certificate)
    for certificate in ("partner", "partner-2"):
        for stranger in (hosts.stranger, hosts.host(68)):
            with hosts.inside(stranger):
                assert not tls_listens(EDGES[0], TLS_PORT, stranger, certificates, certificate), stranger


def test_a_partner_speaks_for_its_own_calls_only(stage: Stage, hosts: Hosts) -> None:
    """The second partner learns the name of a session of the first, and says that its line is secure."""
    call = stage.call()
    call.dial()
    session = record(stage, call.reference)["partner_session"]
    assert post(stage, hosts, session, "partner-2-webhook", SECOND) == (401, "webhook_other_partner")
    assert post(stage, hosts, session, "platform-webhook", SECOND) == (401, "webhook_signature")
    assert stage.desk.call(call.reference)["evidence"]["partner"] is False
    status, _ = post(stage, hosts, session, "partner-webhook", FIRST)
    assert status == 204, "said by the first partner it is taken"
    call.hang_up()


def record(stage: Stage, reference: str) -> dict[str, str]:
    found = record_in(stage.world.workspace.root / "state" / "desk.sqlite3", reference)
    assert found is not None
    return found


def post(stage: Stage, hosts: Hosts, session: str, secret: str, source: str) -> tuple[int, str]:
    now = int(time.time())
    message = {
        "type": "session.secured",
        "timestamp": datetime.fromtimestamp(now, UTC).isoformat(),
        "data": {"session": session, "seq": 1},
    }
    body, name = json.dumps(message).encode(), f"msg_{secret}"
    headers = {
        "webhook-id": name,
        "webhook-timestamp": str(now),
        "webhook-signature": signature(stage.world.workspace.secret(secret), name, now, body),
        "content-type": "application/json",
    }
    with hosts.inside(source):
        answer = httpx2.post(f"{stage.world.desk_url}/v1/webhooks/partner", content=body, headers=headers)
    return answer.status_code, answer.json()["error"] if answer.content else ""


def test_the_first_partners_host_is_gone_and_the_next_payment_goes_through_the_second(
    stage: Stage, hosts: Hosts
) -> None:
    hosts.unplug("partner")
    before = media_of(hosts)
    calls = [paid(stage) for _ in range(2)]
    waits = [took for _, took in calls]
    assert {record(stage, reference)["partner"] for reference, _ in calls} == {"sandbox-2"}
    assert grew(before, media_of(hosts)) == {"sandbox": False, "sandbox-2": True}
    assert waits[0] > SILENCE_S, "the first caller waits for the silence of the first partner"
    assert waits[1] < SILENCE_S, "the next one does not: the router knows"
    assert hosts.counters(hosts.desk)["webhooks_in.sandbox-2"] > 0
    deadline = time.monotonic() + FORGETS_S
    while waiting(hosts, FIRST):
        assert time.monotonic() < deadline, "it would be given a call that the second has taken"
        time.sleep(0.1)


def waiting(hosts: Hosts, address: str) -> int:
    """Bytes that the first edge has written to that address and nobody has confirmed."""
    with hosts.inside(EDGES[0]):
        said = subprocess.run(
            ["ss", "-Htn", "dst", address], capture_output=True, text=True, check=True
        ).stdout
    return sum(int(line.split()[2]) for line in said.splitlines())


def test_it_comes_back_and_takes_the_calls_again(stage: Stage, hosts: Hosts) -> None:
    rung, dialled = stage.agent.count("incoming"), 1
    hosts.plug_in("partner")
    deadline = time.monotonic() + 25  # two probes
    call = stage.call()
    while True:
        dialled += 1
        call.dial()
        call.hang_up()
        if record(stage, call.reference)["partner"] == "sandbox":
            break
        assert time.monotonic() < deadline
        time.sleep(0.5)
    reference, _ = paid(stage)
    assert record(stage, reference)["partner"] == "sandbox"
    assert stage.agent.count("incoming") == rung + dialled, "a call that nobody is in"
