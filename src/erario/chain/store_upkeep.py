"""What goes by itself, so that the stores do not grow for ever: lists and folders nobody asks for.

A list, or what is known of a folder, goes once it was not used for a year; and where there are
more than `MOST_LISTS` lists or `MOST_FOLDERS` folders, or the file has more than `MOST_BYTES`,
those go first whose last use is longest ago. What was used in this run stays. When a fourth of the
file is free then, the file is made smaller.

Nothing depends on the clock but how much must be read again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from erario.chain.store_database import Database, as_bytes, as_int
from erario.chain.watch_list_store import ListHead, WatchListStore, today

KEPT_DAYS: Final = 365
MOST_LISTS: Final = 100
MOST_FOLDERS: Final = 10
MOST_BYTES: Final = 4 << 30
"""Of the whole file, places among it; one list of a run may have more."""


def keep_house(
    database: Database, lists: WatchListStore, used: Collection[int], folder: bytes
) -> None:
    """Note what was used: lists by their numbers, and a folder by its name; drop what has not been
    for long.

    Raises:
        StoreError: it cannot be written; all is as it was.
    """
    day = today()
    heads = sorted(lists.heads(), key=lambda head: (head.number in used, head.used), reverse=True)
    visits = _visits(database)
    told = [head for head in heads if head.number in used and head.used != day]
    gone = list(_crowded_out(database, lists, heads, used, day))
    old = _old_folders(visits, folder, day)
    if told or gone or old or visits.get(folder) != day:
        with database.transaction():
            database.run("INSERT OR REPLACE INTO visits VALUES (?, ?)", (folder, day))
            for head in told:
                lists.use(head.number, day)
            for head in gone:
                lists.drop(head.number)
            for name in old:
                for table in ("visits", "folders", "files"):
                    database.run(f"DELETE FROM {table} WHERE folder = ?", (name,))  # noqa: S608
    database.shrink()


def _visits(database: Database) -> dict[bytes, int]:
    rows = database.rows("SELECT folder, used FROM visits")
    return {as_bytes(folder): as_int(used) for folder, used in rows}


def _crowded_out(
    database: Database,
    lists: WatchListStore,
    heads: list[ListHead],
    used: Collection[int],
    day: int,
) -> Iterator[ListHead]:
    """The lists to drop. `heads` begin with what was used last."""
    # To weigh each list means to read all of them.
    weigh = database.size() > MOST_BYTES
    weight = 0
    for place, head in enumerate(heads):
        weight += lists.size(head) if weigh else 0
        is_old = day - head.used > KEPT_DAYS
        if head.number not in used and (is_old or place >= MOST_LISTS or weight > MOST_BYTES):
            yield head


def _old_folders(visits: dict[bytes, int], folder: bytes, day: int) -> list[bytes]:
    others = sorted((used, name) for name, used in visits.items() if name != folder)
    old = [name for used, name in others if day - used > KEPT_DAYS]
    left = others[len(old) :]
    return old + [name for _, name in left[: max(0, len(left) + 1 - MOST_FOLDERS)]]
