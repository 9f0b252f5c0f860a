"""Partially signed transactions as values (BIP 174; version 2, BIP 370, is read as version 0).

    read_psbt(data)          bytes or base64 text in, `Psbt` out
    Psbt.to_bytes()          back again; fields that nobody here knows are kept as they are
    combine(psbts)           what several signers added, in one

A PSBT is three kinds of maps; a key is its type and what follows it, as bytes. Nothing is signed
here, and nothing is believed: `Psbt.spent` says what the PSBT gives as the coin of an input,
checked only against the txid that the input names.

Strict, since what comes back from devices and strangers decides what counts: no key twice, nothing
behind the last map, no script in the unsigned transaction.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from erario.bitcoin.encoding import Reader, write_compact_size
from erario.bitcoin.errors import DecodeError
from erario.bitcoin.transaction import Transaction, TxOutput, read_transaction
from erario.bitcoin.values import Script
from erario.proof.errors import ProofError, ProofErrorCode

Fields = Mapping[bytes, bytes]

MAX_PSBT: Final = 8_000_000
"""Bytes; twenty inputs that spend large legacy transactions have fewer."""
MAGIC: Final = b"psbt\xff"

UNSIGNED_TX: Final = b"\x00"
MESSAGE: Final = b"\x09"
"""BIP-322's own field: the message, of which the device shows the text."""
_VERSION: Final = b"\xfb"

NON_WITNESS_UTXO: Final = b"\x00"
WITNESS_UTXO: Final = b"\x01"
PARTIAL_SIG: Final = b"\x02"
REDEEM_SCRIPT: Final = b"\x04"
WITNESS_SCRIPT: Final = b"\x05"
DERIVATION: Final = b"\x06"
FINAL_SCRIPT_SIG: Final = b"\x07"
FINAL_WITNESS: Final = b"\x08"
TAP_KEY_SIG: Final = b"\x13"
TAP_SCRIPT_SIG: Final = b"\x14"
TAP_LEAF_SCRIPT: Final = b"\x15"
TAP_DERIVATION: Final = b"\x16"
TAP_INTERNAL_KEY: Final = b"\x17"
TAP_MERKLE_ROOT: Final = b"\x18"

_V2_GLOBAL: Final = (b"\x02", b"\x03", b"\x04", b"\x05", b"\x06", _VERSION)
_V2_INPUT: Final = (b"\x0e", b"\x0f", b"\x10", b"\x11", b"\x12")
_V2_OUTPUT: Final = (b"\x03", b"\x04")


@dataclass(frozen=True, slots=True)
class Psbt:
    """A PSBT of version 0.

    Attributes:
        transaction: the unsigned transaction.
        fields: the global map, without that transaction.
        inputs: a map for each input.
        outputs: a map for each output.
    """

    transaction: Transaction
    fields: Fields
    inputs: tuple[Fields, ...]
    outputs: tuple[Fields, ...]
    _whole: dict[bytes, Transaction] = field(default_factory=dict, repr=False, compare=False)
    """Transactions that inputs spend, each read once: hundreds may spend a large one."""

    @property
    def message(self) -> bytes | None:
        """BIP-322's message, where there is one."""
        return self.fields.get(MESSAGE)

    def spent(self, number: int) -> TxOutput | None:
        """The coin that the PSBT gives for an input; None where it gives none.

        A whole transaction that is given for an earlier input serves all that spend from it.

        Raises:
            ProofError: what is given is unreadable, is not what the input names, or is two things.
        """
        whole = self.whole_output(number)
        alone = self.inputs[number].get(WITNESS_UTXO)
        if alone is None:
            return whole
        output = _read_output(alone, number)
        if whole is not None and whole != output:
            raise _contradiction(number)
        return output

    def whole_output(self, number: int) -> TxOutput | None:
        """The same from a whole transaction alone, whose txid was compared."""
        outpoint = self.transaction.inputs[number].outpoint
        raw = self.inputs[number].get(NON_WITNESS_UTXO)
        if raw is None:
            raw = next(
                (
                    self.inputs[earlier][NON_WITNESS_UTXO]
                    for earlier, one in enumerate(self.transaction.inputs[:number])
                    if one.outpoint.txid == outpoint.txid
                    and NON_WITNESS_UTXO in self.inputs[earlier]
                ),
                None,
            )
        if raw is None:
            return None
        transaction = self._whole.get(raw)
        if transaction is None:
            try:
                transaction = self._whole[raw] = read_transaction(raw)
            except DecodeError as error:
                raise _unreadable(f"what input {number} spends cannot be read") from error
        if transaction.txid != outpoint.txid or outpoint.vout >= len(transaction.outputs):
            raise _contradiction(number)
        return transaction.outputs[outpoint.vout]

    def partial_signatures(self, number: int) -> dict[bytes, bytes]:
        """Signatures of an input by their public key, ECDSA with its hash type."""
        return {
            key[1:]: signature
            for key, signature in self.inputs[number].items()
            if key[:1] == PARTIAL_SIG
        }

    def to_bytes(self) -> bytes:
        """The serialisation: fields in order of their keys, so that it depends on nothing else."""
        unsigned = {UNSIGNED_TX: self.transaction.raw}
        maps = (unsigned | dict(self.fields), *self.inputs, *self.outputs)
        return MAGIC + b"".join(map(_write_map, maps))

    def to_text(self) -> str:
        """The same in base64, as people pass it on."""
        return binascii.b2a_base64(self.to_bytes(), newline=False).decode("ascii")


