import pytest
from hypothesis import given
from hypothesis import strategies as st

from callseal.sandbox.capture.presses import Presses, Transport

pytestmark = pytest.mark.unit


def test_one_press_on_both_transports_counts_once() -> None:
    presses = Presses()
    assert presses.is_new("5", Transport.MEDIA, now=0.0)
    assert not presses.is_new("5", Transport.INFO, now=0.05)


def test_two_equal_presses_stay_two() -> None:
    presses = Presses()
    heard = [
        presses.is_new("5", Transport.MEDIA, now=0.00),
        presses.is_new("5", Transport.INFO, now=0.02),
        presses.is_new("5", Transport.MEDIA, now=0.18),
        presses.is_new("5", Transport.INFO, now=0.20),
    ]
    assert heard == [True, False, True, False]


def test_an_old_press_has_no_echo_any_more() -> None:
    presses = Presses(window_s=1.0)
    assert presses.is_new("5", Transport.MEDIA, now=0.0)
    assert presses.is_new("5", Transport.INFO, now=1.1)


def test_forget() -> None:
    presses = Presses()
    presses.is_new("5", Transport.MEDIA, now=0.0)
    presses.forget()
    assert presses.is_new("5", Transport.INFO, now=0.1)


@given(
    st.text("0123456789*#", max_size=19),
    st.floats(0.0, 0.9),
    st.sampled_from([(Transport.MEDIA, Transport.INFO), (Transport.INFO, Transport.MEDIA)]),
    st.floats(0.08, 2.0),
)
def test_two_complete_streams_with_any_delay_give_the_number_once(
    digits: str, delay: float, order: tuple[Transport, Transport], gap: float
) -> None:
    first, second = order
    arrivals = [(at * gap, 0, key, first) for at, key in enumerate(digits)]
    arrivals += [(at * gap + delay, 1, key, second) for at, key in enumerate(digits)]
    presses = Presses()
    heard = [
        key
        for when, _, key, transport in sorted(arrivals, key=lambda one: one[:2])
        if presses.is_new(key, transport, now=when)
    ]
    assert "".join(heard) == digits


@given(st.text("0123456789*#", max_size=19), st.sampled_from(list(Transport)))
def test_a_single_transport_loses_nothing(digits: str, transport: Transport) -> None:
    presses = Presses()
    assert all(presses.is_new(key, transport, now=at * 0.1) for at, key in enumerate(digits))


@given(
    st.text("0123456789*#", max_size=16),
    st.lists(
        st.tuples(st.sampled_from(list(Transport)), st.floats(0.0, 0.4)),
        min_size=1,
        max_size=4,
        unique_by=lambda one: one[0],
    ),
    st.floats(0.08, 1.0),
)
def test_any_number_of_complete_streams_gives_the_number_once(
    digits: str, streams: list[tuple[Transport, float]], gap: float
) -> None:
    arrivals = sorted(
        (at * gap + delay, place, key, transport)
        for place, (transport, delay) in enumerate(streams)
        for at, key in enumerate(digits)
    )
    presses = Presses()
    heard = [key for when, _, key, transport in arrivals if presses.is_new(key, transport, now=when)]
    assert "".join(heard) == digits
