"""Transactions: what Bitcoin Core's deserialisation takes and refuses, byte by byte."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.bitcoin.encoding import Reader, write_compact_size
from erario.bitcoin.errors import BitcoinCode, DecodeError
from erario.bitcoin.transaction import (
    NULL_OUTPOINT,
    Transaction,
    TxInput,
    TxOutput,
    read_transaction,
    read_transaction_from,
)
from erario.bitcoin.values import Outpoint, Script, Txid

VERSION, LOCKTIME = "02000000", "11000000"
INPUT = "aa" * 32 + "01000000" + "0151" + "feffffff"
OUTPUT = "e803000000000000" + "0151"
TRUNCATED, TRAILING = BitcoinCode.DECODE_TRUNCATED, BitcoinCode.DECODE_TRAILING


def serialise(transaction: Transaction, *, witnesses: bool) -> bytes:
    """The plain twin: a transaction's bytes from its fields."""

    def sized(data: bytes) -> bytes:
        return write_compact_size(len(data)) + data

    parts = [transaction.version.to_bytes(4, "little", signed=True)]
    parts += [b"\x00\x01"] * witnesses
    parts.append(write_compact_size(len(transaction.inputs)))
    for spend in transaction.inputs:
        parts += [spend.outpoint.txid, spend.outpoint.vout.to_bytes(4, "little")]
        parts += [sized(spend.script_sig), spend.sequence.to_bytes(4, "little")]
    parts.append(write_compact_size(len(transaction.outputs)))
    for output in transaction.outputs:
        parts += [output.sats.to_bytes(8, "little", signed=True), sized(output.script)]
    for spend in transaction.inputs if witnesses else ():
        parts += [write_compact_size(len(spend.witness)), *map(sized, spend.witness)]
    parts.append(transaction.locktime.to_bytes(4, "little"))
    return b"".join(parts)


def test_plain():
    raw = bytes.fromhex(VERSION + "01" + INPUT + "01" + OUTPUT + LOCKTIME)
    transaction = read_transaction(raw)
    assert transaction == Transaction(
        version=2,
        inputs=(TxInput(Outpoint(Txid(b"\xaa" * 32), 1), b"\x51", 0xFFFFFFFE, ()),),
        outputs=(TxOutput(1000, Script(b"\x51")),),
        locktime=17,
        raw=raw,
        txid=Txid(hashlib.sha256(hashlib.sha256(raw).digest()).digest()),
        stripped_size=len(raw),
    )
    assert transaction.wtxid == transaction.txid
    assert transaction.weight == 4 * len(raw)
    assert not transaction.is_coinbase


def test_with_a_witness():
    witness = "02" + "00" + "02beef"
    stripped = bytes.fromhex(VERSION + "01" + INPUT + "01" + OUTPUT + LOCKTIME)
    raw = bytes.fromhex(VERSION + "0001" + "01" + INPUT + "01" + OUTPUT + witness + LOCKTIME)
    transaction = read_transaction(memoryview(raw))
    assert transaction.inputs[0].witness == (b"", b"\xbe\xef")
    assert transaction.raw == raw
    assert transaction.txid == read_transaction(stripped).txid
    assert transaction.wtxid == hashlib.sha256(hashlib.sha256(raw).digest()).digest()
    assert transaction.stripped_size == len(stripped)
    assert transaction.weight == 3 * len(stripped) + len(raw)


def test_coinbase():
    raw = bytes.fromhex(
        VERSION + "01" + "00" * 32 + "ffffffff" + "0151" + "ffffffff" + "01" + OUTPUT + LOCKTIME
    )
    transaction = read_transaction(raw)
    assert transaction.is_coinbase
    assert transaction.inputs[0].outpoint == NULL_OUTPOINT


def test_amounts_stand_as_they_are():
    # 2^63 - 1 and -1: saying that they cannot be is for check_transaction.
    for amount, sats in (("ffffffffffffff7f", (1 << 63) - 1), ("ffffffffffffffff", -1)):
        raw = bytes.fromhex(VERSION + "01" + INPUT + "01" + amount + "00" + LOCKTIME)
        assert read_transaction(raw).outputs[0].sats == sats