def read_psbt(data: bytes | str) -> Psbt:
    """The PSBT that bytes, or base64 text, hold.

    Raises:
        ProofError: they are none, too large, of an unknown version, or name a key twice.
    """
    raw = _as_bytes(data)
    if len(raw) > MAX_PSBT:
        raise ProofError(
            ProofErrorCode.PSBT_TOO_LARGE,
            f"the PSBT has {len(raw):,} bytes",
            remedy=f"At most {MAX_PSBT:,} are read: prove fewer coins at once.",
        )
    if not raw.startswith(MAGIC):
        raise _unreadable("this is no PSBT")
    try:
        return _read(Reader(raw[len(MAGIC) :]))
    except DecodeError as error:
        raise _unreadable("the PSBT is cut off, or damaged") from error


def combine(psbts: Sequence[Psbt]) -> Psbt:
    """One PSBT with the fields of all; where two differ in a field, the first one's stays.

    Raises:
        ProofError: they are not of one and the same transaction.
    """
    first = psbts[0]
    for number, other in enumerate(psbts[1:], 2):
        if other.transaction.raw != first.transaction.raw:
            raise ProofError(
                ProofErrorCode.PSBT_OTHER,
                f"PSBT {number} is of another transaction than the first",
                remedy="Give only what came back for this message and these scripts.",
            )
    return Psbt(
        first.transaction,
        _merge(psbt.fields for psbt in psbts),
        tuple(_merge(maps) for maps in zip(*(psbt.inputs for psbt in psbts), strict=True)),
        tuple(_merge(maps) for maps in zip(*(psbt.outputs for psbt in psbts), strict=True)),
    )


def write_output(output: TxOutput) -> bytes:
    """An output as a transaction and as `WITNESS_UTXO` hold it."""
    sats = output.sats.to_bytes(8, "little", signed=True)
    return sats + write_compact_size(len(output.script)) + output.script


def _as_bytes(data: bytes | str) -> bytes:
    if isinstance(data, str):
        if len(data) > 2 * MAX_PSBT:
            return bytes(MAX_PSBT + 1)
        try:
            return binascii.a2b_base64("".join(data.split()).encode("ascii"), strict_mode=True)
        except ValueError as error:
            raise _unreadable("this is no base64 text") from error
    return data


def _read(reader: Reader) -> Psbt:
    fields = _read_map(reader)
    version = int.from_bytes(fields.get(_VERSION, b""), "little")
    if version == 0:
        return _read_version_0(reader, fields)
    if version == 2:
        return _read_version_2(reader, fields)
    raise ProofError(
        ProofErrorCode.PSBT_VERSION,
        f"the PSBT has version {version}",
        remedy="Export it as version 0 (BIP 174).",
    )


