"""One proof a rule for scripts that are no template: btclib's flags, and checks of ours."""

from __future__ import annotations

import hashlib

import pytest
from tests.unit.proof.maker import (
    ALL,
    CHECKSIG,
    DROP,
    MESSAGE,
    NONE,
    NOT,
    SINGLE,
    TRUE,
    Satisfy,
    by_leaf,
    by_script,
    full,
    p2sh,
    p2tr,
    p2tr_leaf,
    p2wsh,
    pk,
    sec,
    simple,
    uncompressed,
    x_only,
)

from erario.bitcoin.hashes import hash160
from erario.bitcoin.values import sha256d
from erario.proof import Engine, ProofCode, Result, State, check_message
from erario.proof.scripts import write_push

A, B = write_push(sec(1)), write_push(sec(2))
SWAP, BOOLOR, VERIFY, ADD = b"\x7c", b"\x9b", b"\x69", b"\x93"
IF, ELSE, ENDIF = b"\x63", b"\x67", b"\x68"
PAIR = pk(1) + VERIFY + pk(2)
TAP_A, TAP_B = write_push(x_only(1)), write_push(x_only(2))
NOTHING: Satisfy = lambda _: (b"", ())  # noqa: E731


def check(script: bytes, satisfy: Satisfy, **fields: int) -> Result:
    return check_message(script, MESSAGE, full(script, satisfy, **fields))


def in_wsh(script: bytes, *stack: bytes | int, **options: object) -> Result:
    return check(p2wsh(script), by_script(script, *stack, **options))


def in_tap(script: bytes, *stack: bytes | int, hash_type: int = 0, version: int = 0xC0) -> Result:
    output, control = p2tr_leaf(9, script, version)
    return check(output, by_leaf(script, control, *stack, hash_type=hash_type))


def bare(script: bytes, make_script_sig) -> Result:
    return check(script, lambda signing: (make_script_sig(signing), ()))


def test_valid_by_two_engines() -> None:
    result = in_wsh(PAIR, 2, 1)
    assert (result.code, result.keys, result.template) == (ProofCode.VALID, 2, None)
    assert result.engines == (Engine.KERNEL, Engine.BTCLIB)
    assert result.is_proved


def test_script_types() -> None:
    assert in_tap(TAP_A + CHECKSIG, 1).keys == 1
    assert in_tap(TAP_A + CHECKSIG, 1, hash_type=ALL).keys == 1
    assert in_tap(TAP_A + CHECKSIG + TAP_B + b"\xba\x52\x9c", 2, 1).keys == 2
    signed = bare(pk(1), lambda s: write_push(s.ecdsa(1, pk(1), segwit=False)))
    assert (signed.code, signed.keys) == (ProofCode.VALID, 1)
    two = b"\x52" + A + B + b"\x52\xae"
    signed = bare(
        two,
        lambda s: b"".join(
            map(write_push, (b"", *(s.ecdsa(n, two, segwit=False) for n in (1, 2))))
        ),
    )
    assert (signed.code, signed.keys) == (ProofCode.VALID, 2)


def test_taproot_with_annex() -> None:
    annex = b"\x50 annex"
    result = check(p2tr(1), lambda s: (b"", (s.key_path(1, annex=annex), annex)))
    assert (result.code, result.keys, result.template) == (ProofCode.VALID, 1, None)


def test_time_locks() -> None:
    age = b"\x02\x90\x00\xb2\x75" + pk(1)
    result = check(p2wsh(age), by_script(age, 1), version=2, sequence=144)
    assert (result.code, result.sequence, result.keys) == (ProofCode.VALID, 144, 1)
    assert check(p2wsh(age), by_script(age, 1), version=2, sequence=143).code is ProofCode.CONSENSUS
    assert check(p2wsh(age), by_script(age, 1), sequence=144).code is ProofCode.CONSENSUS
    time = b"\x02\xe0\x07\xb1\x75" + pk(1)
    result = check(p2wsh(time), by_script(time, 1), locktime=2016)
    assert (result.code, result.locktime) == (ProofCode.VALID, 2016)
    assert check(p2wsh(time), by_script(time, 1), locktime=2015).code is ProofCode.CONSENSUS


# Required rules


def test_sighash() -> None:
    assert in_wsh(PAIR, 2, 1, hash_type=SINGLE).code is ProofCode.SIGHASH
    assert in_tap(TAP_A + CHECKSIG, 1, hash_type=NONE).code is ProofCode.SIGHASH


