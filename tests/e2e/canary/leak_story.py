"""One world, as talkative as it can be started, into which card numbers come in every way; then all of it crashes.

Each way has a number of its own, so that a finding says where it came in.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx2

from callseal.deployment import read
from callseal.edge.router_control import RouterControl
from callseal.lab.agent_desk import AgentDesk
from callseal.lab.choices import Choices
from callseal.lab.demo_audit import recording, told
from callseal.lab.phone import Phone
from callseal.lab.processes import EDGE
from callseal.lab.story import DIALLED, FIELDS, PaidCall, TestCard
from callseal.lab.workspace import Workspace
from callseal.lab.world import AGENT_LOGIN, World
from callseal.operate.doctor import examine_edge
from callseal.operate.patient import Patient, ask_ng, get
from callseal.services.clock import now_ms
from tests.e2e.canary.leak_canaries import (
    CRASHED,
    DATAGRAMS,
    DECLINED,
    EVENTS,
    HTTP,
    MISTYPED,
    NOTICES,
    PLAIN_INFO,
    PSP_FAILS,
    RELAY,
    SIP_FACES,
    SIP_PARTNER,
    TONES,
    WEBHOOKS,
    Told,
)
from tests.support.canary_storm import Door, notices, send_http, send_sip, send_webhooks
from tests.support.rtp_talker import Talker
from tests.support.sip_peer import Dialog, SipPeer
from tests.support.written import WatchedBlock, Written, processes_of


class Story:
    """The hands that play it. `keep` is where answers, pages and dumps go, to be searched like everything else."""

    def __init__(self, world: World, block: WatchedBlock, stack: ExitStack) -> None:
        self.world, self.block = world, block
        self.customer: Phone = stack.enter_context(world.customer())
        self.agent: Phone = stack.enter_context(world.agent())
        self.desk: AgentDesk = stack.enter_context(world.desk())
        self.keep = world.workspace.directory("kept")
        self.told = Told(world.workspace.root)
        self.call = PaidCall(world, self.customer, self.agent, self.desk)

    # The keypad.

    def type(self, pan: str, until: str = "valid") -> None:
        """Into the card's field, which must be empty; the partner may be a little behind the desk after a reset."""
        method = self.call.press_method
        duration, gap = (120, 120) if method == "inband" else (60, 50)
        for _ in range(3):
            self.call.wait_field("card_number", "active")
            time.sleep(0.3)
            self.customer.press(pan, method, duration_ms=duration, gap_ms=gap)
            deadline = time.monotonic() + 2
            while time.monotonic() < deadline:
                (found,) = self.desk.call(self.call.reference)["fields"]
                if found["state"] == until:
                    self.told.captured.append(pan)
                    return
                time.sleep(0.02)
            self.reset()
        raise AssertionError(f"{method}: {found}")

    def reset(self) -> None:
        self.desk.press(self.call.reference, "reset", {"field": "card_number"})

    def keys(self) -> None:
        """Every way a key travels, a mistyped card, a decline, a payment processor that fails and one that dies."""
        call = self.call
        call.dial()
        call.secure()
        call.ask("card_number")
        self.type(MISTYPED, "invalid")
        self.reset()
        for pan, call.press_method in ((EVENTS, "rfc4733"), (TONES, "inband"), (RELAY, "info")):
            self.type(pan)
            if pan != RELAY:
                self.reset()
        self.charge()  # without a date: the PSP's own validation refuses it
        for pan in (DECLINED, PSP_FAILS):
            call.ask()
            for name in FIELDS:
                call.wait_field(name, "active")
                self.customer.press(TestCard(pan).keys(name), "rfc4733", duration_ms=60, gap_ms=50)
                call.wait_field(name, "valid")
            self.told.captured.append(pan)
            self.charge()
        call.release()

    def charge(self) -> None:
        """Charge; notes the outcome."""
        result = self.call.charge(4250)["result"]
        self.told.outcomes.append(f"{result['outcome']} {result['reason'] or ''}".strip())

    def crash_while_capturing(self) -> None:
        """A customer whose equipment sends `application/dtmf`, and a partner that dies while the next card comes in."""
        with (
            SipPeer(self.block.customer, self.block.kamailio, port=5070) as peer,
            Talker(self.block.customer, 9) as talker,
        ):
            before = frozenset(call["reference"] for call in self.desk.calls())
            dialog = Dialog.new(peer, f"sip:{DIALLED}@{self.block.kamailio}")
            answer = dialog.answered(dialog.request("INVITE", sdp=talker.sdp()))
            dialog.ack(dialog.cseq)
            talker.send_to(answer.body)
            call = PaidCall(self.world, self.customer, self.agent, self.desk)
            call.reference = str(self.desk.wait_call(not_in=before)["reference"])
            self.desk.wait_state(call.reference, "ready")
            self.desk.press(call.reference, "secure")
            moved = dialog.incoming("INVITE", 6)
            dialog.reply(moved, 200, sdp=talker.answer(moved.body, 2))
            talker.send_to(moved.body)
            self.desk.wait_state(call.reference, "secured")
            call.ask("card_number")
            time.sleep(0.3)
            self.info(dialog, PLAIN_INFO)
            call.wait_field("card_number", "valid")
            self.told.captured.append(PLAIN_INFO)
            self.desk.press(call.reference, "reset", {"field": "card_number"})
            call.wait_field("card_number", "active")
            self.info(dialog, CRASHED[:-1])
            self.crash("partner")
            self.info(dialog, CRASHED[-1:], answered=False)
            dialog.request("BYE")
            time.sleep(0.2)

    @staticmethod
    def info(dialog: Dialog, keys: str, *, answered: bool = True) -> None:
        for key in keys:
            cseq = dialog.request("INFO", body=f"{key}\r\n", content_type="application/dtmf")
            if answered:
                assert dialog.answered(cseq, "INFO").status == 200
            time.sleep(0.08)

    # Everybody else.

    def storm(self) -> None:
        """Card numbers where none belongs."""
        block, told = self.block, self.told
        own = (block.customer, block.partner, block.agent)
        told.sip = sum(
            send_sip(pan, block.kamailio, address) for address, pan in zip(own, SIP_FACES, strict=True)
        )
        told.sip += send_sip(SIP_PARTNER, block.partner, block.kamailio)
        for number, (pan, door) in enumerate(zip(HTTP, self.doors(), strict=True)):
            answers = send_http(pan, door)
            told.http += len(answers)
            told.refused += sum(status >= 400 for status, _ in answers)
            (self.keep / f"answers-{number}.txt").write_text(
                "\n".join(text for _, text in answers), encoding="utf-8"
            )
        record = httpx2.get(
            f"{self.world.desk_url}/v1/calls/{self.call.reference}/record", headers=self.login()
        ).json()
        told.webhooks = send_webhooks(
            WEBHOOKS, self.world.desk_url, self.secret("partner-webhook"), record["partner_session"]
        )
        told.inlet = httpx2.post(
            f"http://{block.edge_agent}:8022/inlet/notices", content="\n".join(notices(NOTICES))
        ).status_code
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as kamailio:
            kamailio.bind((block.kamailio, 0))
            head = f"trace {block.kamailio} 5060 {block.agent} 5060 -\n"
            sip = f"INFO sip:{DATAGRAMS}@x SIP/2.0\r\nTo: <sip:{DATAGRAMS}@x>\r\nSubject: {DATAGRAMS}\r\n\r\nSignal={DATAGRAMS}"
            for text in (
                f"ack {DATAGRAMS} customer 1",
                f"ack {secrets.token_hex(16)} {DATAGRAMS} {DATAGRAMS}",
                head + sip,
                DATAGRAMS,
            ):
                kamailio.sendto(text.encode(), (block.edge_agent, 8023))

    def login(self) -> dict[str, str]:
        """A browser that is logged in as the agent."""
        with httpx2.Client(base_url=self.world.desk_url) as http:
            form = {"username": AGENT_LOGIN, "password": self.secret(f"agent-{AGENT_LOGIN}")}
            csrf = http.post("/v1/login", data=form).json()["csrf"]
            return {"X-CSRF-Token": csrf, "Cookie": f"callseal_session={http.cookies['callseal_session']}"}

    def secret(self, name: str) -> str:
        return self.world.workspace.secret(name)

    def doors(self) -> tuple[Door, ...]:
        block, desk, call = self.block, self.world.desk_url, f"/v1/calls/{self.call.reference}"
        operations = ("/v1/operations/payments", "/v1/operations/canary")
        card = (
            "/",
            "/login",
            "/demo",
            "/static/PAN",
            "/v1/me",
            "/v1/login",
            "/v1/calls/PAN/secure",
            "/v1/webhooks/partner",
            "/v1/events/PAN",
        )
        presses = tuple(f"{call}/{press}" for press in ("capture", "charge", "reset", "PAN"))
        edge, partner = self.secret("edge-secret"), self.secret("partner-api-key")
        return (
            Door(desk, card + presses, self.login()),
            Door(desk, ("/v1/edge/handoffs", "/v1/edge/events", "/v1/edge/batch", *operations), bearer(edge)),
            Door(desk, operations, bearer(self.secret("operator-secret"))),
            Door(f"http://{block.edge_agent}:8022", ("/inlet/handoff", "/inlet/leg", "/inlet/notices", "/v1/hold", "/v1/media", "/PAN"), bearer(edge)),
            Door(f"http://{block.partner}:8030", ("/v1/session/secure", "/v1/session/capture", "/v1/session/charge", "/v1/charges/PAN", "/faults"), bearer(partner) | {"Session-Token": HTTP[4]}),
            Door(f"http://{block.psp}:8033", ("/v1/charges", "/v1/charges/PAN", "/v1/stored-cards/PAN", "/faults"), {}),
            Door(f"http://{block.platform}:8041", ("/events", "/PAN"), {}),
        )  # fmt: skip

    def pages(self) -> None:
        """What is fetched and kept elsewhere: metrics, statistics, a call's record, the doctor's words, databases as text."""
        block, workspace = self.block, self.world.workspace
        urls = {
            "desk": f"{self.world.desk_url}/metrics",
            "edge": f"http://{block.edge_agent}:8022/metrics",
            "rtpengine": f"http://{block.edge_media}:2224/metrics",
        }
        for name, url in urls.items():
            (self.keep / f"metrics-{name}.txt").write_text(
                httpx2.get(url).raise_for_status().text, encoding="utf-8"
            )
        control = RouterControl(workspace.router / "control.sock")
        groups = control.call("cnt.grps_list")
        counters = {group: control.call("cnt.grp_get_all", group) for group in groups}
        assert counters["script"]
        (self.keep / "kamailio-statistics.txt").write_text(str(counters), encoding="utf-8")
        record = httpx2.get(
            f"{self.world.desk_url}/v1/calls/{self.call.reference}/record", headers=self.login()
        )
        (self.keep / "record.json").write_text(record.raise_for_status().text, encoding="utf-8")
        findings = examine_edge(patient(workspace.deployment, workspace.router))
        (self.keep / "doctor.txt").write_text("\n".join(map(str, findings)), encoding="utf-8")
        for store in (workspace.root / "state").glob("*.sqlite3"):
            with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
                (self.keep / f"{store.stem}.sql").write_text("\n".join(database.iterdump()), encoding="utf-8")

    def crash(self, *names: str) -> None:
        """SIGSEGV to the last process of each, which is the one that works."""
        for name in names:
            daemon = self.world.daemons[name]
            pids = processes_of([daemon.pid])
            os.kill(pids[-1], signal.SIGSEGV)
            assert daemon.process is not None
            daemon.process.wait(10)
            self.told.crashed[name] = int(daemon.exit_code or 0)


