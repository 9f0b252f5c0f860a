"""Real blocks: the same as libbitcoinkernel reads, and as the spent outputs beside them say.

The `-undo` files hold, for every input but the coinbase's in the order of the block, the output
that it spent: the amount (u64) and the script behind its compact size.
"""

from __future__ import annotations

import bz2
import struct
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.bitcoin.address import show_address
from erario.bitcoin.block import Block, check_block_content, read_block
from erario.bitcoin.encoding import Reader
from erario.bitcoin.errors import DecodeError
from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.script import ScriptType, classify
from erario.bitcoin.transaction import read_transaction
from erario.bitcoin.values import COIN, Height, sha256d, show_hash, total

pytestmark = pytest.mark.shared

MAIN, TESTNET3 = NetworkName.MAIN, NetworkName.TESTNET3
BLOCKS = [
    ("mainnet-300025", MAIN, 300_025, 461),
    ("testnet3-928816", TESTNET3, 928_816, 889),
    ("testnet3-928828", TESTNET3, 928_828, 201),
    ("testnet3-928848", TESTNET3, 928_848, 676),
    ("testnet3-045e0b16", TESTNET3, 924_634, 15),
]
WITH_UNDO = BLOCKS[:4]


@cache
def raw_block(folder: Path, name: str) -> bytes:
    return (folder / "blocks" / f"{name}.raw").read_bytes()


@cache
def parsed_block(folder: Path, name: str) -> Block:
    return read_block(raw_block(folder, name))


def subsidy(name: NetworkName, height: int) -> int:
    return (50 * COIN) >> (height // network(name).halving_interval)


def spent_outputs(data: bytes) -> list[tuple[int, bytes]]:
    reader, spent = Reader(data), []
    while reader.remaining:
        spent.append((reader.u64(), reader.sized_bytes()))
    return spent


@pytest.mark.parametrize(("name", "chain", "height", "count"), BLOCKS)
def test_content_is_good(shared_data, name, chain, height, count):
    block = parsed_block(shared_data, name)
    assert len(block.transactions) == count
    assert check_block_content(block, network(chain), Height(height)) == ()


@pytest.mark.parametrize(("name", "chain", "height", "count"), BLOCKS)
def test_the_kernel_reads_the_same(shared_data, name, chain, height, count):
    kernel = pytest.importorskip("tests.oracles.kernel", exc_type=ImportError)
    raw = raw_block(shared_data, name)
    ours = parsed_block(shared_data, name).transactions
    theirs = kernel.kernel_transactions(raw)
    assert len(ours) == len(theirs) == count
    for own, other in zip(ours, theirs, strict=True):
        assert own.txid == other.txid
        assert own.raw == other.raw
        assert own.wtxid == sha256d(other.raw)
        assert own.locktime == other.locktime
        assert [(o.sats, o.script) for o in own.outputs] == list(other.outputs)
        assert [(*i.outpoint, i.sequence) for i in own.inputs] == list(other.inputs)
    assert kernel.kernel_content_is_good(raw)


@pytest.mark.parametrize(("name", "chain", "height", "count"), WITH_UNDO)
def test_the_spent_outputs_fit(shared_data, name, chain, height, count):
    block = parsed_block(shared_data, name)
    spent = iter(spent_outputs((shared_data / "blocks" / f"{name}-undo.raw").read_bytes()))
    coinbase, fees = block.transactions[0], 0
    for transaction in block.transactions[1:]:
        taken = [next(spent) for _ in transaction.inputs]
        fee = sum(sats for sats, _ in taken) - total(o.sats for o in transaction.outputs)
        assert fee >= 0
        fees += fee
        for spend, (_, script) in zip(transaction.inputs, taken, strict=True):
            assert_unlocks(spend, script)
    assert next(spent, None) is None
    assert total(o.sats for o in coinbase.outputs) <= subsidy(chain, height) + fees


def assert_unlocks(spend, script: bytes) -> None:
    """That an input shows what the hash in the script that it spends stands for."""
    from embit.hashes import hash160, sha256  # noqa: PLC0415

    kind = classify(script)
    if kind is ScriptType.P2PKH:
        assert hash160(spend.script_sig[1 + spend.script_sig[0] + 1 :]) == script[3:23]
    elif kind is ScriptType.P2WPKH:
        assert hash160(spend.witness[1]) == script[2:]
    elif kind is ScriptType.P2WSH:
        assert sha256(spend.witness[-1]) == script[2:]
    elif kind is ScriptType.P2SH and spend.witness:
        assert hash160(spend.script_sig[1:]) == script[2:22]


def test_the_first_255_blocks(shared_data):
    data = bz2.decompress((shared_data / "blocks" / "mainnet-1-256.bz2").read_bytes())
    rules, offset, outputs = network(MAIN), 0, []
    for height in range(1, 256):
        magic, size = struct.unpack_from("<4sI", data, offset)
        assert magic == rules.magic
        block = read_block(memoryview(data)[offset + 8 : offset + 8 + size])
        offset += 8 + size
        assert check_block_content(block, rules, Height(height)) == ()
        outputs += [o for t in block.transactions for o in t.outputs]
        if height == 9:
            script = block.transactions[0].outputs[0].script
            assert show_hash(block.transactions[0].txid) == (
                "0437cd7f8525ceed2324359c2d0ba26006d92d856a9c20fa0241106ee5a597c9"
            )
            assert classify(script) is ScriptType.P2PK
            assert show_address(script, MAIN) is None
    assert offset == len(data)


def test_known_txids(shared_data):
    block = parsed_block(shared_data, "testnet3-045e0b16")
    assert show_hash(block.header.block_hash) == (
        "000000000000045e0b1660b6445b5e5c5ab63c9a4f956be7e1e69be04fa4497b"
    )


@given(st.data())
def test_transactions_cut_or_damaged_read_as_the_kernel_reads_them(shared_data, data):
    kernel = pytest.importorskip("tests.oracles.kernel", exc_type=ImportError)
    name = data.draw(st.sampled_from(BLOCKS))[0]
    transactions = parsed_block(shared_data, name).transactions
    whole = data.draw(st.sampled_from(transactions)).raw
    raw = bytearray(whole[: data.draw(st.integers(0, len(whole)) | st.just(len(whole)))])
    for _ in range(data.draw(st.integers(0, 3)) if raw else 0):
        raw[data.draw(st.integers(0, min(len(raw), 60) - 1))] = data.draw(st.integers(0, 255))
    theirs = kernel.kernel_transaction(bytes(raw))
    try:
        ours = read_transaction(bytes(raw))
    except DecodeError:
        # The kernel takes trailing bytes in silence; we do not.
        assert theirs is None or len(theirs.raw) < len(raw)
        return
    assert theirs is not None
    assert ours.raw == theirs.raw
    assert ours.txid == theirs.txid
    assert [(o.sats, o.script) for o in ours.outputs] == list(theirs.outputs)
