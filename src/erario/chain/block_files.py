"""How the bytes of block files are read, obfuscated and packed ones too.

    open_block_file(path, key)   one of the files that `block_paths` finds
    BlockFile                    that file, open: `read` for a few bytes, `map` for many

Formats: blk*.dat of Bitcoin Core and Knots, each block behind the network's magic and its length;
`xor.dat` beside them holds 8 bytes that every byte of the files is obfuscated with, by its offset
(Bitcoin Core 28); a single file of such blocks may be packed by bzip2 or Zstandard.

Trusted: nothing. A node may run while its files are read, so they grow, and the zeros that it
keeps in reserve at their end come and go: bytes are read by calls that survive that, and only the
part that holds whole blocks is ever mapped (a mapped page that is cut off kills the process).
"""

from __future__ import annotations

import bz2
import mmap
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import numpy as np
import numpy.typing as npt

from erario.chain.block_paths import KEY_SIZE, unreadable
from erario.chain.errors import ChainCode
from erario.errors import Place, RequestError, SourceError

UNPACKED_FLOOR: Final = 64 << 20
UNPACKED_RATIO: Final = 100
"""A packed file may grow to the larger of the floor (bytes) and this many times its own size;
blocks shrink to a half, empty ones of a test chain to a tenth."""

_BZIP2: Final = b"BZh"
_ZSTANDARD: Final = bytes.fromhex("28b52ffd")
_ZSTANDARD_WINDOW: Final = 1 << 27
_CHUNK: Final = 1 << 20
# One kilobyte of Zstandard unpacks to 32 megabytes at most (runs of 128 KiB in 4 bytes).
_ZSTANDARD_CHUNK: Final = 1 << 10


class BlockFile:
    """A file of blocks, open for reading; offsets and lengths are in bytes.

    `size` is what it had when it was opened; `name` is how findings call it; `stamp` tells later
    whether it is the same, None where its bytes are a copy of ours.
    """

    def __init__(self, name: str, file: IO[bytes], key: bytes | None, *, is_copy: bool) -> None:
        self.name = name
        self.key = key
        self._handle = file.fileno()
        status = os.fstat(self._handle)
        self.size = status.st_size
        self.stamp = None if is_copy else FileStamp.of(status)

    def read(self, offset: int, length: int) -> bytes:
        """The clear bytes from `offset` on, fewer where the file ends."""
        return clear(self.read_as_is(offset, length), self.key, offset)

    def read_as_is(self, offset: int, length: int) -> bytes:
        """The bytes from `offset` on as they lie there, fewer where the file ends."""
        return os.pread(self._handle, max(0, min(length, self.size - offset)), offset)

    def map(self, extent: int) -> npt.NDArray[np.uint8]:
        """The first `extent` bytes as they lie there, mapped and read-only."""
        if extent == 0:
            return np.empty(0, dtype=np.uint8)
        mapped: mmap.mmap
        if sys.version_info >= (3, 13):
            # A folder has thousands of files, more than many systems let a process hold open.
            mapped = mmap.mmap(self._handle, extent, access=mmap.ACCESS_READ, trackfd=False)
        else:
            mapped = mmap.mmap(self._handle, extent, access=mmap.ACCESS_READ)
        return np.frombuffer(mapped, dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class FileStamp:
    """By what a file is known to be the same: device, inode, size, time of change."""

    device: int
    inode: int
    size: int
    changed_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileStamp:
        """The stamp of a file by its status."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


@contextmanager
def open_block_file(path: Path, key: bytes | None) -> Iterator[BlockFile]:
    """Open a block file, unpacked where it is packed. What was mapped outlives it.

    Raises:
        SourceError: it cannot be read, is damaged, or unpacks to more than blocks could.
    """
    try:
        with path.open("rb") as file:
            start = file.read(4)
            file.seek(0)
            if start[:3] == _BZIP2 or start == _ZSTANDARD:
                with tempfile.TemporaryFile(prefix="erario-") as unpacked:
                    _unpack(path, file, unpacked, is_bzip2=start[:3] == _BZIP2)
                    yield BlockFile(path.name, unpacked, key, is_copy=True)
            else:
                yield BlockFile(path.name, file, key, is_copy=False)
    except OSError as error:
        raise unreadable(path, error) from error


def clear(data: bytes, key: bytes | None, offset: int) -> bytes:
    """`data`, which lies at `offset` of a file, without its obfuscation."""
    if key is None or not data:
        return data
    turned = key[offset % KEY_SIZE :] + key[: offset % KEY_SIZE]
    if len(data) <= 256:
        pad = (turned * (len(data) // KEY_SIZE + 1))[: len(data)]
        number = int.from_bytes(data, "little") ^ int.from_bytes(pad, "little")
        return number.to_bytes(len(data), "little")
    pads = np.resize(np.frombuffer(turned, dtype=np.uint8), len(data))
    return (np.frombuffer(data, dtype=np.uint8) ^ pads).tobytes()


def _unpack(path: Path, packed: IO[bytes], out: IO[bytes], *, is_bzip2: bool) -> None:
    limit = max(UNPACKED_FLOOR, UNPACKED_RATIO * os.fstat(packed.fileno()).st_size)
    written = 0
    for chunk in _bzip2_chunks(path, packed) if is_bzip2 else _zstandard_chunks(path, packed):
        written += len(chunk)
        if written > limit:
            raise SourceError(
                ChainCode.UNPACKS_TOO_LARGE,
                f"{path.name} unpacks to more than {limit:,} bytes, which blocks would not",
                remedy="Unpack it by other means, look at it, and give the plain file.",
                place=Place(str(path)),
            )
        out.write(chunk)
    out.flush()


def _bzip2_chunks(path: Path, packed: IO[bytes]) -> Iterator[bytes]:
    try:
        with bz2.BZ2File(packed) as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except (EOFError, ValueError) as error:
        raise _damaged(path) from error
    except OSError as error:
        # Damage comes as an OSError without a number.
        raise (_damaged(path) if error.errno is None else unreadable(path, error)) from error


def _zstandard_chunks(path: Path, packed: IO[bytes]) -> Iterator[bytes]:
    try:
        import zstandard  # noqa: PLC0415 - an extra; only packed files need it
    except ImportError as error:
        raise missing_extra("zstandard") from error
    unpacker = zstandard.ZstdDecompressor(max_window_size=_ZSTANDARD_WINDOW)
    try:
        frame = unpacker.decompressobj()
        while data := packed.read(_ZSTANDARD_CHUNK):
            while data:
                if frame.eof:
                    frame = unpacker.decompressobj()
                yield frame.decompress(data)
                data = frame.unused_data if frame.eof else b""
    except zstandard.ZstdError as error:
        raise _damaged(path) from error
    if not frame.eof:
        raise _damaged(path)


def missing_extra(package: str) -> RequestError:
    """The error for a package of the extra `scan` that is not installed."""
    return RequestError(
        ChainCode.EXTRA_MISSING,
        f"reading block files needs {package}, which is not installed",
        remedy='Install it with: pip install "erario[scan]"',
    )


def _damaged(path: Path) -> SourceError:
    return SourceError(
        ChainCode.DAMAGED,
        f"{path.name} is damaged or cut: it does not unpack",
        remedy="Get the file again and compare its SHA-256.",
        place=Place(str(path)),
    )
