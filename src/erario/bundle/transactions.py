"""`transactions.bin`: every transaction that moved a coin, with its way to the block's header.

    number of blocks                     compact size
    for each block, heights rising:
        height                           4 bytes, little-endian
        flags                            1 byte: 1 where the coinbase itself is of interest
        levels                           1 byte: the length of every branch of this block
        coinbase                         compact size, bytes
        its branch
        number of other transactions     compact size
        for each, positions rising:
            position                     4 bytes, little-endian, from 1 on
            transaction                  compact size, bytes (witnesses included)
            its branch

    a branch: for each level, leaf first, the number of a hash in the block's list (compact size);
    the number that follows the last one stands for a new hash, whose 32 bytes follow

All transactions of a block share its coinbase and the hashes of their branches. The header stands
in `headers.bin`, at the block's height. Invariant: these blocks have these bytes and no others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from erario.bitcoin.encoding import Reader
from erario.bitcoin.errors import DecodeError
from erario.bitcoin.inclusion import MAX_BRANCH
from erario.bitcoin.values import Height
from erario.bundle.errors import BundleCode, BundleError
from erario.statement.evidence import BlockEvidence, TransactionEvidence

_LEAST_BLOCK: Final = 8
_LEAST_TRANSACTION: Final = 5
_HASH: Final = 32
_COINBASE_WANTED: Final = 1

HeaderAt = Callable[[Height], bytes]


def read_transactions(data: bytes, header: HeaderAt) -> tuple[BlockEvidence, ...]:
    """The blocks that the bytes hold; whether their branches lead anywhere is for others to say.

    Args:
        data: the file.
        header: gives the verified header at a height, or refuses.

    Raises:
        BundleError: these are not the bytes of any blocks.
    """
    reader = Reader(data)
    blocks: list[BlockEvidence] = []
    try:
        for _ in range(reader.count(_LEAST_BLOCK)):
            block = _read_block(reader, header)
            if blocks and block.height <= blocks[-1].height:
                raise BundleError(
                    BundleCode.BINARY_ORDER, f"block {block.height} stands where a later one must"
                )
            blocks.append(block)
        reader.finish()
    except DecodeError as error:
        raise BundleError(BundleCode.BINARY, f"transactions.bin: {error.what}") from error
    return tuple(blocks)


def _read_block(reader: Reader, header: HeaderAt) -> BlockEvidence:
    height = Height(reader.u32())
    flags, levels = reader.u8(), reader.u8()
    if flags > _COINBASE_WANTED or levels > MAX_BRANCH:
        raise BundleError(BundleCode.BINARY, f"block {height} has flags or a tree that cannot be")
    known: list[bytes] = []
    seen: set[bytes] = set()
    coinbase = _read_transaction(reader, 0, levels, known, seen)
    found = [coinbase] if flags else []
    last = 0
    for _ in range(reader.count(_LEAST_TRANSACTION)):
        position = reader.u32()
        if position <= last:
            raise BundleError(
                BundleCode.BINARY_ORDER, f"transaction {position} of block {height} is out of order"
            )
        last = position
        found.append(_read_transaction(reader, position, levels, known, seen))
    return BlockEvidence(height, header(height), coinbase, tuple(found))


def _read_transaction(
    reader: Reader, position: int, levels: int, known: list[bytes], seen: set[bytes]
) -> TransactionEvidence:
    raw = reader.sized_bytes()
    branch = []
    for _ in range(levels):
        number = reader.compact_size()
        if number == len(known):
            node = reader.take(_HASH)
            if node in seen:
                raise BundleError(BundleCode.NOT_CANONICAL, "a hash of a branch is listed twice")
            seen.add(node)
            known.append(node)
        elif number > len(known):
            raise BundleError(BundleCode.BINARY, "a branch names a hash that is not listed")
        branch.append(known[number])
    return TransactionEvidence(position, raw, tuple(branch))
