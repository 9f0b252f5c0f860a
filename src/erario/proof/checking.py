"""The verification of BIP-322 (version 2.0.0), from a signature's text to a `Result`.

Two engines must agree: libbitcoinkernel for consensus, and for the rules that it does not know
either the byte checks of a template or btclib. With `thorough` btclib judges templates too.

The order is the specification's: form, consensus, required rules, upgradeable rules.
"""

from __future__ import annotations

from erario.bitcoin.errors import DecodeError
from erario.bitcoin.script import MAX_SCRIPT_SIZE, ScriptType, classify, witness_program
from erario.bitcoin.transaction import Transaction, read_transaction
from erario.bitcoin.values import Script, Txid
from erario.proof.errors import ProofError, ProofErrorCode
from erario.proof.judging import judge_all
from erario.proof.messages import (
    MAX_MESSAGE,
    BadSignatureError,
    ToSign,
    check_shape,
    encode_message,
    guess_form,
    parsed_to_sign,
    read_signature,
    read_witness,
    simple_to_sign,
    to_spend_txid,
)
from erario.proof.result import Form, ProofCode, Result


def check_message(
    script_pubkey: bytes, message: str | bytes, signature: str, *, thorough: bool = False
) -> Result:
    """What a signature shows about a script and a message (BIP-322).

    Args:
        script_pubkey: the script that is said to have signed.
        message: taken as it is, text as UTF-8; no line end is added or taken away.
        signature: base64, prefixed `smp`, `ful` or `pof`, or in an older form without prefix.
        thorough: have btclib judge also where the byte rules of a template suffice.

    Raises:
        ProofError: message or script are longer than any, or no script engine is installed.
    """
    data = encode_message(message)
    check_request(script_pubkey, data)
    form: Form | None = None
    try:
        form, payload = read_form(script_pubkey, signature)
        if form is Form.LEGACY:
            from erario.proof.legacy import check_legacy  # noqa: PLC0415 - loads curve libraries

            return check_legacy(script_pubkey, data, payload)
        to_sign, transaction = read_to_sign(form, payload, script_pubkey, data)
    except BadSignatureError as error:
        return Result(error.code, form, input=error.number)
    return judge_all(form, to_sign, transaction, thorough=thorough)


def check_request(script: bytes, message: bytes) -> None:
    """Check that a script and a message can be asked about.

    Raises:
        ProofError: one of them is longer than any.
    """
    if len(script) > MAX_SCRIPT_SIZE:
        raise ProofError(
            ProofErrorCode.SCRIPT_TOO_LONG,
            f"a script of {len(script):,} bytes can never be satisfied",
            remedy=f"Ask about a script of at most {MAX_SCRIPT_SIZE:,} bytes.",
        )
    if len(message) > MAX_MESSAGE:
        raise ProofError(
            ProofErrorCode.MESSAGE_TOO_LONG,
            f"the message has {len(message):,} bytes",
            remedy=f"At most {MAX_MESSAGE:,} are read: sign the digest of what is longer.",
        )


def read_form(script: bytes, signature: str) -> tuple[Form, bytes]:
    """The form of a signature, and its bytes.

    Raises:
        BadSignatureError: it has none.
    """
    form, payload = read_signature(signature)
    if form is None:
        form = guess_form(payload, is_key_hash=classify(script) is ScriptType.P2PKH)
    return form, payload


def read_to_sign(
    form: Form, payload: bytes, script: bytes, message: bytes
) -> tuple[ToSign, Transaction | None]:
    """The to_sign of a signature of any form but the legacy one, and the transaction that it was
    read as, where it was.

    Raises:
        BadSignatureError: it is not what its form says, or not for this script and message.
    """
    txid = to_spend_txid(script, message)
    if form is Form.SIMPLE:
        return _read_simple(payload, script, txid), None
    if form is Form.FULL:
        try:
            transaction = read_transaction(payload)
        except DecodeError as error:
            raise BadSignatureError(ProofCode.TRANSACTION) from error
        if len(transaction.inputs) > 1:
            raise BadSignatureError(ProofCode.INPUTS)
        check_shape(transaction, txid)
        return parsed_to_sign(transaction, [(script, 0)]), transaction
    from erario.proof.funds import read_funds  # noqa: PLC0415 - rare

    transaction, spent = read_funds(payload, Script(script), txid)
    return parsed_to_sign(transaction, spent), transaction


def _read_simple(payload: bytes, script: bytes, txid: Txid) -> ToSign:
    if witness_program(script) is None:
        raise BadSignatureError(ProofCode.FORM_SCRIPT)
    try:
        witness = read_witness(payload)
    except DecodeError as error:
        raise BadSignatureError(ProofCode.WITNESS) from error
    if not witness:
        # A witness of nothing satisfies an anchor alone, and a transaction cannot hold it.
        raise BadSignatureError(ProofCode.CONSENSUS)
    return simple_to_sign(script, txid, payload, witness)
