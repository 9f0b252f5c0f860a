"""Stretches of headers that were fetched below and behind pins, in a flat file.

    16 bytes   "erario pinned\\0" and the version, u16
    records    height of the first header, u32; number of headers, u32; the headers, 80 bytes each;
               CRC-32 of all that, u32; numbers are little-endian

Nothing here is believed: a stretch counts once it is linked to a pin again, and what stands behind
the last pin once it keeps every rule again. So records are only appended, later ones count before
earlier ones, nothing is waited for, and a torn or flipped record is cut with all behind it.
Written under the lock of the state folder only.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from erario.bitcoin.header import HEADER_SIZE
from erario.chain.store_errors import (
    DamagedStoreError,
    StoreCode,
    damaged,
    foreign,
    not_written,
    other_version,
    unreadable_store,
)

FILE_NAME: Final = "headers-pinned.dat"

_VERSION: Final = 1
_NAME: Final = b"erario pinned\0"
_START: Final = _NAME + _VERSION.to_bytes(2, "little")
_HEAD: Final = struct.Struct("<II")
_END: Final = struct.Struct("<I")
_MOST_BYTES: Final = 256_000_000
"""Twice what all headers of a chain take for long to come: a larger file is begun anew."""


Stretch = tuple[int, bytes]
"""The height of the first header, and the headers."""


class StretchStore:
    """The file at `path`. `stretches` holds what of it is whole, in the order kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stretches: list[Stretch] = []
        self._good_end = 0

    def load(self) -> None:
        """Read what is there.

        Raises:
            DamagedStoreError: it is not ours, of another version, or was cut at a flipped bit.
            StoreError: it cannot be read.
        """
        self.stretches, self._good_end = [], 0
        try:
            with self.path.open("rb") as file:
                data = file.read(_MOST_BYTES + 1)
        except FileNotFoundError:
            return
        except OSError as error:
            raise unreadable_store(self.path, error.strerror or str(error)) from error
        if not data.startswith(_START):
            if _START.startswith(data):
                return  # torn while it was made
            raise other_version(self.path) if data.startswith(_NAME) else foreign(self.path)
        if len(data) <= _MOST_BYTES:
            self._read_records(data)

    def append(self, stretches: Sequence[Stretch]) -> None:
        """Keep some more, behind what is there.

        Raises:
            StoreError: it cannot be read or written.
        """
        self._catch_up()
        added = b"" if self._good_end else _START
        for start, headers in stretches:
            body = _HEAD.pack(start, len(headers) // HEADER_SIZE) + headers
            added += body + _END.pack(zlib.crc32(body))
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.ftruncate(handle, self._good_end)
                end = self._good_end
                view = memoryview(added)
                while view:
                    written = os.pwrite(handle, view, end)
                    view, end = view[written:], end + written
                # Only now: what a full disk leaves of a record is cut the next time.
                self._good_end = end
            finally:
                os.close(handle)
        except OSError as error:
            raise not_written(self.path, error.strerror or str(error)) from error

    def _catch_up(self) -> None:
        """Read again what another run has written meanwhile."""
        try:
            size = self.path.stat().st_size
        except OSError:
            size = 0
        if size == self._good_end:
            return
        try:
            self.load()
        except DamagedStoreError as error:
            if error.code != StoreCode.DAMAGED:
                raise

    def _read_records(self, data: bytes) -> None:
        at = len(_START)
        while at + _HEAD.size <= len(data):
            start, count = _HEAD.unpack_from(data, at)
            end = at + _HEAD.size + count * HEADER_SIZE
            if end + _END.size > len(data):
                break
            if _END.unpack_from(data, end)[0] != zlib.crc32(memoryview(data)[at:end]):
                self._good_end = at
                raise damaged(self.path, f"from byte {at} on")
            self.stretches.append((start, data[at + _HEAD.size : end]))
            at = end + _END.size
        self._good_end = at
