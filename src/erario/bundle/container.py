"""A bundle on disk: one zip, or a folder with the same files. Both are read whole, and bounded.

Of a folder, only plain files count, and no link is followed: what is verified is what is there.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from erario.bundle.archive import read_archive
from erario.bundle.errors import BundleCode, BundleError, ReadingCode
from erario.bundle.names import MAX_BYTES, MAX_FILES, check_name, check_names
from erario.errors import Place, RequestError

_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_HANDED_OVER: Final = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")


def read_container(path: Path) -> dict[str, bytes]:
    """The files of a bundle by name: all that must be there, and none that may not.

    Raises:
        BundleError: it is none.
        RequestError: the file or folder cannot be read.
    """
    try:
        files = _read_folder(path) if path.is_dir() else read_archive(read_bounded(path))
    except OSError as error:
        raise not_read(path, error) from error
    check_names(set(files))
    return files


def read_bounded(path: Path, most: int = MAX_BYTES) -> bytes:
    """The bytes of a file, links followed; at most `most`. Nothing else is waited for, but for what
    this process was started with, such as /dev/stdin.

    Raises:
        BundleError: it has more.
        RequestError: it cannot be read, or is no file.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode) and not str(path).startswith(_HANDED_OVER):
            raise OSError(None, "it is no file")
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise not_read(path, error) from error
    if len(data) > most:
        raise BundleError(
            BundleCode.TOO_LARGE,
            f"the file has more than {most:,} bytes",
            remedy="Check that it is the file that you mean: none of its kind is so large.",
            place=Place(str(path)),
        )
    return data


def not_read(path: Path, error: OSError) -> RequestError:
    """The error of a file or folder that is not there, or may not be read."""
    return RequestError(
        ReadingCode.NOT_READ,
        f"it cannot be read: {error.strerror or error}",
        remedy="Check the path, and that you may read it.",
        # Within a folder, the file or folder in it that this is about.
        place=Place(str(error.filename or path)),
    )


def _read_folder(root: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    room = MAX_BYTES
    folders = [""]
    while folders:
        prefix = folders.pop()
        with os.scandir(root / prefix) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            name = prefix + entry.name
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode) and name.count("/") < 5:
                folders.append(f"{name}/")
                continue
            if not stat.S_ISREG(mode):
                raise BundleError(BundleCode.LINK, f"{name[:120]!a} in it is no plain file")
            check_name(name)
            if len(files) == MAX_FILES:
                raise BundleError(BundleCode.TOO_MANY_FILES, f"it has over {MAX_FILES:,} files")
            files[name] = _read_plain(root / name, room)
            room -= len(files[name])
    return files


def _read_plain(path: Path, room: int) -> bytes:
    handle = os.open(path, _FLAGS)
    with os.fdopen(handle, "rb") as file:
        data = file.read(room + 1)
    if len(data) > room:
        raise BundleError(BundleCode.TOO_LARGE, f"it has more than {MAX_BYTES:,} bytes")
    return data
