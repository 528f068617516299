from pathlib import Path

import pytest
from pydantic import ValidationError

from callseal.sandbox.partner import PartnerSettings
from callseal.sandbox.session.switches import Switches

pytestmark = pytest.mark.unit

SMALLEST = """
sip = "127.88.0.30:5060"
edge = "127.88.0.20:5060"
api = "127.88.0.30:8030"
api_key = "a-secret-key"
webhook_url = "http://127.88.0.50:8050/v1/webhooks/partner"
webhook_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
psp = "http://127.88.0.33:8033"
ng = "127.88.0.31:2223"
digit_feed = "127.88.0.30:2230"
"""


def read(tmp_path: Path, text: str) -> PartnerSettings:
    path = tmp_path / "partner.toml"
    path.write_text(text)
    return PartnerSettings.read(path)


def test_the_smallest_file(tmp_path: Path) -> None:
    settings = read(tmp_path, SMALLEST)
    assert settings.token_header == "X-Payment-Token"
    assert settings.switches() == Switches()


def test_switches_stand_in_the_same_file(tmp_path: Path) -> None:
    settings = read(tmp_path, SMALLEST + 'mask = false\nreinvite_order = "customer-first"\n')
    assert settings.switches() == Switches(mask=False, reinvite_order="customer-first")
    assert set(settings.switches().model_dump()) == set(Switches.model_fields), "no secret among the switches"


@pytest.mark.parametrize("wrong", ["masks = true", 'mask = "maybe"', "attempts = 0", 'brands = ["amx"]'])
def test_a_wrong_key_is_an_error(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ValidationError):
        read(tmp_path, SMALLEST + wrong)


def test_the_page_names_every_key() -> None:
    page = (Path(__file__).parents[3] / "docs" / "explanation" / "sandbox-partner.md").read_text(
        encoding="utf-8"
    )
    missing = [name for name in PartnerSettings.model_fields if f"`{name}`" not in page]
    assert missing == []
