"""The verified headers of a network's best chain, in a flat file.

    16 bytes   "erario headers" and the version, u16
    84 bytes   for each block from genesis on: its header, and the CRC-32 of all headers so far

A torn write leaves a tail that has no right CRC: it is cut when the file is opened, and so is all
that follows a flipped byte. What is left is what was once verified, so it is not verified again;
a CRC finds accidents and stops nobody who means harm.

Written under the lock of the state folder only. A reorganisation cuts the file at the fork and
appends: whatever moment the process dies at, the file is the start of the old chain or of the new.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Final

from erario.bitcoin.header import HEADER_SIZE
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
_RECORD: Final = HEADER_SIZE + 4
_STEP: Final = 4096
"""Headers whose CRC is looked at together where the last one is wrong."""


class HeaderStore:
    """The file at `path`. `headers` holds what of it can be believed, 80 bytes a block."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.headers = b""
        self._crc = 0
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
                data = file.read()
        except FileNotFoundError:
            data, mark = b"", None
        except OSError as error:
            raise unreadable_store(self.path, error.strerror or str(error)) from error
        self._mark = mark
        self.headers, self._crc = b"", 0
        if data and not data.startswith(_START):
            if _START.startswith(data[: len(_START)]):
                return True  # torn while it was made
            raise other_version(self.path) if data.startswith(_NAME) else foreign(self.path)
        records = data[len(_START) :]
        whole = len(records) // _RECORD
        self._believe(memoryview(records)[: whole * _RECORD])
        if self.count < whole:
            raise damaged(self.path, f"from block {self.count} on")
        return True

    def replace(self, headers: bytes) -> None:
        """Make `headers` what is kept: the file is cut where they part, and goes on with them.

        Raises:
            StoreError: it cannot be written; what it holds is the start of one of both chains.
        """
        common = common_headers(self.headers, headers)
        old_crc = self._crc
        crc = old_crc if common == self.count else zlib.crc32(headers[: common * HEADER_SIZE])
        added = bytearray()
        for start in range(common * HEADER_SIZE, len(headers), HEADER_SIZE):
            header = headers[start : start + HEADER_SIZE]
            crc = zlib.crc32(header, crc)
            added += header + crc.to_bytes(4, "little")
        self._mark = None
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "r+b", buffering=0) as file:
                self._write(file.fileno(), common, added)
        except OSError as error:
            raise not_written(self.path, error.strerror or str(error)) from error
        self.headers, self._crc = headers, crc

    def _write(self, handle: int, common: int, added: bytearray) -> None:
        if common == 0:
            os.ftruncate(handle, 0)
            _write_all(handle, _START, 0)
        start = len(_START) + common * _RECORD
        os.ftruncate(handle, start)
        _write_all(handle, added, start)
        os.fsync(handle)

    def _believe(self, records: memoryview) -> None:
        """Take over the records up to the first one whose CRC is wrong."""
        headers = _without_crcs(records)
        crc = zlib.crc32(headers)
        if records and crc.to_bytes(4, "little") != records[-4:]:
            crc, good = 0, 0
            total = len(headers) // HEADER_SIZE
            for step in (_STEP, 1):
                while good < total:
                    end = min(good + step, total)
                    following = zlib.crc32(headers[good * HEADER_SIZE : end * HEADER_SIZE], crc)
                    if (
                        following.to_bytes(4, "little")
                        != records[end * _RECORD - 4 : end * _RECORD]
                    ):
                        break
                    crc, good = following, end
            headers = headers[: good * HEADER_SIZE]
        self.headers, self._crc = headers, crc


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


def _without_crcs(records: memoryview) -> bytes:
    import numpy as np  # noqa: PLC0415 - whoever only asks what is kept needs none

    rows = np.frombuffer(records, np.uint8).reshape(-1, _RECORD)
    return rows[:, :HEADER_SIZE].tobytes()


def _write_all(handle: int, data: bytes | bytearray, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(handle, view, offset)
        view, offset = view[written:], offset + written