def test_low_s() -> None:
    assert in_wsh(PAIR, 2, 1, high_s=True).code is ProofCode.LOW_S


def test_strictenc() -> None:
    script = write_push(uncompressed(1, head=6)) + CHECKSIG
    assert in_wsh(script, 1).code is ProofCode.STRICTENC


def test_nullfail() -> None:
    assert in_wsh(pk(1) + NOT, 2).code is ProofCode.NULLFAIL


def test_minimaldata() -> None:
    longer = b"\x4c\x21" + sec(1) + CHECKSIG
    assert in_wsh(longer, 1).code is ProofCode.MINIMALDATA
    redeem = pk(1) + VERIFY + TRUE

    def satisfy(signing):
        signature = signing.ecdsa(1, redeem, segwit=False)
        return b"\x4c" + write_push(signature) + write_push(redeem), ()

    assert check(p2sh(redeem), satisfy).code is ProofCode.MINIMALDATA


def test_cleanstack() -> None:
    redeem = pk(1) + VERIFY + TRUE

    def satisfy(signing):
        signature = signing.ecdsa(1, redeem, segwit=False)
        return b"".join(map(write_push, (b"x", signature, redeem))), ()

    assert check(p2sh(redeem), satisfy).code is ProofCode.CLEANSTACK


def test_minimalif() -> None:
    script = IF + pk(1) + ELSE + pk(2) + ENDIF
    assert in_wsh(script, 1, b"\x01").code is ProofCode.VALID
    assert in_wsh(script, 1, b"\x02").code is ProofCode.MINIMALIF


@pytest.mark.parametrize("place", ["run", "not run", "tapscript", "bare"])
def test_codeseparator(place: str) -> None:
    branch = TRUE + IF + pk(1) + ELSE + b"\xab" + ENDIF
    results = {
        "run": lambda: in_wsh(pk(1) + b"\xab", 1),
        "not run": lambda: in_wsh(branch, 1),
        "tapscript": lambda: in_tap(TAP_A + CHECKSIG + b"\xab", 1),
        "bare": lambda: bare(
            pk(1) + b"\xab", lambda s: write_push(s.ecdsa(1, pk(1), segwit=False))
        ),
    }
    result = results[place]()
    assert (result.code, result.state) == (ProofCode.CODESEPARATOR, State.INVALID)


def test_find_and_delete() -> None:
    # A signature that fails and stands in its own script breaks NULLFAIL too, which comes first;
    # one that holds cannot be made, since it would sign itself.
    fake = bytes.fromhex("300602010102010101")
    script = write_push(fake) + DROP + pk(1) + NOT
    assert bare(script, lambda _: write_push(fake)).code is ProofCode.NULLFAIL


def test_empty_signature_in_its_own_script() -> None:
    script = b"\x00" + DROP + pk(1) + NOT
    result = bare(script, lambda _: b"\x00")
    assert (result.code, result.state) == (ProofCode.MAYBE_FIND_AND_DELETE, State.INCONCLUSIVE)


# Upgradeable rules


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: in_wsh(b"\xb3" + pk(1), 1), ProofCode.NOP),
        (lambda: check(b"\x52\x20" + b"\x01" * 32, NOTHING), ProofCode.WITNESS_VERSION),
        (lambda: check(b"\x51\x03" + b"\x01" * 3, NOTHING), ProofCode.WITNESS_VERSION),
        (
            lambda: check(p2sh(p2tr(1)), lambda _: (write_push(p2tr(1)), ())),
            ProofCode.WITNESS_VERSION,
        ),
        (lambda: in_tap(TAP_A + CHECKSIG, version=0xC2), ProofCode.LEAF_VERSION),
        (lambda: in_tap(TAP_A + CHECKSIG + b"\x7e"), ProofCode.OP_SUCCESS),
        (lambda: in_tap(TAP_A + CHECKSIG + b"\xab\x7e"), ProofCode.OP_SUCCESS),
        (lambda: in_tap(A + CHECKSIG, b"x"), ProofCode.KEY_TYPE),
        (lambda: check(p2wsh(PAIR), by_script(PAIR, 2, 1), version=3), ProofCode.VERSION),
    ],
)
def test_upgradeable(make, code: ProofCode) -> None:
    result = make()
    assert (result.code, result.state) == (code, State.INCONCLUSIVE)
    assert not result.is_proved


