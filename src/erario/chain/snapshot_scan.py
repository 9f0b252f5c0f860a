"""Going through a snapshot: which coins the scripts have, and the hash of all coins.

A kernel reads, checks, matches and, if the hash is wanted, writes each coin as it is hashed, some
megabytes of them at a time; `hashlib` hashes one buffer on a second thread while the kernel fills
the other. Only coins of the scripts become Python objects, and x coordinates of uncompressed keys:
their other half is worked out by libsecp256k1, 10 microseconds each.

Invariant: what was found is of the same bytes as the hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from erario.bitcoin.compression import full_key, is_full_key, pack_script, plain_script
from erario.bitcoin.script import is_unspendable
from erario.bitcoin.values import Height, Outpoint, Sats, Script, Txid
from erario.chain import kernels_snapshot_coin as faults
from erario.chain.errors import ServerCode
from erario.chain.kernels_snapshot import DONE, LARGEST_GROUP, Snapshot, read_coins
from erario.chain.kernels_snapshot_write import (
    ASK,
    ASK_AT_ONCE,
    AT,
    HOLE,
    HOLES,
    MARK,
    MOST_OUTPUTS,
    PREVIOUS,
    ROOM_BYTES,
    ROW,
    ROWS,
    STATE,
    USED,
    Room,
)
from erario.chain.script_table import build_strings
from erario.chain.snapshot_errors import SnapshotCode, refuse_coins
from erario.chain.snapshot_file import LEAD, SnapshotFile, SnapshotWindow
from erario.chain.source import Progress, ProgressCallback
from erario.statement.evidence import ListedCoin

STEP: Final = "Reading the snapshot"

_PROBED: Final = 64
_MANY_KEYS: Final = 1 << 16
_FAULTS: Final[dict[int, StrEnum]] = {
    faults.TRUNCATED: SnapshotCode.TRUNCATED,
    faults.BAD_NUMBER: SnapshotCode.BAD_NUMBER,
    faults.TXID_ORDER: SnapshotCode.TXID_ORDER,
    faults.OUTPUT_ORDER: SnapshotCode.OUTPUT_ORDER,
    faults.BAD_COUNT: SnapshotCode.BAD_COUNT,
    faults.BAD_OUTPUT: SnapshotCode.BAD_OUTPUT,
    faults.BAD_HEIGHT: SnapshotCode.BAD_HEIGHT,
    faults.BAD_AMOUNT: SnapshotCode.BAD_AMOUNT,
    faults.TOO_MUCH: ServerCode.LIED_SUPPLY,
    faults.BAD_SCRIPT: SnapshotCode.BAD_SCRIPT,
    faults.UNSPENDABLE: SnapshotCode.UNSPENDABLE,
    faults.NOT_PACKED: SnapshotCode.NOT_PACKED,
    faults.TOO_LARGE: SnapshotCode.TOO_LARGE,
}


@dataclass(frozen=True, slots=True)
class SnapshotScan:
    """What a snapshot shows.

    Attributes:
        coins: those of the scripts, in order of outpoint.
        coins_hash: `hash_serialized_3` of all coins; None where it was not asked for.
    """

    coins: tuple[ListedCoin, ...]
    coins_hash: bytes | None


class WatchedScripts:
    """Scripts as a snapshot holds them, ready to be looked up."""

    def __init__(self, scripts: Sequence[Script]) -> None:
        wanted = [script for script in dict.fromkeys(scripts) if not is_unspendable(script)]
        packed = [pack_script(script) for script in wanted]
        # A node packs a full key; that another program has not would not show in the hash.
        full = [script for script in wanted if is_full_key(script)]
        self.scripts: Final = wanted + full
        self.table: Final = build_strings(packed + [plain_script(script) for script in full])


def scan_snapshot(
    file: SnapshotFile,
    watched: WatchedScripts,
    *,
    height: Height,
    supply: Sats,
    hashed: bool,
    progress: ProgressCallback = lambda _: None,
) -> SnapshotScan:
    """Read all coins of `file`.

    Args:
        watched: whose coins are wanted.
        height: that of the snapshot's block; no coin is from above.
        supply: what all coins are worth at most.
        hashed: whether the hash of all coins is wanted.

    Raises:
        SourceError: the file cannot be read, is no snapshot, or has changed.
    """
    head = file.head
    snapshot = Snapshot(
        size=LEAD,
        more=True,
        each_named=head.each_named,
        announced=min(head.coins, 1 << 62),
        height=height,
        supply=supply,
    )
    with file.open() as window:
        reading = _Reading(file, window, snapshot, watched)
        start = _find_start(reading, head.starts)
        coins_hash = _read_all(reading, start, progress, hashed=hashed)
    coins = tuple(sorted(reading.coins, key=lambda coin: coin.outpoint))
    return SnapshotScan(coins, coins_hash)


def new_room() -> Room:
    """What a kernel fills before it comes back; a transaction more always has room."""
    rows = 2 * MOST_OUTPUTS + ASK_AT_ONCE + 1
    return Room(
        state=np.zeros(STATE, np.int64),
        out=np.empty(ROOM_BYTES, np.uint8),
        holes=np.empty(HOLE * rows, np.int64),
        rows=np.empty(ROW * rows, np.int64),
        marks=np.empty(MARK * MOST_OUTPUTS, np.int64),
        order=np.zeros(MOST_OUTPUTS, np.int32),
        asked=np.empty(ASK_AT_ONCE, np.uint64),
        coins=np.empty(ASK * ASK_AT_ONCE, np.int64),
        passed=np.empty(ASK_AT_ONCE, np.int64),
    )


class _Reading:
    """A snapshot that is being read: the file, what is looked for, and what was found."""

    def __init__(
        self,
        file: SnapshotFile,
        window: SnapshotWindow,
        snapshot: Snapshot,
        watched: WatchedScripts,
    ) -> None:
        self.window = window
        self.snapshot = snapshot
        self.size: Final = file.stamp.size
        self.coins: list[ListedCoin] = []
        self._name = file.name
        self._watched = watched
        self._keys: dict[bytes, bytes] = {}

    def step(self, room: Room, *, write: bool) -> bool:
        """Let the kernel go on; whether that was the end. What it wrote is complete."""
        window = self.window
        whole = self.snapshot._replace(size=window.size, more=window.more)
        answer = int(read_coins(window.data, whole, self._watched.table, room, write))
        at = int(room.state[AT])
        # A fault may come from where the window ends. The largest one holds any transaction from
        # its beginning.
        is_whole = not window.more or (at == LEAD and window.size > LARGEST_GROUP)
        goes_on = answer in _FAULTS and not is_whole
        if answer in _FAULTS and is_whole:
            raise refuse_coins(self._name, _FAULTS[answer], window.where(at))
        self._take_rows(room)
        if write:
            self._fill_holes(room)
        if goes_on:
            window.move(at, int(room.state[PREVIOUS]))
            room.state[AT], room.state[PREVIOUS] = LEAD, min(0, room.state[PREVIOUS])
        if answer != DONE:
            return False
        if window.where(at) != self.size:
            raise refuse_coins(self._name, SnapshotCode.TRAILING, window.where(at))
        return True

    def _take_rows(self, room: Room) -> None:
        rows = room.rows[: ROW * room.state[ROWS]].reshape(-1, ROW).tolist()
        for txid, vout, code, sats, entry in rows:
            self.coins.append(
                ListedCoin(
                    Outpoint(Txid(self.window.data[txid : txid + 32].tobytes()), vout),
                    Sats(sats),
                    self._watched.scripts[entry],
                    Height(code >> 1),
                    coinbase=bool(code & 1),
                )
            )
        room.state[ROWS] = 0

    def _fill_holes(self, room: Room) -> None:
        holes = room.holes[: HOLE * room.state[HOLES]].reshape(-1, HOLE).tolist()
        for to, at in holes:
            packed = self.window.data[at : at + 33].tobytes()
            upper = self._keys.get(packed)
            if upper is None:
                key = full_key(bytes((packed[0] - 2,)) + packed[1:])
                if key is None:
                    raise refuse_coins(self._name, SnapshotCode.BAD_KEY, self.window.where(at))
                upper = key[33:]
                if len(self._keys) < _MANY_KEYS:
                    self._keys[packed] = upper
            room.out[to : to + 32] = np.frombuffer(upper, np.uint8)
        room.state[HOLES] = 0


def _find_start(reading: _Reading, starts: tuple[int, ...]) -> int:
    """Where the coins begin: the one place from which the first can be read; else the first, from
    where reading tells what is wrong."""
    whole, window = reading.snapshot, reading.window
    table = WatchedScripts(()).table
    for start in starts if len(starts) > 1 else ():
        window.show(start, largest=True)
        room = new_room()
        _begin(room)
        first = whole._replace(
            announced=min(whole.announced, _PROBED), size=window.size, more=window.more
        )
        answer = int(read_coins(window.data, first, table, room, False))  # noqa: FBT003 - compiled
        is_end = whole.announced > _PROBED or window.where(int(room.state[AT])) == reading.size
        if answer == DONE and is_end:
            return start
    return starts[0]


def _begin(room: Room) -> None:
    room.state[:] = 0
    room.state[AT], room.state[PREVIOUS] = LEAD, -1


def _read_all(
    reading: _Reading, start: int, progress: ProgressCallback, *, hashed: bool
) -> bytes | None:
    """Read all from `start` on; the hash of all coins if `hashed`."""
    reading.window.show(start)
    room = new_room()
    _begin(room)
    outs = [room.out, np.empty_like(room.out)] if hashed else [room.out]
    digest = hashlib.sha256()
    pending: Future[None] | None = None
    done = False
    with ThreadPoolExecutor(1) as hasher:
        while not done:
            outs.reverse()
            room = room._replace(out=outs[0])
            room.state[USED] = 0
            done = reading.step(room, write=hashed)
            read = reading.window.where(int(room.state[AT]))
            progress(Progress(STEP, read, reading.size, "bytes"))
            if not hashed:
                continue
            # The buffer that comes next is the one that is being hashed.
            if pending is not None:
                pending.result()
            written = room.out[: int(room.state[USED])].data
            if done:
                # Nothing is left to do meanwhile; and a small file needs no thread.
                digest.update(written)
            else:
                pending = hasher.submit(digest.update, written)
    return hashlib.sha256(digest.digest()).digest() if hashed else None
