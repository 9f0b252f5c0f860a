"""An Electrum server that tells the truth about blocks made here, or one lie.

    with serving(Truth(blocks)) as port: ...        all true, protocol 1.4 or 1.6
    with serving(AmountChanged(blocks)) as port:    one lie; each is a class named for it

`Truth` answers methods; a lie overrides one of its answers. Lies about the wire itself (garbage,
silence, a byte a second) override `talk`. The server counts how many questions were under way at
once, and may wait a moment before each answer. Nothing of erario is used here.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from tests.strategies.chains import BITS, GENESIS, OP_TRUE, SUBSIDY, Made, Tx, mine, sha256d

ALICE = b"\x00\x14" + b"\xa1" * 20
BOB = b"\x00\x14" + b"\xb0" * 20
CAROL = b"\x51\x20" + b"\xca" * 32
NOBODY = b"\x00\x14" + b"\x99" * 20
BTC = 100_000_000


def show(hash_: bytes) -> str:
    return hash_[::-1].hex()


def scripthash(script: bytes) -> str:
    return show(hashlib.sha256(script).digest())


def story() -> list[Made]:
    """Nine blocks: Alice is paid, pays Bob and Carol, and Bob spends what he got."""
    first = mine(GENESIS, pay=((SUBSIDY, ALICE),))
    blocks = [first, mine(first)]
    funding = first.transactions[0]
    split = Tx(
        inputs=((funding.txid, 0),),
        outputs=((20 * BTC, BOB), (10 * BTC, CAROL), (20 * BTC, ALICE)),
    )
    blocks.append(mine(blocks[-1], [split]))
    blocks.append(mine(blocks[-1]))
    spent = Tx(inputs=((split.txid, 0),), outputs=((20 * BTC, NOBODY),))
    others = [
        Tx(inputs=((bytes([n]) * 32, 0),), outputs=((n, NOBODY), (n, NOBODY))) for n in range(1, 4)
    ]
    blocks.append(mine(blocks[-1], [others[0], spent, *others[1:]]))
    for _ in range(4):
        blocks.append(mine(blocks[-1]))
    return blocks


def split_of(blocks: Sequence[Made]) -> Tx:
    """The transaction by which Alice pays Bob and Carol."""
    return blocks[2].transactions[1]


def branch_of(hashes: Sequence[bytes], position: int) -> list[bytes]:
    """The Merkle branch of the leaf at `position`."""
    level, branch = list(hashes), []
    while len(level) > 1:
        if len(level) % 2:
            level.append(level[-1])
        branch.append(level[position ^ 1])
        level = [sha256d(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
        position //= 2
    return branch


class Refused(Exception):  # noqa: N818 - an answer, not an error of ours
    """An error that the server answers."""

    def __init__(self, words: str, code: int = 1) -> None:
        super().__init__(words)
        self.code = code


class Truth:
    """A server that tells the truth about the chain that ends with `blocks`.

    Attributes:
        delay: seconds before each answer.
        at_once: the highest number of questions that were under way together.
        asked: the methods that were asked, in order.
    """

    def __init__(
        self, blocks: Sequence[Made], *, protocol: str = "1.4.2", delay: float = 0.0
    ) -> None:
        self.blocks = [GENESIS, *blocks]
        self.protocol = protocol
        self.delay = delay
        self.at_once = 0
        self.asked: list[str] = []
        self._under_way = 0

    # What it answers ----------------------------------------------------------------------------

    def answer(self, method: str, params: list[Any]) -> Any:
        self.asked.append(method)
        return getattr(self, method.replace(".", "_"))(*params)

    def server_version(self, _client: str, _protocols: list[str]) -> Any:
        return ["Truth 1.0", self.protocol]

    def server_features(self) -> Any:
        return {"genesis_hash": show(GENESIS.block_hash), "hash_function": "sha256"}

    def blockchain_headers_subscribe(self) -> Any:
        return {"height": len(self.blocks) - 1, "hex": self.blocks[-1].header.hex()}

    def header(self, height: int) -> bytes:
        return self.blocks[height].header

    def blockchain_block_headers(self, start: int, number: int) -> Any:
        some = [self.header(h).hex() for h in range(start, min(start + number, len(self.blocks)))]
        if self.protocol >= "1.6":
            return {"count": len(some), "max": 2016, "headers": some}
        return {"count": len(some), "max": 2016, "hex": "".join(some)}

    def history(self, wanted: str) -> list[tuple[bytes, int]]:
        """The transactions that touch a script, with their heights."""
        coins: set[tuple[bytes, int]] = set()
        found = []
        for block in self.blocks[1:]:
            for tx in block.transactions:
                touches = bool(coins.intersection(tx.inputs))
                for vout, (_, script) in enumerate(tx.outputs):
                    if scripthash(script) == wanted:
                        coins.add((tx.txid, vout))
                        touches = True
                if touches:
                    found.append((tx.txid, block.height))
        return found

    def blockchain_scripthash_get_history(self, wanted: str) -> Any:
        history = [{"tx_hash": show(txid), "height": h} for txid, h in self.history(wanted)]
        return [*history, {"tx_hash": "ab" * 32, "height": 0, "fee": 200}]

    def transaction(self, txid: bytes) -> bytes:
        for block in self.blocks:
            for tx in block.transactions:
                if tx.txid == txid:
                    return tx.raw
        raise Refused("No such mempool or blockchain transaction", 2)

    def blockchain_transaction_get(self, txid: str) -> Any:
        return self.transaction(bytes.fromhex(txid)[::-1]).hex()

    def branch(self, txid: bytes, height: int) -> tuple[int, list[bytes]]:
        """Where a transaction stands, and its branch."""
        hashes = [tx.txid for tx in self.blocks[height].transactions]
        if txid not in hashes:
            raise Refused(f"tx {show(txid)} not in block at height {height}")
        return hashes.index(txid), branch_of(hashes, hashes.index(txid))

    def blockchain_transaction_get_merkle(self, txid: str, height: int) -> Any:
        position, branch = self.branch(bytes.fromhex(txid)[::-1], height)
        return {"block_height": height, "pos": position, "merkle": [show(each) for each in branch]}

    def first(self, height: int) -> tuple[bytes, list[bytes]]:
        """A block's coinbase, and its branch."""
        hashes = [tx.txid for tx in self.blocks[height].transactions]
        return hashes[0], branch_of(hashes, 0)

    def blockchain_transaction_id_from_pos(self, height: int, _position: int, _merkle: bool) -> Any:
        txid, branch = self.first(height)
        return {"tx_hash": show(txid), "merkle": [show(each) for each in branch]}

    # How it speaks ------------------------------------------------------------------------------

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            self._under_way += 1
            self.at_once = max(self.at_once, self._under_way)
            task = asyncio.create_task(self.reply(json.loads(line), writer))
            _TASKS.add(task)
            task.add_done_callback(_TASKS.discard)

    async def reply(self, request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self.delay)
        self._under_way -= 1
        message: dict[str, Any] = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            message["result"] = self.answer(request["method"], request["params"])
        except Refused as refused:
            message["error"] = {"code": refused.code, "message": str(refused)}
        await self.send(request, message, writer)

    async def send(
        self, request: dict[str, Any], message: dict[str, Any], writer: asyncio.StreamWriter
    ) -> None:
        writer.write(json.dumps(message).encode() + b"\n")