def test_simple_for_a_later_witness_version() -> None:
    script = b"\x52\x20" + b"\x01" * 32
    result = check_message(script, MESSAGE, simple(script, lambda _: (b"", (b"x",))))
    assert result.code is ProofCode.WITNESS_VERSION


def test_input_that_computes() -> None:
    def script_sig(signing):
        return write_push(signing.ecdsa(1, pk(1), segwit=False)) + b"\x76\x75"

    result = bare(pk(1), script_sig)
    assert (result.code, result.state) == (ProofCode.NOT_PUSH_ONLY, State.INCONCLUSIVE)


# Valid, and no control


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: in_wsh(TRUE), id="true"),
        pytest.param(
            lambda: in_wsh(b"\xa8\x20" + hashlib.sha256(b"open").digest() + b"\x87", b"open"),
            id="hash lock",
        ),
        pytest.param(lambda: check(bytes.fromhex("51024e73"), NOTHING), id="anchor"),
        pytest.param(lambda: in_wsh(pk(1) + NOT, b""), id="checksig not"),
        pytest.param(lambda: in_wsh(pk(1) + DROP + TRUE, 1), id="signature checked and dropped"),
        pytest.param(lambda: in_wsh(A + DROP + DROP + TRUE, 1), id="signature only dropped"),
        pytest.param(lambda: in_tap(TRUE), id="tapscript true"),
        pytest.param(lambda: bare(TRUE, lambda _: b""), id="bare true"),
        pytest.param(lambda: check(p2sh(TRUE), lambda _: (write_push(TRUE), ())), id="p2sh true"),
    ],
)
def test_binds_no_key(make) -> None:
    result = make()
    assert (result.code, result.state, result.keys) == (ProofCode.NO_KEY, State.VALID, 0)
    assert not result.binds_key
    assert not result.is_proved


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: in_wsh(CHECKSIG, 7, sec(7)), id="anybody's"),
        pytest.param(lambda: in_tap(CHECKSIG, 7, x_only(7)), id="anybody's in a tapscript"),
        pytest.param(
            lambda: in_wsh(write_push(hash160(sec(1))) + DROP + CHECKSIG, 7, sec(7)),
            id="beside the hash of another",
        ),
        pytest.param(
            lambda: in_wsh(b"\x51" + SWAP + b"\x51\xae", b"", 7, sec(7)), id="multisig of anybody"
        ),
    ],
)
def test_a_key_that_only_the_stack_names_is_anybody_s(make) -> None:
    result = make()
    assert (result.code, result.state, result.keys) == (ProofCode.NO_KEY, State.VALID, 0)
    assert not result.is_proved


def test_one_key_of_the_script_beside_one_of_anybody() -> None:
    result = in_wsh(pk(1) + VERIFY + CHECKSIG, 7, sec(7), 1)
    assert (result.code, result.keys) == (ProofCode.VALID, 1)


@pytest.mark.parametrize(
    ("hashing", "digest"),
    [
        (b"\xa9", hash160(sec(1))),
        (b"\xa8", hashlib.sha256(sec(1)).digest()),
        (b"\xaa", sha256d(sec(1))),
    ],
)
def test_a_key_whose_hash_the_script_names(hashing: bytes, digest: bytes) -> None:
    script = b"\x76" + hashing + write_push(digest) + b"\x88" + CHECKSIG
    result = in_wsh(script, 1, sec(1))
    assert (result.code, result.keys) == (ProofCode.VALID, 1)


@pytest.mark.parametrize(
    ("script", "stack", "keys"),
    [
        (pk(1) + SWAP + pk(2) + BOOLOR, (2, 1), 1),  # either would do
        (pk(1) + SWAP + pk(1) + ADD + b"\x52\x9c", (1, 1), 1),  # one key, twice
        (pk(1) + SWAP + pk(2) + ADD + b"\x52\x9c", (2, 1), 2),
        (
            pk(1) + VERIFY + b"\x82\x92\x69" + DROP + B + DROP + TRUE,
            (2, 1),
            1,
        ),  # any bytes would do
    ],
)
def test_keys_that_were_needed(script: bytes, stack: tuple[int, ...], keys: int) -> None:
    result = in_wsh(script, *stack)
    assert (result.code, result.keys) == (ProofCode.VALID, keys)
