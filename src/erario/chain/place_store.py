"""Where blocks lie, in SQLite: so that files that did not change are not walked and hashed again.

    folders   for each folder: its files and their stamps as one hash, its best chain's end, how
              far the copies of that chain are known, and the findings of its index
    files     for each of its files: stamp, records (place, header, hash), and what is known of each

A folder is named by the SHA-256 of its path, so that no path stands here. A stamp is inode, size
and the times of the last change of content and status: a file with another stamp is walked anew,
and nothing is known of its blocks. A file that changed within a moment before it was looked at is
not kept: it may change once more without a new stamp.

Every row is sealed by SHA-256 against flipped bytes; a row that is lost only costs reading.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import time
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from erario.bitcoin.encoding import Reader, write_compact_size
from erario.bitcoin.errors import DecodeError
from erario.bitcoin.header import HEADER_SIZE
from erario.bitcoin.values import BlockHash, Height
from erario.chain.file_records import FileRecords, Garbage
from erario.chain.hash_index import HASH_SIZE
from erario.chain.store_database import Database, as_bytes
from erario.chain.store_errors import DamagedStoreError, damaged
from erario.statement.finding import Finding, FindingCode, Severity, Verdict

CHECKED: Final = 1
"""The block was held against its header: Merkle root, coinbase, witness commitment."""
READ: Final = 2
"""The block was read on the word of its folder (--own)."""

_STAMP: Final = struct.Struct("<4Q")
_ENDS: Final = struct.Struct("<iii32s32s")
_SIZES: Final = struct.Struct("<QQQ")
_GARBAGE: Final = struct.Struct("<QQ")
_TICK_NS: Final = 50_000_000
"""Kernels stamp files by a clock that goes on every 1 to 10 ms."""
_COARSE_NS: Final = 2_100_000_000
"""File systems that count whole seconds, or every second one (FAT)."""
_SECOND_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Stamp:
    """By what a file is known to be unchanged. `is_fresh`: it changed so shortly before it was
    looked at that its next change might leave the same stamp."""

    packed: bytes
    is_fresh: bool

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """The stamp of a file as it is now.

        Raises:
            OSError: it cannot be looked at.
        """
        now = time.time_ns()
        found = path.stat()
        last = max(found.st_mtime_ns, found.st_ctime_ns)
        window = _TICK_NS if last % _SECOND_NS else _COARSE_NS
        unsigned = found.st_mtime_ns % 2**64, found.st_ctime_ns % 2**64
        return cls(_STAMP.pack(found.st_ino, found.st_size, *unsigned), now - last < window)


@dataclass(frozen=True, slots=True)
class FolderState:
    """What is kept of a folder as a whole.

    Attributes:
        files: a hash over its files, their stamps and its key.
        tip, tip_hash, work: of its best chain.
        checked: up to which height every block's first copy is CHECKED.
        read: the same for CHECKED or READ.
        findings: of its index and its headers.
        stale: hashes of the blocks in its files that are not on that chain, 32 bytes each; None
            where they are too many to keep.
    """

    files: bytes
    tip: Height
    tip_hash: BlockHash
    work: int
    checked: Height
    read: Height
    findings: tuple[Finding, ...]
    stale: bytes | None


@dataclass(frozen=True, slots=True)
class FileState:
    """What is kept of one file; `known` has a byte for each record."""

    name: bytes
    stamp: bytes
    records: FileRecords
    known: bytes


class PlaceStore:
    """The tables in an open database, for the folder named `folder`.

    Every method raises StoreError where the file cannot be used, DamagedStoreError where it
    cannot be believed.
    """

    def __init__(self, database: Database, folder: bytes) -> None:
        self._database = database
        self._folder = folder

    def folder(self) -> FolderState | None:
        """What is kept of the folder."""
        query = "SELECT content, seal FROM folders WHERE folder = ?"
        for content, seal in self._database.rows(query, (self._folder,)):
            if _seal(self._folder, as_bytes(content)) != seal:
                raise self._damage()
            try:
                return _decode_folder(as_bytes(content))
            except (DecodeError, ValueError, TypeError, struct.error) as error:
                raise self._damage() from error
        return None

    def files(self, stamps: dict[bytes, bytes]) -> list[FileState]:
        """What is kept of those files whose stamps are still these, by their names."""
        query = "SELECT name, stamp, records, known, seal FROM files WHERE folder = ?"
        found = []
        for *values, seal in self._database.rows(query, (self._folder,)):
            columns = tuple(as_bytes(value) for value in values)
            if stamps.get(columns[0]) != columns[1]:
                continue
            if _seal(self._folder, *columns) != seal:
                raise self._damage()
            try:
                file_records = decode_records(columns[2])
            except DecodeError as error:
                raise self._damage() from error
            if len(columns[3]) != len(file_records.offsets):
                raise self._damage()
            found.append(FileState(columns[0], columns[1], file_records, columns[3]))
        return found

    def save_folder(self, state: FolderState) -> None:
        """Keep what is known of the folder; within a transaction."""
        content = _encode_folder(state)
        self._database.run(
            "INSERT OR REPLACE INTO folders VALUES (?, ?, ?)",
            (self._folder, content, _seal(self._folder, content)),
        )

    def save_file(self, name: bytes, stamp: bytes, records: bytes, known: bytes) -> None:
        """Keep what is known of a file; within a transaction."""
        columns = (name, stamp, records, known)
        self._database.run(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)",
            (self._folder, *columns, _seal(self._folder, *columns)),
        )

    def forget(self) -> None:
        """Forget the folder as a whole, not its files; within a transaction."""
        self._database.run("DELETE FROM folders WHERE folder = ?", (self._folder,))

    def keep_only(self, names: frozenset[bytes]) -> None:
        """Forget files that are not among `names`; within a transaction."""
        query = "SELECT name FROM files WHERE folder = ?"
        kept = [as_bytes(name) for (name,) in self._database.rows(query, (self._folder,))]
        for name in kept:
            if name not in names:
                self._database.run(
                    "DELETE FROM files WHERE folder = ? AND name = ?", (self._folder, name)
                )

    def _damage(self) -> DamagedStoreError:
        return damaged(self._database.path, "what it says of block files is not what was written")


def folder_name(path: Path) -> bytes:
    """The name under which a folder, or a file, is kept."""
    return hashlib.sha256(b"erario folder" + os.fsencode(path.absolute())).digest()


def encode_records(records: FileRecords) -> bytes:
    """The records of a file as bytes, for this machine: flat columns, one after the other."""
    garbage = b""
    if records.garbage is not None:
        found = records.garbage
        garbage = _GARBAGE.pack(found.offset, found.stretches) + os.fsencode(found.file)
    return b"".join(
        (
            _SIZES.pack(len(records.offsets), records.extent, len(garbage)),
            garbage,
            records.offsets.tobytes(),
            records.sizes.tobytes(),
            records.ends_open,
            records.headers,
            records.hashes,
        )
    )


def decode_records(data: bytes) -> FileRecords:
    """The records of a file.

    Raises:
        DecodeError: these are not the bytes of `encode_records`.
    """
    reader = Reader(data)
    count, extent, garbage_size = _SIZES.unpack(reader.take(_SIZES.size))
    garbage = None
    if garbage_size:
        offset, stretches = _GARBAGE.unpack(reader.take(_GARBAGE.size))
        name = os.fsdecode(reader.take(max(0, garbage_size - _GARBAGE.size)))
        garbage = Garbage(name, offset, stretches)
    offsets, sizes = array("q"), array("i")
    offsets.frombytes(reader.take(count * offsets.itemsize))
    sizes.frombytes(reader.take(count * sizes.itemsize))
    records = FileRecords(
        offsets=offsets,
        sizes=sizes,
        ends_open=reader.take(count),
        headers=reader.take(count * HEADER_SIZE),
        hashes=reader.take(count * HASH_SIZE),
        extent=extent,
        garbage=garbage,
    )
    reader.finish()
    return records


def _encode_folder(state: FolderState) -> bytes:
    findings = [
        [f.code, f.verdict, f.severity, f.subject, f.what, f.settle] for f in state.findings
    ]
    work = state.work.to_bytes(32, "little")
    ends = _ENDS.pack(state.tip, state.checked, state.read, state.tip_hash, work)
    stale = b"\0" if state.stale is None else b"\1" + state.stale
    sized = write_compact_size(len(stale)) + stale
    return state.files + ends + sized + json.dumps(findings).encode("ascii")


def _decode_folder(content: bytes) -> FolderState:
    reader = Reader(content)
    files = reader.take(32)
    tip, checked, read, tip_hash, work = _ENDS.unpack(reader.take(_ENDS.size))
    stale = reader.sized_bytes()
    findings = tuple(
        Finding(
            FindingCode(code), Verdict(verdict), Severity(severity), str(subject), str(what),
            str(settle),
        )
        for code, verdict, severity, subject, what, settle in json.loads(
            reader.take(reader.remaining)
        )
    )  # fmt: skip
    return FolderState(
        files,
        Height(tip),
        BlockHash(tip_hash),
        int.from_bytes(work, "little"),
        Height(checked),
        Height(read),
        findings,
        stale[1:] if stale[:1] == b"\1" else None,
    )


def _seal(*columns: bytes) -> bytes:
    digest = hashlib.sha256()
    for column in columns:
        digest.update(len(column).to_bytes(8, "little"))
        digest.update(column)
    return digest.digest()