_TASKS: set[asyncio.Task[None]] = set()


# Lies about transactions ------------------------------------------------------------------------


class AmountChanged(Truth):
    """Bob was paid twice as much."""

    def transaction(self, txid: bytes) -> bytes:
        raw = super().transaction(txid)
        return raw.replace(struct.pack("<q", 20 * BTC), struct.pack("<q", 40 * BTC), 1)


class LeftOut(Truth):
    """Bob's spend was never there: no one server can be found out."""

    def history(self, wanted: str) -> list[tuple[bytes, int]]:
        whole = super().history(wanted)
        return whole[:1] if wanted == scripthash(BOB) else whole


class LeftOutOfOne(Truth):
    """The payment stands in Alice's history, not in Bob's."""

    def history(self, wanted: str) -> list[tuple[bytes, int]]:
        return [] if wanted == scripthash(BOB) else super().history(wanted)


class FundingLeftOut(Truth):
    """Bob spends a coin that nobody paid him."""

    def history(self, wanted: str) -> list[tuple[bytes, int]]:
        whole = super().history(wanted)
        return whole[1:] if wanted == scripthash(BOB) else whole


class Foreign(Truth):
    """Somebody else's transaction stands in Bob's history."""

    def history(self, wanted: str) -> list[tuple[bytes, int]]:
        return [*super().history(wanted), (self.blocks[5].transactions[1].txid, 5)]