def patient(file: Path, router: Path) -> Patient:
    """The edge, as the doctor sees it."""
    deployment = read(file)
    return Patient(
        deployment=deployment,
        edge=deployment.edge(EDGE),
        router=router,
        now_ms=now_ms,
        get=get,
        ng=ask_ng,
        state=(file.parent / "state",),
    )


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@contextmanager
def collector(address: str, file: Path) -> Iterator[list[int]]:
    """A HEP collector that writes down what it gets; the list has a length for each packet."""
    lengths: list[int] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink, file.open("wb") as kept:
        sink.bind((address, 9060))
        sink.settimeout(0.2)
        stop = threading.Event()

        def listen() -> None:
            while not stop.is_set():
                try:
                    data = sink.recv(65535)
                except TimeoutError:
                    continue
                lengths.append(len(data))
                kept.write(data + b"\n")

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        try:
            yield lengths
        finally:
            stop.set()
            thread.join(2)


def play(stack: ExitStack, folder: Path, prefix: str) -> Told:
    """The whole story; everything has ended when it returns, and what was written stays until `stack` closes."""
    root = folder / "world"
    written = stack.enter_context(Written(folder, root))
    block = WatchedBlock(prefix, written)
    settings = {"fence": f'"events"\nhep = "{block.host(90)}:9060"', "hold_ttl_ms": "10000"}
    with ExitStack() as inner:
        world = inner.enter_context(World(Workspace(root, block, settings), Choices(loud=True)))
        story = Story(world, block, inner)
        traced = inner.enter_context(collector(block.host(90), story.keep / "hep.bin"))
        with recording(block) as recorder:
            story.keys()
        assert recorder is not None
        verdict = told(recorder, story.keep, story.keep / "report.html", now_ms() // 1000)
        (story.keep / "verdict.txt").write_text("\n".join(map(str, verdict)), encoding="utf-8")
        story.call.hang_up()
        story.crash_while_capturing()
        world.daemons["partner"].restart()
        story.storm()
        story.pages()
        written.keep_open_files(
            processes_of([daemon.pid for daemon in world.daemons.values() if daemon.alive])
        )
        story.crash(*world.daemons)
        story.told.traced = len(traced)
        story.told.layers = written.layers
    return story.told
