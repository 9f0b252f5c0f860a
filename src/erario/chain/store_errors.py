"""What can be wrong with a store: never an answer's fault, so it is told beside the answer.

A store only spares reading. Whatever happens to it, the answer is worked out first, without it if
need be; what went wrong is collected here and printed afterwards.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Final

from erario.errors import OutputError, Place


class StoreCode(StrEnum):
    """JSON and tests use these, never the wording."""

    BUSY = "store.busy"
    NOT_WRITTEN = "store.not-written"
    UNREADABLE = "store.unreadable"
    DAMAGED = "store.damaged"
    FOREIGN = "store.foreign"
    OTHER_VERSION = "store.other-version"


class StoreError(OutputError):
    """A store that could not be used as it should. Collected beside an answer, not raised."""


class DamagedStoreError(StoreError):
    """A store whose content cannot be believed, so that it has to be made anew."""


_ROOM_REMEDY: Final = (
    "The answer is whole, but the next run reads the blocks again: make room or allow writing "
    "there, name another folder with --state, or do without with --no-state."
)


def not_written(path: Path, reason: str) -> StoreError:
    """The error for a store that takes nothing: read-only, full, not ours."""
    return StoreError(
        StoreCode.NOT_WRITTEN,
        f"nothing more was kept in {path}: {reason}",
        remedy=_ROOM_REMEDY,
        place=Place(str(path)),
    )


def unreadable_store(path: Path, reason: str) -> StoreError:
    """The error for a store that is there, perhaps whole, and cannot be opened."""
    return StoreError(
        StoreCode.UNREADABLE,
        f"what is kept in {path} could not be read: {reason}",
        remedy=_ROOM_REMEDY,
        place=Place(str(path)),
    )


def busy(path: Path) -> StoreError:
    """The error for a store that another run writes to."""
    return StoreError(
        StoreCode.BUSY,
        f"another run of erario is writing to {path}; nothing of this one was kept",
        remedy="The answer is whole. To keep what was read, run it again once the other is done.",
        place=Place(str(path)),
    )


def damaged(path: Path, reason: str) -> DamagedStoreError:
    """The error for content that is not what was written."""
    return DamagedStoreError(
        StoreCode.DAMAGED,
        f"{path} is damaged ({reason}); nothing of it was believed, and it is made anew",
        remedy="The answer is whole. If it happens again, look at the disk.",
        place=Place(str(path)),
    )


def foreign(path: Path) -> DamagedStoreError:
    """The error for a file that erario did not write."""
    return DamagedStoreError(
        StoreCode.FOREIGN,
        f"{path} was not written by erario; it was moved aside",
        remedy="Keep nothing else in that folder, or name another one with --state.",
        place=Place(str(path)),
    )


def other_version(path: Path) -> DamagedStoreError:
    """The error for a store of a version that this erario does not know."""
    return DamagedStoreError(
        StoreCode.OTHER_VERSION,
        f"{path} was written by another version of erario; it was moved aside and is made anew",
        remedy="Nothing has to be done; the blocks are read once more.",
        place=Place(str(path)),
    )
