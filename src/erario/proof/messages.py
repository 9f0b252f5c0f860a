"""The two virtual transactions of BIP-322 (version 2.0.0), and how a signature names them.

`to_spend` commits to the message and the script; `to_sign` spends it, and its first input is the
proof. `read_signature` turns text into a form and bytes: strict base64, bounded, nothing else.

Invariant: `ToSign.raw` is exactly one transaction, with as many inputs as `inputs` has; only
`simple_to_sign`, `parsed_to_sign` and `with_scripts` make one. The kernel's wrapper rests on that.
"""

from __future__ import annotations

import binascii
import hashlib
import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

from erario.bitcoin.block import check_transaction
from erario.bitcoin.encoding import Reader, write_compact_size
from erario.bitcoin.errors import DecodeError
from erario.bitcoin.transaction import Transaction, TxInput
from erario.bitcoin.values import Outpoint, Script, Txid, sha256d
from erario.proof.errors import ProofError, ProofErrorCode
from erario.proof.result import Form, ProofCode

MAX_SIGNATURE_TEXT: Final = 4_000_000
"""Characters; a proof of funds of twenty large legacy coins has fewer."""
MAX_INPUTS: Final = 1_000
MAX_MESSAGE: Final = 1_000_000
"""Bytes. BIP-322 recommends a few kilobytes, and a digest for what is longer."""

_TAG: Final = hashlib.sha256(b"BIP0322-signed-message").digest()
_TAGGED: Final = hashlib.sha256(_TAG + _TAG)
_PREFIXES: Final = {"smp": Form.SIMPLE, "ful": Form.FULL, "pof": Form.PROOF_OF_FUNDS}
_TO_SPEND_HEAD: Final = bytes(4) + b"\x01" + bytes(32) + b"\xff\xff\xff\xff\x22\x00\x20"
_TO_SPEND_MIDDLE: Final = bytes(4) + b"\x01" + bytes(8)
_SIMPLE_HEAD: Final = bytes(4) + b"\x00\x01\x01"
OUTPUT: Final = bytes(8) + b"\x01\x6a"
"""The one output of to_sign: no satoshis, OP_RETURN."""
_SIMPLE_MIDDLE: Final = bytes(4) + b"\x00" + bytes(4) + b"\x01" + OUTPUT
_OP_RETURN: Final = Script(b"\x6a")
_U32: Final = struct.Struct("<I")
_I32: Final = struct.Struct("<i")
LEGACY_SIZE: Final = 65


class SignedInput(NamedTuple):
    """An input of to_sign, and the output that it spends.

    A named tuple, since thousands are made a second.
    """

    script: bytes
    sats: int
    script_sig: bytes
    witness: tuple[bytes, ...]


class ToSign(NamedTuple):
    """A signed to_sign. `raw` is its whole serialisation."""

    raw: bytes
    version: int
    locktime: int
    sequence: int
    inputs: tuple[SignedInput, ...]


