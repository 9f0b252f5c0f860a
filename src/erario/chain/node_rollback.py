"""Coins that an own node has spent since a block: to tell what was unspent there from what is now.

A scan of a node's coins answers for the tip that it began at, and a block may have come since the
headers were read. Then the coins of later blocks are left out, and those that later blocks spend
are put back, as the node tells them with each input (`getblock` with prevouts, from Bitcoin Core 23
on). All of it is the word of the user's own node, as the scan itself is; that the coins were made
as it says is checked like that of the others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from erario.bitcoin.script import MAX_SCRIPT_SIZE
from erario.bitcoin.values import BlockHash, Height, Outpoint, Script, Txid, show_hash
from erario.chain.errors import ServerCode
from erario.chain.json_answers import Json, hash_of, hex_of, member, sats_of, whole
from erario.chain.node_server import HIGHEST, NodeServer
from erario.chain.source import HeaderChain
from erario.errors import SourceError
from erario.statement.evidence import ListedCoin

MOST_BLOCKS: Final = 6
"""Later blocks that are taken back; more come only where headers were read long ago."""
_PREVOUTS: Final = 3
_LARGEST_ANSWER: Final = 64_000_000
_LARGEST_INDEX: Final = 0xFFFFFFFF


def spent_since(
    server: NodeServer,
    chain: HeaderChain,
    upto: Height,
    tip: tuple[Height, BlockHash],
    scripts: Collection[Script],
) -> Iterator[ListedCoin]:
    """The coins of `scripts` that were unspent at `upto` and that the blocks up to `tip` spend.

    Raises:
        SourceError: UNSETTLED where `tip` is not a few blocks above `upto` on one chain with it.
    """
    height, block_hash = tip
    hashes: list[BlockHash] = []
    if upto <= height <= upto + MOST_BLOCKS:
        hashes = server.hashes(range(upto, height + 1))
    if not hashes or (hashes[0], hashes[-1]) != (chain.block_hash(upto), block_hash):
        raise SourceError(
            ServerCode.UNSETTLED,
            f"{server.name} lists its coins at block {height}, not at {upto}: its chain went on",
            remedy="Ask again.",
        )
    for later in hashes[1:]:
        block = server.rpc.call("getblock", show_hash(later), _PREVOUTS, most=_LARGEST_ANSWER)
        for transaction in member(block, "tx", list, server.name):
            for spend in member(transaction, "vin", list, server.name):
                coin = _coin(spend, server.name)
                if coin is not None and coin.height <= upto and coin.script in scripts:
                    yield coin


def _coin(spend: Json, name: str) -> ListedCoin | None:
    """What an input spends; None for that of a coinbase."""
    if isinstance(spend, dict) and "coinbase" in spend:
        return None
    prevout = member(spend, "prevout", dict, name)
    script = member(prevout, "scriptPubKey", dict, name)
    index = member(spend, "vout", int, name)
    return ListedCoin(
        Outpoint(
            Txid(hash_of(member(spend, "txid", str, name), name)),
            whole(index, name, most=_LARGEST_INDEX, what="an output's index"),
        ),
        sats_of(prevout.get("value"), name),
        Script(hex_of(member(script, "hex", str, name), name, most=MAX_SCRIPT_SIZE)),
        Height(whole(member(prevout, "height", int, name), name, most=HIGHEST, what="a height")),
        member(prevout, "generated", bool, name),
    )
