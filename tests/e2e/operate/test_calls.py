"""What an operator does while calls are up: drain, reload, rotate keys. And what is left of a call: its record."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
import time
from typing import Any

import pytest

from callseal.lab.router import sip_answers
from callseal.lab.story import APPROVED, DIALLED, FIELDS
from callseal.operate.patient import Patient, router_process
from callseal.operate.reload import BadConfigurationError, apply, check, write
from callseal.operate.rendered import differences, planned
from callseal.render import SEEN_AT
from tests.e2e.operate.operator import change, command, patient, restart_reload, run
from tests.support.rtp_talker import sdp
from tests.support.sip_peer import Dialog, SipPeer
from tests.support.stage import Stage, voices_flow

pytestmark = pytest.mark.e2e

NEW_NUMBER = "+442079462000"
_NUMBER = '[[numbers]]\nmatch = "{}"\ntenant = "acme"\ncarrier = "carrier-a"\n\n[[numbers]]'

_CARRIER = """\
[[carriers]]
id = "carrier-b"
signalling = ["{0}"]
media = ["{0}"]
destinations = ["sip:{0}:5060"]
payments = false

[[carriers]]"""


def _status(peer: SipPeer, method: str, number: str) -> tuple[int, str]:
    """Status and Retry-After of one request outside a dialog."""
    dialog = Dialog.new(peer, f"sip:{number}@{peer.edge[0]}")
    final = dialog.answered(dialog.request(method), method)
    return final.status, final.get("Retry-After")


def test_a_drain_loses_nothing(stage: Stage) -> None:
    call = stage.call()
    call.dial()
    draining = subprocess.Popen(
        command(stage, "drain", "--limit", "60"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert draining.stdout is not None
        assert "takes no new calls" in draining.stdout.readline()
        with SipPeer(stage.world.block.customer, stage.world.block.kamailio, port=5099) as carrier:
            assert _status(carrier, "OPTIONS", "+442079460123") == (503, "30")
            assert _status(carrier, "INVITE", "+442079460123") == (503, "30")
        assert call.pay()["result"]["outcome"] == "approved"
        assert draining.poll() is None, "it waits for the call"
        call.hang_up()
        output, _ = draining.communicate(timeout=20)
    finally:
        draining.kill()
        assert run(stage, "undrain").returncode == 0
    assert draining.returncode == 0, output
    assert "nothing is left" in output
    again = stage.call()
    again.dial()
    again.hang_up()


def test_a_drain_gives_up_in_time_and_goes_on_draining(stage: Stage) -> None:
    call = stage.call()
    call.dial()
    try:
        done = run(stage, "drain", "--limit", "1")
        assert (done.returncode, "still takes no new calls" in done.stdout) == (1, True)
        assert "relayed legs" in done.stdout
    finally:
        run(stage, "undrain")
    call.hang_up()


def test_new_number_and_new_carrier_address_while_a_call_is_up(stage: Stage) -> None:
    block = stage.world.block
    other = block.host(11)
    call = stage.call()
    call.dial()
    assert not sip_answers(block.kamailio, 5060, source=other)
    change(stage, f'signalling = ["{block.customer}"]', f'signalling = ["{block.customer}", "{other}"]')
    change(stage, "[[numbers]]", _NUMBER.format(NEW_NUMBER))
    assert run(stage, "reload", "--dry-run").returncode == 1
    assert not sip_answers(block.kamailio, 5060, source=other)
    done = run(stage, "reload")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("taken while running") == 2
    assert sip_answers(block.kamailio, 5060, source=other)
    voices_flow(stage)
    assert call.pay()["result"]["outcome"] == "approved"
    call.hang_up()
    new = stage.call()
    new.dial(NEW_NUMBER)
    new.hang_up()
    assert run(stage, "reload").stdout == "nothing to change\n"


def test_another_carrier_is_held_back_until_the_restart(stage: Stage) -> None:
    """It stands first: carrier-a gets another number in the lists, and would meet policies that are not its own."""
    block = stage.world.block
    other = block.host(12)
    before = stage.world.workspace.deployment.read_text(encoding="utf-8")
    change(stage, "[[carriers]]", _CARRIER.format(other))
    change(stage, 'match = "112"', 'match = "112"\ncarrier = "carrier-a"')
    try:
        done = run(stage, "reload")
        assert (done.returncode, "held back" in done.stdout) == (1, True), done.stdout + done.stderr
        assert not sip_answers(block.kamailio, 5060, source=other)
        call = stage.call()
        call.dial()
        restart_reload(stage)
        assert sip_answers(block.kamailio, 5060, source=other)
        assert call.pay()["result"]["outcome"] == "approved"
        call.hang_up()
        assert _card_of_a_call_from(stage, other) == {"allowed": False, "reason": "carrier_not_trusted"}
    finally:
        stage.world.workspace.deployment.write_text(before, encoding="utf-8")
        restart_reload(stage)
    assert not sip_answers(block.kamailio, 5060, source=other)


def _card_of_a_call_from(stage: Stage, address: str) -> Any:
    """What the card says about payments on a call of the carrier at that address."""
    before = frozenset(call["reference"] for call in stage.desk.calls())
    with SipPeer(address, stage.world.block.kamailio) as carrier:
        dialog = Dialog.new(carrier, f"sip:{DIALLED}@{carrier.edge[0]}")
        cseq = dialog.request("INVITE", sdp=sdp(address, 40000))
        assert dialog.answered(cseq).status == 200
        dialog.ack(cseq)
        said = stage.desk.wait_call(not_in=before)["payments"]
        assert dialog.answered(dialog.request("BYE"), "BYE").status == 200
    return said


def test_two_reloads_within_a_second_are_both_taken(stage: Stage) -> None:
    """Kamailio compares file times in whole seconds."""
    who = patient(stage)
    before = _numbers(who)
    for added in (1, 2, 3):
        change(stage, "[[numbers]]", _NUMBER.format(f"+44207946300{added}"))
        who = patient(stage)
        found = list(differences(planned(who.deployment, who.edge.id, SEEN_AT), who.router))
        write(found, who.router)
        apply(found, who.control, monotonic=time.monotonic, sleep=time.sleep)
        assert _numbers(who) == before + added


def _numbers(who: Patient) -> int:
    return int(who.control.call("mtree.summary")[0]["item"]["nritems"])


def test_keys_are_rotated_while_a_call_is_up(stage: Stage) -> None:
    """The order of docs/how-to/operate.md: accept the new key, sign with it, forget the old one."""
    workspace = stage.world.workspace
    workspace.secret("signing-k2")
    old, new = (
        '{ id = "k1", secret = "file:secrets/signing-k1" }',
        '{ id = "k2", secret = "file:secrets/signing-k2" }',
    )
    call = stage.call()
    call.dial()
    change(stage, f"current = {old}", f"current = {old}\nprevious = {new}")
    done = run(stage, "reload")
    assert (done.returncode, "needs a restart" in done.stdout) == (1, True)
    assert "done: restarted" in restart_reload(stage)
    change(stage, f"current = {old}\nprevious = {new}", f"current = {new}\nprevious = {old}")
    call.secure()
    restart_reload(stage)
    call.ask()
    call.type_card(APPROVED)
    assert call.charge(4250)["result"]["outcome"] == "approved"
    call.release()
    call.hang_up()
    second = stage.call()
    second.dial()
    change(stage, f"current = {new}\nprevious = {old}", f"current = {new}")
    restart_reload(stage)
    second.secure()
    second.release()
    second.hang_up()


def test_a_configuration_that_kamailio_refuses_changes_nothing(stage: Stage) -> None:
    router = stage.world.workspace.router
    before = {path: path.read_bytes() for path in router.rglob("*") if path.is_file()}
    who = patient(stage)
    files = planned(who.deployment, who.edge.id, SEEN_AT)
    check(files, router, router_process(who))
    broken = [
        dataclasses.replace(file, text=file.text + "route[\n") if file.path == "dialog.cfg" else file
        for file in files
    ]
    with pytest.raises(BadConfigurationError, match=r"\.staged/"):
        check(broken, router, router_process(who))
    assert {path: path.read_bytes() for path in router.rglob("*") if path.is_file()} == before


def test_the_record_of_a_call_joins_both_legs(stage: Stage) -> None:
    call = stage.call()
    call.dial()
    call.pay()
    call.hang_up()
    workspace = stage.world.workspace
    argv = [sys.executable, "-m", "callseal.cli.main", "record", call.reference]
    done = subprocess.run(
        [*argv, str(workspace.deployment), "--json"], capture_output=True, text=True, check=True
    )
    record = json.loads(done.stdout)
    from_desk = subprocess.run(
        [*argv, "--json", "--desk", stage.world.desk_url, "--login", "alice"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "CALLSEAL_PASSWORD": workspace.secret("agent-alice")},
    )
    assert json.loads(from_desk.stdout) == record
    assert record["reference"] == call.reference
    assert record["legs"]["customer"]["call_id"] != record["legs"]["agent"]["call_id"] != ""
    (window,) = record["secured"]
    assert window["by"] == "alice"
    assert window["fence"] is True
    times = [
        record["started_at"],
        window["pressed_at"],
        window["secured_at"],
        window["left_at"],
        window["home_at"],
    ]
    assert times == sorted(times)
    for evidence in ("hold_at", "partner_at", "customer_leg_at", "agent_leg_at"):
        assert window["pressed_at"] <= window[evidence] <= window["secured_at"], evidence
    (charge,) = record["charges"]
    assert (charge["by"], charge["minor"], charge["currency"], charge["outcome"]) == (
        "alice",
        4250,
        "GBP",
        "approved",
    )
    assert record["states"][-1]["state"] == "ended"
    assert APPROVED.number[-4:] not in re.sub(
        r"\d{13}|[0-9a-f]{32}", "", json.dumps(charge) + json.dumps(window)
    )
    assert not any(APPROVED.keys(field) in done.stdout for field in FIELDS[:2])
    text = subprocess.run(
        [*argv, str(workspace.deployment)], capture_output=True, text=True, check=True
    ).stdout
    assert "secured (" in text
    assert "agent leg at the partner, fenced" in text
    for log in ("kamailio", "edge-agent", "desk"):
        assert call.reference in (workspace.logs / f"{log}.log").read_text(encoding="utf-8"), log