def _read_version_0(reader: Reader, fields: dict[bytes, bytes]) -> Psbt:
    raw = fields.pop(UNSIGNED_TX, None)
    if raw is None:
        raise _unreadable("the PSBT has no transaction")
    transaction = read_transaction(raw)
    if any(one.script_sig or one.witness for one in transaction.inputs):
        raise _unreadable("the transaction of the PSBT is signed already")
    fields.pop(_VERSION, None)
    inputs = tuple(_read_map(reader) for _ in transaction.inputs)
    outputs = tuple(_read_map(reader) for _ in transaction.outputs)
    reader.finish()
    return Psbt(transaction, fields, inputs, outputs)


def _read_version_2(reader: Reader, fields: dict[bytes, bytes]) -> Psbt:
    """BIP 370: the parts of the transaction stand in the maps."""
    version, locktime = _u32(fields, b"\x02"), _u32(fields, b"\x03", default=0)
    counts = [Reader(fields.get(key, b"")).count(0) for key in (b"\x04", b"\x05")]
    if sum(counts) > reader.remaining:
        raise _unreadable("the PSBT is cut off, or damaged")
    inputs = tuple(_read_map(reader) for _ in range(counts[0]))
    outputs = tuple(_read_map(reader) for _ in range(counts[1]))
    reader.finish()
    if any(key in one for one in inputs for key in (b"\x11", b"\x12")):
        raise _unreadable("the PSBT leaves its lock time to its inputs, which is not read")
    parts = [version.to_bytes(4, "little"), write_compact_size(len(inputs))]
    for one in inputs:
        sequence = _u32(one, b"\x10", default=0xFFFFFFFF)
        txid, vout = one.get(b"\x0e", b""), _u32(one, b"\x0f")
        parts += (txid, vout.to_bytes(4, "little"), b"\x00", sequence.to_bytes(4, "little"))
    parts.append(write_compact_size(len(outputs)))
    for one in outputs:
        script = one.get(b"\x04", b"")
        parts += (one.get(b"\x03", b""), write_compact_size(len(script)), script)
    parts.append(locktime.to_bytes(4, "little"))
    transaction = read_transaction(b"".join(parts))
    return Psbt(
        transaction,
        _without(fields, _V2_GLOBAL),
        tuple(_without(one, _V2_INPUT) for one in inputs),
        tuple(_without(one, _V2_OUTPUT) for one in outputs),
    )


def _read_map(reader: Reader) -> dict[bytes, bytes]:
    fields: dict[bytes, bytes] = {}
    while key := reader.sized_bytes():
        if key in fields:
            raise ProofError(
                ProofErrorCode.PSBT_DUPLICATE,
                "the PSBT has a field twice",
                remedy="Export it again: which of the two is meant, nobody can tell.",
            )
        fields[key] = reader.sized_bytes()
    return fields


def _write_map(fields: Fields) -> bytes:
    parts: list[bytes] = []
    for key in sorted(fields):
        parts += (write_compact_size(len(key)), key)
        parts += (write_compact_size(len(fields[key])), fields[key])
    return b"".join((*parts, b"\x00"))


def _merge(maps: Iterable[Fields]) -> dict[bytes, bytes]:
    merged: dict[bytes, bytes] = {}
    for fields in maps:
        merged = {**fields, **merged}
    return merged


def _without(fields: Fields, keys: Iterable[bytes]) -> dict[bytes, bytes]:
    left = set(keys)
    return {key: value for key, value in fields.items() if key not in left}


def _u32(fields: Fields, key: bytes, *, default: int | None = None) -> int:
    value = fields.get(key)
    if value is None and default is not None:
        return default
    if value is None or len(value) != 4:
        raise _unreadable("the PSBT lacks a part of its transaction")
    return int.from_bytes(value, "little")


def _read_output(data: bytes, number: int) -> TxOutput:
    reader = Reader(data)
    try:
        output = TxOutput(reader.i64(), Script(reader.sized_bytes()))
        reader.finish()
    except DecodeError as error:
        raise _unreadable(f"what input {number} spends cannot be read") from error
    return output


def _unreadable(what: str) -> ProofError:
    return ProofError(ProofErrorCode.PSBT_UNREADABLE, what, remedy="Export the PSBT again, whole.")


def _contradiction(number: int) -> ProofError:
    return ProofError(
        ProofErrorCode.PSBT_OTHER,
        f"what the PSBT gives as the coin of input {number} is not what the input spends",
        remedy="Make the PSBT anew.",
    )