def test_nothing_in_it_ends_after_the_flag_byte():
    # As Core: no inputs and a zero flag, so that no outputs are read.
    transaction = read_transaction(bytes.fromhex(VERSION + "0000" + LOCKTIME))
    assert (transaction.inputs, transaction.outputs) == ((), ())


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param("", TRUNCATED, id="empty"),
        pytest.param(VERSION + "01" + INPUT + "01" + OUTPUT + "1100", TRUNCATED, id="cut"),
        pytest.param(VERSION + "01" + INPUT + "01" + OUTPUT + LOCKTIME + "00", TRAILING, id="more"),
        pytest.param(
            VERSION + "0001" + "01" + INPUT + "01" + OUTPUT + "00" + LOCKTIME,
            BitcoinCode.DECODE_WITNESS,
            id="witness record without a witness",
        ),
        pytest.param(
            VERSION + "0001" + "00" + "00" + LOCKTIME,
            BitcoinCode.DECODE_WITNESS,
            id="witness record without inputs",
        ),
        pytest.param(
            VERSION + "0002" + "01" + INPUT + "01" + OUTPUT + LOCKTIME,
            BitcoinCode.DECODE_FLAGS,
            id="unknown flag",
        ),
        pytest.param(
            VERSION + "0003" + "01" + INPUT + "01" + OUTPUT + "0101aa" + LOCKTIME,
            BitcoinCode.DECODE_FLAGS,
            id="unknown flag beside the witness",
        ),
        pytest.param(
            VERSION + "fd0100" + INPUT + "01" + OUTPUT + LOCKTIME,
            BitcoinCode.DECODE_NOT_CANONICAL,
            id="count in a longer form",
        ),
        pytest.param(VERSION + "feffffff01" + INPUT, TRUNCATED, id="33 million inputs"),
        pytest.param(
            VERSION + "01" + INPUT + "feffffff01" + OUTPUT, TRUNCATED, id="33 million outputs"
        ),
        pytest.param(
            VERSION + "01" + "aa" * 36 + "fe01000002" + "00" * 9,
            BitcoinCode.DECODE_TOO_LARGE,
            id="a script above 32 MiB",
        ),
        pytest.param(
            VERSION + "0001" + "01" + INPUT + "01" + OUTPUT + "feffffff01" + LOCKTIME,
            TRUNCATED,
            id="33 million witness items",
        ),
    ],
)
def test_refused(data, code):
    with pytest.raises(DecodeError) as caught:
        read_transaction(bytes.fromhex(data))
    assert caught.value.code is code


def test_one_after_the_other():
    raw = bytes.fromhex(VERSION + "01" + INPUT + "01" + OUTPUT + LOCKTIME)
    reader = Reader(raw + raw)
    first = read_transaction_from(reader)
    assert first.raw == raw
    assert read_transaction_from(reader) == first
    reader.finish()


scripts = st.binary(max_size=12) | st.binary(min_size=250, max_size=260)
transactions = st.builds(
    Transaction,
    version=st.integers(-(1 << 31), (1 << 31) - 1),
    inputs=st.lists(
        st.builds(
            TxInput,
            outpoint=st.builds(
                Outpoint, st.binary(min_size=32, max_size=32), st.integers(0, (1 << 32) - 1)
            ),
            script_sig=scripts,
            sequence=st.integers(0, (1 << 32) - 1),
            witness=st.lists(scripts, max_size=3).map(tuple),
        ),
        min_size=1,
        max_size=4,
    ).map(tuple),
    outputs=st.lists(
        st.builds(TxOutput, sats=st.integers(-(1 << 63), (1 << 63) - 1), script=scripts),
        max_size=4,
    ).map(tuple),
    locktime=st.integers(0, (1 << 32) - 1),
    raw=st.just(b""),
    txid=st.just(b""),
    stripped_size=st.just(0),
)


@given(transactions)
def test_fields_read_back(made):
    has_witness = any(spend.witness for spend in made.inputs)
    stripped, raw = serialise(made, witnesses=False), serialise(made, witnesses=has_witness)
    read = read_transaction(raw)
    assert (read.version, read.inputs, read.outputs, read.locktime) == (
        made.version,
        made.inputs,
        made.outputs,
        made.locktime,
    )
    assert read.raw == raw
    assert read.txid == hashlib.sha256(hashlib.sha256(stripped).digest()).digest()
    assert read.stripped_size == len(stripped)


@given(transactions, st.data())
def test_damage_is_refused_or_reads_back(made, data):
    raw = bytearray(serialise(made, witnesses=any(spend.witness for spend in made.inputs)))
    for _ in range(data.draw(st.integers(0, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(raw[: data.draw(st.integers(0, len(raw)))])
    for damaged in (bytes(raw), cut, data.draw(st.binary(max_size=80))):
        assert_refused_or_same(damaged)


def assert_refused_or_same(data: bytes) -> None:
    try:
        read = read_transaction(data)
    except DecodeError:
        return
    if read.inputs:
        has_witness = any(spend.witness for spend in read.inputs)
        assert serialise(read, witnesses=has_witness) == data
    assert read.raw == data
