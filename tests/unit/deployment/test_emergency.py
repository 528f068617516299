"""Which number an emergency service is called by."""

from __future__ import annotations

from pathlib import Path

import pytest

from callseal.deployment import Deployment, examine, read
from callseal.deployment.emergency import services

pytestmark = pytest.mark.unit

EXAMPLE = Path(__file__).parents[3] / "examples" / "sandbox.toml"
CARRIER_B = """\
[[carriers]]
id = "carrier-b"
signalling = ["127.88.0.11"]
media = ["127.88.0.11"]
destinations = ["sip:127.88.0.11:5060"]

"""


def emergency(match: str, carrier: str = "carrier-a", *urns: str) -> str:
    return f'[[numbers]]\nmatch = "{match}"\ntenant = "acme"\ncarrier = "{carrier}"\nemergency = true\nservice_urns = {list(urns)}\n\n'


def deployment(folder: Path, *numbers: str) -> Deployment:
    """The example with a second carrier, and with these emergency numbers instead of its own."""
    text = EXAMPLE.read_text(encoding="utf-8")
    before, _, rest = text.partition('[[numbers]]\nmatch = "112"')
    text = before + "".join(numbers) + rest[rest.index("[router]") :]
    file = folder / "callseal.toml"
    file.write_text(text.replace("[partner]", CARRIER_B + "[partner]"), encoding="utf-8")
    return read(file)


def test_by_itself_it_is_the_first_of_those_that_leave_by_one_carrier(tmp_path: Path) -> None:
    assert services(read(EXAMPLE)) == {"sos": "112"}
    assert services(deployment(tmp_path, emergency("999"), emergency("112"))) == {"sos": "999"}
    assert services(deployment(tmp_path)) == {}


def test_which_of_two_carriers_is_not_guessed(tmp_path: Path) -> None:
    abroad = emergency("911", "carrier-b")
    assert services(deployment(tmp_path, emergency("112"), abroad)) == {}
    assert [fault.id for fault in examine(tmp_path / "callseal.toml").warnings] == ["CS109"]
    said = emergency("112", "carrier-a", "urn:service:sos")
    assert services(deployment(tmp_path, abroad, said)) == {"sos": "112"}
    assert examine(tmp_path / "callseal.toml").warnings == ()
    fire = emergency("112", "carrier-a", "urn:service:sos.fire")
    assert services(deployment(tmp_path, fire, abroad)) == {"sos.fire": "112"}


def test_a_service_may_have_a_number_of_its_own(tmp_path: Path) -> None:
    police = emergency("110", "carrier-a", "urn:service:sos.police", "URN:Service:SOS.Traffic")
    found = services(deployment(tmp_path, police, emergency("112", "carrier-a", "urn:service:sos")))
    assert found == {"sos.police": "110", "sos.traffic": "110", "sos": "112"}
