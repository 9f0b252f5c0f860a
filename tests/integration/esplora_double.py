"""An Esplora over a real node: every answer is the node's, arranged as Esplora's API has it.

    with HttpServer(EsploraDouble(node)) as server: ...

Blocks are decoded by the node (`getblock` with its coins), Merkle branches are those of its
`gettxoutproof`. The double indexes them by script, follows the node whenever it is asked for
blocks, and has the traps of the real servers: 25 transactions a page, an empty page for an unknown
last transaction, errors in text, a refusal where a script has too many coins.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from typing import Any

from tests.hostile.http import Question, Reply
from tests.integration.node import Node, RpcError, sats

PAGE = 25
BLOCKS_A_PAGE = 10
MOST_COINS = 500


class Refusal(Exception):  # noqa: N818 - the answer is what is raised
    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


@dataclass
class Indexed:
    """A transaction as the node decodes it, and where it stands."""

    decoded: dict[str, Any]
    height: int
    block_hash: str
    block_time: int

    @property
    def status(self) -> dict[str, Any]:
        return {
            "confirmed": True, "block_height": self.height, "block_hash": self.block_hash,
            "block_time": self.block_time,
        }  # fmt: skip


@dataclass
class Block:
    block_hash: str
    txids: list[str]
    scripts: dict[str, list[str]] = field(default_factory=dict)
    """Scripts in hex, and the transactions of the block that touch them, in order."""


class EsploraDouble:
    """The application behind the server. Several questions may be asked at once."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._lock = threading.Lock()
        self._blocks: list[Block] = []
        self._transactions: dict[str, Indexed] = {}
        self._names: dict[str, str] = {}
        """Scripts by their SHA-256."""
        self._spends: dict[tuple[str, int], tuple[str, int]] = {}

    def __call__(self, question: Question) -> Reply:
        with self._lock:
            try:
                # Whoever asks about scripts has asked for the tip before.
                if question.path.startswith("/block"):
                    self._follow()
                return self._answer(question.path)
            except Refusal as refusal:
                return Reply(str(refusal).encode(), refusal.status)
            except RpcError:
                return Reply(b"Block not found", 404)

    def _answer(self, path: str) -> Reply:
        for pattern, name in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match:
                body = getattr(self, name)(*match.groups())
                if isinstance(body, bytes):
                    return Reply(body, headers={"Content-Type": "application/octet-stream"})
                if isinstance(body, str):
                    return Reply(body.encode(), headers={"Content-Type": "text/plain"})
                return Reply(
                    json.dumps(body).encode(), headers={"Content-Type": "application/json"}
                )
        raise Refusal(404, "endpoint does not exist")

    # The index ----------------------------------------------------------------------------------

    def _follow(self) -> None:
        """Unwind what the node has left, and take what it has added."""
        if self._blocks and self._node.rpc("getbestblockhash") == self._blocks[-1].block_hash:
            return
        tip = self._node.rpc("getblockcount")
        while self._blocks and (
            len(self._blocks) - 1 > tip
            or self._node.rpc("getblockhash", len(self._blocks) - 1) != self._blocks[-1].block_hash
        ):
            self._unwind()
        for height in range(len(self._blocks), tip + 1):
            self._add(self._node.rpc("getblock", self._node.rpc("getblockhash", height), 3))

    def _add(self, decoded: dict[str, Any]) -> None:
        block = Block(decoded["hash"], [tx["txid"] for tx in decoded["tx"]])
        self._blocks.append(block)
        # The genesis coinbase is no coin to the node, and real servers do not list it.
        for tx in decoded["tx"] if decoded["height"] else ():
            txid = tx["txid"]
            one = Indexed(tx, decoded["height"], decoded["hash"], decoded["time"])
            self._transactions[txid] = one
            touched = [output["scriptPubKey"]["hex"] for output in tx["vout"]]
            for number, spend in enumerate(tx["vin"]):
                if "coinbase" not in spend:
                    touched.append(spend["prevout"]["scriptPubKey"]["hex"])
                    self._spends[spend["txid"], spend["vout"]] = txid, number
            for script in dict.fromkeys(touched):
                hashed = hashlib.sha256(bytes.fromhex(script)).hexdigest()
                self._names[hashed] = script
                block.scripts.setdefault(script, []).append(txid)

    def _unwind(self) -> None:
        block = self._blocks.pop()
        for txid in block.txids:
            one = self._transactions.pop(txid)
            for spend in one.decoded["vin"]:
                self._spends.pop((spend.get("txid", ""), spend.get("vout", 0)), None)

    def _history(self, hashed: str) -> list[str]:
        """Newest first."""
        script = self._names.get(hashed, "")
        found = [txid for block in self._blocks for txid in block.scripts.get(script, ())]
        return found[::-1]

    def _known(self, txid: str) -> Indexed:
        if txid not in self._transactions:
            raise Refusal(404, "Transaction not found")
        return self._transactions[txid]

    # Blocks -------------------------------------------------------------------------------------

    def tip_height(self) -> Any:
        return str(len(self._blocks) - 1)

    def tip_hash(self) -> Any:
        return self._blocks[-1].block_hash

    def hash_at(self, height: str) -> Any:
        if int(height) >= len(self._blocks):
            raise Refusal(404, "Block not found")
        return self._blocks[int(height)].block_hash

    def block(self, block_hash: str) -> Any:
        about = self._node.rpc("getblock", block_hash, 1)
        return {
            "id": block_hash, "height": about["height"], "version": about["version"],
            "timestamp": about["time"], "tx_count": about["nTx"],
            "size": about["size"], "weight": about["weight"],
            "merkle_root": about["merkleroot"],
            "previousblockhash": about.get("previousblockhash"),
            "mediantime": about["mediantime"], "nonce": about["nonce"],
            "bits": int(about["bits"], 16), "difficulty": float(about["difficulty"]),
        }  # fmt: skip

    def header(self, block_hash: str) -> Any:
        return self._node.rpc("getblockheader", block_hash, False)

    def block_raw(self, block_hash: str) -> Any:
        return bytes.fromhex(self._node.rpc("getblock", block_hash, 0))

    def block_txid(self, block_hash: str, index: str) -> Any:
        txids = self._node.rpc("getblock", block_hash, 1)["tx"]
        if int(index) >= len(txids):
            raise Refusal(404, "tx index out of range")
        return txids[int(index)]

    def blocks(self, top: str | None = None) -> Any:
        start = len(self._blocks) - 1 if top is None else int(top)
        self.hash_at(str(start))
        heights = range(start, max(-1, start - BLOCKS_A_PAGE), -1)
        return [self.block(self._blocks[height].block_hash) for height in heights]

    # Transactions -------------------------------------------------------------------------------

    def tx(self, txid: str) -> Any:
        one = self._known(txid)
        tx = one.decoded
        vin = [self._input(each) for each in tx["vin"]]
        vout = [self._output(each) for each in tx["vout"]]
        fee = sum(each["prevout"]["value"] for each in vin if each["prevout"])
        fee -= sum(each["value"] for each in vout)
        return {
            "txid": txid, "version": tx["version"], "locktime": tx["locktime"], "vin": vin,
            "vout": vout, "size": tx["size"], "weight": tx["weight"],
            "fee": 0 if vin[0]["is_coinbase"] else fee, "status": one.status,
        }  # fmt: skip

    def _input(self, each: dict[str, Any]) -> dict[str, Any]:
        common = {"sequence": each["sequence"], "witness": each.get("txinwitness", [])}
        if "coinbase" in each:
            return common | {
                "txid": "00" * 32, "vout": 0xFFFFFFFF, "prevout": None, "is_coinbase": True,
                "scriptsig": each["coinbase"],
            }  # fmt: skip
        return common | {
            "txid": each["txid"], "vout": each["vout"], "is_coinbase": False,
            "scriptsig": each["scriptSig"]["hex"], "prevout": self._output(each["prevout"]),
        }  # fmt: skip

    def _output(self, each: dict[str, Any]) -> dict[str, Any]:
        return {"scriptpubkey": each["scriptPubKey"]["hex"], "value": sats(each["value"])}

    def status(self, txid: str) -> Any:
        one = self._transactions.get(txid)
        return {"confirmed": False} if one is None else one.status

    def hex(self, txid: str) -> Any:
        return self._node.rpc("getrawtransaction", txid, False, self._known(txid).block_hash)

    def raw(self, txid: str) -> Any:
        return bytes.fromhex(self.hex(txid))

    def outspends(self, txid: str) -> Any:
        outputs = self._known(txid).decoded["vout"]
        return [self.outspend(txid, str(vout)) for vout in range(len(outputs))]

    def outspend(self, txid: str, vout: str) -> Any:
        spend = self._spends.get((txid, int(vout)))
        if spend is None:
            return {"spent": False}
        spender, number = spend
        status = self._known(spender).status
        return {"spent": True, "txid": spender, "vin": number, "status": status}

    def merkleblock_proof(self, txid: str) -> Any:
        return self._node.rpc("gettxoutproof", [txid], self._known(txid).block_hash)

    def merkle_proof(self, txid: str) -> Any:
        position, branch = branch_in(bytes.fromhex(self.merkleblock_proof(txid)))
        merkle = [node[::-1].hex() for node in branch]
        return {"block_height": self._known(txid).height, "merkle": merkle, "pos": position}

    # Scripts ------------------------------------------------------------------------------------

    def stats(self, hashed: str) -> Any:
        history = self._history(hashed)
        coins = self._coins(hashed, history)
        chain = {
            "funded_txo_count": len(coins),
            "funded_txo_sum": sum(coin["value"] for coin in coins),
            "spent_txo_count": sum(self._is_spent(coin) for coin in coins),
            "spent_txo_sum": sum(coin["value"] for coin in coins if self._is_spent(coin)),
            "tx_count": len(history),
        }
        return {
            "scripthash": hashed,
            "chain_stats": chain,
            "mempool_stats": dict.fromkeys(chain, 0),
        }

    def page(self, hashed: str) -> Any:
        return [self.tx(txid) for txid in self._history(hashed)[:PAGE]]

    def next_page(self, hashed: str, last: str) -> Any:
        history = self._history(hashed)
        if last not in history:
            return []
        start = history.index(last) + 1
        return [self.tx(txid) for txid in history[start : start + PAGE]]

    def utxo(self, hashed: str) -> Any:
        coins = [
            coin for coin in self._coins(hashed, self._history(hashed)) if not self._is_spent(coin)
        ]
        if len(coins) > MOST_COINS:
            raise Refusal(400, f"Too many unspent transaction outputs (>{MOST_COINS}).")
        return coins

    def of_address(self, address: str, rest: str | None) -> Any:
        about = self._node.rpc("validateaddress", address)
        if not about["isvalid"]:
            raise Refusal(400, "Invalid Bitcoin address")
        hashed = hashlib.sha256(bytes.fromhex(about["scriptPubKey"])).hexdigest()
        return json.loads(self._answer(f"/scripthash/{hashed}{rest or ''}").body)

    def _coins(self, hashed: str, history: list[str]) -> list[dict[str, Any]]:
        script = self._names.get(hashed)
        return [
            {
                "txid": txid,
                "vout": output["n"],
                "value": sats(output["value"]),
                "status": self._known(txid).status,
            }
            for txid in history
            for output in self._known(txid).decoded["vout"]
            if output["scriptPubKey"]["hex"] == script
        ]

    def _is_spent(self, coin: dict[str, Any]) -> bool:
        return (coin["txid"], coin["vout"]) in self._spends


