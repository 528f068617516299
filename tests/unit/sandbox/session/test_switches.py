import pytest
from pydantic import ValidationError

from callseal.sandbox.session.switches import Switches

pytestmark = pytest.mark.unit


def test_defaults_are_a_partner_that_behaves() -> None:
    switches = Switches()
    assert (switches.token, switches.mask, switches.reinvite_order) == (True, True, "agent-first")
    assert not any((switches.lie_secured, switches.no_webhooks, switches.drop_rest, switches.sip_silent))


def test_several_change_at_once_or_none() -> None:
    switches = Switches()
    switches.change(mask=False, secure_delay_ms=20)
    assert (switches.mask, switches.secure_delay_ms) == (False, 20)
    with pytest.raises(ValidationError):
        switches.change(mask=True, secure_delay_ms=-1)
    assert (switches.mask, switches.secure_delay_ms) == (False, 20)
    with pytest.raises(ValidationError):
        switches.change(nonsense=True)
