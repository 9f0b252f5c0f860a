"""Writing a reserve to a folder: the files that it names first, `reserve.toml` last.

So a run that is cut off leaves no reserve that names what is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from erario.errors import OutputError, Place, RequestError
from erario.files import write_whole
from erario.reserve.loader import FILE_NAME


class SavingCode(StrEnum):
    """Codes of the errors of this module."""

    EXISTS = "save.exists"
    NO_FOLDER = "save.no-folder"


def save_reserve(folder: Path, files: Mapping[str, bytes], *, force: bool) -> tuple[Path, ...]:
    """Write the files of a reserve to `folder`; the paths that were written, in order.

    Raises:
        RequestError: one of them is there, and `force` is not given; nothing was written.
        OutputError: the folder or a file cannot be written.
    """
    there = [name for name in files if (folder / name).exists()]
    if there and not force:
        raise RequestError(
            SavingCode.EXISTS,
            "the file is there already, and is not overwritten",
            remedy="Choose another folder, or move the file away; erario init takes --force.",
            place=Place(str(folder / there[0])),
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            SavingCode.NO_FOLDER,
            f"could not make the folder {folder}: {error.strerror or error}",
            remedy="Choose a folder that can be made, or make it yourself.",
            place=Place(str(folder)),
        ) from error
    written = []
    for name in sorted(files, key=lambda name: name == FILE_NAME):
        write_whole(folder / name, files[name])
        written.append(folder / name)
    return tuple(written)
