"""Deployment -> data files: every line of them, and what a change of the deployment changes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callseal.deployment import Deployment, read
from callseal.deployment.groups import carrier_group
from callseal.lab.block import Block
from callseal.lab.encryption import FACES, make_certificates, over_tls
from callseal.lab.second_edge import table
from callseal.render import RenderedFile, derive, hand_written, plan

pytestmark = pytest.mark.unit

EXAMPLE = Path(__file__).parents[3] / "examples" / "sandbox.toml"
A = carrier_group("carrier-a")
SECRET = "a signing secret for tests"


def deployment(root: Path, *changes: tuple[str, str]) -> Deployment:
    """The example with some lines changed and every secret made."""
    text = EXAMPLE.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (root / "secrets").mkdir(exist_ok=True)
    for name in re.findall(r'"file:secrets/([\w-]+)"', text):
        (root / "secrets" / name).write_text(
            SECRET if name.startswith("signing") else "x" * 32, encoding="utf-8"
        )
        (root / "secrets" / name).chmod(0o600)
    path = root / "callseal.toml"
    path.write_text(text, encoding="utf-8")
    return read(path)


def tls_files(root: Path, *faces: str) -> dict[str, RenderedFile]:
    """With SIP over TLS to these faces (default: all), and certificates made."""
    make_certificates(root / "tls", Block(), datetime(2026, 1, 1, tzinfo=UTC))
    deployment(root)
    (root / "callseal.toml").write_text(
        over_tls(EXAMPLE.read_text(encoding="utf-8"), faces or FACES), encoding="utf-8"
    )
    return {file.path: file for file in plan(read(root / "callseal.toml"), "edge-1")}


def files(root: Path, *changes: tuple[str, str]) -> dict[str, RenderedFile]:
    return {file.path: file for file in plan(deployment(root, *changes), "edge-1")}


def test_nine_files_and_only_keys_are_secret(tmp_path: Path) -> None:
    made = files(tmp_path)
    assert sorted(made) == [
        "data/address.list",
        "data/defines.cfg",
        "data/dispatcher.list",
        "data/keys.cfg",
        "data/nodes.cfg",
        "data/numbers",
        "data/policies.cfg",
        "edge.env",
        "firewall.nft",
    ]
    assert {path: file.mode for path, file in made.items() if file.mode != 0o644} == {"data/keys.cfg": 0o600}


def test_keys_are_derived_and_the_secret_itself_is_nowhere(tmp_path: Path) -> None:
    made = files(tmp_path)
    assert f'#!define KEY_CURRENT_INNER "{derive(SECRET).inner}"' in made["data/keys.cfg"].text
    assert f'#!define KEY_CURRENT_OUTER "{derive(SECRET).outer}"' in made["data/keys.cfg"].text
    assert f'#!define KEY_CURRENT_HIDING "{derive(SECRET).hiding}"' in made["data/keys.cfg"].text
    assert "PREVIOUS" not in made["data/keys.cfg"].text
    for file in made.values():
        assert SECRET not in file.text
        assert derive(SECRET).inner not in repr(file)


def test_previous_key(tmp_path: Path) -> None:
    keys = files(tmp_path, ("# previous = ", "previous = "))["data/keys.cfg"].text
    assert '#!define KEY_PREVIOUS_ID "k0"' in keys


def test_addresses(tmp_path: Path) -> None:
    lines = files(
        tmp_path, ('signalling = ["127.88.0.10"]', 'signalling = ["127.88.0.10", "198.51.100.0/24"]')
    )["data/address.list"].text.splitlines()
    assert lines[1:] == [
        "1 127.88.0.30 32 0 id=sandbox;rps=5000;cps=500",
        "2 127.88.0.40 32 0 id=pbx;rps=5000;cps=500",
        f"{A} 127.88.0.10 32 0 id=carrier-a;rps=5000;cps=500",
        f"{A} 198.51.100.0 24 0 id=carrier-a;rps=5000;cps=500",
    ]


def test_destinations_keep_their_order(tmp_path: Path) -> None:
    change = (
        'destinations = ["sip:127.88.0.30:5060"]',
        'destinations = ["sip:127.88.0.30:5060", "sip:127.88.0.30:5070"]',
    )
    assert files(tmp_path, change)["data/dispatcher.list"].text.splitlines()[1:] == [
        "1 sip:127.88.0.30:5060 0 2",
        "1 sip:127.88.0.30:5070 0 1",
        "2 sip:127.88.0.40:5060 0 1",
        f"{A} sip:127.88.0.10:5060 0 1",
    ]


def test_numbers(tmp_path: Path) -> None:
    lines = files(tmp_path)["data/numbers"].text.splitlines()
    assert lines[0] == "tprefix(string) tvalue(string)"
    assert f"+442079460:tenant=acme;carrier={A};down=bypass;pay=1;sos=0" in lines
    assert f"112:tenant=acme;carrier={A};down=bypass;pay=0;sos=1" in lines
    assert lines[-1] == "++:sos=112"


def test_numbers_of_emergency_services(tmp_path: Path) -> None:
    """One line that nobody can dial; none where there is no emergency number."""
    police = 'emergency = true\nservice_urns = ["urn:service:sos.police"]'
    lines = files(tmp_path, ("emergency = true", police))["data/numbers"].text.splitlines()
    assert lines[-1] == "++:sos.police=112;sos=112"
    assert "++" not in files(tmp_path, ("emergency = true", ""))["data/numbers"].text


def test_nodes_are_numbered_by_server_id(tmp_path: Path) -> None:
    text = files(tmp_path)["data/nodes.cfg"].text
    assert 'modparam("rtpengine", "rtpengine_sock", "1 == udp:127.88.0.21:2223")' in text
    assert '#!define NG_HTTP "1=http://127.88.0.21:2224/ng-plain"' in text
    assert '#!define NG_CONNECTION "ng=>http://127.88.0.21:2224/ng-plain;timeout=300"' in text


@pytest.mark.parametrize(
    ("change", "switch"),
    [
        (('anchors = "two"', 'anchors = "one"'), "ANCHORS_ONE"),
        (("early_media = false", "early_media = true"), "PARTNER_EARLY_MEDIA"),
        (("dtmf_info = false", "dtmf_info = true"), "DTMF_INFO_PASSES"),
        (('cookie_place = "header"', 'cookie_place = "request-uri"'), "COOKIE_IN_URI"),
        (('fence = "events"', 'fence = "unsafe-off"'), "FENCE_OFF"),
        (('fence = "events"', 'fence = "events"\ntopology = "shown"'), "TOPOLOGY_SHOWN"),
    ],
)
def test_switches(tmp_path: Path, change: tuple[str, str], switch: str) -> None:
    assert f"#!define {switch}\n" not in files(tmp_path)["data/defines.cfg"].text
    assert f"#!define {switch}\n" in files(tmp_path, change)["data/defines.cfg"].text


def test_anchors_that_the_file_does_not_say(tmp_path: Path) -> None:
    unsaid = ('anchors = "two"', "")
    shown = ('fence = "events"', 'fence = "events"\ntopology = "shown"')
    assert "ANCHORS_ONE" not in files(tmp_path, unsaid)["data/defines.cfg"].text
    assert "#!define ANCHORS_ONE\n" in files(tmp_path, unsaid, shown)["data/defines.cfg"].text


def test_every_name_the_router_uses_is_defined(tmp_path: Path) -> None:
    made = files(tmp_path, ("# previous = ", "previous = "))
    data = "".join(file.text for file in made.values())
    data += "".join(file.text for file in tls_files(tmp_path).values())
    others = (
        ('transport = "udp"', 'transport = "tcp"'),
        ('sip = "127.88.0.20:5060"', 'sip = "127.88.0.20:5060"\nsip6 = "[2001:db8::20]:5060"'),
        ('media = "127.88.0.21"', 'media = "127.88.0.21"\nmedia6 = "2001:db8::21"'),
        ('"sip:127.88.0.30:5060"', '"sip:sip.partner.example"'),
        ("[[edges]]", '[[regions]]\nid = "local"\ncluster = "sip.example.net"\n\n[[edges]]'),
    )
    data += files(tmp_path, *others)["data/defines.cfg"].text
    defined = set(re.findall(r"#!define (\w+)", data)) | set(re.findall(r'#!substdef "\|(\w+)\|', data))
    router = "\n".join(path.read_text(encoding="utf-8") for path in hand_written().glob("*.cfg"))
    switches = set(re.findall(r"#!ifn?def (\w+)", router))
    words = set(re.findall(r"\b[A-Z][A-Z]+(?:_[A-Z]+)+\b", re.sub(r"(?m)^\s*#(?!!).*$|#!.*$", "", router)))
    routes = set(re.findall(r"route\[(\w+)\]", router))
    assert words - routes - {"KAMAILIO_VERSION"} <= defined | switches
    assert defined - switches <= words | {"HDR_TOKEN", "HDR_COOKIE", "HDR_REFERENCE"}


def test_unknown_edge(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="edge-9"):
        plan(deployment(tmp_path), "edge-9")


def test_seen_at(tmp_path: Path) -> None:
    made = {file.path: file for file in plan(deployment(tmp_path), "edge-1", seen_at="/srv/router/")}
    assert '#!define ADDRESS_FILE "/srv/router/data/address.list"' in made["data/defines.cfg"].text


def test_nodes_of_two_edges_begin_with_our_own_and_the_others_address_is_ours_too(tmp_path: Path) -> None:

    two = deployment(tmp_path, ("[desk]\n", table(Block()) + "\n[desk]\n"))
    first, second = (
        {file.path: file.text for file in plan(two, edge)}["data/nodes.cfg"] for edge in ("edge-1", "edge-2")
    )
    assert '#!define NODE_LIST "1:2"\n#!define NODE_COUNT 2\nalias=127.88.0.23:5060\n' in first
    assert '#!define NODE_LIST "2:1"\n#!define NODE_COUNT 2\nalias=127.88.0.20:5060\n' in second


def test_a_header_line_has_the_smallest_bound(tmp_path: Path) -> None:
    """limits.cfg lets pass what is no bigger as a whole."""
    text = files(tmp_path)["data/defines.cfg"].text
    header, body, message = (
        int(text.partition(f"#!define {name}_BYTES ")[2].split()[0]) for name in ("HEADER", "BODY", "MESSAGE")
    )
    assert header <= body <= message