class ListedTwice(Truth):
    def history(self, wanted: str) -> list[tuple[bytes, int]]:
        return super().history(wanted) * 2


class OtherHeight(Truth):
    """A true transaction, said to stand in another block."""

    def history(self, wanted: str) -> list[tuple[bytes, int]]:
        return [(txid, height + 1) for txid, height in super().history(wanted)]

    def branch(self, txid: bytes, height: int) -> tuple[int, list[bytes]]:
        return super().branch(txid, height - 1)


class OtherBranch(Truth):
    """The branch of the transaction beside it."""

    def branch(self, txid: bytes, height: int) -> tuple[int, list[bytes]]:
        hashes = [tx.txid for tx in self.blocks[height].transactions]
        beside = hashes[hashes.index(txid) ^ 1] if len(hashes) > 1 else txid
        return super().branch(beside, height)


class PositionOutOfRange(Truth):
    def branch(self, txid: bytes, height: int) -> tuple[int, list[bytes]]:
        position, branch = super().branch(txid, height)
        return position + (1 << len(branch)), branch


class LongerBranch(Truth):
    def branch(self, txid: bytes, height: int) -> tuple[int, list[bytes]]:
        position, branch = super().branch(txid, height)
        return position, [*branch, bytes(32)]


class NoCoinbase(Truth):
    """A block that no node takes: its first transaction is no coinbase."""

    def __init__(self, blocks: Sequence[Made]) -> None:
        first = Tx(inputs=((b"\x44" * 32, 0),), outputs=((5, BOB),))
        super().__init__([*blocks, mine(blocks[-1], first=first)])


# The tricks with 64 bytes -----------------------------------------------------------------------


@dataclass(frozen=True)
class Leaf:
    """Bytes that stand in a block like a transaction."""

    raw: bytes
    outputs: tuple[tuple[int, bytes], ...] = ()
    inputs: tuple[tuple[bytes, int], ...] = ()
    witnesses: tuple[()] = ()

    @property
    def txid(self) -> bytes:
        return sha256d(self.raw)


FAKE = Tx(inputs=((b"\x11" * 32, 0),), outputs=((1_000 * BTC, BOB),))
"""A payment that was never made."""


class BelowALeaf(Truth):
    """A leaf of 64 bytes, read as a node, has a payment beneath it that was never made."""

    def __init__(self, blocks: Sequence[Made]) -> None:
        self.leaf = Leaf(b"\x22" * 32 + FAKE.txid)
        last = mine(blocks[-1], [self.leaf])  # type: ignore[list-item]
        super().__init__([*blocks, last])

    def history(self, wanted: str) -> list[tuple[bytes, int]]:
        more = [(FAKE.txid, len(self.blocks) - 1)] if wanted == scripthash(BOB) else []
        return super().history(wanted) + more

    def transaction(self, txid: bytes) -> bytes:
        return FAKE.raw if txid == FAKE.txid else super().transaction(txid)

    def branch(self, txid: bytes, height: int) -> tuple[int, list[bytes]]:
        if txid != FAKE.txid:
            return super().branch(txid, height)
        position, branch = super().branch(self.leaf.txid, height)
        return 2 * position + 1, [b"\x22" * 32, *branch]


class NodeAsTransaction(Truth):
    """An inner node of the tree, `depth` levels up, is passed off as a transaction."""

    def __init__(self, blocks: Sequence[Made], depth: int) -> None:
        super().__init__(blocks)
        self.depth = depth
        level = [tx.txid for tx in blocks[4].transactions]
        for _ in range(depth):
            if len(level) % 2:
                level.append(level[-1])
            pairs = [level[i] + level[i + 1] for i in range(0, len(level), 2)]
            level = [sha256d(pair) for pair in pairs]
        self.raw, self.node, self.rest = pairs[0], level[0], branch_of(level, 0)

    def history(self, wanted: str) -> list[tuple[bytes, int]]:
        return [(self.node, 5)] if wanted == scripthash(BOB) else super().history(wanted)

    def transaction(self, txid: bytes) -> bytes:
        return self.raw if txid == self.node else super().transaction(txid)

    def branch(self, txid: bytes, height: int) -> tuple[int, list[bytes]]:
        return (0, self.rest) if txid == self.node else super().branch(txid, height)


