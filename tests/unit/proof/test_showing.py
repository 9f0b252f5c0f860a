"""What a signature shows of the keys behind its script, whatever it is worth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.proof import maker
from tests.unit.proof.maker import by_key_hash, full, simple

from erario.proof.showing import shown_inputs

KEY = maker.sec(1)
QUORUM = maker.multisig(2, 1, 2, 3)
P2WPKH, P2WSH = maker.p2wpkh(KEY), maker.p2wsh(QUORUM)
SIGNED = {
    "p2wpkh": (P2WPKH, by_key_hash(1)),
    "p2pkh": (maker.p2pkh(KEY), maker.by_old_key_hash(1)),
    "p2wsh": (P2WSH, maker.by_multisig(QUORUM, 1, 2)),
    "p2sh": (maker.p2sh(QUORUM), maker.by_old_multisig(QUORUM, 1, 2)),
    "p2sh-p2wpkh": (maker.p2sh(P2WPKH), maker.wrapped(P2WPKH, by_key_hash(1))),
    "p2sh-p2wsh": (maker.p2sh(P2WSH), maker.wrapped(P2WSH, maker.by_multisig(QUORUM, 1, 2))),
}


@pytest.mark.parametrize("name", SIGNED)
def test_each_type_of_script_shows_what_it_hashed(name):
    script, satisfy = SIGNED[name]
    (one,) = shown_inputs(script, "a", full(script, satisfy, "a"))
    assert one.script == script


@pytest.mark.parametrize("name", SIGNED)
def test_what_hashes_to_something_else_shows_nothing(name):
    script, satisfy = SIGNED[name]
    at = 5
    other = script[:at] + bytes((script[at] ^ 1,)) + script[at + 1 :]
    assert shown_inputs(other, "a", full(other, satisfy, "a")) == ()


def test_a_wrapped_program_alone_shows_no_key():
    for program in (P2WPKH, P2WSH):
        script = maker.p2sh(program)
        bare = maker.wrapped(program, lambda _: (b"", (b"\x01",)))
        assert shown_inputs(script, "a", full(script, bare, "a")) == ()


def test_a_key_path_shows_nothing_new():
    script = maker.p2tr(1)
    signed = simple(script, lambda signing: (b"", (signing.key_path(1),)), "a")
    assert shown_inputs(script, "a", signed) == ()


@given(st.sampled_from([script for script, _ in SIGNED.values()]), st.text(), st.text())
def test_junk_shows_nothing(script, message, signature):
    assert shown_inputs(script, message, signature) == ()
