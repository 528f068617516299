"""docs/how-to/deploy.md: its deployment is good, and its units run what the lab runs."""

from __future__ import annotations

import configparser
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callseal.deployment import examine, read
from callseal.deployment.keys import create_missing
from callseal.lab import router
from callseal.lab.authority import Authority
from callseal.lab.rootfs import Rootfs
from callseal.render import render
from callseal.render.desk_firewall import desk_firewall
from callseal.render.environment import environment
from callseal.render.write import write_zone
from callseal.services.clock import now_ms

pytestmark = pytest.mark.unit

TOP = Path(__file__).parents[3]
UNITS = TOP / "infra/systemd"


def test_the_example_is_good_and_renders_without_a_gap(tmp_path: Path) -> None:
    example = TOP / "examples/two-regions.toml"
    file = tmp_path / "callseal.toml"
    file.write_text(example.read_text(encoding="utf-8"), encoding="utf-8")
    now = datetime.fromtimestamp(now_ms() / 1000, UTC)
    (tmp_path / "tls").mkdir()
    authority = Authority.at(tmp_path / "tls", "peers", now)
    authority.issue("eu.sip.example.net", now=now).write(tmp_path / "tls", "edge")
    (tmp_path / "tls/ca.pem").rename(tmp_path / "tls/peers-ca.pem")
    create_missing(read(file), lambda count: bytes(range(count)))

    found = examine(file)
    assert found.deployment is not None
    assert [str(fault.id) for fault in found.faults if fault not in found.errors] == ["CS103"]

    for edge in ("eu-1", "us-1"):
        out = tmp_path / edge
        render(found.deployment, edge, out)
        rules = (out / "firewall.nft").read_text(encoding="utf-8")
        assert "No rule" not in rules
        beyond = [address for address in found.deployment.dns.resolvers if not address.is_loopback]
        told = (TOP / "docs/how-to/deploy.md").read_text(encoding="utf-8")
        assert f"forward-addr: {beyond[0]}\\n" in told, "the resolver beside the edge asks one that it may"
        for address in beyond:
            assert re.search(rf"ip daddr .*\b{re.escape(str(address))}\b.* udp dport 53 ", rules)
    assert "No rule" not in desk_firewall(found.deployment)
    (zone,) = write_zone(found.deployment, out, serial=1)
    assert "us-1.sip.example.net." in zone.read_text(encoding="utf-8")
    names = found.deployment.dns
    assert not [one for one in names.name_servers if one.endswith(f".{names.zone}")], (
        "no address: BIND refuses it"
    )


def unit(name: str) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(UNITS / f"callseal-{name}.service", encoding="utf-8")
    return dict(parser["Service"])


def test_kamailio_is_started_as_in_the_lab() -> None:
    command = unit("kamailio")["ExecStart"]
    assert (
        f"--atexit=no -DD -E -m {router.SHARED_MIB} -M {router.PRIVATE_MIB} -f {router.INSIDE}/kamailio.cfg"
        in command
    )
    for page in ("docs/how-to/operate.md", "docs/explanation/router.md"):
        assert f"-m {router.SHARED_MIB} -M {router.PRIVATE_MIB}" in (TOP / page).read_text(
            encoding="utf-8"
        ), page


def test_rtpengine_writes_no_digit_and_leaves_no_core() -> None:
    service = unit("rtpengine")
    level = re.search(r"--log-level=(\d)", service["ExecStart"])
    assert level is not None
    assert int(level[1]) == router.RTPENGINE_LOG_LEVEL
    assert service["CapabilityBoundingSet"] == "", "with CAP_SYS_RESOURCE it lifts the limit by itself"


def environment_of(tmp_path: Path) -> dict[str, str]:
    """What rtpengine's unit is given, as systemd reads it."""
    file = tmp_path / "callseal.toml"
    file.write_text((TOP / "examples/two-regions.toml").read_text(encoding="utf-8"), encoding="utf-8")
    deployment = read(file)
    text = environment(deployment, deployment.edge("eu-1"))
    return dict(re.findall(r'(?m)^(\w+)="(.*)"$', text))


def test_rtpengine_is_started_as_in_the_lab(tmp_path: Path) -> None:
    """What only the lab told it would be missing on an edge, and no test would notice."""
    lab = router.Rtpengine(
        Rootfs("forky", tmp_path), media="192.0.2.11", ng=("192.0.2.11", 2223), log=tmp_path / "log"
    )
    told = {
        word.partition("=")[0] for word in lab.argv[lab.argv.index("rtpengine") :] if word.startswith("--")
    }
    command = unit("rtpengine")["ExecStart"]
    for name, value in environment_of(tmp_path).items():
        # Without braces it is as many words as it has, with braces one (systemd.service(5), Command lines).
        command = re.sub(rf"\${name}\b|\$\{{{name}\}}", value, command)
    assert "$" not in command, "what it is started with is rendered"
    assert "--interface=192.0.2.11 --listen-ng=192.0.2.138:2223 --listen-http=192.0.2.138:2224 " in command
    assert command.endswith("--port-min=30000 --port-max=39999")
    said = {word.partition("=")[0] for word in command.split() if word.startswith("--")}
    assert told - said == {"--num-threads"}, "by itself as many as there are cores"
    assert said - told == {"--listen-http"}, "given to it by world and rig"


@pytest.mark.parametrize("name", ["kamailio", "rtpengine", "edge", "desk"])
def test_every_service_comes_back_and_leaves_no_core(name: str) -> None:
    service = unit(name)
    assert (service["Restart"], service["LimitCORE"]) == ("always", "0")