class NodeAsCoinbaseToo(NodeAsTransaction):
    """The same, and the node stands for the coinbase as well, so that lengths agree."""

    def first(self, height: int) -> tuple[bytes, list[bytes]]:
        return (self.node, self.rest) if height == 5 else super().first(height)


class SixtyFourBytes(Truth):
    """The truth, but for the bare script OP_TRUE a transaction has 64 bytes: no branch shows it."""

    def __init__(self, blocks: Sequence[Made]) -> None:
        tx = Tx(inputs=((b"\x33" * 32, 0),), outputs=((5, OP_TRUE),), signatures=(b"\x51" * 3,))
        assert len(tx.raw) == 64
        super().__init__([*blocks, mine(blocks[-1], [tx])])


# Lies about headers -----------------------------------------------------------------------------


def bad_block(
    previous: Made, *, bits: int = BITS, time: int | None = None, weak: bool = False
) -> Made:
    """An empty block whose header has other bits or another time, or no proof of work."""
    good = mine(previous)
    target = (bits & 0xFFFFFF) << 8 * ((bits >> 24) - 3)
    moment = good.time if time is None else time
    for nonce in count():
        root = good.header[36:68]
        header = struct.pack("<i32s32sIII", 2**29, previous.block_hash, root, moment, bits, nonce)
        if (int.from_bytes(sha256d(header), "little") <= target) != weak:
            return Made(good.height, header, good.transactions)
    raise AssertionError


class OtherTip(Truth):
    """The tip that it names is on another branch."""

    def blockchain_headers_subscribe(self) -> Any:
        other = mine(self.blocks[-2], tag=b"other")
        return {"height": other.height, "hex": other.header.hex()}


class HeaderCut(Truth):
    """A header from the middle is another one."""

    def header(self, height: int) -> bytes:
        return mine(self.blocks[3], tag=b"other").header if height == 4 else super().header(height)


class OtherNetwork(Truth):
    def server_features(self) -> Any:
        return {"genesis_hash": "00" * 32}


class OtherNetworkInHeaders(Truth):
    """It names the right genesis block, and shows another one."""

    def header(self, height: int) -> bytes:
        return mine(GENESIS).header if height == 0 else super().header(height)


class Swaying(Truth):
    """Its chain changes each time that it is asked for histories."""

    def blockchain_scripthash_get_history(self, wanted: str) -> Any:
        answer = super().blockchain_scripthash_get_history(wanted)
        self.blocks = [*self.blocks[:-1], mine(self.blocks[-2], tag=b"%d" % len(self.asked))]
        return answer


# Lies about the protocol ------------------------------------------------------------------------


class OldProtocol(Truth):
    def server_version(self, _client: str, _protocols: list[str]) -> Any:
        return ["Old", "1.2"]


class NewProtocol(Truth):
    def server_version(self, _client: str, _protocols: list[str]) -> Any:
        raise Refused("unsupported protocol version")


class HistoryTooLarge(Truth):
    def blockchain_scripthash_get_history(self, wanted: str) -> Any:
        if wanted == scripthash(BOB):
            raise Refused("history too large")
        return super().blockchain_scripthash_get_history(wanted)


class HistoryGarbage(Truth):
    """Types that the protocol does not have."""

    def blockchain_scripthash_get_history(self, wanted: str) -> Any:
        return [{"tx_hash": 5, "height": "high"}]


class Excessive(Truth):
    """It disconnects whoever has asked more than `most` questions on one connection."""

    def __init__(self, blocks: Sequence[Made], most: int) -> None:
        super().__init__(blocks)
        self.most = most
        self.connections = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        for _ in range(self.most):
            if not (line := await reader.readline()):
                return
            await self.reply(json.loads(line), writer)
        if line := await reader.readline():
            error = {"code": -101, "message": "excessive resource usage"}
            message = {"jsonrpc": "2.0", "id": json.loads(line)["id"], "error": error}
            writer.write(json.dumps(message).encode() + b"\n")
            await writer.drain()
        writer.close()


