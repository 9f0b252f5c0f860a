"""Writing files whole or not at all.

`write_whole` is the one way in which erario writes a file: a temporary file beside the target,
fsync, rename, fsync of the folder. Whoever looks sees the old bytes or the new ones, never a part.
"""

from __future__ import annotations

import os
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
        OutputError: nothing was changed at `path`.
    """
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_mode_for(path))
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()
        raise OutputError(
            FileCode.NOT_WRITTEN,
            f"could not write {path}: {error.strerror or error}",
            remedy="Check that the folder exists, may be written to and has room.",
            place=Place(str(path)),
        ) from error


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
