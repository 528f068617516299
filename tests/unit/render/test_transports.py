"""SIP transports -> listeners, tags, destinations and TLS profiles."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from callseal.deployment import SecretError, read
from callseal.lab.encryption import over_tls
from callseal.render import plan
from tests.unit.render.test_plan import EXAMPLE, A, files, tls_files

pytestmark = pytest.mark.unit


def profiles(text: str) -> dict[str, dict[str, str]]:
    """`[client:default]` and so on -> its lines."""
    found = {}
    for title, body in re.findall(r"(?m)^\[([^\]]+)\]\n((?:[a-z_]+ = .*\n)*)", text):
        found[title] = dict(line.split(" = ", 1) for line in body.splitlines())
    return found


def test_a_deployment_on_udp_has_none_of_it(tmp_path: Path) -> None:
    made = files(tmp_path)
    assert "data/tls.cfg" not in made
    assert not re.search("WITH_|LISTEN_T|TRANSPORT", made["data/defines.cfg"].text)


def test_listeners(tmp_path: Path) -> None:
    defines = tls_files(tmp_path)["data/defines.cfg"].text
    assert "#!define WITH_STREAMS\n#!define WITH_TLS\n" in defines
    assert "#!define EDGE_LISTEN_TLS tls:127.88.0.20:5061\n" in defines
    assert "WITH_TCP" not in defines


def test_tcp_listens_where_udp_does(tmp_path: Path) -> None:
    made = files(tmp_path, ('transport = "udp"', 'transport = "tcp"'))
    assert "#!define EDGE_LISTEN_TCP tcp:127.88.0.20:5060\n" in made["data/defines.cfg"].text
    assert "WITH_TLS" not in made["data/defines.cfg"].text
    assert "1 sip:127.88.0.30:5060;transport=tcp 0 1" in made["data/dispatcher.list"].text
    assert "1 127.88.0.30 32 0 id=sandbox;tr=tcp" in made["data/address.list"].text


def test_host_is_advertised_over_tls(tmp_path: Path) -> None:
    tls_files(tmp_path)
    text = (tmp_path / "callseal.toml").read_text(encoding="utf-8")
    (tmp_path / "callseal.toml").write_text(
        text.replace("sip_tls = ", 'host = "Edge-1.example.net"\nsip_tls = '), encoding="utf-8"
    )
    defines = plan(read(tmp_path / "callseal.toml"), "edge-1")[0].text
    assert "#!define EDGE_LISTEN_TLS tls:127.88.0.20:5061 advertise edge-1.example.net:5061\n" in defines


def test_what_a_peer_must_show_and_where_it_is_called(tmp_path: Path) -> None:
    made = tls_files(tmp_path, "partner", "platform")
    assert made["data/address.list"].text.splitlines()[1:] == [
        "1 127.88.0.30 32 0 id=sandbox;tr=tls;cn=sip.partner.example;rps=5000;cps=500",
        "2 127.88.0.40 32 0 id=pbx;tr=tls;cn=sip.platform.example;rps=5000;cps=500",
        f"{A} 127.88.0.10 32 0 id=carrier-a;rps=5000;cps=500",
    ]
    assert made["data/dispatcher.list"].text.splitlines()[1:] == [
        "1 sip:127.88.0.30:5061;transport=tls 0 1",
        "2 sip:127.88.0.40:5061;transport=tls 0 1",
        f"{A} sip:127.88.0.10:5060 0 1",
    ]


def test_profiles(tmp_path: Path) -> None:
    made = tls_files(tmp_path)
    found = profiles(made["data/tls.cfg"].text)
    assert set(found) == {"server:default", "client:default"}
    for profile in found.values():
        assert profile["method"] == "TLSv1.2+"
        assert all("GCM" in suite or "POLY1305" in suite for suite in profile["cipher_list"].split(":"))
        assert profile["private_key"] == "/run/callseal/data/private_key.pem"
    assert (
        found["server:default"]["require_certificate"],
        found["client:default"]["require_certificate"],
    ) == (
        "no",
        "yes",
    )
    assert {path for path, file in made.items() if file.mode == 0o600} == {
        "data/keys.cfg",
        "data/private_key.pem",
    }
    assert made["data/private_key.pem"].text == (tmp_path / "tls" / "edge.key").read_text(encoding="ascii")


def test_without_a_name_a_peer_is_encrypted_and_no_more(tmp_path: Path) -> None:
    tls_files(tmp_path)
    text = over_tls(EXAMPLE.read_text(encoding="utf-8"), ("carrier", "partner"))
    text = text.replace('tls_name = ["sip.carrier.example"]', "").replace(
        "[tls]", '[tls]\nmin_version = "1.3"'
    )
    (tmp_path / "callseal.toml").write_text(text, encoding="utf-8")
    made = {file.path: file for file in plan(read(tmp_path / "callseal.toml"), "edge-1")}
    found = profiles(made["data/tls.cfg"].text)
    assert found["client:127.88.0.10:5061"]["verify_certificate"] == "no"
    assert found["client:default"]["verify_certificate"] == "yes"
    assert found["server:default"]["method"] == "TLSv1.3+"
    assert not any("cipher_list" in profile for profile in found.values()), (
        "no Kamailio starts with TLS 1.2's"
    )
    assert f"{A} 127.88.0.10 32 0 id=carrier-a;tr=tls;rps=5000;cps=500\n" in made["data/address.list"].text


def test_a_missing_certificate_is_said(tmp_path: Path) -> None:
    tls_files(tmp_path)
    (tmp_path / "tls" / "edge.pem").unlink()
    with pytest.raises(SecretError, match=r"edge\.pem"):
        plan(read(tmp_path / "callseal.toml"), "edge-1")


NAMED = ('"sip:127.88.0.30:5060"', '"sip:sip.partner.example"')


def test_one_transport_is_left_to_naptr(tmp_path: Path) -> None:
    made = files(tmp_path, NAMED)
    assert "1 sip:sip.partner.example 0 1" in made["data/dispatcher.list"].text
    defines = made["data/defines.cfg"].text
    assert "WITH_NAMES" in defines
    assert re.findall(r"#!define NAPTR_(\w+) (\S+)", defines) == [
        ("TRANSPORT", '"udp"'),
        ("UDP", "10"),
        ("TCP", "-1"),
        ("TLS", "-1"),
    ]


def test_two_transports_are_written_down(tmp_path: Path) -> None:
    tls_files(tmp_path, "partner")
    text = (tmp_path / "callseal.toml").read_text(encoding="utf-8")
    for address, name in (("30:5061", "partner"), ("10:5060", "carrier")):
        text = text.replace(f'"sip:127.88.0.{address}"', f'"sip:sip.{name}.example"')
    (tmp_path / "callseal.toml").write_text(text, encoding="utf-8")
    made = {file.path: file.text for file in plan(read(tmp_path / "callseal.toml"), "edge-1")}
    assert "1 sip:sip.partner.example;transport=tls 0 1" in made["data/dispatcher.list"]
    assert f"{A} sip:sip.carrier.example;transport=udp 0 1" in made["data/dispatcher.list"]
    assert "WITH_NAPTR" not in made["data/defines.cfg"]


def test_a_name_with_a_port_is_an_address_record(tmp_path: Path) -> None:
    made = files(tmp_path, (NAMED[0], '"sip:sip.partner.example:5070"'))
    assert "1 sip:sip.partner.example:5070 0 1" in made["data/dispatcher.list"].text
    assert "WITH_NAMES" not in made["data/defines.cfg"].text


def test_resolvers(tmp_path: Path) -> None:
    assert "data/resolv.conf" not in files(tmp_path)
    made = files(tmp_path, ("[[edges]]", '[dns]\nresolvers = ["127.0.0.53", "2001:db8::53"]\n\n[[edges]]'))
    assert made["data/resolv.conf"].text == (
        "nameserver 127.0.0.53\nnameserver 2001:db8::53\noptions timeout:1 attempts:1\n"
    )


def test_cluster_names(tmp_path: Path) -> None:
    regions = '[[regions]]\nid = "local"\ncluster = "EU.example.net"\n[[regions]]\nid = "us"\ncluster = "us.example.net"\n'
    made = files(tmp_path, ("[[edges]]", regions + "[[edges]]"))
    assert '#!define CLUSTER_NAME "eu.example.net"\n' in made["data/defines.cfg"].text
    assert made["data/nodes.cfg"].text.endswith('\nalias="eu.example.net"\nalias="us.example.net"\n')


def test_revocation_lists_are_one_file_for_both_sides(tmp_path: Path) -> None:
    tls_files(tmp_path)
    for name in ("one", "two"):
        (tmp_path / f"{name}.pem").write_text(f"{name}\n", encoding="ascii")
    text = (tmp_path / "callseal.toml").read_text(encoding="utf-8")
    (tmp_path / "callseal.toml").write_text(
        text.replace("[tls]\n", '[tls]\ncrl = ["one.pem", "two.pem"]\n'), encoding="utf-8"
    )
    made = {file.path: file.text for file in plan(read(tmp_path / "callseal.toml"), "edge-1")}
    assert made["data/crl.pem"] == "one\ntwo\n"
    assert made["data/tls.cfg"].count("crl = /run/callseal/data/crl.pem\n") == made["data/tls.cfg"].count("[")
