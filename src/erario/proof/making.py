"""Making a proof without a key: the PSBT that signers sign, and the signature text of what returns.

    start_message(script, message, ...)   -> Psbt      what hardware and wallets are given
    finalise(psbt)                        -> Psbt      signatures put where the script wants them
    signature_text(psbt)                  -> str       `smp`, `ful` or `pof`, as BIP-322 chooses

The PSBT carries BIP-322's own field, so that a device can show the message instead of a payment.
Scripts that are neither a template nor a leaf of `pk` or `multi_a` must come back finalised by the
wallet that knows them.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from erario.bitcoin.hashes import hash160
from erario.bitcoin.script import witness_program
from erario.bitcoin.transaction import TxInput, TxOutput, read_transaction
from erario.bitcoin.values import Outpoint, Script
from erario.proof.errors import ProofError, ProofErrorCode
from erario.proof.messages import (
    encode_message,
    serialise,
    serialise_witness,
    to_spend,
    to_spend_txid,
)
from erario.proof.psbt import (
    FINAL_SCRIPT_SIG,
    FINAL_WITNESS,
    MESSAGE,
    NON_WITNESS_UTXO,
    REDEEM_SCRIPT,
    TAP_KEY_SIG,
    TAP_LEAF_SCRIPT,
    TAP_SCRIPT_SIG,
    WITNESS_SCRIPT,
    WITNESS_UTXO,
    Fields,
    Psbt,
    write_output,
)
from erario.proof.scripts import write_push
from erario.proof.templates import read_leaf, read_multisig
from erario.proof.unwrapping import hash_leaf

_FINAL = frozenset({FINAL_SCRIPT_SIG, FINAL_WITNESS})
_KEPT = frozenset({NON_WITNESS_UTXO, WITNESS_UTXO})


@dataclass(frozen=True, slots=True)
class CoinToSign:
    """A coin that a proof of funds adds.

    Attributes:
        whole: the transaction that made it; needed where its script is signed without a witness.
        fields: scripts and key origins for signers, as of BIP 174.
    """

    outpoint: Outpoint
    output: TxOutput
    whole: bytes | None = None
    fields: Fields = field(default_factory=dict)
    sequence: int = 0


def start_message(
    script: Script,
    message: str,
    *,
    fields: Fields | None = None,
    coins: Sequence[CoinToSign] = (),
    locktime: int = 0,
    sequence: int = 0,
) -> Psbt:
    """The PSBT to sign for a script and a message.

    Args:
        script: that proves; its coin is virtual and worth nothing.
        message: signed as UTF-8, exactly as it is.
        fields: scripts and key origins of the script, for signers that need them.
        coins: whose control is to be shown too.
        locktime: nLockTime, where the script asks for a time.
        sequence: nSequence of the first input, where the script asks for an age.
    """
    data = encode_message(message)
    raw = to_spend(script, data)
    first = TxInput(Outpoint(to_spend_txid(script, data), 0), b"", sequence, ())
    more = [TxInput(coin.outpoint, b"", coin.sequence, ()) for coin in coins]
    # Relative locks are only read in version 2 (BIP 68).
    version = 2 if sequence or any(coin.sequence for coin in coins) else 0
    transaction = read_transaction(serialise(version, [first, *more], locktime))
    inputs = (
        _input_fields(TxOutput(0, script), raw, fields or {}),
        *(_input_fields(coin.output, coin.whole, coin.fields) for coin in coins),
    )
    return Psbt(transaction, {MESSAGE: data}, inputs, ({},))


def finalise(psbt: Psbt) -> Psbt:
    """The same with every input finalised, and with nothing that only signers needed.

    A proof is given away: extended public keys, origins of keys and fields of a wallet's own would
    tell more than it says. So only the message, coins and final scripts stay.

    Raises:
        ProofError: signatures are missing, or a script is of a kind that its wallet must finalise.
    """
    return Psbt(
        psbt.transaction,
        {key: value for key, value in psbt.fields.items() if key == MESSAGE},
        tuple(_finalise(psbt, number) for number in range(len(psbt.inputs))),
        tuple({} for _ in psbt.outputs),
    )


def signature_text(psbt: Psbt) -> str:
    """The signature of a finalised PSBT, in the shortest form that BIP-322 allows for it.

    Raises:
        ProofError: it is not finalised, or gives no coin for its first input.
    """
    first = psbt.spent(0)
    if first is None:
        raise _unsigned("the PSBT gives no script for its first input", "Give the one that began.")
    if len(psbt.inputs) > 1:
        return "pof" + psbt.to_text()
    transaction = psbt.transaction
    final = psbt.inputs[0]
    is_plain = transaction.version == transaction.locktime == transaction.inputs[0].sequence == 0
    if is_plain and witness_program(first.script) is not None and FINAL_WITNESS in final:
        return "smp" + _base64(final[FINAL_WITNESS])
    unsigned = transaction.inputs[0]
    script_sig = final.get(FINAL_SCRIPT_SIG, b"")
    signed = unsigned.outpoint, script_sig, unsigned.sequence
    raw = serialise(transaction.version, [TxInput(*signed, ())], transaction.locktime)
    if FINAL_WITNESS in final:
        # The witness stands between the output and the lock time, behind its marker.
        raw = raw[:4] + b"\x00\x01" + raw[4:-4] + final[FINAL_WITNESS] + raw[-4:]
    return "ful" + _base64(raw)


def _input_fields(output: TxOutput, whole: bytes | None, fields: Fields) -> Fields:
    """What signers need of a coin: alone where a witness signs its amount, else with its
    transaction; both where that depends on a script that is not known here."""
    made = dict(fields)
    redeem = fields.get(REDEEM_SCRIPT)
    if witness_program(output.script) or (redeem is not None and witness_program(redeem)):
        made[WITNESS_UTXO] = write_output(output)
        if redeem is None:
            return made
    if whole is not None:
        made[NON_WITNESS_UTXO] = whole
    return made


def _finalise(psbt: Psbt, number: int) -> Fields:
    fields = psbt.inputs[number]
    if not _FINAL.isdisjoint(fields):
        return {key: value for key, value in fields.items() if key in _FINAL | _KEPT}
    output = psbt.spent(number)
    if output is None:
        raise _unsigned(f"the PSBT gives no script for input {number}", "Give the one that began.")
    script_sig, witness = _satisfy(output.script, fields, psbt.partial_signatures(number), number)
    final = {key: value for key, value in fields.items() if key in _KEPT}
    if script_sig:
        final[FINAL_SCRIPT_SIG] = script_sig
    if witness:
        final[FINAL_WITNESS] = serialise_witness(witness)
    return final


def _satisfy(
    script: bytes, fields: Fields, signatures: Mapping[bytes, bytes], number: int
) -> tuple[bytes, tuple[bytes, ...]]:
    """Input script and witness of an input, by the kind of its script."""
    redeem = fields.get(REDEEM_SCRIPT)
    if redeem is not None and script == b"\xa9\x14" + hash160(redeem) + b"\x87":
        if witness_program(redeem) is not None:
            return write_push(redeem), _satisfy(redeem, fields, signatures, number)[1]
        stack = _multisig(redeem, signatures, number)
        return b"".join(map(write_push, (*stack, redeem))), ()
    if len(script) == 34 and script[:2] == b"\x51\x20":
        return b"", _taproot(fields, number)
    if len(script) == 34 and script[:2] == b"\x00\x20" and WITNESS_SCRIPT in fields:
        inner = fields[WITNESS_SCRIPT]
        return b"", (*_multisig(inner, signatures, number), inner)
    for key, signature in signatures.items():
        digest = hash160(key)
        if script == b"\x00\x14" + digest:
            return b"", (signature, key)
        if script == b"\x76\xa9\x14" + digest + b"\x88\xac":
            return write_push(signature) + write_push(key), ()
    raise _unsigned(
        f"input {number} is not signed, or is of a kind that only its wallet can finalise",
        "Sign it, and let the wallet finalise the PSBT (finalizepsbt in Bitcoin Core).",
    )


def _taproot(fields: Fields, number: int) -> tuple[bytes, ...]:
    """A signature by the key path, or the first leaf of a known kind with enough of them."""
    if TAP_KEY_SIG in fields:
        return (fields[TAP_KEY_SIG],)
    for field_, leaf in fields.items():
        script, version = leaf[:-1], leaf[-1:]
        found = read_leaf(script) if field_[:1] == TAP_LEAF_SCRIPT and version == b"\xc0" else None
        if found is None:
            continue
        needed, keys = found
        leaf_hash = hash_leaf(version, script)
        signatures = [fields.get(TAP_SCRIPT_SIG + key + leaf_hash, b"") for key in keys]
        given = [at for at, signature in enumerate(signatures) if signature]
        if len(given) >= needed:
            # Exactly as many as are counted; the first key's signature is on top.
            spare = set(given[needed:])
            stack = [b"" if at in spare else one for at, one in enumerate(signatures)]
            return (*reversed(stack), script, field_[1:])
    raise _unsigned(
        f"input {number} is not signed, or by a leaf that only its wallet can finalise",
        "Sign it, and let the wallet finalise the PSBT (finalizepsbt in Bitcoin Core).",
    )


def _multisig(script: bytes, signatures: Mapping[bytes, bytes], number: int) -> tuple[bytes, ...]:
    found = read_multisig(script)
    if found is None:
        raise _unsigned(
            f"input {number} has a script that only its wallet can finalise",
            "Let the wallet finalise the PSBT (finalizepsbt in Bitcoin Core).",
        )
    needed, keys = found
    given = [signatures[key] for key in keys if key in signatures]
    if len(given) < needed:
        raise _unsigned(
            f"input {number} has {len(given)} of the {needed} signatures that it needs",
            "Have more signers sign, and give all PSBTs that came back.",
        )
    return (b"", *given[:needed])


def _unsigned(what: str, remedy: str) -> ProofError:
    return ProofError(ProofErrorCode.PSBT_UNSIGNED, what, remedy=remedy)


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode("ascii")
