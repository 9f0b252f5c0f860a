"""Esplora, the HTTP API of block explorers, as a server of histories.

    /blocks/tip/hash, /block/:hash              the tip
    /block-height/:h, /block/:hash/header       one header; /blocks/:h many, newest first
    /scripthash/:h, .../txs/chain[/:last]       how long a history is, and its pages
    /tx/:txid/raw, /tx/:txid/merkle-proof       a transaction, and where it stands
    /block/:hash/txid/0                         a block's coinbase

Invariant: of the server's JSON only names, numbers and places are taken, never an amount or a
script; transactions are its bytes. A page may have any length; a history that ends before the
number of transactions that the server itself names, or goes on after it, is found out: an
unknown last transaction makes servers answer an empty page, a history cut in silence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import islice
from typing import Final, NoReturn

from erario.bitcoin.header import FIELDS, HEADER_SIZE
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import BlockHash, Height, Script, Txid, sha256d, show_hash
from erario.chain.access import Access
from erario.chain.errors import ChainCode, ServerCode
from erario.chain.esplora_asker import MOST_SMALL, EsploraAsker
from erario.chain.history_server import Branch, Counted, HistoryEntry
from erario.chain.hosts import check_way, is_onion, is_this_machine
from erario.chain.json_answers import (
    Json,
    hash_of,
    hex_of,
    member,
    of_kind,
    whole,
)
from erario.chain.server_source import ServerSource
from erario.chain.source_url import SourceUrl
from erario.chain.state_folder import StateFolder
from erario.errors import RequestError, SourceError
from erario.statement.evidence import SourceKind

CONNECTIONS: Final = 8
LONGEST_HISTORY: Final = 100_000
"""Transactions of one script; pages come one after the other, so more would take an hour."""
_TRIES: Final = 4
"""How often a history is read that changes while it is read."""
_MOST_TRANSACTION: Final = 4_000_000
"""Bytes of a transaction: no block may weigh more (BIP 141)."""
_MOST_PAGE: Final = 48 << 20
"""A page has the JSON of whole transactions, some of which fill a block."""
_MOST_BLOCKS: Final = 1 << 20
_TOO_LONG: Final = frozenset((400, 413))
"""How servers refuse a history that is too long for them: our questions have no other fault."""
_U32: Final = 0xFFFFFFFF

_LEARNS: Final = "It learns the addresses that are asked about, and the IP address that asks."
_LEARNS_BY_PROXY: Final = (
    "It learns the addresses that are asked about, but not, if the proxy keeps its word, who asks."
)


class EsploraServer:
    """A server with Esplora's API, as a `HistoryServer`.

    Args:
        base: its address, "https://HOST/PATH".
        name: who it is, for people.
        access: proxy and timeout.
        connections: how many questions may be under way at once; fewer where it asks for patience.
    """

    kind = SourceKind.ESPLORA

    def __init__(
        self, base: str, name: str, access: Access, *, connections: int = CONNECTIONS
    ) -> None:
        self._ask = EsploraAsker(base, name, access, connections)
        self._name = name

    @property
    def name(self) -> str:
        """Host and port, for people."""
        return self._name

    def close(self) -> None:
        """Let go of its connections."""
        self._ask.close()

    def tip(self) -> tuple[Height, BlockHash]:
        """The end of the chain that it follows, now.

        Asked by hash, so that height and hash are of one block even if another comes meanwhile.
        """
        for _ in range(_TRIES):
            tip = self._ask.hash("/blocks/tip/hash")
            answer = self._ask.get(f"/block/{show_hash(tip)}", MOST_SMALL)
            if answer.status != 404:
                break
        about = self._ask.json_in(answer)
        return self._ask.height(member(about, "height", int, self._name)), BlockHash(tip)

    def headers(self, start: Height, count: int) -> bytes:
        """`count` headers of 80 bytes from `start` on; fewer where its chain ends before."""
        if count == 1:
            return self._header(start) or b""
        end = start + count - 1
        page = self._page_of_headers(Height(end), count)
        if page is None:
            end = min(end, self.tip()[0])
            page = self._page_of_headers(Height(end), end - start + 1) if end >= start else None
        if page is None:
            return b""
        # The first page shows how many it gives at once; the others are asked for together.
        tops = range(end - len(page), start - 1, -len(page))
        pages = [page, *self._ask.each(lambda top: self._run(top, start, len(page)), tops)]
        return b"".join(header for some in reversed(pages) for header in reversed(some))

    def histories(
        self, scripts: Sequence[Script], counted: Counted
    ) -> list[tuple[HistoryEntry, ...] | None]:
        """The confirmed history of each script; None where it is too long, or refused as such."""
        return self._ask.each(self._history, scripts, counted)

    def transactions(self, wanted: Sequence[tuple[Txid, Height]], counted: Counted) -> list[bytes]:
        """The bytes of confirmed transactions, in the order asked."""
        return self._ask.each(lambda one: self._transaction(one[0]), wanted, counted)

    def branches(self, wanted: Sequence[tuple[Txid, Height]], counted: Counted) -> list[Branch]:
        """Where they stand in their blocks, with their Merkle branches, in the order asked."""
        return self._ask.each(lambda one: self._branch(*one), wanted, counted)

    def coinbases(self, heights: Sequence[tuple[Height, BlockHash]]) -> list[tuple[Txid, Branch]]:
        """The first transaction of these blocks, with its branch."""
        return self._ask.each(lambda one: self._coinbase(*one), heights)

    # Headers ------------------------------------------------------------------------------------

    def _header(self, height: Height) -> bytes | None:
        """The header at a height; None where its chain ends before."""
        answer = self._ask.get(f"/block-height/{height}", MOST_SMALL)
        if answer.status == 404:
            return None
        block_hash = self._ask.hash_in(answer)
        path = f"/block/{show_hash(block_hash)}"
        answer = self._ask.get(f"{path}/header", MOST_SMALL)
        if answer.status == 200:
            header = hex_of(self._ask.text(answer), self._name, most=HEADER_SIZE, what="a header")
        else:
            # Not every server gives headers as they are.
            header = self._rebuilt(self._ask.json(path), height)
        if len(header) != HEADER_SIZE or sha256d(header) != block_hash:
            self._wrong_header(height)
        return header

    def _page_of_headers(self, top: Height, most: int) -> list[bytes] | None:
        """At most `most` headers from `top` downwards, as many as it gives at once; None where its
        chain ends before `top`."""
        answer = self._ask.get(f"/blocks/{top}", _MOST_BLOCKS)
        if answer.status == 404:
            return None
        blocks = of_kind(self._ask.json_in(answer), list, self._name, "a page of blocks")
        if not blocks:
            self._ask.refuse("gives a page of blocks without any")
        return [
            self._rebuilt(block, Height(top - number)) for number, block in enumerate(blocks[:most])
        ]

    def _run(self, top: int, start: int, size: int) -> list[bytes]:
        """The headers from `top` downwards: `size` of them, or down to `start`."""
        wanted = min(size, top - start + 1)
        run: list[bytes] = []
        while len(run) < wanted:
            page = self._page_of_headers(Height(top - len(run)), wanted - len(run))
            if page is None:
                self._ask.refuse("does not have a block that it has just shown")
            run += page
        return run

    def _rebuilt(self, block: Json, height: Height) -> bytes:
        """The 80 bytes whose parts a server gives as JSON, held against the hash that it gives."""
        name = self._name
        if member(block, "height", int, name) != height:
            self._wrong_header(height)
        version = whole(member(block, "version", int, name), name, least=-(1 << 31), most=_U32)
        # Some servers give the version unsigned; its bits are the same.
        version -= 1 << 32 if version >= 1 << 31 else 0
        previous = bytes(32)
        if height:
            previous = hash_of(member(block, "previousblockhash", str, name), name)
        time, bits, nonce = (
            whole(member(block, key, int, name), name, most=_U32)
            for key in ("timestamp", "bits", "nonce")
        )
        root = hash_of(member(block, "merkle_root", str, name), name)
        header = FIELDS.pack(version, previous, root, time, bits, nonce)
        if sha256d(header) != hash_of(member(block, "id", str, name), name):
            self._wrong_header(height)
        return header

    def _wrong_header(self, height: Height) -> NoReturn:
        raise SourceError(
            ServerCode.LIED_BLOCK,
            f"{self._name} gives a header of height {height} that is not of the block it names",
            remedy="Ask another server, and believe this one nothing.",
        )

    # Histories ----------------------------------------------------------------------------------

    def _history(self, script: Script) -> tuple[HistoryEntry, ...] | None:
        path = f"/scripthash/{hashlib.sha256(script).hexdigest()}"
        said = self._count(path)
        for _ in range(_TRIES):
            if said is None or said > LONGEST_HISTORY:
                return None
            entries = self._pages(path, said)
            if entries is None:
                return None
            if len(entries) == said and len({e.txid for e in entries}) == said:
                return tuple(entries)
            # Either its chain has changed meanwhile, or it contradicts itself.
            before, said = said, self._count(path)
            if said == before:
                self._contradicted(said, entries)
        raise SourceError(
            ServerCode.UNSETTLED,
            f"{self._name} gives a history that changes each time it is read",
            remedy="Run it again in a minute.",
        )

    def _contradicted(self, said: int, entries: list[HistoryEntry]) -> NoReturn:
        if len(entries) > said:
            raise SourceError(
                ServerCode.ENDLESS,
                f"{self._name} says that a history has {said} transactions, and gives pages "
                "beyond that",
                remedy="Ask another server.",
            )
        if len({entry.txid for entry in entries}) < len(entries):
            what = "lists a transaction twice in the history of a script"
        else:
            what = (
                f"says that a history has {said} transactions, and shows only {len(entries)} of "
                "them"
            )
        raise SourceError(
            ServerCode.LIED_HISTORY,
            f"{self._name} {what}",
            remedy="Ask another server, and believe this one nothing.",
        )

    def _count(self, path: str) -> int | None:
        """How many confirmed transactions a script has; None where that is refused."""
        answer = self._ask.get(path, MOST_SMALL)
        if answer.status in _TOO_LONG:
            return None
        stats = member(self._ask.json_in(answer), "chain_stats", dict, self._name)
        return whole(member(stats, "tx_count", int, self._name), self._name, most=1 << 40)

    def _pages(self, path: str, said: int) -> list[HistoryEntry] | None:
        """What the pages of a history list, until there are `said`; None where that is refused."""
        entries: list[HistoryEntry] = []
        last = ""
        while len(entries) < said:
            answer = self._ask.get(f"{path}/txs/chain{last}", _MOST_PAGE)
            if answer.status in _TOO_LONG:
                return None
            page = of_kind(self._ask.json_in(answer), list, self._name, "a page of transactions")
            if not page:
                break
            entries += (self._entry(one) for one in islice(page, said + 1))
            last = f"/{show_hash(entries[-1].txid)}"
        return entries

    def _entry(self, transaction: Json) -> HistoryEntry:
        name = self._name
        txid = hash_of(member(transaction, "txid", str, name), name)
        status = member(transaction, "status", dict, name)
        if not member(status, "confirmed", bool, name):
            self._ask.refuse("lists an unconfirmed transaction among the confirmed")
        return HistoryEntry(Txid(txid), self._ask.height(member(status, "block_height", int, name)))

    # Transactions -------------------------------------------------------------------------------

    def _transaction(self, txid: Txid) -> bytes:
        path = f"/tx/{show_hash(txid)}"
        answer = self._ask.get(f"{path}/raw", _MOST_TRANSACTION)
        if answer.status == 200:
            return answer.body
        answer = self._ask.get(f"{path}/hex", 2 * _MOST_TRANSACTION + 2)
        return hex_of(
            self._ask.text(answer), self._name, most=_MOST_TRANSACTION, what="a transaction"
        )

    def _branch(self, txid: Txid, height: Height) -> Branch:
        name = self._name
        proof = self._ask.json(f"/tx/{show_hash(txid)}/merkle-proof")
        if member(proof, "block_height", int, name) != height:
            raise SourceError(
                ServerCode.LIED_BRANCH,
                f"{name} lists transaction {show_hash(txid)} at height {height}, and gives a "
                "Merkle branch for another",
                remedy="Ask another server, and believe this one nothing.",
            )
        position = whole(member(proof, "pos", int, name), name, most=_U32, what="a position")
        hashes = tuple(hash_of(one, name) for one in member(proof, "merkle", list, name))
        return Branch(position, hashes)

    def _coinbase(self, height: Height, block_hash: BlockHash) -> tuple[Txid, Branch]:
        txid = Txid(self._ask.hash(f"/block/{show_hash(block_hash)}/txid/0"))
        return txid, self._branch(txid, height)


def open_esplora(
    url: SourceUrl,
    network: NetworkName,
    own: bool,  # noqa: FBT001
    state: StateFolder | None,
    access: Access,
) -> ServerSource:
    """The source behind "esplora+https://HOST/PATH", or "esplora+http://" to this machine.

    Raises:
        RequestError: plain HTTP to another machine, or an onion address without a proxy.
    """
    check_way(url, access)
    secure = url.scheme == "esplora+https"
    if not (secure or is_onion(url.host) or access.plain or is_this_machine(url.host)):
        raise RequestError(
            ChainCode.ACCESS_BAD,
            f"plain HTTP to {url.authority}: all between could read and change what is said",
            remedy="Use esplora+https://, or say that plain HTTP is allowed for this source.",
        )
    scheme = "https" if secure else "http"
    server = EsploraServer(f"{scheme}://{url.authority}{url.path}", url.authority, access)
    learns = _LEARNS if access.proxy is None else _LEARNS_BY_PROXY
    return ServerSource(server, network, state, own=own, lacks="" if own else learns)
