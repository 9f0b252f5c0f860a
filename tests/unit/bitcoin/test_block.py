"""Rules for a block's content, each broken alone in a block that is good otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.bitcoin.block import Block, check_block_content, check_transaction, read_block
from erario.bitcoin.errors import BitcoinCode, BlockFault, DecodeError
from erario.bitcoin.header import read_header
from erario.bitcoin.merkle import merkle_root
from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.transaction import NULL_OUTPOINT, TxOutput, read_transaction
from erario.bitcoin.values import MAX_MONEY, Height, Outpoint, Script, sha256d

from .test_transaction import serialise

MAIN = network(NetworkName.MAIN)
REGTEST = network(NetworkName.REGTEST)
OLD = Height(1)
"""Before BIP 34 and segwit on mainnet."""
SEGWIT = Height(MAIN.segwit_height)
HEIGHT_PUSH = bytes.fromhex("03205a07")  # 481,824


def transaction(*, script_sig=b"\x51", outpoint=("aa", 1), outputs=(1000,), witness=()):
    made = read_transaction(
        bytes.fromhex("02000000" + "01" + "00" * 36 + "00" + "ffffffff" + "00" + "00000000")
    )
    point = (
        NULL_OUTPOINT
        if outpoint is None
        else Outpoint(bytes.fromhex(outpoint[0]) * 32, outpoint[1])
    )
    spend = replace(made.inputs[0], outpoint=point, script_sig=script_sig, witness=witness)
    return rebuilt(
        replace(
            made,
            inputs=(spend,),
            outputs=tuple(
                o if isinstance(o, TxOutput) else TxOutput(o, Script(b"\x51")) for o in outputs
            ),
        )
    )


def rebuilt(made):
    """The same fields with the bytes, txid and sizes that belong to them."""
    return read_transaction(serialise(made, witnesses=any(spend.witness for spend in made.inputs)))


def coinbase(*, script_sig=HEIGHT_PUSH, outputs=(50,), witness=()):
    return transaction(script_sig=script_sig, outpoint=None, outputs=outputs, witness=witness)


def commitment(transactions, nonce=bytes(32), head="6a24aa21a9ed"):
    root, _ = merkle_root([bytes(32), *(t.wtxid for t in transactions)])
    return TxOutput(0, Script(bytes.fromhex(head) + sha256d(root + nonce)))


def block(*transactions):
    root, _ = merkle_root([t.txid for t in transactions])
    header = read_header(bytes(36) + root + bytes(12))
    return Block(header, transactions)


PLAIN = transaction()
OTHER = transaction(outpoint=("cc", 2))
WITNESSED = transaction(witness=(b"\x01",), outpoint=("bb", 0))
COMMITTED = coinbase(outputs=(50, commitment([WITNESSED])), witness=(bytes(32),))


@pytest.mark.parametrize(
    ("made", "height"),
    [
        (block(coinbase()), OLD),
        (block(coinbase(), PLAIN), OLD),
        (block(coinbase(), PLAIN), SEGWIT),
        (block(COMMITTED, WITNESSED), SEGWIT),
        # A second commitment behind the first is the one that counts.
        (
            block(
                coinbase(
                    outputs=(commitment([PLAIN]), commitment([WITNESSED])), witness=(bytes(32),)
                ),
                WITNESSED,
            ),
            SEGWIT,
        ),
        # Before segwit the commitment is an output like any other.
        (block(coinbase(outputs=(commitment([]),)), PLAIN), OLD),
    ],
)
def test_good_blocks(made, height):
    assert check_block_content(made, MAIN, height) == ()


NO_COMMITMENT = coinbase(outputs=(50,))
SHORT = TxOutput(0, Script(bytes.fromhex("6a24aa21a9ed") + bytes(31)))


@pytest.mark.parametrize(
    ("made", "height", "fault"),
    [
        (Block(read_header(bytes(80)), ()), OLD, BlockFault.NO_TRANSACTION),
        (block(PLAIN), OLD, BlockFault.NO_COINBASE),
        (block(coinbase(), coinbase(outputs=(7,))), OLD, BlockFault.MORE_COINBASES),
        (
            Block(read_header(bytes(80)), (coinbase(), PLAIN)),
            OLD,
            BlockFault.MERKLE_ROOT,
        ),
        (
            Block(
                block(coinbase(), PLAIN, OTHER).header,
                (coinbase(), PLAIN, OTHER, OTHER),
            ),
            OLD,
            BlockFault.MERKLE_MUTATED,
        ),
        (
            block(coinbase(script_sig=b"\x03\x1f\x5a\x07"), PLAIN),
            SEGWIT,
            BlockFault.COINBASE_HEIGHT,
        ),
        (block(coinbase(script_sig=HEIGHT_PUSH[:3]), PLAIN), SEGWIT, BlockFault.COINBASE_HEIGHT),
        (block(NO_COMMITMENT, WITNESSED), SEGWIT, BlockFault.COMMITMENT_MISSING),
        (block(coinbase(outputs=(SHORT,)), WITNESSED), SEGWIT, BlockFault.COMMITMENT_MISSING),
        (block(coinbase(), WITNESSED), OLD, BlockFault.COMMITMENT_MISSING),
        (
            block(coinbase(outputs=(commitment([PLAIN]),)), PLAIN),
            SEGWIT,
            BlockFault.COMMITMENT_NONCE,
        ),
        (
            block(coinbase(outputs=(commitment([PLAIN]),), witness=(bytes(31),)), PLAIN),
            SEGWIT,
            BlockFault.COMMITMENT_NONCE,
        ),
        (
            block(coinbase(outputs=(commitment([PLAIN]),), witness=(bytes(32), b"")), PLAIN),
            SEGWIT,
            BlockFault.COMMITMENT_NONCE,
        ),
        (
            block(coinbase(outputs=(commitment([PLAIN]),), witness=(b"\x01" * 32,)), PLAIN),
            SEGWIT,
            BlockFault.COMMITMENT_WRONG,
        ),
        (
            block(
                coinbase(
                    outputs=(commitment([WITNESSED]), commitment([PLAIN])), witness=(bytes(32),)
                ),
                WITNESSED,
            ),
            SEGWIT,
            BlockFault.COMMITMENT_WRONG,
        ),
        (block(coinbase(), transaction(outputs=())), OLD, BlockFault.NO_OUTPUTS),
        (block(coinbase(), transaction(outputs=(-1,))), OLD, BlockFault.NEGATIVE_OUTPUT),
        (
            block(coinbase(), transaction(outputs=(MAX_MONEY + 1,))),
            OLD,
            BlockFault.OUTPUT_TOO_LARGE,
        ),
        (block(coinbase(), transaction(outputs=(MAX_MONEY, 1))), OLD, BlockFault.OUTPUTS_TOO_LARGE),
        (block(coinbase(script_sig=b"\x51")), OLD, BlockFault.COINBASE_SCRIPT),
        (block(coinbase(script_sig=bytes(101))), OLD, BlockFault.COINBASE_SCRIPT),
        (
            block(coinbase(), transaction(outputs=(TxOutput(0, Script(bytes(1_000_000))),))),
            OLD,
            BlockFault.TOO_HEAVY,
        ),
    ],
)
def test_each_rule_broken_alone(made, height, fault):
    assert check_block_content(made, MAIN, height) == (fault,)


def test_amounts_never_wrap():
    # Two amounts of 2^63 - 1 make -2 in 64 bits.
    made = transaction(outputs=((1 << 63) - 1, (1 << 63) - 1))
    assert check_transaction(made) == (BlockFault.OUTPUT_TOO_LARGE,)
    assert check_transaction(transaction(outputs=(MAX_MONEY,))) == ()


def test_no_inputs():
    assert check_transaction(read_transaction(bytes(10))) == (
        BlockFault.NO_INPUTS,
        BlockFault.NO_OUTPUTS,
    )


def test_an_input_twice_and_an_input_of_nothing():
    twice = rebuilt(replace(PLAIN, inputs=PLAIN.inputs * 2))
    assert check_transaction(twice) == (BlockFault.DUPLICATE_INPUTS,)
    nothing = rebuilt(replace(PLAIN, inputs=(*PLAIN.inputs, *coinbase().inputs)))
    assert check_transaction(nothing) == (BlockFault.NULL_INPUT,)


def test_all_faults_at_once():
    made = Block(
        read_header(bytes(80)),
        (transaction(outputs=(-1,)), coinbase(script_sig=b"")),
    )
    assert check_block_content(made, MAIN, OLD) == (
        BlockFault.MERKLE_ROOT,
        BlockFault.MORE_COINBASES,
        BlockFault.NO_COINBASE,
        BlockFault.NEGATIVE_OUTPUT,
        BlockFault.COINBASE_SCRIPT,
    )


@pytest.mark.parametrize(
    ("height", "push"),
    [
        (1, "51"),
        (16, "60"),
        (17, "0111"),
        (127, "017f"),
        (128, "028000"),
        (255, "02ff00"),
        (256, "020001"),
        (32_767, "02ff7f"),
        (32_768, "03008000"),
        (8_388_608, "0400008000"),
    ],
)
def test_the_coinbase_starts_with_its_height(height, push):
    script_sig = bytes.fromhex(push) + b"\x00"
    assert (
        check_block_content(block(coinbase(script_sig=script_sig)), REGTEST, Height(height)) == ()
    )
    other = Height(height + 1)
    assert check_block_content(block(coinbase(script_sig=script_sig)), REGTEST, other) == (
        BlockFault.COINBASE_HEIGHT,
    )


def raw_block(made):
    return (
        made.header.raw
        + bytes((len(made.transactions),))
        + b"".join(t.raw for t in made.transactions)
    )


def test_reads_what_it_was_made_of():
    made = block(COMMITTED, WITNESSED)
    assert read_block(raw_block(made)) == made
    assert read_block(memoryview(raw_block(made))) == made


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda raw: raw[:79], BitcoinCode.DECODE_TRUNCATED),
        (lambda raw: raw[:-1], BitcoinCode.DECODE_TRUNCATED),
        (lambda raw: raw + b"\x00", BitcoinCode.DECODE_TRAILING),
        (lambda raw: raw[:80] + b"\xfe\xff\xff\xff\x01" + raw[81:], BitcoinCode.DECODE_TRUNCATED),
        (lambda raw: raw[:80] + b"\xfd\x02\x00" + raw[81:], BitcoinCode.DECODE_NOT_CANONICAL),
    ],
)
def test_bytes_that_are_no_block(change, code):
    with pytest.raises(DecodeError) as caught:
        read_block(change(raw_block(block(COMMITTED, WITNESSED))))
    assert caught.value.code is code


@given(st.data())
def test_damaged_blocks_are_refused_or_found_out(data):
    made = block(COMMITTED, WITNESSED)
    raw = bytearray(raw_block(made))
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(raw)))
    try:
        read = read_block(bytes(raw[:cut] if data.draw(st.booleans()) else raw))
    except DecodeError:
        return
    # Only the header's other fields can change without the content noticing.
    in_header_only = position < 80 and not 36 <= position < 68
    assert in_header_only or check_block_content(read, MAIN, SEGWIT)
