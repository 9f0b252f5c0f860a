"""One proof a rule for every template: each breaks this rule alone, and passes consensus."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from embit import ec
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.proof.maker import (
    ALL,
    ANYONE,
    MESSAGE,
    NONE,
    ORDER,
    SINGLE,
    Satisfy,
    by_key_hash,
    by_multisig,
    by_old_key_hash,
    by_old_multisig,
    full,
    key,
    multisig,
    p2pkh,
    p2sh,
    p2tr,
    p2wpkh,
    p2wsh,
    sec,
    simple,
    uncompressed,
    wrapped,
    x_only,
)

from erario.proof import Engine, ProofCode, Result, State, check_message
from erario.proof.result import Template
from erario.proof.scripts import write_push
from erario.proof.templates import read_leaf, read_multisig

QUORUM = multisig(2, 1, 2, 3)
NESTED, NESTED_QUORUM = p2wpkh(sec(1)), p2wsh(QUORUM)
BOTH = pytest.mark.parametrize("thorough", [False, True])

MADE: dict[Template, tuple[bytes, Satisfy, int]] = {
    Template.P2PKH: (p2pkh(sec(1)), by_old_key_hash(1), 1),
    Template.P2WPKH: (p2wpkh(sec(1)), by_key_hash(1), 1),
    Template.P2SH_P2WPKH: (p2sh(NESTED), wrapped(NESTED, by_key_hash(1)), 1),
    Template.P2SH_MULTISIG: (p2sh(QUORUM), by_old_multisig(QUORUM, 1, 3), 2),
    Template.P2WSH_MULTISIG: (p2wsh(QUORUM), by_multisig(QUORUM, 1, 3), 2),
    Template.P2SH_P2WSH_MULTISIG: (
        p2sh(NESTED_QUORUM),
        wrapped(NESTED_QUORUM, by_multisig(QUORUM, 1, 3)),
        2,
    ),
    Template.P2TR_KEY: (p2tr(1), lambda s: (b"", (s.key_path(1),)), 1),
}


def with_options(template: Template, **options: object) -> tuple[bytes, Satisfy]:
    """The proof of a template whose last signature is made otherwise."""
    script = MADE[template][0]
    made: dict[Template, Satisfy] = {
        Template.P2PKH: by_old_key_hash(1, **options),
        Template.P2WPKH: by_key_hash(1, **options),
        Template.P2SH_P2WPKH: wrapped(NESTED, by_key_hash(1, **options)),
        Template.P2SH_MULTISIG: by_old_multisig(QUORUM, 1, 3, **options),
        Template.P2WSH_MULTISIG: by_multisig(QUORUM, 1, 3, **options),
        Template.P2SH_P2WSH_MULTISIG: wrapped(NESTED_QUORUM, by_multisig(QUORUM, 1, 3, **options)),
        Template.P2TR_KEY: lambda s: (b"", (s.key_path(1, **options),)),
    }
    return script, made[template]


def check(script: bytes, satisfy: Satisfy, *, thorough: bool, **fields: int) -> Result:
    return check_message(script, MESSAGE, full(script, satisfy, **fields), thorough=thorough)


@BOTH
@pytest.mark.parametrize("template", Template)
def test_valid(template: Template, thorough: bool) -> None:
    script, satisfy, keys = MADE[template]
    result = check(script, satisfy, thorough=thorough)
    assert (result.code, result.template, result.keys) == (ProofCode.VALID, template, keys)
    assert result.is_proved
    engines = (Engine.KERNEL, Engine.RULES, Engine.BTCLIB)
    assert result.engines == (engines if thorough else engines[:2])


@BOTH
@pytest.mark.parametrize("hash_type", [NONE, SINGLE, ALL | ANYONE])
@pytest.mark.parametrize("template", Template)
def test_sighash_all(template: Template, hash_type: int, thorough: bool) -> None:
    script, satisfy = with_options(template, hash_type=hash_type)
    result = check(script, satisfy, thorough=thorough)
    assert (result.code, result.template) == (ProofCode.SIGHASH, template)
    assert result.state is State.INVALID


@BOTH
def test_taproot_may_say_all(thorough: bool) -> None:
    script, satisfy = with_options(Template.P2TR_KEY, hash_type=ALL)
    assert check(script, satisfy, thorough=thorough).code is ProofCode.VALID


@BOTH
@pytest.mark.parametrize("template", [one for one in Template if one is not Template.P2TR_KEY])
def test_low_s(template: Template, thorough: bool) -> None:
    script, satisfy = with_options(template, high_s=True)
    result = check(script, satisfy, thorough=thorough)
    assert (result.code, result.template) == (ProofCode.LOW_S, template)


@BOTH
@pytest.mark.parametrize("template", Template)
def test_version(template: Template, thorough: bool) -> None:
    script, satisfy, _ = MADE[template]
    assert check(script, satisfy, thorough=thorough, version=2).code is ProofCode.VALID
    for version in (1, 3, -1):
        result = check(script, satisfy, thorough=thorough, version=version)
        assert (result.code, result.state) == (ProofCode.VERSION, State.INCONCLUSIVE)


@BOTH
def test_hybrid_key(thorough: bool) -> None:
    hybrid = uncompressed(1, head=6)
    script = p2pkh(hybrid)

    def satisfy(signing):
        signature = signing.ecdsa(1, script, segwit=False)
        return write_push(signature) + write_push(hybrid), ()

    assert check(script, satisfy, thorough=thorough).code is ProofCode.STRICTENC


@BOTH
def test_uncompressed_key(thorough: bool) -> None:
    script = p2pkh(uncompressed(1))

    def satisfy(signing):
        signature = signing.ecdsa(1, script, segwit=False)
        return write_push(signature) + write_push(uncompressed(1)), ()

    assert check(script, satisfy, thorough=thorough).code is ProofCode.VALID


@BOTH
@pytest.mark.parametrize("template", [Template.P2PKH, Template.P2SH_MULTISIG])
def test_minimal_pushes(template: Template, thorough: bool) -> None:
    script, satisfy, _ = MADE[template]

    def longer(signing):
        # The last push starts where its own length says: key or redeem script.
        script_sig, witness = satisfy(signing)
        size = 33 if template is Template.P2PKH else len(QUORUM)
        head = script_sig[: -size - (1 if size < 76 else 2)]
        width = b"\x4c" if size < 76 else b"\x4d"
        length = size.to_bytes(1 if size < 76 else 2, "little")
        return head + width + length + script_sig[-size:], witness

    assert check(script, longer, thorough=thorough).code is ProofCode.MINIMALDATA


@BOTH
def test_clean_stack(thorough: bool) -> None:
    script = p2pkh(sec(1))
    assert check(script, by_old_key_hash(1, b"x"), thorough=thorough).code is ProofCode.CLEANSTACK
    satisfy = by_old_multisig(QUORUM, 1, 3, more=(b"x",))
    assert check(p2sh(QUORUM), satisfy, thorough=thorough).code is ProofCode.CLEANSTACK


@BOTH
@pytest.mark.parametrize("template", Template)
def test_other_message(template: Template, thorough: bool) -> None:
    script, satisfy, _ = MADE[template]
    signature = full(script, satisfy)
    result = check_message(script, MESSAGE + " ", signature, thorough=thorough)
    assert result.code is ProofCode.FIRST_INPUT


@BOTH
@pytest.mark.parametrize("template", [Template.P2WPKH, Template.P2WSH_MULTISIG, Template.P2TR_KEY])
def test_simple(template: Template, thorough: bool) -> None:
    script, satisfy, keys = MADE[template]
    signature = simple(script, satisfy)
    for text in (signature, signature[3:]):
        result = check_message(script, MESSAGE, text, thorough=thorough)
        assert (result.code, result.keys) == (ProofCode.VALID, keys)
    other = check_message(script, MESSAGE + ".", signature, thorough=thorough)
    assert other.code is ProofCode.CONSENSUS


@BOTH
def test_dummy(thorough: bool) -> None:
    satisfy = by_multisig(QUORUM, 1, 3, dummy=b"\x01")
    assert check(p2wsh(QUORUM), satisfy, thorough=thorough).code is ProofCode.CONSENSUS


@BOTH
def test_repeated_key_counts_once(thorough: bool) -> None:
    script = multisig(2, 1, 1, 2)
    result = check(p2wsh(script), by_multisig(script, 1, 1), thorough=thorough)
    assert (result.code, result.template, result.keys) == (ProofCode.VALID, None, 1)
    result = check(p2wsh(script), by_multisig(script, 1, 2), thorough=thorough)
    assert (result.code, result.template, result.keys) == (ProofCode.VALID, None, 2)


@BOTH
def test_two_forms_of_a_key_count_once(thorough: bool) -> None:
    compressed = sec(1)
    negated = ec.PrivateKey((ORDER - int.from_bytes(key(1).secret, "big")).to_bytes(32, "big"))
    for other, signer in ((negated.sec(), negated), (uncompressed(1), 1)):
        script = b"\x52" + write_push(compressed) + write_push(other) + b"\x52\xae"
        assert read_multisig(script) is None
        result = check(p2wsh(script), by_multisig(script, 1, signer), thorough=thorough)
        assert (result.code, result.template, result.keys) == (ProofCode.VALID, None, 1)
        result = check(p2sh(script), by_old_multisig(script, 1, signer), thorough=thorough)
        assert (result.code, result.template, result.keys) == (ProofCode.VALID, None, 1)


def multi_a(needed: bytes, *numbers: int) -> bytes:
    first, *rest = (write_push(x_only(number)) for number in numbers)
    return first + b"\xac" + b"".join(one + b"\xba" for one in rest) + needed + b"\x9c"


def test_leaves_of_many_keys_and_of_one_key_twice() -> None:
    many = tuple(range(300))
    keys = [x_only(number) for number in many]
    assert read_leaf(multi_a(b"\x02\x2c\x01", *many)) == (300, keys)
    assert read_leaf(multi_a(b"\x01\x7f", *many)) == (127, keys)
    assert read_leaf(multi_a(b"\x02\x2d\x01", *many)) is None  # one more than there are
    assert read_leaf(multi_a(b"\x02\x7f\x00", *many)) is None  # not as short as can be
    assert read_leaf(multi_a(b"\x52", 1, 2, 1)) is None


SIGNED = {template: (made[0], full(made[0], made[1])) for template, made in MADE.items()}


@given(st.sampled_from(Template), st.integers(0, 10_000), st.integers(1, 255), st.booleans())
def test_byte_rules_and_btclib_say_the_same(
    template: Template, at: int, flip: int, longer: bool
) -> None:
    """Whatever is left of a template when a byte is changed or doubled."""
    script, signature = SIGNED[template]
    raw = bytearray(b64decode(signature[3:]))
    # Behind the first input's outpoint: what is before is not judged by rules.
    place = 41 + at % (len(raw) - 41)
    if longer:
        raw.insert(place, flip)
    else:
        raw[place] ^= flip
    text = "ful" + b64encode(raw).decode()
    by_rules = check_message(script, MESSAGE, text)
    by_both = check_message(script, MESSAGE, text, thorough=True)
    assert by_both.code is by_rules.code
    assert by_both.code is not ProofCode.ENGINES_DISAGREE


@pytest.mark.parametrize(
    ("script", "satisfy", "code"),
    [
        (p2wpkh(sec(2)), by_key_hash(1), ProofCode.OTHER_KEY),
        (p2pkh(sec(2)), by_old_key_hash(1), ProofCode.OTHER_KEY),
        (p2wsh(multisig(1, 1)), by_multisig(QUORUM, 1, 2), ProofCode.OTHER_SCRIPT),
        (p2sh(multisig(1, 1)), by_old_multisig(QUORUM, 1, 2), ProofCode.OTHER_SCRIPT),
        (p2wsh(QUORUM), by_multisig(QUORUM, 1), ProofCode.CONSENSUS),
        (p2wsh(QUORUM), by_multisig(QUORUM, 1, 4), ProofCode.CONSENSUS),
        (p2wsh(QUORUM), by_multisig(QUORUM, 3, 1), ProofCode.CONSENSUS),
        (p2tr(2), lambda s: (b"", (s.key_path(1),)), ProofCode.CONSENSUS),
    ],
)
def test_explained(script: bytes, satisfy: Satisfy, code: ProofCode) -> None:
    result = check(script, satisfy, thorough=False)
    assert (result.code, result.state) == (code, State.INVALID)
