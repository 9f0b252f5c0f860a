"""The `bitcoin-cli` lines by which somebody else can check an answer on their own node.

They are printed, never run. Each is one line, however long, so that it can be copied; nothing
but hex, addresses of ours and numbers enters them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from erario.bitcoin.address import show_address
from erario.bitcoin.network import NetworkName
from erario.bitcoin.script import ScriptType, classify
from erario.bitcoin.values import BlockHash, Height, Outpoint, Script, Txid, show_hash

# The names that `-chain=` takes (Bitcoin Core 29, util/chaintype.cpp).
_CHAINS: Final = {
    NetworkName.MAIN: "main",
    NetworkName.TESTNET3: "test",
    NetworkName.TESTNET4: "testnet4",
    NetworkName.SIGNET: "signet",
    NetworkName.REGTEST: "regtest",
}


def node(network: NetworkName) -> str:
    """How the command starts on a network."""
    return (
        "bitcoin-cli" if network is NetworkName.MAIN else f"bitcoin-cli -chain={_CHAINS[network]}"
    )


def block_commands(network: NetworkName, height: Height) -> Iterator[str]:
    """That the block is the one at its height."""
    yield f"{node(network)} getblockhash {height}"


def transaction_commands(network: NetworkName, txid: Txid, block_hash: BlockHash) -> Iterator[str]:
    """That the block holds the transaction, and what the transaction says."""
    shown, block = show_hash(txid), show_hash(block_hash)
    start = node(network)
    yield f"{start} getrawtransaction {shown} 2 {block}"
    proof = f"{start} gettxoutproof '[\"{shown}\"]' {block}"
    yield f'{start} verifytxoutproof "$({proof})"'


def search_commands(network: NetworkName, txid: Txid) -> Iterator[str]:
    """What a node with an index of all transactions knows of one that we do not."""
    yield f"{node(network)} getrawtransaction {show_hash(txid)} 2"


def coin_commands(network: NetworkName, outpoint: Outpoint) -> Iterator[str]:
    """Whether the coin is unspent at the node's own tip."""
    yield f"{node(network)} gettxout {show_hash(outpoint.txid)} {outpoint.vout} false"


def script_commands(network: NetworkName, script: Script) -> Iterator[str]:
    """All unspent coins of a script at the node's own tip."""
    address = show_address(script, network)
    # Of P2PK, `addr()` would match another script: the hash of the same key.
    as_address = address is not None and classify(script) is not ScriptType.P2PK
    descriptor = f"addr({address})" if as_address else f"raw({script.hex()})"
    yield f"{node(network)} scantxoutset start '{json.dumps([descriptor])}'"
