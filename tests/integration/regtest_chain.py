"""A chain that grows by chance, from a fixed seed, on a real node that judges every block.

Transactions are serialised here, signed by the node's wallet and put into blocks by
`generateblock`, so neither mempool nor relay policy has a say in what they look like. The node is
the witness: `Record` keeps what its `scantxoutset` said after each block.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass

from tests.integration.node import Node, sats
from tests.integration.regtest_wallets import ANYONE, SIGNER, Group

GENESIS_TIME = 1_296_688_602
_SUBSIDY = 50 * 100_000_000
_OP_RETURN = "6a" + "0b" + b"erario test".hex()


@dataclass(frozen=True)
class Unspent:
    """A coin that a payment may spend."""

    txid: str
    vout: int
    sats: int
    script: str
    height: int
    coinbase: bool


@dataclass(frozen=True)
class Record:
    """What the node said after a block: its hash, header time, and every unspent coin by script
    as (txid, vout, sats, height, coinbase)."""

    block_hash: str
    time: int
    coins: dict[str, frozenset[tuple[str, int, int, int, bool]]]

    def of(self, group: Group) -> set[tuple[str, int, int, int, bool]]:
        """The coins of one group."""
        none: frozenset[tuple[str, int, int, int, bool]] = frozenset()
        return {coin for script in group.all_scripts() for coin in self.coins.get(script, none)}


class RegtestChain:
    """Grows the chain of a node and remembers what the node says after each block."""

    def __init__(self, node: Node, groups: list[Group], seed: int) -> None:
        self._node = node
        self._groups = groups
        self._random = random.Random(seed)
        self._scripts = [script for group in groups for script in group.all_scripts()]
        self._coins: dict[int, list[Unspent]] = {0: []}
        self._stamp = GENESIS_TIME
        self.records: dict[int, Record] = {}

    @property
    def height(self) -> int:
        """The tip's height."""
        return max(self._coins)

    def grow(self, blocks: int) -> None:
        """Mine that many blocks, each with some payments."""
        for _ in range(blocks):
            self._mine()
            self._record()

    def reorganise(self, depth: int) -> None:
        """Undo blocks and mine past them with other payments."""
        first = self.height - depth + 1
        self._node.rpc("invalidateblock", self.records[first].block_hash)
        for height in range(first, self.height + 1):
            del self._coins[height], self.records[height]
        # The node still has the undone payments in its mempool; none is mined again on purpose.
        self.grow(depth + 1)

    def _mine(self) -> None:
        height = self.height + 1
        # Header times run backwards now and then, as on the real chain; the median never does.
        self._stamp += 600
        stamp = self._stamp + self._random.choice((0, 0, 0, 1200, -900, 3000))
        self._node.rpc("setmocktime", stamp)
        coins = list(self._coins[height - 1])
        raw = [self._pay(coins, height) for _ in range(self._random.choice((0, 1, 1, 2, 3, 5)))]
        chosen = [each for each in raw if each]
        script = self._random.choice(self._scripts)
        output = self._node.rpc("getdescriptorinfo", f"raw({script})")["descriptor"]
        block_hash = self._node.rpc("generateblock", output, chosen)["hash"]
        block = self._node.rpc("getblock", block_hash)
        subsidy = _SUBSIDY >> (height // 150)
        coins.append(Unspent(block["tx"][0], 0, subsidy, script, height, coinbase=True))
        self._coins[height] = coins
        assert block["height"] == height

    def _pay(self, coins: list[Unspent], height: int) -> str | None:
        """A signed payment of some coins, which are replaced by its outputs; None if none may."""
        ripe = [each for each in coins if not each.coinbase or height - each.height >= 100]
        if not ripe:
            return None
        spent = self._random.sample(ripe, min(len(ripe), self._random.randint(1, 4)))
        outputs = self._outputs(sum(each.sats for each in spent))
        raw = self._sign(spent, _serialise(spent, outputs))
        txid = self._node.rpc("decoderawtransaction", raw)["txid"]
        for each in spent:
            coins.remove(each)
        known = set(self._scripts)
        for vout, (amount, script) in enumerate(outputs):
            if script in known:
                coins.append(Unspent(txid, vout, amount, script, height, coinbase=False))
        return raw

    def _outputs(self, available: int) -> list[tuple[int, str]]:
        """Random shares of what is available, less a fee; now and then an OP_RETURN."""
        left = available - self._random.choice((0, 210, 1000))
        outputs = []
        for _ in range(self._random.randint(0, 5)):
            amount = self._random.randint(0, max(left // 2, 0))
            outputs.append((amount, self._random.choice(self._scripts)))
            left -= amount
        outputs.append((max(left, 0), self._random.choice(self._scripts)))
        if self._random.random() < 0.2:
            outputs.insert(self._random.randint(0, len(outputs)), (0, _OP_RETURN))
        return outputs

    def _sign(self, spent: list[Unspent], unsigned: str) -> str:
        owned = [each for each in spent if each.script not in ANYONE]
        if not owned:
            return unsigned
        # The wallet has not seen coins of the block that is being made.
        previous = [
            {
                "txid": each.txid,
                "vout": each.vout,
                "scriptPubKey": each.script,
                "amount": f"{each.sats // 10**8}.{each.sats % 10**8:08d}",
            }
            for each in spent
        ]
        signed = self._node.rpc("signrawtransactionwithwallet", unsigned, previous, wallet=SIGNER)
        failed = {(error["txid"], error["vout"]) for error in signed.get("errors", [])}
        assert not failed & {(each.txid, each.vout) for each in owned}, signed
        return str(signed["hex"])

    def _record(self) -> None:
        scan = self._node.rpc("scantxoutset", "start", [f"raw({each})" for each in self._scripts])
        assert scan["success"]
        coins: dict[str, set[tuple[str, int, int, int, bool]]] = {}
        for each in scan["unspents"]:
            coin = (
                each["txid"],
                each["vout"],
                sats(each["amount"]),
                each["height"],
                each["coinbase"],
            )
            coins.setdefault(each["scriptPubKey"], set()).add(coin)
        header = self._node.rpc("getblockheader", scan["bestblock"])
        self.records[scan["height"]] = Record(
            scan["bestblock"],
            header["time"],
            {script: frozenset(found) for script, found in coins.items()},
        )


def _serialise(spent: list[Unspent], outputs: list[tuple[int, str]]) -> str:
    """An unsigned transaction in hex (at most 252 inputs and outputs, scripts to 252 bytes)."""
    parts = [struct.pack("<i", 2), bytes([len(spent)])]
    for each in spent:
        parts += [bytes.fromhex(each.txid)[::-1], struct.pack("<I", each.vout), b"\0", b"\xff" * 4]
    parts.append(bytes([len(outputs)]))
    for amount, script in outputs:
        raw = bytes.fromhex(script)
        parts += [struct.pack("<q", amount), bytes([len(raw)]), raw]
    parts.append(struct.pack("<I", 0))
    return b"".join(parts).hex()
