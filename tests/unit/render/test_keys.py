"""The MAC of cookies: the contract's construction, spelled out once more with other tools."""

from __future__ import annotations

import hashlib

import pytest

from callseal.render import derive, mac

pytestmark = pytest.mark.unit


def hexdigest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_keys_and_mac_are_the_contract_s() -> None:
    keys = derive("secret")
    assert keys.inner == hexdigest("callseal-inner:secret")
    assert keys.outer == hexdigest("callseal-outer:secret")
    assert mac(keys, "text") == hexdigest(keys.outer + hexdigest(keys.inner + "text"))[:32]


def test_every_input_counts() -> None:
    macs = {
        mac(derive(secret), text) for secret in ("one", "two") for text in ("", "a", "b", "1|k1|c|1|i|rf|ci")
    }
    assert len(macs) == 8


def test_keys_stay_out_of_reprs() -> None:
    assert derive("secret").inner not in repr(derive("secret"))
