"""Reading and writing the protocol's serialisation: little-endian integers and compact sizes.

Invariant: a `Reader` never goes past its bytes, and nothing is built from a count before the
count has been held against the bytes that are left. Rules as Bitcoin Core's serialize.h: a
compact size must be the shortest form of its number and at most 32 MiB (0x02000000).
"""

from __future__ import annotations

import struct
from typing import Final

from erario.bitcoin.errors import BitcoinCode, DecodeError

MAX_SIZE: Final = 0x02000000
"""The largest compact size (Bitcoin Core, serialize.h, MAX_SIZE)."""

_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_U64 = struct.Struct("<Q")
_I64 = struct.Struct("<q")


class Reader:
    """A position in bytes that are read from front to back.

    Every method raises `DecodeError` (truncated) where the bytes end too early.
    """

    __slots__ = ("_data", "_end", "position")

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = memoryview(data).cast("B") if isinstance(data, memoryview) else data
        self._end = len(self._data)
        self.position = 0

    @property
    def remaining(self) -> int:
        """How many bytes are left."""
        return self._end - self.position

    def take(self, size: int) -> bytes:
        """The next `size` bytes, copied."""
        start = self._advance(size)
        return bytes(self._data[start : start + size])

    def since(self, start: int) -> bytes:
        """The bytes from `start` up to the position, copied."""
        return bytes(self._data[start : self.position])

    def u8(self) -> int:
        """An unsigned byte."""
        return self._data[self._advance(1)]

    def u16(self) -> int:
        """An unsigned 16-bit integer."""
        return int(_U16.unpack_from(self._data, self._advance(2))[0])

    def u32(self) -> int:
        """An unsigned 32-bit integer."""
        return int(_U32.unpack_from(self._data, self._advance(4))[0])

    def i32(self) -> int:
        """A signed 32-bit integer."""
        return int(_I32.unpack_from(self._data, self._advance(4))[0])

    def u64(self) -> int:
        """An unsigned 64-bit integer."""
        return int(_U64.unpack_from(self._data, self._advance(8))[0])

    def i64(self) -> int:
        """A signed 64-bit integer."""
        return int(_I64.unpack_from(self._data, self._advance(8))[0])

    def compact_size(self) -> int:
        """A compact size.

        Raises:
            DecodeError: not the shortest form of its number, or more than `MAX_SIZE`.
        """
        size = self.u8()
        if size < 0xFD:
            return size
        if size == 0xFD:
            size, least = self.u16(), 0xFD
        elif size == 0xFE:
            size, least = self.u32(), 0x10000
        else:
            size, least = self.u64(), 0x100000000
        if size < least:
            raise DecodeError(
                BitcoinCode.DECODE_NOT_CANONICAL, f"the compact size {size} is not in shortest form"
            )
        if size > MAX_SIZE:
            raise DecodeError(
                BitcoinCode.DECODE_TOO_LARGE, f"the compact size {size} is above {MAX_SIZE}"
            )
        return size

    def count(self, least_bytes: int) -> int:
        """A compact size that counts things of at least `least_bytes` bytes each.

        Raises:
            DecodeError: so many things cannot be in the bytes that are left.
        """
        count = self.compact_size()
        if count * least_bytes > self.remaining:
            raise DecodeError(
                BitcoinCode.DECODE_TRUNCATED,
                f"{count} things are announced, but only {self.remaining} bytes are left",
            )
        return count

    def sized_bytes(self) -> bytes:
        """Bytes behind their own compact size: scripts and witness items."""
        return self.take(self.compact_size())

    def finish(self) -> None:
        """Check that nothing is left.

        Raises:
            DecodeError: bytes follow.
        """
        if self.remaining:
            raise DecodeError(
                BitcoinCode.DECODE_TRAILING, f"{self.remaining} bytes follow where nothing should"
            )

    def _advance(self, size: int) -> int:
        start = self.position
        if size > self._end - start:
            raise DecodeError(
                BitcoinCode.DECODE_TRUNCATED,
                f"the bytes end at {self._end}, {size} were needed from {start} on",
            )
        self.position = start + size
        return start


def write_compact_size(size: int) -> bytes:
    """The shortest form of `size`, 0 to 2^64 - 1."""
    if size < 0xFD:
        return bytes((size,))
    if size <= 0xFFFF:
        return b"\xfd" + _U16.pack(size)
    if size <= 0xFFFFFFFF:
        return b"\xfe" + _U32.pack(size)
    return b"\xff" + _U64.pack(size)
