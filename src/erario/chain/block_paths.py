"""Which files of blocks a path means, and the key that obfuscates them.

    find_block_files(path, network)        a node's `blocks` folder, its data directory, or one file
    refuse_no_block_files(path, network)   whether there is any

Files are named here, not read. That needs neither numpy nor numba, so that an audit with
nothing to read waits for neither.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from erario.bitcoin.network import NetworkName
from erario.chain.errors import ChainCode
from erario.errors import Place, RequestError, SourceError

KEY_SIZE: Final = 8

_BLOCK_FILE: Final = re.compile(r"blk([0-9]+)\.dat")


@dataclass(frozen=True, slots=True)
class BlockPaths:
    """The files that a path means, in the order of their numbers, and their key if there is one."""

    paths: tuple[Path, ...]
    key: bytes | None


def find_block_files(path: Path, network: NetworkName) -> BlockPaths:
    """The block files that `path` means: a `blocks` folder, a folder that holds one (a node's data
    directory, above the network's own or in it), or a single file.

    Raises:
        RequestError: there is nothing there, or no block file.
        SourceError: it cannot be looked at.
    """
    try:
        place = _place_of(path, network)
        if place.is_dir():
            names = [name for _, name in sorted(_numbered(place))]
            return BlockPaths(tuple(place / name for name in names), _read_key(place))
        is_numbered = _BLOCK_FILE.fullmatch(place.name) is not None
        return BlockPaths((place,), _read_key(place.parent) if is_numbered else None)
    except OSError as error:
        raise unreadable(path, error) from error


def refuse_no_block_files(path: Path, network: NetworkName) -> None:
    """Make sure that `path` means some block file, without looking for all of them.

    Raises:
        RequestError, SourceError: as `find_block_files`.
    """
    try:
        _place_of(path, network)
    except OSError as error:
        raise unreadable(path, error) from error


def _place_of(path: Path, network: NetworkName) -> Path:
    """The file, or the folder that holds the files."""
    if not path.exists():
        raise RequestError(
            ChainCode.PATH_MISSING,
            f"there is no {path}",
            remedy="Give the node's blocks folder, such as ~/.bitcoin/blocks.",
            place=Place(str(path)),
        )
    if not path.is_dir():
        return path
    own = [] if network is NetworkName.MAIN else [path / network / "blocks"]
    for folder in (path, *own, path / "blocks"):
        if folder.is_dir() and next(_numbered(folder), None) is not None:
            return folder
    raise RequestError(
        ChainCode.NO_BLOCK_FILES,
        f"there is no blk*.dat in {path}",
        remedy="Give the folder of the node that holds blk00000.dat; it is called blocks.",
        place=Place(str(path)),
    )


def _numbered(folder: Path) -> Iterator[tuple[int, str]]:
    """Number and name of each block file, in no order."""
    # Not `iterdir`: the system says with the name what it is, and mainnet has thousands of files.
    with os.scandir(folder) as entries:
        for entry in entries:
            match = _BLOCK_FILE.fullmatch(entry.name)
            if match and entry.is_file():
                yield int(match[1]), entry.name


def _read_key(folder: Path) -> bytes | None:
    """The key in xor.dat; None where there is none, or where it changes nothing."""
    path = folder / "xor.dat"
    if not path.is_file():
        return None
    with path.open("rb") as file:
        key = file.read(KEY_SIZE + 1)
    if len(key) != KEY_SIZE:
        raise SourceError(
            ChainCode.BAD_KEY,
            f"xor.dat should hold {KEY_SIZE} bytes",
            remedy="Take xor.dat from the node that wrote these block files.",
            place=Place(str(path)),
        )
    return key if any(key) else None


def unreadable(path: Path, error: OSError) -> SourceError:
    """The typed error for what the system says of a file."""
    return SourceError(
        ChainCode.UNREADABLE,
        f"could not read {path.name}: {error.strerror or error}",
        remedy="Check the path and that this user may read it; there must be room in the "
        "temporary folder for what is unpacked.",
        place=Place(str(path)),
    )
