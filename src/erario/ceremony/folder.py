"""A ceremony on disk.

    FOLDER/ceremony.json     what was asked (`state_file`)
    FOLDER/message.txt       the message, with no line end behind it
    FOLDER/README.txt        what signers do, in words
    FOLDER/to-sign/*.psbt    what signers are given
    FOLDER/signed/           where what comes back is put

The folder appears whole or not at all: it is made beside its place and renamed. From then on erario
writes nothing into it, but for `start` again with the same question, which puts back what is gone.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from erario.ceremony.errors import CeremonyCode, CeremonyError
from erario.ceremony.plan import Ceremony
from erario.ceremony.returned import MAX_FILE
from erario.ceremony.state_file import MAX_BYTES, ceremony_json, read_ceremony
from erario.errors import OutputError, Place
from erario.files import FileCode, write_whole

STATE: Final = "ceremony.json"
SIGNED: Final = "signed"
MAX_FILES: Final = 10_000
_README: Final = """\
What is asked of you
====================

Sign this message with the keys of {holder}, block {height}:

{message}

1. Check on your device that it shows this message, letter by letter. Some devices
   show a payment of 0 instead: it spends nothing, since it spends a coin that does
   not exist. Do not sign where the device shows any other output than one of 0.
2. Sign every file in to-sign/ with the wallet that its name begins with, and put
   what comes back into signed/, under any name. Partial signatures are welcome.
3. Where a wallet signs messages, not files: paste the line that message.txt holds
   (it has no line end; do not type one), and put a text file into signed/ with
   one line for each: the address, a blank, the signature.

Nobody needs your private key or your seed phrase for this. Never type one.
"""


def write_folder(ceremony: Ceremony, folder: Path) -> bool:
    """Write the folder of a ceremony; whether it was new.

    Raises:
        CeremonyError: something else is there, or another ceremony.
        OutputError: it cannot be written; nothing was left behind.
    """
    files = _files(ceremony)
    if (folder / STATE).exists():
        if _read(folder / STATE, MAX_BYTES) != files[STATE]:
            raise CeremonyError(
                CeremonyCode.FOLDER_OTHER,
                "the folder is of another ceremony",
                remedy="Give -o a new folder: what was signed there stays with what was asked.",
                place=Place(str(folder)),
            )
        for name, data in files.items():
            path = folder / name
            if not path.exists() or _read(path, MAX_BYTES) != data:
                path.parent.mkdir(exist_ok=True)
                write_whole(path, data)
        (folder / SIGNED).mkdir(exist_ok=True)
        return False
    check_free(folder)
    _write_new(files, folder)
    return True


def check_free(folder: Path) -> None:
    """Refuse a place where something stands that is no ceremony.

    Raises:
        CeremonyError: it does.
    """
    try:
        is_taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    except OSError as error:
        raise _not_written(folder, error) from error
    if is_taken and not (folder / STATE).exists():
        raise CeremonyError(
            CeremonyCode.FOLDER_BUSY,
            "something else is there, and is not written over",
            remedy="Give -o a folder that is new or empty.",
            place=Place(str(folder)),
        )


def read_folder(folder: Path) -> Ceremony:
    """The ceremony in a folder.

    Raises:
        CeremonyError: there is none, or it is damaged.
    """
    path = folder / STATE
    if not path.is_file():
        raise CeremonyError(
            CeremonyCode.FOLDER_NONE,
            f"there is no {STATE} here",
            remedy="Give the folder that erario prove start wrote.",
            place=Place(str(folder)),
        )
    return read_ceremony(_read(path, MAX_BYTES), str(path))


def returned_files(folder: Path, given: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of what came back: what lies in `signed`, then what was given; a folder
    stands for the files in it. Hidden files are left out.

    Raises:
        CeremonyError: a file cannot be read, or there are too many.
    """
    paths = [path for start in (folder / SIGNED, *given) for path in _walk(start)]
    if len(paths) > MAX_FILES:
        raise CeremonyError(
            CeremonyCode.TOO_MANY,
            f"there are {len(paths):,} files; at most {MAX_FILES:,} are read",
            remedy="Leave only what signers sent back.",
            place=Place(str(folder)),
        )
    for path in dict.fromkeys(paths):
        yield str(path), _read(path, MAX_FILE)


def _walk(start: Path) -> list[Path]:
    if not start.is_dir():
        return [start] if start.name != SIGNED or start.exists() else []
    found = []
    for root, folders, names in os.walk(start):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        found += [Path(root) / name for name in sorted(names) if not name.startswith(".")]
        if len(found) > MAX_FILES:
            break
    return found


def _files(ceremony: Ceremony) -> Mapping[str, bytes]:
    readme = _README.format(
        holder=ceremony.message.holder,
        height=f"{ceremony.message.height:,}",
        message=ceremony.message.text,
    )
    psbts = {f"to-sign/{ask.name}.psbt": ask.psbt.to_bytes() for ask in ceremony.asks}
    return {
        **psbts,
        "message.txt": ceremony.message.text.encode("ascii"),
        "README.txt": readme.encode("ascii"),
        STATE: ceremony_json(ceremony),
    }


def _write_new(files: Mapping[str, bytes], folder: Path) -> None:
    made: Path | None = None
    try:
        place = folder.resolve()
        made = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
        for name in ("to-sign", SIGNED):
            (made / name).mkdir()
        for name, data in files.items():
            write_whole(made / name, data)
        umask = os.umask(0)
        os.umask(umask)
        made.chmod(0o777 & ~umask)
        if place.exists():
            place.rmdir()
        made.rename(place)
        made = None
    except OSError as error:
        raise _not_written(folder, error) from error
    finally:
        if made is not None:
            with suppress(OSError):
                shutil.rmtree(made)


def _not_written(folder: Path, error: OSError) -> OutputError:
    return OutputError(
        FileCode.NOT_WRITTEN,
        f"could not write {folder}: {error.strerror or error}",
        remedy="Check that the folder above it exists, may be written to and has room.",
        place=Place(str(folder)),
    )


def _read(path: Path, most: int) -> bytes:
    """At most `most` bytes and one more of a regular file."""
    try:
        if not path.is_file():
            raise OSError(None, "it is no file")
        with path.open("rb") as file:
            return file.read(most + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "its name cannot be"
        raise CeremonyError(
            CeremonyCode.UNREADABLE,
            f"the file cannot be read: {why}",
            remedy="Name a file that is there and that you may read.",
            place=Place(str(path)),
        ) from error
