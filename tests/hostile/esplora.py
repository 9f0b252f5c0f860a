"""An Esplora server that tells the truth about blocks made here, or one lie.

    with HttpServer(Esplora(Truth(blocks))) as server:              all true
    with HttpServer(Esplora(AmountChanged(blocks))) as server:      a lie about the chain
    with HttpServer(CutInSilence(Truth(blocks))) as server:         a lie of this API
    with HttpServer(Esplora(Truth(blocks)), Transport.HANG) ...     a lie about the wire

Lies about the chain are the classes of `tests.hostile.electrum`: they know of no protocol. Amounts
in the JSON are always wrong: nobody should look at them. Nothing of erario is used here.
"""

from __future__ import annotations

import json
import re
import struct
from typing import Any

from tests.hostile.electrum import ALICE, BOB, CAROL, Refused, Truth, scripthash, show, split_of
from tests.hostile.http import Question, Reply
from tests.strategies.chains import mine, sha256d


class Answered(Exception):  # noqa: N818 - the answer is what is raised
    """An error in Esplora's way: text and a status."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Esplora:
    """Esplora's API over what a `Truth` knows.

    Attributes:
        page: transactions a page.
        blocks_a_page: blocks a page.
        asked: paths, in order.
    """

    page = 25
    blocks_a_page = 10

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.asked: list[str] = []

    def __call__(self, question: Question) -> Reply:
        self.asked.append(question.path)
        for pattern, method in _ROUTES:
            match = re.fullmatch(pattern, question.path)
            if match:
                try:
                    body = getattr(self, method)(*match.groups())
                except Answered as error:
                    return Reply(str(error).encode(), error.status)
                except Refused as refused:
                    return Reply(str(refused).encode(), 404)
                if isinstance(body, bytes):
                    return Reply(body)
                return Reply(body.encode() if isinstance(body, str) else json.dumps(body).encode())
        return Reply(b"endpoint does not exist", 404)

    # Headers ------------------------------------------------------------------------------------

    def headers(self) -> list[bytes]:
        """Every header, and last the tip that is named."""
        some = [self.truth.header(height) for height in range(len(self.truth.blocks))]
        return [*some, bytes.fromhex(self.truth.blockchain_headers_subscribe()["hex"])]

    def tip_hash(self) -> Any:
        return show(sha256d(self.headers()[-1]))

    def tip_height(self) -> Any:
        return str(self.truth.blockchain_headers_subscribe()["height"])

    def hash_at(self, height: str) -> Any:
        return show(sha256d(self.header_at(int(height))))

    def header_at(self, height: int) -> bytes:
        if height >= len(self.truth.blocks):
            raise Answered(404, "Block not found")
        return self.truth.header(height)

    def find(self, block_hash: str) -> tuple[int, bytes]:
        """The height and the header of a block."""
        headers = self.headers()
        for height, header in enumerate(headers):
            if show(sha256d(header)) == block_hash:
                last = self.truth.blockchain_headers_subscribe()["height"]
                return (last if height == len(headers) - 1 else height), header
        raise Answered(404, "Block not found")

    def block(self, block_hash: str) -> Any:
        return self.block_json(*self.find(block_hash))

    def block_json(self, height: int, header: bytes) -> dict[str, Any]:
        version, previous, root, time, bits, nonce = struct.unpack("<i32s32sIII", header)
        return {
            "id": show(sha256d(header)), "height": height, "version": version, "timestamp": time,
            "tx_count": 1, "size": 1, "weight": 4, "merkle_root": show(root),
            "previousblockhash": show(previous) if height else None, "mediantime": time,
            "nonce": nonce, "bits": bits, "difficulty": 4.6e-10,
        }  # fmt: skip

    def header(self, block_hash: str) -> Any:
        return self.find(block_hash)[1].hex()

    def blocks_from(self, top: str) -> Any:
        self.header_at(int(top))
        heights = range(int(top), max(-1, int(top) - self.blocks_a_page), -1)
        return [self.block_json(height, self.header_at(height)) for height in heights]

    def coinbase(self, block_hash: str) -> Any:
        return show(self.truth.first(self.find(block_hash)[0])[0])

    # Histories ----------------------------------------------------------------------------------

    def history(self, hashed: str) -> list[tuple[bytes, int]]:
        """Newest first; the script's hash is in natural order here."""
        return self.truth.history(bytes.fromhex(hashed)[::-1].hex())[::-1]

    def stats(self, hashed: str) -> Any:
        stats = {"funded_txo_count": 7, "funded_txo_sum": 21 * 10**14, "tx_count": 0}
        count = len(self.history(hashed))
        return {
            "scripthash": hashed,
            "chain_stats": {**stats, "tx_count": count},
            "mempool_stats": stats,
        }

    def first_page(self, hashed: str) -> Any:
        return self.entries(self.history(hashed)[: self.page])

    def next_page(self, hashed: str, last: str) -> Any:
        names = [show(txid) for txid, _ in self.history(hashed)]
        if last not in names:
            return []
        start = names.index(last) + 1
        return self.entries(self.history(hashed)[start : start + self.page])

    def entries(self, some: list[tuple[bytes, int]]) -> list[dict[str, Any]]:
        vout = [{"scriptpubkey": "51", "value": 21 * 10**14}]
        return [
            {
                "txid": show(txid), "vin": [], "vout": vout, "fee": 1,
                "status": {"confirmed": True, "block_height": height, "block_time": 1},
            }
            for txid, height in some
        ]  # fmt: skip

    # Transactions -------------------------------------------------------------------------------

    def raw(self, txid: str) -> Any:
        return self.truth.transaction(bytes.fromhex(txid)[::-1])

    def hex(self, txid: str) -> Any:
        return self.truth.transaction(bytes.fromhex(txid)[::-1]).hex()

    def proof(self, txid: str) -> Any:
        wanted = bytes.fromhex(txid)[::-1]
        said = [
            entry for who in (ALICE, BOB, CAROL) for entry in self.truth.history(scripthash(who))
        ]
        said += [(tx.txid, b.height) for b in self.truth.blocks for tx in b.transactions]
        for each, height in said:
            if each == wanted:
                position, branch = self.truth.branch(wanted, height)
                merkle = [show(node) for node in branch]
                return {"block_height": height, "pos": position, "merkle": merkle}
        raise Answered(404, "Transaction not found or is unconfirmed")


