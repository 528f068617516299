from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from callseal.phones.driver import Event, Phone, PhoneError, PhoneSettings

pytestmark = pytest.mark.unit

FAKE = (sys.executable, "-I", "-S", str(Path(__file__).with_name("fake_phone.py")))


def fake(tmp_path: Path, name: str = "fake", events: list[Event] | None = None) -> Phone:
    return Phone.from_settings(
        PhoneSettings(name=name, address="127.86.0.14"),
        tmp_path,
        command=FAKE,
        on_event=events.append if events is not None else None,
    )


def test_end_of_input_ends_the_phone(tmp_path: Path) -> None:
    phone = fake(tmp_path)
    lives = [phone.alive]
    with phone:
        lives.append(phone.alive)
    lives.append(phone.alive)
    assert lives == [False, True, False]
    assert phone.stop() == 0


def test_refused_command_raises_in_the_phones_words(tmp_path: Path) -> None:
    with fake(tmp_path) as phone, pytest.raises(PhoneError, match=r"fake: hold: there is no call"):
        phone.hold()


def test_each_event_is_handed_out_once(tmp_path: Path) -> None:
    seen: list[Event] = []
    with fake(tmp_path, events=seen) as phone:
        phone.call("sip:one@x")
        phone.call("sip:two@x")
        assert phone.wait("answered")["call_id"] == "sip:one@x"
        assert phone.wait("answered")["call_id"] == "sip:two@x"
        with pytest.raises(PhoneError, match=r"no answered \(not within 0.05 s\)"):
            phone.wait("answered", timeout=0.05)
        assert phone.count("answered") == 2
        assert phone.count("answered", call_id="sip:two@x") == 1
    assert seen == phone.events


def test_matching_passes_over_what_does_not_match(tmp_path: Path) -> None:
    with fake(tmp_path) as phone:
        for name in ("one", "two", "three"):
            phone.call(f"sip:{name}@x")
        assert phone.wait("answered", call_id="sip:two@x")
        assert phone.wait("answered")["call_id"] == "sip:three@x"


def test_press_waits_until_released_and_errors_hold_no_digits(tmp_path: Path) -> None:
    with fake(tmp_path) as phone:
        phone.press("4242", "info")
        assert phone.count("pressed", method="info") == 1
        with pytest.raises(PhoneError):
            phone.mute()
        with pytest.raises(PhoneError) as gone:
            phone.press("4242")
    assert "4242" not in str(gone.value)


def test_phone_that_dies_is_noticed_at_once(tmp_path: Path) -> None:
    with fake(tmp_path) as phone:
        waiting = threading.Event()

        def wait() -> None:
            with pytest.raises(PhoneError, match="it ended"):
                phone.wait("ended", timeout=30)
            waiting.set()

        thread = threading.Thread(target=wait)
        thread.start()
        with pytest.raises(PhoneError, match="it ended"):
            phone.mute()
        thread.join(2)
        assert waiting.is_set()
        assert phone.stop() == 7


def test_phone_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(PhoneError, match="broken did not start: the address is taken"):
        fake(tmp_path, "broken").start()


def test_kill(tmp_path: Path) -> None:
    phone = fake(tmp_path).start()
    phone.kill()
    assert phone.stop() == -9


def test_commands_before_start_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PhoneError, match="never started"):
        fake(tmp_path).hangup()
