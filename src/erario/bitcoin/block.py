"""Blocks as values, and the rules for their content that need no other block.

`check_block_content` holds a block against its own header and against the network's rules; the
rules for headers are in `header_rules`. Scripts are not run, and whether inputs exist is not asked.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from erario.bitcoin.encoding import Reader
from erario.bitcoin.errors import BlockFault
from erario.bitcoin.header import HEADER_SIZE, Header, read_header
from erario.bitcoin.merkle import check_witness_commitment, merkle_root
from erario.bitcoin.network import Network
from erario.bitcoin.transaction import NULL_OUTPOINT, Transaction, read_transaction_from
from erario.bitcoin.values import MAX_MONEY, Height

MAX_WEIGHT: Final = 4_000_000
"""Weight units (Bitcoin Core, consensus/consensus.h; BIP 141)."""

_LEAST_TRANSACTION: Final = 10


@dataclass(frozen=True, slots=True)
class Block:
    """A header and its transactions, coinbase first. That they belong together is for
    `check_block_content` to say."""

    header: Header
    transactions: tuple[Transaction, ...]


def read_block(data: bytes | memoryview) -> Block:
    """The block that `data` holds, all of it.

    Raises:
        DecodeError: the bytes are no block, or more than one.
    """
    reader = Reader(data)
    header = read_header(reader.take(HEADER_SIZE))
    count = reader.count(_LEAST_TRANSACTION)
    transactions = tuple(read_transaction_from(reader) for _ in range(count))
    reader.finish()
    return Block(header, transactions)


def check_block_content(block: Block, network: Network, height: Height) -> tuple[BlockFault, ...]:
    """Every rule that the content of the block at `height` breaks; empty where it is good."""
    transactions = block.transactions
    if not transactions:
        return (BlockFault.NO_TRANSACTION,)
    faults = []
    root, mutated = merkle_root([t.txid for t in transactions])
    if root != block.header.merkle_root:
        faults.append(BlockFault.MERKLE_ROOT)
    if mutated:
        faults.append(BlockFault.MERKLE_MUTATED)
    if _weight(block) > MAX_WEIGHT:
        faults.append(BlockFault.TOO_HEAVY)
    if any(t.is_coinbase for t in transactions[1:]):
        faults.append(BlockFault.MORE_COINBASES)
    if transactions[0].is_coinbase:
        faults.extend(_check_coinbase_rules(transactions, network, height))
    else:
        faults.append(BlockFault.NO_COINBASE)
    for transaction in transactions:
        faults.extend(check_transaction(transaction))
    return tuple(dict.fromkeys(faults))


def check_transaction(transaction: Transaction) -> tuple[BlockFault, ...]:
    """Every rule that a transaction breaks by itself (Bitcoin Core, consensus/tx_check.cpp)."""
    faults = []
    if not transaction.inputs:
        faults.append(BlockFault.NO_INPUTS)
    if not transaction.outputs:
        faults.append(BlockFault.NO_OUTPUTS)
    amounts = [output.sats for output in transaction.outputs]
    if any(sats < 0 for sats in amounts):
        faults.append(BlockFault.NEGATIVE_OUTPUT)
    if any(sats > MAX_MONEY for sats in amounts):
        faults.append(BlockFault.OUTPUT_TOO_LARGE)
    elif sum(amounts) > MAX_MONEY:
        faults.append(BlockFault.OUTPUTS_TOO_LARGE)
    spent = Counter(spend.outpoint for spend in transaction.inputs)
    if len(spent) != len(transaction.inputs):
        faults.append(BlockFault.DUPLICATE_INPUTS)
    if transaction.is_coinbase:
        if not 2 <= len(transaction.inputs[0].script_sig) <= 100:
            faults.append(BlockFault.COINBASE_SCRIPT)
    elif NULL_OUTPOINT in spent:
        faults.append(BlockFault.NULL_INPUT)
    return tuple(faults)


def _check_coinbase_rules(
    transactions: tuple[Transaction, ...], network: Network, height: Height
) -> list[BlockFault]:
    faults = []
    script_sig = transactions[0].inputs[0].script_sig
    if height >= network.bip34_height and not script_sig.startswith(_push_of_height(height)):
        faults.append(BlockFault.COINBASE_HEIGHT)
    if height >= network.segwit_height:
        fault = check_witness_commitment(transactions)
        if fault is not None:
            faults.append(fault)
    elif any(t.stripped_size != len(t.raw) for t in transactions):
        faults.append(BlockFault.COMMITMENT_MISSING)
    return faults


def _push_of_height(height: Height) -> bytes:
    """How the coinbase starts with its height (BIP 34): the shortest push of the number."""
    if height == 0:
        return b"\x00"
    if height <= 16:
        return bytes((0x50 + height,))
    # Little-endian with a sign bit, so a set top bit takes one more byte.
    number = height.to_bytes(height.bit_length() // 8 + 1, "little")
    return bytes((len(number),)) + number


def _weight(block: Block) -> int:
    counted = len(block.transactions)
    size_of_count = 1 if counted < 0xFD else 3 if counted <= 0xFFFF else 5
    overhead = 4 * (HEADER_SIZE + size_of_count)
    return overhead + sum(t.weight for t in block.transactions)
