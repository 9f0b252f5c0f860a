"""Transactions as values, read from their bytes (BIP 144).

Invariant: `raw` is what was read, byte for byte, and `txid` is computed from it; no field can
disagree with it. The rules of deserialisation are Bitcoin Core's (primitives/transaction.h):
a witness record without a witness, and optional data of an unknown kind, are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from erario.bitcoin.encoding import Reader
from erario.bitcoin.errors import BitcoinCode, DecodeError
from erario.bitcoin.values import Outpoint, Script, Txid, Wtxid, sha256d

NULL_OUTPOINT: Final = Outpoint(Txid(bytes(32)), 0xFFFFFFFF)
"""What the one input of a coinbase names instead of a coin."""

_LEAST_INPUT: Final = 41
_LEAST_OUTPUT: Final = 9
_WITNESS_FLAG: Final = 1


@dataclass(frozen=True, slots=True)
class TxInput:
    """An input. `witness` is empty where there is none."""

    outpoint: Outpoint
    script_sig: bytes
    sequence: int
    witness: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class TxOutput:
    """An output. `sats` is the signed 64-bit amount as it stands in the bytes: whether it is one
    that can exist is for `check_transaction` to say."""

    sats: int
    script: Script


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction with the bytes that it was read from.

    Attributes:
        version: signed, as consensus treats it.
        raw: the whole serialisation, witnesses included.
        txid: hash of the serialisation without witnesses, internal order.
        stripped_size: bytes of the serialisation without witnesses.
    """

    version: int
    inputs: tuple[TxInput, ...]
    outputs: tuple[TxOutput, ...]
    locktime: int
    raw: bytes
    txid: Txid
    stripped_size: int

    @property
    def wtxid(self) -> Wtxid:
        """Hash of the whole serialisation, internal order."""
        if self.stripped_size == len(self.raw):
            return Wtxid(self.txid)
        return Wtxid(sha256d(self.raw))

    @property
    def weight(self) -> int:
        """Weight units (BIP 141)."""
        return 3 * self.stripped_size + len(self.raw)

    @property
    def is_coinbase(self) -> bool:
        """Whether its one input names no coin."""
        return len(self.inputs) == 1 and self.inputs[0].outpoint == NULL_OUTPOINT


def read_transaction(data: bytes | memoryview) -> Transaction:
    """The transaction that `data` holds, all of it.

    Raises:
        DecodeError: the bytes are no transaction, or more than one.
    """
    reader = Reader(data)
    transaction = read_transaction_from(reader)
    reader.finish()
    return transaction


def read_transaction_from(reader: Reader) -> Transaction:
    """The transaction at the reader's position, which moves behind it.

    Raises:
        DecodeError: the bytes are no transaction.
    """
    start = reader.position
    version = reader.i32()
    body = reader.position
    count = reader.count(_LEAST_INPUT)
    flags = 0
    if count == 0:
        # No inputs: what follows is the flag of the extended format. A zero flag ends the
        # transaction there, without outputs, as Core reads it.
        flags = reader.u8()
        if flags:
            body = reader.position
            count = reader.count(_LEAST_INPUT)
    inputs = [_read_input(reader) for _ in range(count)]
    outputs = _read_outputs(reader) if count or flags else ()
    core_end = reader.position
    if flags:
        inputs = _read_witnesses(reader, flags, inputs)
    locktime = reader.u32()
    raw = reader.since(start)
    core = raw[body - start : core_end - start]
    stripped = raw[:4] + core + raw[-4:] if flags else raw
    return Transaction(
        version,
        tuple(inputs),
        outputs,
        locktime,
        raw,
        Txid(sha256d(stripped)),
        len(stripped),
    )


def _read_input(reader: Reader) -> TxInput:
    outpoint = Outpoint(Txid(reader.take(32)), reader.u32())
    return TxInput(outpoint, reader.sized_bytes(), reader.u32(), ())


def _read_outputs(reader: Reader) -> tuple[TxOutput, ...]:
    return tuple(
        TxOutput(reader.i64(), Script(reader.sized_bytes()))
        for _ in range(reader.count(_LEAST_OUTPUT))
    )


def _read_witnesses(reader: Reader, flags: int, inputs: list[TxInput]) -> list[TxInput]:
    if flags & _WITNESS_FLAG:
        witnesses = [tuple(reader.sized_bytes() for _ in range(reader.count(1))) for _ in inputs]
        if not any(witnesses):
            raise DecodeError(
                BitcoinCode.DECODE_WITNESS, "a transaction has a witness record without a witness"
            )
        inputs = [
            TxInput(old.outpoint, old.script_sig, old.sequence, witness)
            for old, witness in zip(inputs, witnesses, strict=True)
        ]
    if flags != _WITNESS_FLAG:
        raise DecodeError(
            BitcoinCode.DECODE_FLAGS, f"a transaction has optional data of unknown kind {flags}"
        )
    return inputs