_HASH = "([0-9a-f]{64})"
_ROUTES = (
    ("/blocks/tip/hash", "tip_hash"),
    ("/blocks/tip/height", "tip_height"),
    ("/block-height/([0-9]+)", "hash_at"),
    (f"/block/{_HASH}", "block"),
    (f"/block/{_HASH}/header", "header"),
    (f"/block/{_HASH}/txid/0", "coinbase"),
    ("/blocks/([0-9]+)", "blocks_from"),
    (f"/scripthash/{_HASH}", "stats"),
    (f"/scripthash/{_HASH}/txs/chain", "first_page"),
    (f"/scripthash/{_HASH}/txs/chain/{_HASH}", "next_page"),
    (f"/tx/{_HASH}/raw", "raw"),
    (f"/tx/{_HASH}/hex", "hex"),
    (f"/tx/{_HASH}/merkle-proof", "proof"),
)


# True, but other than most ----------------------------------------------------------------------


class Sparse(Esplora):
    """No headers and no raw bytes; pages of two transactions and three blocks; a version that is
    written unsigned."""

    page = 2
    blocks_a_page = 3

    def header(self, block_hash: str) -> Any:
        raise Answered(404, "endpoint does not exist")

    def raw(self, txid: str) -> Any:
        raise Answered(404, "endpoint does not exist")

    def block_json(self, height: int, header: bytes) -> dict[str, Any]:
        about = super().block_json(height, header)
        return about | {"version": about["version"] % (1 << 32)}


class GrowsWhileRead(Esplora):
    """A block comes between the first look at a history and its pages, once."""

    def first_page(self, hashed: str) -> Any:
        if not any("/txs/chain" in path for path in self.asked[:-1]):
            self.truth.blocks.append(mine(self.truth.blocks[-1], pay=((1, BOB),)))
        return super().first_page(hashed)


