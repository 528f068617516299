from __future__ import annotations

import json, secrets, socket, sqlite3, subprocess, sys, time, os, signal
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx2
import pytest

from callseal.audit.canary_scan import TEST_CARDS, scan
from callseal.lab.demo_audit import recording, told
from callseal.lab.preflight import taken
from callseal.lab.story import TestCard, PaidCall
from callseal.lab.workspace import Workspace
from callseal.lab.world import Choices, World
from callseal.services.runner import now_ms
from tests.support.canary_storm import Door, notices, send_http, send_sip, send_webhooks
from tests.support.stage import Stage, partner_faults
from tests.support.written import WatchedBlock, Written, processes_of

pytestmark = pytest.mark.e2e

def test_explore(tmp_path: Path) -> None:
    t0 = time.monotonic()
    def say(*a): print(f"{time.monotonic()-t0:.1f}", *a, flush=True)
    block = next(b for b in (WatchedBlock(f"127.90.{n}") for n in range(60, 99)) if not taken(b))
    ws = tmp_path / "world"
    with ExitStack() as stack:
        written = stack.enter_context(Written(tmp_path / "w", ws))
        block = WatchedBlock(block.prefix, written)
        workspace = Workspace(ws, block, {"fence": f'"events"\nhep = "{block.host(90)}:9060"'})
        world = stack.enter_context(World(workspace, Choices(loud=True)))
        say("world")
        customer = stack.enter_context(world.customer())
        agent = stack.enter_context(world.agent())
        desk = stack.enter_context(world.desk())
        say("phones")
        recorder = stack.enter_context(recording(block))
        call = PaidCall(world, customer, agent, desk)
        call.dial(); call.secure(); call.ask("card_number")
        call.type("card_number", "4242424242424242")
        for pan, m in (("378282246310005","inband"),("5555555555554444","info"),("4242424242424241","rfc4733")):
            desk.press(call.reference, "reset", {"field":"card_number"})
            call.press_method = m
            call.wait_field("card_number","active"); time.sleep(1)
            customer.press(pan, m, duration_ms=120, gap_ms=120)
            try: call.wait_field("card_number","invalid" if pan.endswith("41") else "valid")
            except Exception as e: say(m, pan, desk.call(call.reference)["fields"])
        say("typed")
        desk.press(call.reference,"cancel"); desk.wait_state(call.reference,"ready")
        call.press_method="rfc4733"
        r = call.pay(TestCard("4000000000009995"))
        say("declined", r["result"])
        say("audit", told(recorder, ws, ws/"report.html", now_ms()//1000))
        handle = desk.call(call.reference)
        edge=block.kamailio
        from callseal.stores.sqlite import SqliteStore
        for own, pan in ((block.customer,"4111111111111111"),(block.partner,"371449635398431"),(block.agent,"30569309025904")):
            say("sip", send_sip(pan, edge, own))
        say("sip to the partner", send_sip("4012888888881881", block.partner, edge))
        csrf={"X-CSRF-Token": desk._csrf, "Cookie": "callseal_session="+desk._http.cookies["callseal_session"]}
        doors = [
          Door(world.desk_url, ("/","/login","/demo","/static/PAN","/v1/login","/v1/calls/PAN/secure",f"/v1/calls/{call.reference}/capture",f"/v1/calls/{call.reference}/charge",f"/v1/calls/{call.reference}/reset","/v1/me","/v1/webhooks/partner"), csrf),
          Door(world.desk_url, ("/v1/edge/handoffs","/v1/edge/events","/v1/edge/batch","/v1/operations/payments","/v1/operations/canary"), {"Authorization":"Bearer "+workspace.secret("edge-secret")}),
          Door(world.desk_url, ("/v1/operations/payments","/v1/operations/canary"), {"Authorization":"Bearer "+workspace.secret("operator-secret")}),
          Door(f"http://{block.edge_agent}:8022", ("/inlet/handoff","/inlet/leg","/inlet/notices","/v1/hold","/v1/media","/PAN"), {"Authorization":"Bearer "+workspace.secret("edge-secret")}),
          Door(f"http://{block.partner}:8030", ("/v1/session/secure","/v1/session/capture","/v1/session/charge","/v1/charges/PAN","/faults"), {"Authorization":"Bearer "+workspace.secret("partner-api-key"),"Session-Token":"3530111333300000"}),
          Door(f"http://{block.psp}:8033", ("/v1/charges","/v1/charges/PAN","/v1/stored-cards/PAN","/faults"), {}),
          Door(f"http://{block.platform}:8041", ("/events","/PAN"), {}),
        ]
        pans=["2223003122003222","36227206271667","6011111111111117","3530111333300000","6200000000000005","5105105105105100","6011000990139424","3566002020360505"]
        for d,p in zip(doors,pans):
            try: say("http",d.url, p, send_http(p,d)[0])
            except Exception as e: say("http",d.url,repr(e))
        con=sqlite3.connect(f"file:{ws}/state/desk.sqlite3?mode=ro",uri=True)
        say(con.execute("select name from sqlite_master").fetchall())
        from callseal.deployment import read
        sess = httpx2.get(f"{world.desk_url}/v1/calls/{call.reference}/record", headers=csrf).json()["partner_session"]
        say("webhooks", send_webhooks("4000056655665556", world.desk_url, workspace.secret("partner-webhook"), sess))
        st=httpx2.post(f"http://{block.edge_agent}:8022/inlet/notices", content="\n".join(notices("4000000000000127")).encode(), headers={"Content-Type":"text/plain"})
        say("inlet", st.status_code)
        with socket.socket(socket.AF_INET,socket.SOCK_DGRAM) as s:
            for t in ("ack 4000000000000069 customer 1","trace 1.2.3.4 5 4000000000000069 x -\nINFO sip:4000000000000069@x SIP/2.0\r\nTo: 4000000000000069\r\n\r\n4000000000000069", "4000000000000069"):
                s.bind((block.kamailio,0)) if t.startswith("ack") else None
                s.sendto(t.encode(),(block.edge_agent,8023))
        with suppress(Exception): call.hang_up()
        for name,url in (("desk",world.desk_url+"/metrics"),("edge",f"http://{block.edge_agent}:8022/metrics"),("rtp",f"http://{block.edge_media}:2224/metrics")):
            (ws/f"metrics-{name}.txt").write_text(httpx2.get(url).text)
        for d in world.daemons.values():
            with suppress(Exception):
                pass
        import resource
        for n,d in world.daemons.items():
            say(n, d.pid, [ (p, resource.prlimit(p, resource.RLIMIT_CORE)) for p in processes_of([d.pid])][:2])
        for n,d in world.daemons.items():
            if n.startswith(("kam","rtp")):
                for p in processes_of([d.pid])[-1:]:
                    os.kill(p, signal.SIGSEGV)
        time.sleep(2)
        written.keep_open_files(processes_of([d.pid for d in world.daemons.values()]))
        extra = tuple(pans)+("4242424242424241","4000056655665556","4000000000000127","4000000000000069")
        can = tuple(dict.fromkeys(TEST_CARDS+extra))
        for layer in (ws,*written.layers):
            t=time.monotonic()
            if not layer.exists(): continue
            f=scan(layer, canaries=can, exclude=[ws/"phone-customer"])
            say(layer, f.files, "files", len(f.findings), "unread", f.unread, time.monotonic()-t)
            for one in f.findings: say("   ", str(one), can[one.canary] if one.canary>=0 else "cvv")
        subprocess.run(["du","-a",str(ws/"logs")]); 
        subprocess.run(f"rm -rf /tmp/ll; cp -r {ws} /tmp/ll; ls -laR {written.layers[0]} | grep -v '^d' | head -60", shell=True)
