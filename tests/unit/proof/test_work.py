"""What asks for hours of work is told from its bytes, and not done."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.proof.maker import (
    CHECKSIG,
    MESSAGE,
    by_leaf,
    full,
    p2pkh,
    p2sh,
    p2tr_leaf,
    p2wpkh,
    sec,
    x_only,
)

from erario.bitcoin.encoding import write_compact_size
from erario.bitcoin.transaction import TxInput, TxOutput, read_transaction
from erario.bitcoin.values import Outpoint, Script, Txid
from erario.proof import ProofCode, State, check_message, work
from erario.proof.making import CoinToSign, start_message
from erario.proof.messages import SignedInput, serialise, serialise_witness, with_scripts
from erario.proof.psbt import FINAL_SCRIPT_SIG, FINAL_WITNESS, write_output
from erario.proof.scripts import write_push
from erario.proof.unwrapping import Kind, Unwrapped
from erario.proof.work import (
    MOST_RUN,
    cost_to_run,
    cost_to_run_again,
    is_too_much_to_hash,
)

SCRIPT = p2wpkh(sec(1))
CHECKS = b"\x76\xac" * 200 + b"\x51"


def test_honest_proofs_are_not_too_much() -> None:
    coin = SignedInput(p2pkh(sec(1)), 1, write_push(b"x") * 2, ())
    assert not is_too_much_to_hash((coin,) * 1_000)
    keys = b"".join(write_push(x_only(1)) + b"\xba" for _ in range(999))
    assert cost_to_run(Unwrapped(Kind.TAPSCRIPT, keys), 20) < MOST_RUN / 5


def test_a_thousand_old_inputs_with_many_checks() -> None:
    coin = SignedInput(CHECKS, 1, b"", ())
    assert is_too_much_to_hash((coin,) * 1_000)
    assert is_too_much_to_hash((coin._replace(script_sig=b"\xac"),) * 1_000)
    assert not is_too_much_to_hash((coin,))


def test_a_proof_that_hashes_for_hours_is_inconclusive() -> None:
    script = Script(p2sh(CHECKS))
    whole = with_outputs(999, script)
    txid = read_transaction(whole).txid
    coins = [
        CoinToSign(Outpoint(txid, vout), TxOutput(1, script), None if vout else whole)
        for vout in range(999)
    ]
    psbt = start_message(Script(SCRIPT), MESSAGE, coins=coins)
    final = {FINAL_SCRIPT_SIG: write_push(CHECKS)}
    inputs = (
        {**psbt.inputs[0], FINAL_WITNESS: serialise_witness((b"x", sec(1)))},
        *({**fields, **final} for fields in psbt.inputs[1:]),
    )
    signature = "pof" + replace(psbt, inputs=inputs).to_text()
    result = check_message(SCRIPT, MESSAGE, signature)
    assert (result.code, result.state) == (ProofCode.TOO_LARGE, State.INCONCLUSIVE)


def with_outputs(count: int, script: bytes) -> bytes:
    """A transaction with so many outputs of one satoshi."""
    raw = serialise(2, [TxInput(Outpoint(Txid(b"\x03" * 32), 0), b"", 0, ())], 0)
    one = b"\x01" + bytes(8) + b"\x01\x6a"
    outputs = write_compact_size(count) + write_output(TxOutput(1, Script(script))) * count
    return raw.replace(one, outputs)


def test_a_thousand_coins_with_a_key_each_are_counted() -> None:
    parts = Unwrapped(Kind.WITNESS_V0, write_push(sec(1)) + CHECKSIG)
    again = cost_to_run_again(parts, 1_000, 200_000)
    # Each key is tried once, and its input run twice.
    assert 1_000 * (20 + 2 * again) < work.MOST_COUNTED < 2_000 * (20 + 2 * again)


def test_other_inputs_are_not_run_again() -> None:
    raw = with_outputs(1, p2wpkh(sec(1)))
    txid = read_transaction(raw).txid
    other = TxInput(Outpoint(txid, 1), b"old", 5, (b"old",))
    both = serialise(2, [TxInput(Outpoint(txid, 0), b"", 7, (b"old",)), other], 9)
    made = read_transaction(with_scripts(read_transaction(both), 0, b"new", (b"new", b"er")))
    assert [(one.script_sig, one.witness) for one in made.inputs] == [
        (b"new", (b"new", b"er")),
        (b"", ()),
    ]
    assert [one.sequence for one in made.inputs] == [7, 5]
    assert (made.version, made.locktime) == (2, 9)


def summed(count: int, needed: int) -> bytes:
    first, *rest = (write_push(x_only(number)) for number in range(count))
    keys = first + CHECKSIG + b"".join(one + b"\xba" for one in rest)
    return keys + write_push(needed.to_bytes(1 + (needed > 127), "little"))


def test_a_leaf_of_many_keys_is_not_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "MOST_COUNTED", 0)
    script = summed(300, 300) + b"\x9c"
    output, control = p2tr_leaf(9, script)
    stack = reversed(range(300))
    result = check_message(output, MESSAGE, full(output, by_leaf(script, control, *stack)))
    assert (result.code, result.keys) == (ProofCode.VALID, 300)


def test_counting_keys_for_minutes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    # As above, but OP_NUMEQUALVERIFY OP_1 instead: no template.
    for most, count, code in (
        (work.MOST_COUNTED, 20, ProofCode.VALID),
        (100_000, 300, ProofCode.TOO_LARGE),
    ):
        monkeypatch.setattr(work, "MOST_COUNTED", most)
        script = summed(count, count) + b"\x9d\x51"
        output, control = p2tr_leaf(9, script)
        stack = reversed(range(count))
        result = check_message(output, MESSAGE, full(output, by_leaf(script, control, *stack)))
        assert result.code is code
        assert result.keys == (count if code is ProofCode.VALID else 0)


def test_a_tapscript_of_half_a_megabyte_is_not_run() -> None:
    script = b"\x61" * MOST_RUN + write_push(x_only(1)) + CHECKSIG
    output, control = p2tr_leaf(9, script)
    result = check_message(output, MESSAGE, full(output, by_leaf(script, control, 1)))
    assert (result.code, result.state) == (ProofCode.TOO_LARGE, State.INCONCLUSIVE)
