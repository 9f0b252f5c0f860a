"""A ceremony on disk.

    FOLDER/ceremony.json     what was asked (`state_file`)
    FOLDER/message.txt       the message, with no line end behind it
    FOLDER/README.txt        what signers do, in words
    FOLDER/scripts.csv       which scripts each PSBT proves
    FOLDER/to-sign/*.psbt    what signers are given
    FOLDER/signed/           where what comes back is put

The folder appears whole or not at all: it is made beside its place and renamed. From then on erario
writes nothing into it, but for `start` again with the same question, which puts back what is gone.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from erario.bitcoin.address import show_address
from erario.ceremony.errors import CeremonyCode, CeremonyError
from erario.ceremony.plan import Ceremony
from erario.ceremony.returned import MAX_FILE
from erario.ceremony.state_file import MAX_BYTES, ceremony_json, read_ceremony
from erario.errors import OutputError, Place
from erario.files import FileCode, write_whole

STATE: Final = "ceremony.json"
TO_SIGN: Final = "to-sign"
SIGNED: Final = "signed"
MAX_FILES: Final = 10_000
MAX_TOTAL: Final = 1 << 30
"""Bytes of all files that are read together."""
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
   one line for each: the address, a blank, the signature. scripts.csv lists all
   addresses.

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
        _put_back(files, folder)
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


def returned_files(
    ceremony: Ceremony, folder: Path, given: Sequence[Path]
) -> Iterator[tuple[str, bytes | CeremonyError]]:
    """Names and bytes of what came back: what lies in `signed`, what was signed in its place in
    `to-sign`, then what was given; a folder stands for the files in it. Hidden files are left out.
    Where one in a folder cannot be read, the error stands for its bytes: the others still count.

    Raises:
        CeremonyError: a file that was named cannot be read, or there is too much.
    """
    asked = {folder / TO_SIGN / f"{ask.name}.psbt": ask for ask in ceremony.asks}
    starts = (folder / SIGNED, folder / TO_SIGN, *given)
    paths = dict.fromkeys(path for start in starts for path in _walk(start))
    size = 0
    for number, path in enumerate(paths):
        data: bytes | CeremonyError
        try:
            data = _read(path, MAX_FILE)
        except CeremonyError as error:
            if path in given:
                raise
            data = error
        if path in asked and data == asked[path].psbt.to_bytes():
            continue
        size += 0 if isinstance(data, CeremonyError) else len(data)
        if size > MAX_TOTAL or number - len(asked) >= MAX_FILES:
            raise CeremonyError(
                CeremonyCode.TOO_MANY,
                f"there are more than {MAX_FILES:,} files, or {MAX_TOTAL >> 20} MiB of them",
                remedy="Leave only what signers sent back.",
                place=Place(str(folder)),
            )
        yield str(path), data


def _walk(start: Path) -> list[Path]:
    if not start.is_dir():
        return [start] if start.name not in {SIGNED, TO_SIGN} or start.exists() else []
    found = []
    for root, folders, names in os.walk(start):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        found += [Path(root) / name for name in sorted(names) if not name.startswith(".")]
    return found


def _files(ceremony: Ceremony) -> Mapping[str, bytes]:
    readme = _README.format(
        holder=ceremony.message.holder,
        height=f"{ceremony.message.height:,}",
        message=ceremony.message.text,
    )
    psbts = {f"{TO_SIGN}/{ask.name}.psbt": ask.psbt.to_bytes() for ask in ceremony.asks}
    return {
        **psbts,
        "scripts.csv": _scripts_csv(ceremony),
        "message.txt": ceremony.message.text.encode("ascii"),
        "README.txt": readme.encode("ascii"),
        STATE: ceremony_json(ceremony),
    }


def _scripts_csv(ceremony: Ceremony) -> bytes:
    rows = ["proof,wallet,address,script"]
    rows += [
        f"{ask.name},{ask.wallet},{show_address(script, ceremony.network) or ''},{script.hex()}"
        for ask in ceremony.asks
        for script in ask.scripts
    ]
    return "".join(f"{row}\n" for row in rows).encode("ascii")


def _put_back(files: Mapping[str, bytes], folder: Path) -> None:
    """Write what is gone or altered; a PSBT that was signed in its place is kept in `signed`."""
    for name in (TO_SIGN, SIGNED):
        (folder / name).mkdir(exist_ok=True)
    for name, data in files.items():
        path = folder / name
        found = _read(path, MAX_BYTES) if path.exists() else None
        if found == data:
            continue
        if found is not None and path.parent.name == TO_SIGN:
            digest = hashlib.sha256(found).hexdigest()[:8]
            write_whole(folder / SIGNED / f"{path.stem}-{digest}.psbt", found)
        write_whole(path, data)


def _write_new(files: Mapping[str, bytes], folder: Path) -> None:
    made: Path | None = None
    try:
        place = folder.resolve()
        made = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
        for name in (TO_SIGN, SIGNED):
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
