"""A node's RPC over blocks that were made here, which tells the truth or one lie in turn.

    with serve(chain) as server:                    the truth
    with serve(chain, RpcLie.AMOUNT) as server:     one lie of what is said
    with serve(chain, lie=Transport.HANG) ...       one of how it is said (tests/hostile/http.py)

Nothing of erario is used here. What the node knows besides its chain stands in `RpcDouble`, and may
be changed between questions.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum, auto
from itertools import count
from typing import Any

from tests.hostile.http import HttpServer, Question, Reply, Transport
from tests.strategies.chains import GENESIS, Made, Tx, mine, sha256d

USER, PASSWORD = "user", "correct horse"
_AUTHORIZATION = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
_FAR_FUTURE = 4_000_000_000
_UNKNOWN = "ab" * 32


class RpcLie(StrEnum):
    """What can be wrong with what a node says."""

    AMOUNT = auto()
    """A block with another amount in one of its outputs."""
    LEFT_OUT = auto()
    """A block without one of its transactions."""
    WITNESS = auto()
    """A block with another witness, which the Merkle root does not show."""
    ANOTHER_BLOCK = auto()
    CUT_BLOCK = auto()
    BLOCK_NO_HEX = auto()

    WORK = auto()
    """A last header whose hash is above its target."""
    DIFFICULTY = auto()
    """A last header with another target than the rules ask for."""
    FUTURE = auto()
    """A last header of the year 2096."""
    OLD = auto()
    """A last header from before the ten before it."""
    VERSION = auto()
    LINK = auto()
    """Headers that do not name the ones before."""
    ANOTHER_HEADER = auto()
    """The header of another block than the one asked for."""
    LOST_HEADERS = auto()
    STALE_TIP = auto()
    """A tip that is not the end of the headers."""
    ANOTHER_NETWORK = auto()

    UNKNOWN_BLOCKS = auto()
    """Filters that name a block that nobody knows."""
    STALE_BLOCKS = auto()
    """Filters that name a block that is not on the chain."""
    BLOCKS_OF_ELSEWHERE = auto()
    """Filters that name blocks outside the heights that were asked about."""
    ENDLESS_BLOCKS = auto()
    """Filters that name more blocks than there are."""
    NEVER_COMPLETED = auto()
    HIDDEN_BLOCK = auto()
    """Filters that leave out a block: not to be found with one server."""
    ALL_BLOCKS = auto()
    """Filters that name every block: no lie, but false positives."""

    COIN_NEGATIVE = auto()
    COIN_TOO_LARGE = auto()
    COIN_FRACTION = auto()
    COIN_OTHER_AMOUNT = auto()
    COIN_AMOUNT_NO_NUMBER = auto()
    COIN_TWICE = auto()
    COIN_FOREIGN = auto()
    """A coin of a script that was not asked for."""
    COIN_ABOVE = auto()
    """A coin of a block that is not there yet."""
    COIN_OTHER_HEIGHT = auto()
    COIN_OTHER_SCRIPT = auto()
    """A coin of another script among those asked for."""
    COIN_OTHER_INDEX = auto()
    COIN_NO_COINBASE = auto()
    COIN_MADE_UP = auto()
    COINS_BEYOND_SUPPLY = auto()
    COINS_OF_ANOTHER_BLOCK = auto()
    COINS_NEVER_DONE = auto()

    OTHER_ID = auto()
    """Answers to another question than the one that was asked."""
    NO_RESULT = auto()
    BATCH_SHORT = auto()
    BATCH_LONG = auto()


@dataclass
class RpcDouble:
    """The application.

    Attributes:
        chain: blocks from height 1 on.
        stale: blocks that it has besides.
        filters: whether it has them, and up to which height.
        kept_from: the lowest height whose block it has not pruned.
        old: as Bitcoin Core 21 to 24: no `scanblocks`, and coins without "coinbase".
        busy: methods of which somebody else's scan runs.
        asked: the methods that were called, with what they were told to do.
    """

    chain: list[Made]
    lie: RpcLie | None = None
    stale: list[Made] = field(default_factory=list)
    filters: bool = True
    kept_from: int = 0
    old: bool = False
    busy: set[str] = field(default_factory=set)
    refusals: list[tuple[int, str]] = field(default_factory=list)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    on_scan: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        if self.lie in _LAST_HEADERS:
            self.chain = [*self.chain[:-1], _LAST_HEADERS[self.lie](self.chain[-2])]
        if self.lie is RpcLie.LINK:
            self.chain[4] = mine(self.chain[2], tag=b"elsewhere")

    @property
    def whole(self) -> list[Made]:
        return [GENESIS, *self.chain]

    def __call__(self, question: Question) -> Reply:
        if question.headers.get("authorization") != _AUTHORIZATION:
            return Reply(b"", 401)
        asked = json.loads(question.body)
        if isinstance(asked, dict):
            answer = self._answer(asked)
            return Reply(json.dumps(answer).encode(), 500 if answer.get("error") else 200)
        answers = [self._answer(one) for one in asked]
        if self.lie is RpcLie.BATCH_SHORT:
            answers.pop()
        if self.lie is RpcLie.BATCH_LONG:
            answers.append({"id": len(answers), "result": None, "error": None})
        return Reply(json.dumps(answers).encode())

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        method, parameters = asked["method"], asked["params"]
        self.asked.append((method, parameters[0] if parameters else None))
        number = asked["id"] + 1 if self.lie is RpcLie.OTHER_ID else asked["id"]
        try:
            if self.refusals:
                raise _Refusal(*self.refusals.pop(0))
            result = getattr(self, f"_{method}")(*parameters)
        except _Refusal as refusal:
            error = {"code": refusal.args[0], "message": refusal.args[1]}
            return {"result": None, "error": error, "id": number}
        if self.lie is RpcLie.NO_RESULT:
            return {"error": None, "id": number}
        return {"result": result, "error": None, "id": number}

    def _getblockchaininfo(self) -> dict[str, Any]:
        tip = self.whole[-1]
        shown = self.whole[-2] if self.lie is RpcLie.STALE_TIP else tip
        info: dict[str, Any] = {
            "chain": "main" if self.lie is RpcLie.ANOTHER_NETWORK else "regtest",
            "blocks": tip.height,
            "bestblockhash": show(shown.block_hash),
            "pruned": self.kept_from > 0,
        }
        if self.kept_from:
            info["pruneheight"] = self.kept_from
        return info

    def _getindexinfo(self) -> dict[str, Any]:
        if not self.filters:
            return {}
        index = {"synced": True, "best_block_height": len(self.chain)}
        return {"basic block filter index": index}

    def _getblockhash(self, height: int) -> str:
        if not 0 <= height < len(self.whole):
            raise _Refusal(-8, "Block height out of range")
        return show(self.whole[height].block_hash)

    def _getblockheader(self, block_hash: str, verbose: bool) -> Any:
        block = self._find(block_hash)
        if self.lie is RpcLie.LOST_HEADERS and block.height == 5:
            raise _Refusal(-5, "Block not found")
        if verbose:
            return {"hash": block_hash, "height": block.height, "confirmations": 1}
        if self.lie is RpcLie.ANOTHER_HEADER and block.height == 5:
            return self.whole[6].header.hex()
        return block.header.hex()

    def _getblock(self, block_hash: str, verbosity: int) -> Any:
        block = self._find(block_hash)
        if verbosity == 3:
            return {"tx": [self._decoded(tx) for tx in block.transactions]}
        assert verbosity == 0
        if block.height < self.kept_from:
            raise _Refusal(-1, "Block not available (pruned data)")
        if self.lie is RpcLie.BLOCK_NO_HEX:
            return block.raw.hex().replace("0", " ")
        return self._as_told(block).hex()

    def _decoded(self, tx: Tx) -> dict[str, Any]:
        made = {
            (one.txid, vout): (sats, script, block.height, position == 0)
            for block in self.whole
            for position, one in enumerate(block.transactions)
            for vout, (sats, script) in enumerate(one.outputs)
        }
        spends: list[dict[str, Any]] = []
        for txid, vout in tx.inputs:
            if txid == bytes(32):
                spends.append({"coinbase": "00"})
                continue
            sats, script, height, generated = made[txid, vout]
            prevout = {
                "value": sats / 10**8,
                "scriptPubKey": {"hex": script.hex()},
                "height": height,
                "generated": generated,
            }
            spends.append({"txid": show(txid), "vout": vout, "prevout": prevout})
        return {"vin": spends}

    def _as_told(self, block: Made) -> bytes:
        txs = block.transactions
        if self.lie is RpcLie.AMOUNT:
            first = replace(txs[0], outputs=((txs[0].outputs[0][0] + 1, txs[0].outputs[0][1]),))
            return replace(block, transactions=(first, *txs[1:])).raw
        if self.lie is RpcLie.LEFT_OUT and len(txs) > 1:
            return replace(block, transactions=txs[:-1]).raw
        if self.lie is RpcLie.WITNESS and any(tx.witnesses for tx in txs[1:]):
            return replace(block, transactions=tuple(_other_witness(tx) for tx in txs)).raw
        if self.lie is RpcLie.ANOTHER_BLOCK:
            return self.whole[block.height - 1].raw
        if self.lie is RpcLie.CUT_BLOCK:
            return block.raw[:-1]
        return block.raw

    def _find(self, block_hash: str) -> Made:
        for block in (*self.whole, *self.stale):
            if show(block.block_hash) == block_hash:
                return block
        raise _Refusal(-5, "Block not found")

    def _scanblocks(self, action: str, *rest: Any) -> Any:
        if self.old:
            raise _Refusal(-32601, "Method not found")
        if action != "start":
            return self._scan_action("scanblocks", action)
        self._refuse_if_busy("scanblocks")
        self.on_scan()
        descriptors, first, last = rest
        if last > len(self.chain):
            raise _Refusal(-1, "Invalid stop_height")
        scripts = {scripted(text) for text in descriptors}
        blocks = [
            show(block.block_hash)
            for block in self.whole[first : last + 1]
            if self.lie is RpcLie.ALL_BLOCKS or self._matches(block, scripts)
        ]
        if self.lie is RpcLie.UNKNOWN_BLOCKS:
            blocks.append(_UNKNOWN)
        if self.lie is RpcLie.STALE_BLOCKS:
            blocks.append(show(self.stale[0].block_hash))
        if self.lie is RpcLie.BLOCKS_OF_ELSEWHERE:
            blocks.append(show(GENESIS.block_hash))
        if self.lie is RpcLie.ENDLESS_BLOCKS:
            blocks += [_UNKNOWN] * 100_000
        if self.lie is RpcLie.HIDDEN_BLOCK:
            blocks = blocks[1:]
        return {
            "from_height": first,
            "to_height": last,
            "relevant_blocks": blocks,
            "completed": self.lie is not RpcLie.NEVER_COMPLETED,
        }

    def _matches(self, block: Made, scripts: set[bytes]) -> bool:
        made = {
            (tx.txid, vout): script
            for one in self.whole
            for tx in one.transactions
            for vout, (_, script) in enumerate(tx.outputs)
        }
        return any(
            made.get(outpoint) in scripts for tx in block.transactions for outpoint in tx.inputs
        ) or any(script in scripts for tx in block.transactions for _, script in tx.outputs)

    def _scantxoutset(self, action: str, *rest: Any) -> Any:
        if action != "start":
            return self._scan_action("scantxoutset", action)
        self._refuse_if_busy("scantxoutset")
        self.on_scan()
        scripts = {scripted(text) for text in rest[0]}
        tip = self.whole[-1]
        other = self.lie is RpcLie.COINS_OF_ANOTHER_BLOCK
        coins = [one for one in self.coins() if bytes.fromhex(one["scriptPubKey"]) in scripts]
        if self.old:
            coins = [{key: one[key] for key in one if key != "coinbase"} for one in coins]
        return {
            "success": self.lie is not RpcLie.COINS_NEVER_DONE,
            "height": tip.height,
            "bestblock": show(self.whole[-2 if other else -1].block_hash),
            "unspents": _lied_coins(coins, self.lie),
        }

    def coins(self) -> list[dict[str, Any]]:
        """Every unspent coin, as `scantxoutset` lists them."""
        coins: dict[tuple[bytes, int], dict[str, Any]] = {}
        for block in self.chain:
            for position, tx in enumerate(block.transactions):
                for outpoint in tx.inputs:
                    coins.pop(outpoint, None)
                for vout, (sats, script) in enumerate(tx.outputs):
                    if script[:1] != b"\x6a":
                        coins[tx.txid, vout] = {
                            "txid": show(tx.txid),
                            "vout": vout,
                            "scriptPubKey": script.hex(),
                            "amount": sats / 10**8,
                            "coinbase": position == 0,
                            "height": block.height,
                        }
        return list(coins.values())

    def _scan_action(self, method: str, action: str) -> Any:
        if action == "status":
            return {"progress": 3} if method in self.busy else None
        assert action == "abort"
        return method in self.busy

    def refuse(self, number: int, message: str) -> None:
        raise _Refusal(number, message)

    def _refuse_if_busy(self, method: str) -> None:
        if method in self.busy:
            raise _Refusal(-8, 'Scan already in progress, use action "abort" or "status"')


class _Refusal(Exception):  # noqa: N818
    """A number and a message."""


def serve(
    chain: Sequence[Made], lie: RpcLie | Transport | None = None, when: str = "", **knows: Any
) -> HttpServer:
    """A server of this chain; a lie of transport is told to questions that name `when`."""
    double = RpcDouble(list(chain), lie if isinstance(lie, RpcLie) else None, **knows)
    return HttpServer(
        double,
        lie if isinstance(lie, Transport) else None,
        when=lambda question: when.encode() in question.body,
    )


def show(value: bytes) -> str:
    return value[::-1].hex()


def scripted(descriptor: str) -> bytes:
    assert descriptor.startswith("raw(")
    assert descriptor.endswith(")")
    return bytes.fromhex(descriptor[4:-1])


def _other_witness(tx: Tx) -> Tx:
    if not tx.witnesses or tx.inputs[0][0] == bytes(32):
        return tx
    return replace(tx, witnesses=((b"\x07" * 64,), *tx.witnesses[1:]))


def _lied_coins(coins: list[dict[str, Any]], lie: RpcLie | None) -> list[dict[str, Any]]:
    if lie not in _COIN_LIES:
        return coins
    first, *others = coins
    return [*_COIN_LIES[lie](dict(first), others[0]), *others]


_COIN_LIES: dict[RpcLie | None, Callable[[dict[str, Any], dict[str, Any]], list[Any]]] = {
    RpcLie.COIN_NEGATIVE: lambda coin, _: [coin | {"amount": -1.0}],
    RpcLie.COIN_TOO_LARGE: lambda coin, _: [coin | {"amount": 21_000_001.0}],
    RpcLie.COIN_FRACTION: lambda coin, _: [coin | {"amount": 0.123456789}],
    RpcLie.COIN_OTHER_AMOUNT: lambda coin, _: [coin | {"amount": 1.5}],
    RpcLie.COIN_AMOUNT_NO_NUMBER: lambda coin, _: [coin | {"amount": "1.5"}],
    RpcLie.COIN_TWICE: lambda coin, _: [coin, coin],
    RpcLie.COIN_FOREIGN: lambda coin, _: [coin | {"scriptPubKey": "51" * 7}],
    RpcLie.COIN_ABOVE: lambda coin, _: [coin | {"height": 1_000}],
    RpcLie.COIN_OTHER_HEIGHT: lambda coin, _: [coin | {"height": coin["height"] + 1}],
    RpcLie.COIN_OTHER_SCRIPT: lambda coin, other: [coin | {"scriptPubKey": other["scriptPubKey"]}],
    RpcLie.COIN_OTHER_INDEX: lambda coin, _: [coin | {"vout": 7}],
    RpcLie.COIN_NO_COINBASE: lambda coin, _: [coin | {"coinbase": not coin["coinbase"]}],
    RpcLie.COIN_MADE_UP: lambda coin, _: [coin, coin | {"txid": _UNKNOWN}],
    RpcLie.COINS_BEYOND_SUPPLY: lambda coin, _: [coin | {"amount": 20_000_000.0}],
}


def _weak(previous: Made) -> Made:
    block = mine(previous)
    for nonce in count():
        header = block.header[:76] + nonce.to_bytes(4, "little")
        if sha256d(header)[31] > 0x80:
            return replace(block, header=header)
    raise AssertionError


def _other_bits(previous: Made) -> Made:
    block = mine(previous)
    for nonce in count():
        bits = (0x207FFFFE).to_bytes(4, "little")
        header = block.header[:72] + bits + nonce.to_bytes(4, "little")
        if sha256d(header)[31] < 0x7F:
            return replace(block, header=header)
    raise AssertionError


_LAST_HEADERS: dict[RpcLie | None, Callable[[Made], Made]] = {
    RpcLie.WORK: _weak,
    RpcLie.DIFFICULTY: _other_bits,
    RpcLie.FUTURE: lambda previous: mine(previous, time=_FAR_FUTURE),
    RpcLie.OLD: lambda previous: mine(previous, time=GENESIS.time),
    RpcLie.VERSION: lambda previous: mine(previous, version=1),
}
