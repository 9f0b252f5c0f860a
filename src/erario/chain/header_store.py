"""The verified headers of a network's best chain, in a flat file.

    16 bytes   "erario headers" and the version, u16
    80 bytes   for each block from genesis on: its header
     8 bytes   how many headers there are, u32, and their CRC-32

A torn write leaves a tail without the right end: it is cut when the file is opened, and so is all
that follows a flipped byte, since every header names the hash of the one before. What is left is
what was once verified, so it is not verified again: a checksum finds accidents, and stops nobody
who means harm.

Written under the lock of the state folder only. A reorganisation cuts the file at the fork and
appends: whatever moment the process dies at, the file is the start of the old chain or of the new.
"""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import Final

from erario.bitcoin.header import HEADER_SIZE
from erario.bitcoin.values import sha256d
from erario.chain.store_errors import (
    damaged,
    foreign,
    not_written,
    other_version,
    unreadable_store,
)

FILE_NAME: Final = "headers.dat"

_VERSION: Final = 1
_NAME: Final = b"erario headers"
_START: Final = _NAME + _VERSION.to_bytes(2, "little")
_END: Final = struct.Struct("<II")
_PREVIOUS: Final = slice(4, 36)


class HeaderStore:
    """The file at `path`. `headers` holds what of it can be believed, 80 bytes a block."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.headers = b""
        self._sum = 0
        self._mark: tuple[int, int, int] | None = None

    @property
    def count(self) -> int:
        """How many headers there are, genesis included."""
        return len(self.headers) // HEADER_SIZE

    def load(self) -> bool:
        """Read what is there, unless it was read before and is the same; whether it was read.

        Raises:
            DamagedStoreError: it is not ours, of another version, or was cut at damage; `headers`
                holds what is left.
            StoreError: it cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                mark = (status.st_ino, status.st_size, status.st_mtime_ns)
                if mark == self._mark:
                    return False
                start = file.read(len(_START))
                # In one piece, and not copied again: a whole chain is 70 MB.
                body = file.read(max(0, status.st_size - len(_START) - _END.size))
                end = file.read()
        except FileNotFoundError:
            start = body = end = b""
            mark = None
        except OSError as error:
            raise unreadable_store(self.path, error.strerror or str(error)) from error
        self._mark, self.headers, self._sum = mark, b"", 0
        if start != _START:
            if _START.startswith(start):
                return True  # torn while it was made, or not there
            raise other_version(self.path) if start.startswith(_NAME) else foreign(self.path)
        checksum = zlib.crc32(body)
        if not len(body) % HEADER_SIZE and end == _end(body, checksum):
            self.headers, self._sum = body, checksum
        else:
            self._salvage(body + end)
        return True

    def replace(self, headers: bytes) -> None:
        """Make `headers` what is kept: the file is cut where they part, and goes on with them.

        Raises:
            StoreError: it cannot be written; what it holds is the start of one of both chains.
        """
        common = common_headers(self.headers, headers) * HEADER_SIZE
        start = len(_START) + common if common else 0
        if common == len(self.headers):
            checksum = zlib.crc32(memoryview(headers)[common:], self._sum)
        else:
            checksum = zlib.crc32(headers)
        added = (b"" if common else _START) + headers[common:] + _end(headers, checksum)
        self._mark = None
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.ftruncate(handle, start)
                _write_all(handle, added, start)
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            # So much of it is there for sure, for whoever tries once more.
            self.headers = headers[:common]
            self._sum = zlib.crc32(self.headers)
            raise not_written(self.path, error.strerror or str(error)) from error
        self.headers, self._sum = headers, checksum

    def _salvage(self, body: bytes) -> None:
        """Take over the headers that are named by the one behind them.

        Raises:
            DamagedStoreError: there are more, but they do not follow.
        """
        whole = len(body) // HEADER_SIZE
        good = 0
        while good + 1 < whole:
            start, behind = good * HEADER_SIZE, (good + 1) * HEADER_SIZE
            following = body[behind : behind + HEADER_SIZE]
            if sha256d(body[start:behind]) != following[_PREVIOUS]:
                break
            good += 1
        self.headers = body[: good * HEADER_SIZE]
        self._sum = zlib.crc32(self.headers)
        if good + 1 < whole:
            raise damaged(self.path, f"from block {good} on")


def common_headers(one: bytes, other: bytes) -> int:
    """How many headers two chains have in common, by bisection: each names the one before."""
    low, high = 0, min(len(one), len(other)) // HEADER_SIZE
    while low < high:
        middle = (low + high + 1) // 2
        last = slice((middle - 1) * HEADER_SIZE, middle * HEADER_SIZE)
        if one[last] == other[last]:
            low = middle
        else:
            high = middle - 1
    return low


def _end(headers: bytes, checksum: int) -> bytes:
    return _END.pack(len(headers) // HEADER_SIZE, checksum)


def _write_all(handle: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(handle, view, offset)
        view, offset = view[written:], offset + written
