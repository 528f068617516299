"""The ratio: like over like, the worst of them, and a command line that refuses nonsense."""

from __future__ import annotations

import pytest

from bench.probes import Plain, Press
from bench.secure import arguments
from bench.secure_load import Load

pytestmark = pytest.mark.unit


def load(press: Press, plain: Plain, home: Press, plain_home: Plain) -> Load:
    return Load(
        1,
        presses={"secure": [press], "release": [home]},
        plain={"secure": [plain], "release": [plain_home]},
    )


@pytest.mark.parametrize(
    ("plain", "plain_home", "worst"),
    [
        (Plain(total=0.10, acknowledged=0.06), Plain(total=0.20, acknowledged=0.06), 2.0),
        (Plain(total=0.20, acknowledged=0.02), Plain(total=0.20, acknowledged=0.06), 3.0),
        (Plain(total=0.20, acknowledged=0.06), Plain(total=0.05, acknowledged=0.06), 4.0),
        (Plain(total=0.20, acknowledged=0.06), Plain(total=0.20, acknowledged=0.01), 6.0),
    ],
)
def test_the_worst_ratio_compares_like_with_like(plain: Plain, plain_home: Plain, worst: float) -> None:
    press = Press(total=0.20, before=0.04, sip=0.02, after=0.14)
    assert load(press, plain, press, plain_home).worst == pytest.approx(worst)


def test_a_press_until_the_last_ack_is_told_apart_in_the_json() -> None:
    press = Press(total=0.20, before=0.04, sip=0.02, after=0.14)
    plain = Plain(total=0.10, acknowledged=0.05)
    told = load(press, plain, press, plain).as_json()["secure"]
    assert (told["total"]["ratio"], told["acknowledged"]["ratio"]) == (2.0, 1.2)
    assert told["ratio_with_rtp_in_the_press_only"] == 4.0
    assert told["stages"]["after"]["p95_ms"] == 140.0


@pytest.mark.parametrize(
    "argv", [["--calls", "10,1"], ["--calls", "0"], ["--calls", "1,10", "--presses", "1"]]
)
def test_nonsense_is_refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(argv)
    assert "--calls must rise" in capsys.readouterr().err