_HASH = "([0-9a-f]{64})"
_ROUTES = (
    ("/blocks/tip/height", "tip_height"),
    ("/blocks/tip/hash", "tip_hash"),
    ("/block-height/([0-9]{1,9})", "hash_at"),
    ("/blocks", "blocks"),
    ("/blocks/([0-9]{1,9})", "blocks"),
    (f"/block/{_HASH}", "block"),
    (f"/block/{_HASH}/header", "header"),
    (f"/block/{_HASH}/raw", "block_raw"),
    (f"/block/{_HASH}/txid/([0-9]{{1,9}})", "block_txid"),
    (f"/tx/{_HASH}", "tx"),
    (f"/tx/{_HASH}/status", "status"),
    (f"/tx/{_HASH}/hex", "hex"),
    (f"/tx/{_HASH}/raw", "raw"),
    (f"/tx/{_HASH}/outspends", "outspends"),
    (f"/tx/{_HASH}/outspend/([0-9]{{1,9}})", "outspend"),
    (f"/tx/{_HASH}/merkle-proof", "merkle_proof"),
    (f"/tx/{_HASH}/merkleblock-proof", "merkleblock_proof"),
    (f"/scripthash/{_HASH}", "stats"),
    (f"/scripthash/{_HASH}/txs", "page"),
    (f"/scripthash/{_HASH}/txs/chain", "page"),
    (f"/scripthash/{_HASH}/txs/chain/{_HASH}", "next_page"),
    (f"/scripthash/{_HASH}/utxo", "utxo"),
    ("/address/([0-9A-Za-z]{1,100})(/.*)?", "of_address"),
)