class CutsAfter(Excessive):
    """It cuts the connection after `most` questions, without a word."""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        for _ in range(self.most):
            if not (line := await reader.readline()):
                return
            await self.reply(json.loads(line), writer)
        writer.close()


class _OfHistories(Truth):
    """Speaks well until it is asked for a history."""

    async def send(
        self, request: dict[str, Any], message: dict[str, Any], writer: asyncio.StreamWriter
    ) -> None:
        if request["method"] == "blockchain.scripthash.get_history":
            await self.misbehave(request, message, writer)
        else:
            await super().send(request, message, writer)

    async def misbehave(
        self, request: dict[str, Any], message: dict[str, Any], writer: asyncio.StreamWriter
    ) -> None:
        raise NotImplementedError


class Padded(_OfHistories):
    """As ElectrumX does: spaces before the last brace."""

    async def misbehave(self, request: Any, message: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(json.dumps(message).encode()[:-1] + b" " * 100_000 + b"}\n")


class Chatty(_OfHistories):
    """Some notifications and an answer to nothing, before each answer."""

    async def misbehave(self, request: Any, message: Any, writer: asyncio.StreamWriter) -> None:
        note = {"jsonrpc": "2.0", "method": "blockchain.headers.subscribe", "params": [{}]}
        stray = {"jsonrpc": "2.0", "id": 10**9, "result": []}
        for each in (note, note, stray, message):
            writer.write(json.dumps(each).encode() + b"\n")


class Endless(_OfHistories):
    """Notifications without end, and no answer."""

    async def misbehave(self, request: Any, message: Any, writer: asyncio.StreamWriter) -> None:
        note = {"jsonrpc": "2.0", "method": "blockchain.headers.subscribe", "params": [{}]}
        while not writer.is_closing():
            writer.write((json.dumps(note).encode() + b"\n") * 100)
            await writer.drain()


class Gigabytes(_OfHistories):
    """An answer that never ends."""

    async def misbehave(self, request: Any, message: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(b'{"jsonrpc":"2.0","id":1,"result":"')
        while not writer.is_closing():
            writer.write(b"a" * 1_000_000)
            await writer.drain()


class Noise(_OfHistories):
    async def misbehave(self, request: Any, message: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(range(256)).replace(b"\n", b"") + b"\n")


class Deep(_OfHistories):
    async def misbehave(self, request: Any, message: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b'{"id":%d,"result":' % request["id"] + b"[" * 100_000 + b"]" * 100_000 + b"}\n"
        )


class NoMessage(_OfHistories):
    async def misbehave(self, request: Any, message: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(b"[1, 2, 3]\n")


class Hang(_OfHistories):
    """Nothing comes. `is_asked` is set once it hangs."""

    def __init__(self, blocks: Sequence[Made]) -> None:
        super().__init__(blocks)
        self.is_asked = threading.Event()

    async def misbehave(self, request: Any, message: Any, writer: asyncio.StreamWriter) -> None:
        self.is_asked.set()


class Drip(_OfHistories):
    """A few bytes a second."""

    async def misbehave(self, request: Any, message: Any, writer: asyncio.StreamWriter) -> None:
        for sign in json.dumps(message):
            if writer.is_closing():
                return
            writer.write(sign.encode())
            await asyncio.sleep(0.05)


class CutsInTheMiddle(_OfHistories):
    """Half an answer, then nothing more; every time."""

    async def misbehave(self, request: Any, message: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(json.dumps(message).encode()[:20])
        await writer.drain()
        writer.close()


# Serving ----------------------------------------------------------------------------------------


@contextmanager
def serving(truth: Truth, *, certificate: Path | None = None, port: int = 0) -> Iterator[int]:
    """Serve on a free port of loopback; with TLS where a PEM file with key and certificate is
    given."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    loop = asyncio.new_event_loop()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await truth.talk(reader, writer)
        except (OSError, asyncio.CancelledError, ValueError):
            pass
        finally:
            writer.close()

    server = loop.run_until_complete(
        asyncio.start_server(talk, "127.0.0.1", port, ssl=context, limit=1 << 20)
    )
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_stop(server), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


async def _stop(server: asyncio.Server) -> None:
    server.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0)
