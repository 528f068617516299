"""The example deployment, as the other parts of Callseal see it."""

from __future__ import annotations

import pickle
from ipaddress import ip_address
from pathlib import Path

import pytest

from callseal.deployment import Deployment, HostPort, SipUri, read

pytestmark = pytest.mark.unit

EXAMPLE = Path(__file__).parents[3] / "examples" / "sandbox.toml"


@pytest.fixture
def sandbox() -> Deployment:
    return read(EXAMPLE)


def test_values_come_out_typed(sandbox: Deployment) -> None:
    assert sandbox.schema_version == 1
    assert sandbox.edges[0].sip == HostPort(ip_address("127.88.0.20"), 5060)
    assert sandbox.edges[0].sip.pair == ("127.88.0.20", 5060)
    assert sandbox.carriers[0].destinations == (SipUri("127.88.0.10", 5060),)
    assert str(sandbox.carriers[0].signalling[0]) == "127.88.0.10/32"
    assert 30000 in sandbox.edges[0].media_ports
    assert 40000 not in sandbox.edges[0].media_ports
    assert sandbox.media_addresses == (ip_address("127.88.0.21"),)


def test_paths_are_relative_to_the_file(sandbox: Deployment) -> None:
    assert sandbox.desk.store == EXAMPLE.parent / "state/desk.sqlite3"
    assert sandbox.desk.edge_secret.path == EXAMPLE.parent / "secrets/edge-secret"


def test_the_longest_prefix_wins(sandbox: Deployment) -> None:
    found = sandbox.number_for("+442079461000")
    assert found is not None
    assert found.tenant == "globex"
    found = sandbox.number_for("+442079460999")
    assert found is not None
    assert found.tenant == "acme"
    assert sandbox.number_for("+1") is None
    country = sandbox.numbers[0].model_copy(update={"match": "+44", "tenant": "whole-country"})
    wider = sandbox.model_copy(update={"numbers": (country, *sandbox.numbers, country)})
    found = wider.number_for("+442079461000")
    assert found is not None
    assert found.tenant == "globex"


def test_an_emergency_number_takes_no_payments(sandbox: Deployment) -> None:
    found = sandbox.number_for("112")
    assert found is not None
    assert not found.takes_payments
    assert sandbox.carrier_for(found).id == "carrier-a"


def test_look_up_by_id_names_what_is_not_there(sandbox: Deployment) -> None:
    assert sandbox.edge("edge-1").region == "local"
    with pytest.raises(KeyError, match="edge-9"):
        sandbox.edge("edge-9")


def test_every_secret_is_found_with_its_place(sandbox: Deployment) -> None:
    places = [path for path, _ in sandbox.secrets()]
    assert ("signing", "current", "secret") in places
    assert ("desk", "agents", 1, "password") in places
    assert ("desk", "operator_secret") in places
    assert len(places) == 8


def test_it_is_frozen(sandbox: Deployment) -> None:
    with pytest.raises(ValueError, match="frozen"):
        sandbox.name = "other"  # type: ignore[misc]


def test_no_secret_value_leaves_by_repr_or_pickle(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    file = tmp_path / "callseal.toml"
    file.write_text(text, encoding="utf-8")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "edge-secret").write_text("open sesame, and louder\n", encoding="utf-8")
    deployment = read(file)
    assert deployment.desk.edge_secret.reveal() == "open sesame, and louder"
    assert "sesame" not in repr(deployment)
    assert "sesame" not in deployment.model_dump_json()
    assert b"sesame" not in pickle.dumps(deployment)
