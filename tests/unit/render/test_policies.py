"""What each face may do, as Kamailio is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from callseal.deployment.groups import carrier_group
from tests.unit.render.test_plan import EXAMPLE, A, files

pytestmark = pytest.mark.unit

B = carrier_group("carrier-b")
SECOND = """[[carriers]]
id = "carrier-b"
signalling = ["127.88.0.11"]
media = ["127.88.0.11"]
destinations = ["sip:127.88.0.11:5060"]
media_profile = "srtp"
payments = false
headers = ["Diversion"]

"""
TWO_CARRIERS = (
    ("[partner]\n", SECOND + "[partner]\n"),
    ("emergency = true", 'carrier = "carrier-a"\nemergency = true'),
)


def defines(root: Path, *changes: tuple[str, str]) -> dict[str, str]:
    lines = files(root, *changes)["data/policies.cfg"].text.splitlines()
    words = [line.split(" ", 2) for line in lines if line.startswith("#!define ")]
    return {word[1]: word[2].strip('"') if len(word) > 2 else "" for word in words}


def test_the_default_deployment_speaks_rtp_and_trusts_its_carrier(tmp_path: Path) -> None:
    assert defines(tmp_path) == {
        "PARTNER_SUITES": "",
        "PLATFORM_SUITES": "",
        "CARRIER_SUITES": "",
        "CARRIER_PAYMENTS": f"{A}=1",
        "CARRIER_STRIPS": "",
        "FENCE_SECURITY": "",
        "FENCE_CODECS": "",
    }


@pytest.mark.parametrize("checked", [True, False])
def test_the_fence_follows_the_partners_mask_when_the_deployment_does_not_say(
    tmp_path: Path, checked: bool
) -> None:
    unsaid = ("fence = ", "# fence = ")
    made = defines(tmp_path, unsaid, *(() if checked else (("mask_checked = true", "mask_checked = false"),)))
    assert ("FENCE_TONES" in made) is not checked


def test_tones_are_made_silence_in_g711(tmp_path: Path) -> None:
    made = defines(tmp_path, ('fence = "events"', 'fence = "tones"'))
    assert made["FENCE_SECURITY"].split() == ["DTMF-security=silence", "detect-DTMF"]
    assert made["FENCE_CODECS"].split()[:2] == ["codec-strip-all", "codec-offer-PCMU"]
    assert "FENCE_MUTE" not in made


def test_mute_asks_for_nothing_but_a_block(tmp_path: Path) -> None:
    made = defines(tmp_path, ('fence = "events"', 'fence = "mute"'))
    assert (made["FENCE_MUTE"], made["FENCE_SECURITY"], made["FENCE_CODECS"]) == ("", "", "")


def test_srtp_gives_each_face_its_suites(tmp_path: Path) -> None:
    made = defines(tmp_path, ('media_profile = "rtp"\n', 'media_profile = "srtp"\n'))
    assert made["SRTP"] == ""
    assert made["PARTNER_SUITES"] == "AES_256_CM_HMAC_SHA1_80|AES_256_CM_HMAC_SHA1_32"
    assert made["PLATFORM_SUITES"] == "AES_CM_128_HMAC_SHA1_80"
    assert made["CARRIER_SUITES"] == ""


def test_each_carrier_has_its_own_policy(tmp_path: Path) -> None:
    made = defines(tmp_path, *TWO_CARRIERS)
    assert made["SRTP"] == ""
    assert made["CARRIER_SUITES"] == f"{B}=AES_CM_128_HMAC_SHA1_32"
    assert made["CARRIER_PAYMENTS"] == f"{A}=1;{B}=0"
    assert made["CARRIER_STRIPS"] == (
        f"{B}=P-Asserted-Identity|P-Preferred-Identity|Remote-Party-ID|History-Info|Identity|y|Call-Info"
    )


def test_a_carriers_number_is_its_ids_and_not_its_place(tmp_path: Path) -> None:
    """A reload takes list after list: whatever it has read so far, no list speaks of one carrier under another's number."""
    assert (A, B) == (202318091, 102955057), "running routers and their metrics know them by these"
    twin = SECOND.replace('media_profile = "srtp"\npayments = false\nheaders = ["Diversion"]\n', "")
    text = (EXAMPLE.read_text(encoding="utf-8")).replace(*TWO_CARRIERS[1])
    first = text[text.index("[[carriers]]") : text.index("[partner]")]
    lists = []
    for number, both in enumerate((first + twin, twin + first)):
        root = tmp_path / str(number)
        root.mkdir()
        made = files(root, TWO_CARRIERS[1], (first, both))
        lists.append(
            {
                name: sorted(made[f"data/{name}"].text.splitlines())
                for name in ("address.list", "dispatcher.list", "numbers")
            }
        )
    assert lists[0] == lists[1]
    assert any(line.startswith(f"{B} 127.88.0.11 ") for line in lists[0]["address.list"])
