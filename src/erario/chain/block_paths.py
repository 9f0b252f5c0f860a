"""Which files of blocks a path means, and the key that obfuscates them.

    find_block_files(path, network)   a node's `blocks` folder, its data directory, or one file

Files are named here, not read. That needs neither numpy nor numba, so that an audit with
nothing to read waits for neither.
"""

from __future__ import annotations

import re
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
        if not path.exists():
            raise RequestError(
                ChainCode.PATH_MISSING,
                f"there is no {path}",
                remedy="Give the node's blocks folder, such as ~/.bitcoin/blocks.",
                place=Place(str(path)),
            )
        if path.is_dir():
            return _in_folder(path, network)
        is_numbered = _BLOCK_FILE.fullmatch(path.name) is not None
        return BlockPaths((path,), _read_key(path.parent) if is_numbered else None)
    except OSError as error:
        raise unreadable(path, error) from error


def _in_folder(path: Path, network: NetworkName) -> BlockPaths:
    own = [] if network is NetworkName.MAIN else [path / network / "blocks"]
    for folder in (path, *own, path / "blocks"):
        numbered = _numbered(folder)
        if numbered:
            return BlockPaths(numbered, _read_key(folder))
    raise RequestError(
        ChainCode.NO_BLOCK_FILES,
        f"there is no blk*.dat in {path}",
        remedy="Give the folder of the node that holds blk00000.dat; it is called blocks.",
        place=Place(str(path)),
    )


def _numbered(folder: Path) -> tuple[Path, ...]:
    if not folder.is_dir():
        return ()
    found = []
    for path in folder.iterdir():
        match = _BLOCK_FILE.fullmatch(path.name)
        if match and path.is_file():
            found.append((int(match[1]), path.name, path))
    return tuple(path for _, _, path in sorted(found))


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
