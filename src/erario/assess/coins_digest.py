"""The coins digest: what control proofs sign.

SHA-256 over these bytes, one after the other; integers are little-endian:

    "erario-coins-1"      14 bytes of ASCII
    network               one byte of length, then ASCII: main, testnet3, testnet4, signet, regtest
    cut-off height        4 bytes
    cut-off block hash    32 bytes, internal order
    number of coins       8 bytes
    for each coin, in order of (txid, vout):
        txid              32 bytes, internal order
        vout              4 bytes
        satoshis          8 bytes, signed
        script length     4 bytes
        script

The coins are the holder's: unspent at the cut-off, in declared and documented wallets of the roles
holding, custody and transit that count then. No name, label or proof is in it, and neither is how
the addresses were learned. Any change of these bytes takes another tag.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from typing import Final

from erario.bitcoin.network import NetworkName
from erario.statement.evidence import BlockPoint
from erario.statement.model import Coin

TAG: Final = b"erario-coins-1"


def coins_digest(network: NetworkName, cutoff: BlockPoint, coins: Iterable[Coin]) -> bytes:
    """The digest over coins given in any order; 32 bytes."""
    ordered = sorted(coins, key=lambda coin: coin.outpoint)
    name = network.value.encode("ascii")
    digest = hashlib.sha256(TAG)
    digest.update(bytes([len(name)]) + name)
    digest.update(struct.pack("<I32sQ", cutoff.height, cutoff.block_hash, len(ordered)))
    for coin in ordered:
        digest.update(coin.outpoint.txid)
        digest.update(struct.pack("<IqI", coin.outpoint.vout, coin.sats, len(coin.script)))
        digest.update(coin.script)
    return digest.digest()