def branch_in(proof: bytes) -> tuple[int, list[bytes]]:
    """The place and the branch, leaf first, of the one transaction that a `merkleblock` shows.

    The partial Merkle tree (BIP 37) walks depth first; each visited node has a bit that says
    whether the transaction is beneath it, and a hash where it is not, or where it is a leaf.
    """
    count = int.from_bytes(proof[80:84], "little")
    number = proof[84]
    assert number < 0xFD
    hashes = [proof[85 + 32 * n : 117 + 32 * n] for n in range(number)]
    flags = int.from_bytes(proof[86 + 32 * number :], "little")
    depth = max(count - 1, 0).bit_length()
    position, leaf, branch, used, bit = 0, b"", [], 0, 0
    stack = [(depth, 0)]
    below: list[tuple[int, bytes]] = []
    while stack:
        height, place = stack.pop()
        shown = flags >> bit & 1
        bit += 1
        if not shown or height == 0:
            if shown:
                position, leaf = place, hashes[used]
            else:
                below.append((height, hashes[used]))
            used += 1
            continue
        width = (count + (1 << height - 1) - 1) >> height - 1
        if 2 * place + 1 < width:
            stack.append((height - 1, 2 * place + 1))
        stack.append((height - 1, 2 * place))
    beside = dict(below)
    assert len(beside) == len(below)
    node = leaf
    for height in range(depth):
        # The last of an odd number is paired with itself, and has no hash of its own.
        other = beside.get(height, node)
        branch.append(other)
        pair = other + node if position >> height & 1 else node + other
        node = hashlib.sha256(hashlib.sha256(pair).digest()).digest()
    assert node == proof[36:68]
    return position, branch
