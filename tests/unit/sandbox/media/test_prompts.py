import pytest

from callseal.sandbox.capture.commands import Prompt
from callseal.sandbox.media.prompts import joined, load, samples

pytestmark = pytest.mark.unit


def test_every_prompt_is_there_and_short_enough_for_one_datagram() -> None:
    library = load()
    assert set(library) == set(Prompt)
    longest = sorted(library, key=lambda prompt: len(library[prompt]))[-2:]
    assert len(joined(longest, library)) < 64_000


def test_a_joined_recording_is_a_recording() -> None:
    library = load()
    both = samples(joined([Prompt.TRY_AGAIN, Prompt.EXPIRY], library))
    assert both.startswith(library[Prompt.TRY_AGAIN])
    assert both.endswith(library[Prompt.EXPIRY])


@pytest.mark.parametrize("wrong", [b"", b"RIFF....WAVE", b"OggS" + bytes(40)])
def test_what_is_no_recording(wrong: bytes) -> None:
    with pytest.raises(ValueError, match=r"WAV|mu-law"):
        samples(wrong)
