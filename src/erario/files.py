"""Writing files whole or not at all.

`write_whole` is the one way in which erario writes a file: a temporary file beside the target,
fsync, rename, fsync of the folder. Whoever looks sees the old bytes or the new ones, never a part.
A link is followed: the file behind it is replaced, not the link. A device or a pipe cannot be
replaced, and is written to as it is.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from erario.errors import OutputError, Place


class FileCode(StrEnum):
    """Codes of the errors of this module."""

    NOT_WRITTEN = "file.not-written"


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all.

    Raises:
        OutputError: nothing was changed at `path`; where that is a device or a pipe, part of the
            bytes may have gone into it.
    """
    try:
        if _is_regular(path):
            _replace(path.resolve(), data)
        else:
            with path.open("wb") as stream:
                stream.write(data)
    except OSError as error:
        raise OutputError(
            FileCode.NOT_WRITTEN,
            f"could not write {path}: {error.strerror or error}",
            remedy="Check that the folder exists, may be written to and has room.",
            place=Place(str(path)),
        ) from error


def _is_regular(path: Path) -> bool:
    """Whether a file is there that can be replaced, or none; links are followed."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True


def _replace(path: Path, data: bytes) -> None:
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_mode_for(path))
        temporary.replace(path)
    except BaseException:
        # An interrupt too: whatever stops it, no half file stays behind.
        with suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)


def _mode_for(path: Path) -> int:
    """The mode of the file that is replaced, or what the umask leaves of rw-rw-rw-."""
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask


def _sync_folder(folder: Path) -> None:
    # Without it a crash may undo the rename; some file systems refuse to open folders.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
