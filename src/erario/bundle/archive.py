"""The one zip that a set of files makes, and its strict reader.

Nothing is compressed: every version of a compressor writes other bytes, and what is not compressed
cannot be a bomb. Names are sorted, times are the first that a zip can say, attributes are those of
a plain file. Invariant: whatever is read is, byte for byte, what `write_archive` makes of it, so
that no two zips stand for the same files. Layout by PKWARE's APPNOTE 6.3.10, sections 4.3.7, 4.3.12
and 4.3.16.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import Final

from erario.bundle.errors import BundleCode, BundleError
from erario.bundle.names import MAX_BYTES, MAX_FILES, check_name

_LOCAL: Final = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL: Final = struct.Struct("<4sBBHHHHHIIIHHHHHII")
_END: Final = struct.Struct("<4sHHHHIIH")
_LOCAL_SIGN: Final = b"PK\x03\x04"
_CENTRAL_SIGN: Final = b"PK\x01\x02"
_END_SIGN: Final = b"PK\x05\x06"

_VERSION: Final = 20
_UNIX: Final = 3
_DATE: Final = 1 << 5 | 1
"""1980-01-01, the first day that a zip can say."""
_MODE: Final = 0o100644 << 16
_KIND: Final = 0o170000 << 16
_LINK: Final = 0o120000 << 16
_ENCRYPTED: Final = 1


def write_archive(files: Mapping[str, bytes]) -> bytes:
    """The zip of these files, by name."""
    parts: list[bytes] = []
    central: list[bytes] = []
    offset = 0
    for name in sorted(files):
        data, raw_name = files[name], name.encode("ascii")
        check, size, length = zlib.crc32(data), len(data), len(raw_name)
        head = _LOCAL.pack(
            _LOCAL_SIGN, _VERSION, 0, 0, 0, _DATE, check, size, size, length, 0
        )  # fmt: skip
        parts += [head, raw_name, data]
        central += [_central(raw_name, check, size, offset), raw_name]
        offset += len(head) + length + size
    directory = b"".join(central)
    count = len(files)
    end = _END.pack(_END_SIGN, 0, 0, count, count, len(directory), offset, 0)
    return b"".join((*parts, directory, end))


def read_archive(data: bytes) -> dict[str, bytes]:
    """The files of a zip that `write_archive` could have made.

    Raises:
        BundleError: it is another, with what is wrong first.
    """
    if not data.startswith(_LOCAL_SIGN):
        raise BundleError(
            BundleCode.NOT_A_BUNDLE,
            "the file is no bundle: it starts otherwise",
            remedy="Give the file that erario bundle wrote, or the folder. If this one was given "
            "to you as a bundle, do not rely on it.",
        )
    files: dict[str, bytes] = {}
    at = 0
    while data[at : at + 4] == _LOCAL_SIGN:
        if len(files) == MAX_FILES:
            raise BundleError(BundleCode.TOO_MANY_FILES, f"it has more than {MAX_FILES:,} files")
        name, content, at = _read_local(data, at)
        if name in files:
            raise BundleError(BundleCode.DUPLICATE_NAME, f"it has the file {name} twice")
        files[name] = content
    _check_directory(data, at, len(files))
    if write_archive(files) != data:
        raise BundleError(BundleCode.LAYOUT, "its zip is not laid out as a bundle's")
    return files


def _central(name: bytes, check: int, size: int, offset: int) -> bytes:
    return _CENTRAL.pack(
        _CENTRAL_SIGN, _VERSION, _UNIX, _VERSION, 0, 0, 0, _DATE, check, size, size,
        len(name), 0, 0, 0, 0, _MODE, offset,
    )  # fmt: skip


def _read_local(data: bytes, at: int) -> tuple[str, bytes, int]:
    """A file at an offset, and the offset behind it."""
    (_, _, flags, method, _, _, check, packed, size, name_length, extra) = _LOCAL.unpack(
        _slice(data, at, _LOCAL.size)
    )
    raw_name = _slice(data, at + _LOCAL.size, name_length)
    name = raw_name.decode("ascii", "backslashreplace")
    check_name(name)
    if flags & _ENCRYPTED:
        raise BundleError(BundleCode.ENCRYPTED, f"its file {name} is encrypted")
    if method:
        raise BundleError(
            BundleCode.COMPRESSED,
            f"its file {name} is compressed",
            remedy="Unpack it to a folder that you trust yourself to fill, and verify that folder.",
        )
    if flags or extra or packed != size:
        raise BundleError(BundleCode.LAYOUT, f"its file {name} is not stored as a bundle's")
    start = at + _LOCAL.size + name_length
    content = _slice(data, start, size)
    if zlib.crc32(content) != check:
        raise BundleError(BundleCode.CHECKSUM, f"its file {name} does not have its checksum")
    return name, content, start + size


def _check_directory(data: bytes, at: int, count: int) -> None:
    """Say what is wrong with the directory where that has a name of its own."""
    for _ in range(count):
        found = _CENTRAL.unpack(_slice(data, at, _CENTRAL.size))
        if found[0] != _CENTRAL_SIGN:
            raise BundleError(BundleCode.LAYOUT, "its zip has no directory of all its files")
        if found[16] & _KIND == _LINK:
            raise BundleError(BundleCode.LINK, "its zip has a symbolic link in it")
        at += _CENTRAL.size + sum(found[11:14])
    end = _END.unpack(_slice(data, at, _END.size))
    if end[0] != _END_SIGN:
        raise BundleError(BundleCode.LAYOUT, "its zip does not end as a bundle's")
    if len(data) != at + _END.size:
        raise BundleError(BundleCode.TRAILING, "bytes follow where its zip ends")


def _slice(data: bytes, at: int, size: int) -> bytes:
    if size > MAX_BYTES or at + size > len(data):
        raise BundleError(BundleCode.TRUNCATED, "its zip ends too early")
    return data[at : at + size]