class BadSignatureError(Exception):
    """A signature that is no proof, with its reason; never leaves this room."""

    def __init__(self, code: ProofCode, number: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.number = number


def encode_message(message: str | bytes) -> bytes:
    """The bytes that are signed: of text its UTF-8.

    Raises:
        ProofError: it is no text, but half of a surrogate pair.
    """
    if isinstance(message, bytes):
        return message
    try:
        # What Python could not decode on a command line becomes the bytes that it was.
        return message.encode(errors="surrogateescape")
    except UnicodeEncodeError as error:
        raise ProofError(
            ProofErrorCode.MESSAGE_NOT_TEXT,
            "the message has a character that is none",
            remedy="Give the message as it was signed, or its bytes.",
        ) from error


def message_hash(message: bytes) -> bytes:
    """The tagged hash of a message (BIP 340)."""
    tagged = _TAGGED.copy()
    tagged.update(message)
    return tagged.digest()


def to_spend(script: bytes, message: bytes) -> bytes:
    """The bytes of to_spend: it commits to the message and pays nothing to the script."""
    return b"".join((
        _TO_SPEND_HEAD,
        message_hash(message),
        _TO_SPEND_MIDDLE,
        write_compact_size(len(script)),
        script,
        bytes(4),
    ))  # fmt: skip


def to_spend_txid(script: bytes, message: bytes) -> Txid:
    """The txid of to_spend, internal order: what the first input of to_sign spends."""
    return Txid(sha256d(to_spend(script, message)))


def read_signature(text: str) -> tuple[Form | None, bytes]:
    """The form that a signature announces, None for the older ones without prefix, and its bytes.

    Raises:
        BadSignatureError: too long, empty, or not base64 in its one canonical spelling.
    """
    if len(text) > MAX_SIGNATURE_TEXT:
        raise BadSignatureError(ProofCode.TOO_LONG)
    form = _PREFIXES.get(text[:3])
    body = text if form is None else text[3:]
    if not body:
        raise BadSignatureError(ProofCode.EMPTY)
    try:
        data = body.encode("ascii")
        payload = binascii.a2b_base64(data)
    except ValueError as error:
        raise BadSignatureError(ProofCode.BASE64) from error
    # Python's decoder skips what it does not know and takes loose bits at the end.
    if binascii.b2a_base64(payload, newline=False) != data:
        raise BadSignatureError(ProofCode.BASE64)
    return form, payload


def read_witness(payload: bytes) -> tuple[bytes, ...]:
    """The witness stack that a simple signature is.

    Raises:
        DecodeError: it is none, or more than one.
    """
    reader = Reader(payload)
    witness = tuple([reader.sized_bytes() for _ in range(reader.count(1))])
    reader.finish()
    return witness


def simple_to_sign(
    script: bytes, txid: bytes, payload: bytes, witness: tuple[bytes, ...]
) -> ToSign:
    """The to_sign that a simple signature stands for.

    Args:
        script: the script that signed.
        txid: of to_spend.
        payload: the serialised witness, from which `witness` was read.
        witness: not empty: a transaction has no record of witnesses that are none.
    """
    raw = b"".join((_SIMPLE_HEAD, txid, _SIMPLE_MIDDLE, payload, bytes(4)))
    return ToSign(raw, 0, 0, 0, (SignedInput(script, 0, b"", witness),))


def parsed_to_sign(transaction: Transaction, spent: Iterable[tuple[bytes, int]]) -> ToSign:
    """The to_sign that was read as a transaction; `spent` are script and satoshis by input."""
    inputs = tuple(
        SignedInput(script, sats, one.script_sig, one.witness)
        for one, (script, sats) in zip(transaction.inputs, spent, strict=True)
    )
    sequence = transaction.inputs[0].sequence
    return ToSign(transaction.raw, transaction.version, transaction.locktime, sequence, inputs)


def with_scripts(
    transaction: Transaction, number: int, script_sig: bytes, witness: tuple[bytes, ...]
) -> bytes:
    """The bytes of the transaction with other scripts in input `number`, and none in the others:
    no signature signs them."""
    inputs = [TxInput(one.outpoint, b"", one.sequence, ()) for one in transaction.inputs]
    changed = inputs[number]
    inputs[number] = TxInput(changed.outpoint, script_sig, changed.sequence, witness)
    return serialise(transaction.version, inputs, transaction.locktime)


def check_shape(transaction: Transaction, txid: Txid) -> None:
    """Check that a transaction, signed or not yet, is a to_sign for this to_spend.

    Raises:
        BadSignatureError: it is not.
    """
    if not transaction.inputs or transaction.inputs[0].outpoint != Outpoint(txid, 0):
        raise BadSignatureError(ProofCode.FIRST_INPUT)
    if len(transaction.inputs) > MAX_INPUTS:
        raise BadSignatureError(ProofCode.TOO_LARGE)
    outputs = transaction.outputs
    if len(outputs) != 1 or outputs[0].sats != 0 or outputs[0].script != _OP_RETURN:
        raise BadSignatureError(ProofCode.OUTPUT)
    if check_transaction(transaction):
        raise BadSignatureError(ProofCode.TRANSACTION_RULES)


def serialise(version: int, inputs: Iterable[TxInput], locktime: int) -> bytes:
    """The bytes of a to_sign: these inputs, and its one output (BIP 144)."""
    inputs = tuple(inputs)
    parts = [_I32.pack(version)]
    has_witness = any(one.witness for one in inputs)
    if has_witness:
        parts.append(b"\x00\x01")
    parts.append(write_compact_size(len(inputs)))
    for one in inputs:
        parts += (
            one.outpoint.txid,
            _U32.pack(one.outpoint.vout),
            write_compact_size(len(one.script_sig)),
            one.script_sig,
            _U32.pack(one.sequence),
        )
    parts += (b"\x01", OUTPUT)
    if has_witness:
        parts += (serialise_witness(one.witness) if one.witness else b"\0" for one in inputs)
    parts.append(_U32.pack(locktime))
    return b"".join(parts)


def serialise_witness(witness: tuple[bytes, ...]) -> bytes:
    """A witness stack as transactions and simple signatures hold it."""
    items = (part for item in witness for part in (write_compact_size(len(item)), item))
    return b"".join((write_compact_size(len(witness)), *items))


def guess_form(payload: bytes, *, is_key_hash: bool) -> Form:
    """The form of a signature without prefix, as older signers write them.

    A witness is tried first, as BIP-322 advises; no transaction of version 0 or 2 is one.
    Sixty-five bytes are a legacy signature where the script is P2PKH, which has no witness.

    Raises:
        BadSignatureError: they are none of them.
    """
    if is_key_hash and len(payload) == LEGACY_SIZE:
        return Form.LEGACY
    try:
        read_witness(payload)
    except DecodeError:
        pass
    else:
        return Form.SIMPLE
    if payload[1:4] == bytes(3):
        return Form.FULL
    if len(payload) == LEGACY_SIZE and 27 <= payload[0] <= 42:
        raise BadSignatureError(ProofCode.LEGACY_SCRIPT)
    raise BadSignatureError(ProofCode.FORM)
