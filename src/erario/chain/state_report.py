"""What is kept, told and cleared: behind `erario store`.

Clearing removes the files that erario made, by their names, and the folders that are empty then;
nothing else that somebody put there. Whatever is cleared is read again when it is next needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Height
from erario.chain import header_store, state_folder, store_database, stretch_store
from erario.chain.state_folder import StateFolder, StateSession
from erario.chain.store_database import Database, as_int
from erario.chain.store_errors import StoreError, not_written
from erario.chain.watch_list_store import ROOTS_CHECKED, WatchListStore

_OURS: Final = (
    header_store.FILE_NAME,
    f"{header_store.FILE_NAME}{store_database.ASIDE}",
    stretch_store.FILE_NAME,
    f"{stretch_store.FILE_NAME}{store_database.ASIDE}",
    store_database.FILE_NAME,
    f"{store_database.FILE_NAME}-journal",
    f"{store_database.FILE_NAME}{store_database.ASIDE}",
    state_folder.LOCK_NAME,
)
"""All files that erario makes in a network's folder; the lock is removed last."""


@dataclass(frozen=True, slots=True)
class KeptList:
    """Scripts that were followed together up to `height`. `own`: on a folder's word."""

    scripts: int
    height: Height
    blocks: int
    transactions: int
    own: bool


@dataclass(frozen=True, slots=True)
class KeptNetwork:
    """What is kept of one network.

    Attributes:
        headers: how many, genesis included.
        files: block files whose blocks need not be looked for.
        size: bytes of all that erario made there.
        troubles: what cannot be read or believed.
    """

    network: NetworkName
    path: Path
    headers: int
    lists: tuple[KeptList, ...]
    files: int
    size: int
    troubles: tuple[StoreError, ...]


@dataclass(frozen=True, slots=True)
class Cleared:
    """A file that was removed, and how many bytes it had."""

    path: Path
    size: int


def describe_state(base: Path) -> tuple[KeptNetwork, ...]:
    """What is kept beneath a folder, network by network; damage is put aside as by any run."""
    return tuple(
        _describe(StateFolder(base, name)) for name in NetworkName if (base / name).is_dir()
    )


def clear_state(base: Path, networks: tuple[NetworkName, ...]) -> tuple[Cleared, ...]:
    """Remove what is kept of these networks beneath a folder, and say what it was.

    Raises:
        StoreError: another run is using it, or it cannot be removed.
    """
    removed: list[Cleared] = []
    for name in networks:
        if not (base / name).is_dir():
            continue
        with StateFolder(base, name).exclusive() as path:
            removed += _remove(path)
    return tuple(removed)


def _describe(state: StateFolder) -> KeptNetwork:
    with state.session() as session:
        lists = session.recall(lambda db: tuple(_lists(db, session))) or ()
        files = session.recall(_count_files) or 0
        headers = session.headers.count
    size = sum(path.stat().st_size for path in _ours(state.path))
    return KeptNetwork(state.name, state.path, headers, lists, files, size, state.troubles)


def _lists(database: Database, session: StateSession) -> Iterator[KeptList]:
    store = WatchListStore(database, session.epoch)
    for head in store.heads():
        blocks, transactions = store.count(head)
        yield KeptList(
            len(store.scripts(head)),
            head.height,
            blocks,
            transactions,
            head.folder != ROOTS_CHECKED,
        )


def _count_files(database: Database) -> int:
    return sum(as_int(count) for (count,) in database.rows("SELECT count(*) FROM files"))


def _ours(folder: Path) -> list[Path]:
    return [path for name in _OURS if (path := folder / name).is_file()]


def _remove(folder: Path) -> Iterator[Cleared]:
    try:
        for path in _ours(folder):
            size = path.stat().st_size
            path.unlink()
            yield Cleared(path, size)
        for empty in (folder, folder.parent):
            if not any(empty.iterdir()):
                empty.rmdir()
    except OSError as error:
        raise not_written(folder, error.strerror or str(error)) from error