# Lies of this API -------------------------------------------------------------------------------


class CutInSilence(Esplora):
    """It forgets the last transaction of each page."""

    page = 1

    def next_page(self, hashed: str, last: str) -> Any:
        return []


class EndlessPages(Esplora):
    """Each page is the first one, whatever was seen."""

    page = 1

    def next_page(self, hashed: str, last: str) -> Any:
        return self.first_page(hashed)


class MoreThanSaid(Esplora):
    """Pages with more than the count says."""

    def stats(self, hashed: str) -> Any:
        said = super().stats(hashed)
        said["chain_stats"]["tx_count"] = min(1, said["chain_stats"]["tx_count"])
        return said


class NeverTheSame(Esplora):
    """A count that grows with each look at it."""

    def stats(self, hashed: str) -> Any:
        said = super().stats(hashed)
        said["chain_stats"]["tx_count"] += len(self.asked)
        return said


class CountOfAges(Esplora):
    """A history of Bob that nobody would wait for."""

    def stats(self, hashed: str) -> Any:
        said = super().stats(hashed)
        if bytes.fromhex(hashed)[::-1].hex() == scripthash(BOB):
            said["chain_stats"]["tx_count"] = 10**9
        return said


class TooLong(Esplora):
    """Bob's history is refused."""

    def stats(self, hashed: str) -> Any:
        if bytes.fromhex(hashed)[::-1].hex() == scripthash(BOB):
            raise Answered(400, "Too many history entries")
        return super().stats(hashed)


class TooLongOnPages(Esplora):
    """Bob's history is refused once it is read."""

    def first_page(self, hashed: str) -> Any:
        if bytes.fromhex(hashed)[::-1].hex() == scripthash(BOB):
            raise Answered(400, "Too many history entries")
        return super().first_page(hashed)


class Unconfirmed(Esplora):
    """Transactions of the mempool among the confirmed ones."""

    def entries(self, some: list[tuple[bytes, int]]) -> list[dict[str, Any]]:
        return [one | {"status": {"confirmed": False}} for one in super().entries(some)]


class OtherHeaderInPages(Esplora):
    """A block's JSON with another Merkle root than its hash has."""

    def block_json(self, height: int, header: bytes) -> dict[str, Any]:
        about = super().block_json(height, header)
        return about | ({"merkle_root": "00" * 32} if height == 3 else {})


class OtherHeights(Esplora):
    """Blocks of the page below."""

    def blocks_from(self, top: str) -> Any:
        return super().blocks_from(str(int(top) - 1))


class NoBlocks(Esplora):
    def blocks_from(self, top: str) -> Any:
        return []


class HeaderOfAnother(Esplora):
    def header(self, block_hash: str) -> Any:
        return self.truth.header(1).hex()


class ProofElsewhere(Esplora):
    """A Merkle branch into another block than the history says."""

    def proof(self, txid: str) -> Any:
        said = super().proof(txid)
        return said | {"block_height": said["block_height"] + 1}


class SaidElsewhere(Esplora):
    """The payment to Bob is said to stand in the next block, by its history and by its proof."""

    def entries(self, some: list[tuple[bytes, int]]) -> list[dict[str, Any]]:
        paid = split_of(self.truth.blocks[1:]).txid
        return super().entries([(txid, height + (txid == paid)) for txid, height in some])

    def proof(self, txid: str) -> Any:
        said = super().proof(txid)
        paid = show(split_of(self.truth.blocks[1:]).txid)
        return said | {"block_height": said["block_height"] + (txid == paid)}


class WrongTypes(Esplora):
    """Numbers as text."""

    def stats(self, hashed: str) -> Any:
        return {"chain_stats": {"tx_count": "2"}}


class ServerError(Esplora):
    """Words that would break a line."""

    def stats(self, hashed: str) -> Any:
        raise Answered(500, "\x1b[2Jelectrum\nerror" + "!" * 500)
