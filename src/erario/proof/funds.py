"""The proof of funds: a finalised PSBT whose further inputs are coins.

Whether those coins exist is not known here: outpoint, script and satoshis go to whoever can match
them with coins that were proved. They are signed, so a wrong amount of a witness input fails.
"""

from __future__ import annotations

from erario.bitcoin.errors import DecodeError
from erario.bitcoin.script import witness_program
from erario.bitcoin.transaction import Transaction, TxInput, TxOutput, read_transaction
from erario.bitcoin.values import MAX_MONEY, Script, Txid
from erario.proof.errors import ProofError, ProofErrorCode
from erario.proof.messages import BadSignatureError, check_shape, read_witness, serialise
from erario.proof.psbt import (
    FINAL_SCRIPT_SIG,
    FINAL_WITNESS,
    MAGIC,
    Psbt,
    read_psbt,
)
from erario.proof.result import ProofCode


def read_funds(
    payload: bytes, script: Script, txid: Txid
) -> tuple[Transaction, list[tuple[bytes, int]]]:
    """The signed to_sign, and script and satoshis of what its inputs spend.

    Raises:
        BadSignatureError: no finalised PSBT, of another message, or without the coins' data.
    """
    if not payload.startswith(MAGIC):
        raise BadSignatureError(ProofCode.PSBT)
    try:
        psbt = read_psbt(payload)
    except ProofError as error:
        raise BadSignatureError(ProofCode.PSBT) from error
    check_shape(psbt.transaction, txid)
    spent = [_first(psbt, script)]
    inputs = [_final(psbt, 0)]
    for number in range(1, len(psbt.inputs)):
        final = _final(psbt, number)
        inputs.append(final)
        output = _coin(psbt, number, final)
        spent.append((output.script, output.sats))
    raw = serialise(psbt.transaction.version, inputs, psbt.transaction.locktime)
    return read_transaction(raw), spent


def _final(psbt: Psbt, number: int) -> TxInput:
    fields = psbt.inputs[number]
    if FINAL_SCRIPT_SIG not in fields and FINAL_WITNESS not in fields:
        raise BadSignatureError(ProofCode.PSBT, number)
    try:
        witness = read_witness(fields[FINAL_WITNESS]) if FINAL_WITNESS in fields else ()
    except DecodeError as error:
        raise BadSignatureError(ProofCode.PSBT, number) from error
    unsigned = psbt.transaction.inputs[number]
    script_sig = fields.get(FINAL_SCRIPT_SIG, b"")
    return TxInput(unsigned.outpoint, script_sig, unsigned.sequence, witness)


def _first(psbt: Psbt, script: Script) -> tuple[bytes, int]:
    """What the first input spends is known; what the PSBT says of it must not differ."""
    output = _given(psbt, 0)
    if output is None and len(psbt.inputs) > 1:
        raise BadSignatureError(ProofCode.UTXO_MISSING)
    if output is not None and output != TxOutput(0, script):
        raise BadSignatureError(ProofCode.UTXO_OTHER)
    return script, 0


def _coin(psbt: Psbt, number: int, final: TxInput) -> TxOutput:
    output = _given(psbt, number)
    # Only a witness signs the amount: elsewhere it is worth nothing without the transaction.
    if output is not None and not final.witness and witness_program(output.script) is None:
        output = psbt.whole_output(number)
    if output is None:
        raise BadSignatureError(ProofCode.UTXO_MISSING, number)
    if not 0 <= output.sats <= MAX_MONEY:
        raise BadSignatureError(ProofCode.UTXO_SATS, number)
    return output


def _given(psbt: Psbt, number: int) -> TxOutput | None:
    try:
        return psbt.spent(number)
    except ProofError as error:
        is_other = error.code is ProofErrorCode.PSBT_OTHER
        code = ProofCode.UTXO_OTHER if is_other else ProofCode.PSBT
        raise BadSignatureError(code, number) from error
