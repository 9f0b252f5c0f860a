"""Watch lists in SQLite: which scripts were followed how far, and what was found.

    script_sets   scripts, each behind its length, by their name: the SHA-256 of those bytes
    watch_lists   name of the scripts, folder, height, block_hash, seal, day of last use
    matches       for each list and block with something in it: the block's evidence, sealed

So a million scripts go on by one row, and the same scripts are found by their name alone, whoever
asks. `folder` is empty where the root of every block was checked; such lists are facts about the
chain, whatever folder is asked. Otherwise it names the one folder whose word was taken (--own).

Seals are chained SHA-256 over all that a list holds, in order. They notice what SQLite does not:
flipped bytes, and rows that are gone. They stop nobody who means harm, since they have no key.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from erario.bitcoin.encoding import Reader, write_compact_size
from erario.bitcoin.errors import DecodeError
from erario.bitcoin.values import BlockHash, Height
from erario.chain.evidence_codec import decode_evidence, encode_evidence
from erario.chain.store_database import FILE_NAME, Database, as_bytes, as_int
from erario.chain.store_errors import DamagedStoreError, damaged
from erario.chain.watch_list import WatchList

ROOTS_CHECKED: Final = b""
"""The `folder` of lists whose every block was held against its Merkle root."""

_MOST_HEIGHT: Final = 1 << 31
_HEAD: Final = "number, name, folder, height, block_hash, seal, used"


@dataclass(frozen=True, slots=True)
class ListHead:
    """A list without its scripts and matches. `used`: on which day last, counted from 1970."""

    number: int
    name: bytes
    folder: bytes
    height: Height
    block_hash: BlockHash
    seal: bytes
    used: int


class WatchListStore:
    """The lists in an open database. `epoch` says which making of its file it is.

    Every method raises StoreError where the file cannot be used, DamagedStoreError where it
    cannot be believed.
    """

    def __init__(self, database: Database, epoch: int) -> None:
        self._database = database
        self._epoch = epoch

    def heads(self) -> list[ListHead]:
        """All lists, the farthest first."""
        rows = self._database.rows(
            f"SELECT {_HEAD} FROM watch_lists ORDER BY height DESC, number"  # noqa: S608
        )
        return [_head(row) for row in rows]

    def scripts(self, head: ListHead) -> tuple[bytes, ...]:
        """The scripts of a list."""
        query = "SELECT scripts FROM script_sets WHERE name = ?"
        for (column,) in self._database.rows(query, (head.name,)):
            joined = as_bytes(column)
            if hashlib.sha256(joined).digest() == head.name:
                return _split(joined, self._damage("the scripts of a list"))
        raise self._damage("the scripts of a list")

    def load(self, head: ListHead, scripts: tuple[bytes, ...]) -> WatchList:
        """A list with all its matches, every one held against the seals."""
        seal = _first_seal(head.name, head.folder)
        blocks = []
        for height, evidence, following in self._rows(head):
            seal = following
            try:
                blocks.append(decode_evidence(height, evidence))
            except DecodeError as error:
                raise self._damage("a match") from error
        return WatchList(
            scripts,
            head.height,
            blocks,
            number=head.number,
            epoch=self._epoch,
            folder=head.folder,
            kept=len(blocks),
            seal=seal,
        )

    def count(self, head: ListHead) -> tuple[int, int]:
        """How many blocks and transactions a list has; for show, no seal is looked at."""
        query = "SELECT count(*), coalesce(sum(transactions), 0) FROM matches WHERE list = ?"
        for blocks, transactions in self._database.rows(query, (head.number,)):
            return as_int(blocks), as_int(transactions)
        return 0, 0

    def size(self, head: ListHead) -> int:
        """Bytes of its scripts and matches, roughly."""
        query = (
            "SELECT (SELECT coalesce(sum(length(scripts)), 0) FROM script_sets WHERE name = ?)"
            " + (SELECT coalesce(sum(length(evidence)), 0) FROM matches WHERE list = ?)"
        )
        return next(as_int(n) for (n,) in self._database.rows(query, (head.name, head.number)))

    def use(self, number: int, day: int) -> None:
        """Note that a list was used; within a transaction."""
        self._database.run("UPDATE watch_lists SET used = ? WHERE number = ?", (day, number))

    def save(self, one: WatchList, folder: bytes, block_hash: BlockHash) -> None:
        """Keep how far a list has come, and what was added to it, in one transaction.

        Of a list that lies here on another word, or not at all, a new one is made.
        """
        with self._database.transaction():
            number, seal = self._append(one, folder, block_hash)
        # Only now: a transaction that did not go through has to be made again from the start.
        one.number, one.epoch, one.folder = number, self._epoch, folder
        one.kept, one.seal = len(one.blocks), seal

    def drop(self, number: int) -> None:
        """Forget a list; within a transaction."""
        self._database.run("DELETE FROM matches WHERE list = ?", (number,))
        self._database.run("DELETE FROM watch_lists WHERE number = ?", (number,))
        self._database.run(
            "DELETE FROM script_sets WHERE name NOT IN (SELECT name FROM watch_lists)"
        )

    def lower(self, heads: Sequence[ListHead], height: Height, block_hash: BlockHash) -> None:
        """Take those of the lists that are above `height` back to it; within a transaction."""
        for head in heads:
            if head.height <= height:
                continue
            # All of it is held against the seals first: a new one must not cover damage.
            seal = _first_seal(head.name, head.folder)
            for found, _, following in self._rows(head):
                seal = following if found <= height else seal
            self._database.run(
                "DELETE FROM matches WHERE list = ? AND height > ?", (head.number, height)
            )
            self._move(head.number, height, block_hash, seal)

    def _rows(self, head: ListHead) -> Iterator[tuple[Height, bytes, bytes]]:
        """Height, evidence and seal of each match, every one held against the seals."""
        seal = _first_seal(head.name, head.folder)
        query = "SELECT height, evidence, seal FROM matches WHERE list = ? ORDER BY height"
        for row in self._database.rows(query, (head.number,)):
            height, evidence = _height(row[0]), as_bytes(row[1])
            seal = _next_seal(seal, height, evidence)
            if seal != row[2]:
                raise self._damage("a match")
            yield height, evidence, seal
        if _last_seal(seal, head.height, head.block_hash) != head.seal:
            raise self._damage("the end of a list")

    def _append(self, one: WatchList, folder: bytes, block_hash: BlockHash) -> tuple[int, bytes]:
        number, kept, seal = one.number, one.kept, one.seal
        if number is None or (one.epoch, one.folder) != (self._epoch, folder):
            joined = join_scripts(one.scripts)
            name = hashlib.sha256(joined).digest()
            kept, seal = 0, _first_seal(name, folder)
            self._database.run("INSERT OR REPLACE INTO script_sets VALUES (?, ?)", (name, joined))
            number = self._database.run(
                "INSERT INTO watch_lists VALUES (NULL, ?, ?, 0, x'', x'', ?)",
                (name, folder, today()),
            )
        for block in one.blocks[kept:]:
            evidence = encode_evidence(block)
            seal = _next_seal(seal, block.height, evidence)
            self._database.run(
                "INSERT INTO matches VALUES (?, ?, ?, ?, ?)",
                (number, block.height, len(block.transactions), seal, evidence),
            )
        self._move(number, one.height, block_hash, seal)
        return number, seal

    def _move(self, number: int, height: Height, block_hash: BlockHash, seal: bytes) -> None:
        self._database.run(
            "UPDATE watch_lists SET height = ?, block_hash = ?, seal = ? WHERE number = ?",
            (height, block_hash, _last_seal(seal, height, block_hash), number),
        )

    def _damage(self, what: str) -> DamagedStoreError:
        return damaged(self._database.path, f"{what} is not what was written")


def today() -> int:
    """The day, counted from 1970: lists that nobody uses go by it (`store_upkeep`)."""
    return int(time.time()) // 86_400


def join_scripts(scripts: Sequence[bytes]) -> bytes:
    """Scripts as one string of bytes, each behind its length."""
    lengths = {length: write_compact_size(length) for length in set(map(len, scripts))}
    parts: list[bytes] = []
    for script in scripts:
        parts += (lengths[len(script)], script)
    return b"".join(parts)


def _split(joined: bytes, damage: DamagedStoreError) -> tuple[bytes, ...]:
    reader = Reader(joined)
    scripts = []
    try:
        while reader.remaining:
            scripts.append(reader.sized_bytes())
    except DecodeError as error:
        raise damage from error
    return tuple(scripts)


def _head(row: tuple[object, ...]) -> ListHead:
    number, name, folder, height, block_hash, seal, used = row
    return ListHead(
        as_int(number),
        as_bytes(name),
        as_bytes(folder),
        _height(height),
        BlockHash(as_bytes(block_hash)),
        as_bytes(seal),
        as_int(used),
    )


def _height(column: object) -> Height:
    height = as_int(column)
    if not 0 <= height < _MOST_HEIGHT:
        raise damaged(Path(FILE_NAME), "a height is none")
    return Height(height)


def _first_seal(name: bytes, folder: bytes) -> bytes:
    return hashlib.sha256(b"erario watch list" + name + folder).digest()


def _next_seal(seal: bytes, height: Height, evidence: bytes) -> bytes:
    return hashlib.sha256(seal + height.to_bytes(8, "little") + evidence).digest()


def _last_seal(seal: bytes, height: Height, block_hash: BlockHash) -> bytes:
    return _next_seal(seal, height, block_hash)
