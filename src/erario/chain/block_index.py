"""The index of a folder of blocks: every whole block's place, header and hash, in flat arrays.

Taken once, when the source is opened, by a walk through each file (`block_walk`); the LevelDB
indexes of a node are not read. A block may lie in several places: all of them are kept, since one
copy may be bad. Memory: some 180 bytes for each block, and no Python object.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from erario.bitcoin.network import Network, NetworkName, network
from erario.bitcoin.values import BlockHash, Height
from erario.chain.block_files import BlockFile, FileStamp, clear, open_block_file
from erario.chain.block_paths import BlockPaths, find_block_files, unreadable
from erario.chain.block_walk import HEADER, BlockWalk
from erario.chain.errors import ChainCode
from erario.chain.file_records import FileRecords, Garbage
from erario.chain.hash_column import HashColumn
from erario.chain.hash_index import HASH_SIZE
from erario.chain.scanner import BlockFileView
from erario.chain.source import Progress, ProgressCallback
from erario.chain.warm_up import prepare_scanner
from erario.chain.whole_block import check_copy, is_whole_block
from erario.errors import Place, RequestError, SourceError

STEP: Final = "Reading block headers"

_READERS: Final = 8
"""Threads that wait for the disk: the walk is a chain of small reads far apart."""
_TICK: Final = 0.1
_FIRST_LOOK: Final = 1 << 20
_SPARE_HANDLES: Final = 128

RECORD_DTYPE: Final = np.dtype(
    [("file", np.int32), ("offset", np.int64), ("size", np.int32), ("open", np.bool_)]
)
"""A block's place: index of its file, offset of its header, size in bytes, and whether it is the
last of its file so far, so that a node may still be writing it."""


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A file that was indexed: where it is, how it was found (None where its bytes were copied),
    and where its last block ends."""

    path: Path
    stamp: FileStamp | None
    extent: int


class BlockIndex:
    """Every whole block that was found. Made by `read_block_index`.

    Attributes:
        files: the files, in the order of their numbers.
        views: the same files up to the end of their last blocks, mapped once they are read.
        records: RECORD_DTYPE, by file and offset.
        headers: 80 bytes for each record, clear.
        hashes: 32 bytes for each record, internal order.
        garbage: what else the files hold.
        firsts: the first record of each block, in order.
    """

    def __init__(
        self,
        parameters: Network,
        files: tuple[IndexedFile, ...],
        views: tuple[BlockFileView, ...],
        found: Sequence[FileRecords],
    ) -> None:
        self._segwit_height = parameters.segwit_height
        self.files = files
        self.views = views
        self.garbage: tuple[Garbage, ...] = tuple(f.garbage for f in found if f.garbage)
        self.records = _records(found)
        self.headers: npt.NDArray[np.uint8] = _rows([f.headers for f in found], HEADER)
        self.hashes: npt.NDArray[np.uint8] = _rows([f.hashes for f in found], HASH_SIZE)
        self._column = HashColumn(self.hashes)
        self.firsts: npt.NDArray[np.int64] = self._column.firsts()

    def copies(self, block_hash: bytes) -> Iterator[int]:
        """Every record of a block, by file and offset."""
        return self._column.all(block_hash)

    def first(self, block_hash: bytes) -> int:
        """The first record of a block; -1 where there is none."""
        return next(self.copies(block_hash), -1)

    def first_of(self, hashes: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        """The first record of each of these blocks, by their hashes; -1 where there is none."""
        return self._column.first(hashes)

    def block_hash(self, number: int) -> BlockHash:
        """The hash of a record's header."""
        return BlockHash(bytes(self.hashes[number]))

    def header(self, number: int) -> bytes:
        """The header of a record, as it was when it was indexed."""
        return bytes(self.headers[number])

    def read_header(self, number: int) -> bytes:
        """The header that now lies at a record's place."""
        return self.read(number, 0, HEADER)

    def path_of(self, number: int) -> Path:
        """The file that a record lies in."""
        return self.files[int(self.records["file"][number])].path

    def name_of(self, number: int) -> str:
        """The name of the file that a record lies in."""
        return self.path_of(number).name

    def read(self, number: int, start: int, length: int) -> bytes:
        """Clear bytes of a record's block from `start` on, at most `length`."""
        place = self.records[number]
        view = self.views[int(place["file"])]
        begin = int(place["offset"]) + start
        end = min(begin + length, int(place["offset"]) + int(place["size"]))
        return clear(bytes(view.data[begin:end]), view.key, begin)

    def check(self, number: int, height: Height) -> StrEnum | None:
        """The first fault of a record as the block at `height`; None where it is good.

        Its header may have changed since it was indexed: that is a fault too.
        """
        place = self.records[number]
        if self.read_header(number) != self.header(number):
            return ChainCode.FILE_CHANGED
        return check_copy(
            self.views[int(place["file"])],
            int(place["offset"]),
            int(place["size"]),
            height=height,
            segwit_height=self._segwit_height,
        )

    def changed_files(self) -> frozenset[int]:
        """The files, by index, that were read and were written to since they were indexed.

        Raises:
            SourceError: one is gone, was replaced, or has become too short for its blocks.
        """
        changed = set()
        for number, (file, view) in enumerate(zip(self.files, self.views, strict=True)):
            if file.stamp is None or not view.is_mapped:
                continue
            now = FileStamp.of(_status_of(file.path))
            _refuse_replaced(file.path, file.stamp, now, file.extent)
            if now != file.stamp:
                changed.add(number)
        return frozenset(changed)


def read_block_index(
    path: Path,
    name: NetworkName,
    progress: ProgressCallback,
    known: Mapping[Path, FileRecords] | None = None,
) -> BlockIndex:
    """Index every block of the network `name` beneath `path`.

    Args:
        path: as for `find_block_files`.
        name: the network.
        progress: called now and then.
        known: records of files that are as they were when they were walked; these are not opened
            before one of their blocks is read.

    Raises:
        RequestError: there are no block files.
        SourceError: they cannot be read, or are another network's.
    """
    found = find_block_files(path, name)
    parameters = network(name)
    _refuse_other_network(found, parameters, searched=False)
    prepare_scanner(progress)
    _allow_handles(len(found.paths))
    results = _walk_all(found, parameters, known or {}, progress)
    if not any(records.offsets for _, _, records in results):
        _refuse_other_network(found, parameters, searched=True)
    return BlockIndex(
        parameters,
        tuple(file for file, _, _ in results),
        tuple(view for _, view, _ in results),
        [records for _, _, records in results],
    )


_Indexed = tuple[IndexedFile, BlockFileView, FileRecords]


def _walk_all(
    found: BlockPaths,
    parameters: Network,
    known: Mapping[Path, FileRecords],
    progress: ProgressCallback,
) -> list[_Indexed]:
    results: dict[int, _Indexed] = {}
    for number, path in enumerate(found.paths):
        if path in known:
            late = _open_late(path, found.key, known[path])
            if late is not None:
                results[number] = late
    left = [number for number in range(len(found.paths)) if number not in results]
    done = [0] * len(found.paths)
    total = sum(_status_of(found.paths[number]).st_size for number in left)
    told = -1
    stop = threading.Event()

    def index(number: int) -> _Indexed:
        def moved(position: int) -> None:
            done[number] = position
            if stop.is_set():
                raise _StoppedError

        path = found.paths[number]
        return _walk_one(path, found.key, parameters, known.get(path), moved)

    with ThreadPoolExecutor(_READERS) as readers:
        try:
            futures = {number: readers.submit(index, number) for number in left}
            waiting: set[Future[_Indexed]] = set(futures.values())
            while waiting:
                # Not at each one that is done: there are thousands, and all are looked at anew.
                finished, waiting = wait(waiting, _TICK, return_when=FIRST_EXCEPTION)
                for future in finished:
                    future.result()
                if sum(done) != told:
                    told = sum(done)
                    progress(Progress(STEP, min(told, total), total, "bytes"))
        except BaseException:
            # An error or Ctrl-C: the walks that run would otherwise be waited for.
            stop.set()
            readers.shutdown(wait=True, cancel_futures=True)
            raise
    progress(Progress(STEP, total, total, "bytes"))
    results |= {number: future.result() for number, future in futures.items()}
    return [results[number] for number in range(len(found.paths))]


class _StoppedError(Exception):
    """A walk ends because another one failed."""


def _walk_one(
    path: Path,
    key: bytes | None,
    parameters: Network,
    records: FileRecords | None,
    moved: Callable[[int], None],
) -> _Indexed:
    with open_block_file(path, key) as file:
        if records is None:
            magic, pow_limit = parameters.magic, parameters.pow_limit
            records = BlockWalk(file, magic, pow_limit, is_whole_block, moved).run()
        moved(file.size)
        view = BlockFileView(name=file.name, data=_map(path, file, records.extent), key=key)
        return IndexedFile(path, file.stamp, records.extent), view, records


def _open_late(path: Path, key: bytes | None, records: FileRecords) -> _Indexed | None:
    """A file whose records are known, to be mapped once it is read: most of thousands never are.
    None for one that is smaller than its blocks: it is packed, and unpacked at once."""
    stamp, extent = FileStamp.of(_status_of(path)), records.extent
    if stamp.size < extent:
        return None

    def mapped() -> npt.NDArray[np.uint8]:
        with open_block_file(path, key) as file:
            if file.stamp is not None:
                _refuse_replaced(path, stamp, file.stamp, extent)
            return _map(path, file, extent)

    view = BlockFileView(name=path.name, data=mapped, key=key)
    return IndexedFile(path, stamp, extent), view, records


def _map(path: Path, file: BlockFile, extent: int) -> npt.NDArray[np.uint8]:
    if file.size < extent:
        raise _changed(path)
    return file.map(extent)


def _refuse_replaced(path: Path, stamp: FileStamp, now: FileStamp, extent: int) -> None:
    same_file = (now.device, now.inode) == (stamp.device, stamp.inode)
    if now.size < extent or not same_file:
        raise _changed(path)


def _changed(path: Path) -> SourceError:
    return SourceError(
        ChainCode.FILE_CHANGED,
        f"{path.name} was cut or replaced while it was read",
        remedy="Start again once nothing but the node itself writes to the folder.",
        place=Place(str(path)),
    )


def _refuse_other_network(found: BlockPaths, parameters: Network, *, searched: bool) -> None:
    """Say so if the first file begins as another network's and holds no block of this one.

    It is asked before the walk, since the search for a magic that never comes is long, and after
    one that found nothing (`searched`).
    """
    with open_block_file(found.paths[0], found.key) as file:
        start = file.read(0, _FIRST_LOOK)
    if parameters.magic in start and not searched:
        return
    for name in NetworkName:
        if name is not parameters.name and start.startswith(network(name).magic):
            raise SourceError(
                ChainCode.OTHER_NETWORK,
                f"{found.paths[0].name} holds blocks of {name}, not of {parameters.name}",
                remedy=f'Say network = "{name}" in the reserve (or --network {name}), or give the '
                f"blocks folder of a node on {parameters.name}.",
                place=Place(str(found.paths[0])),
            )


def _allow_handles(files: int) -> None:
    """Raise this process's limit of open files to what mapping the folder takes.

    CPython before 3.13 keeps one open for each mapped file.

    Raises:
        RequestError: the system does not allow so many.
    """
    import resource  # noqa: PLC0415 - not on every system

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = files + _SPARE_HANDLES
    if sys.version_info >= (3, 13) or soft == resource.RLIM_INFINITY or wanted <= soft:
        return
    if hard != resource.RLIM_INFINITY and wanted > hard:
        raise RequestError(
            ChainCode.TOO_MANY_FILES,
            f"{files} block files must be open at once, and this system allows {hard}",
            remedy=f"Raise the limit with: ulimit -n {wanted}, or use Python 3.13 or newer.",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _status_of(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise unreadable(path, error) from error


def _records(found: Sequence[FileRecords]) -> npt.NDArray[np.void]:
    records = np.empty(sum(len(f.offsets) for f in found), dtype=RECORD_DTYPE)
    begin = 0
    for number, file in enumerate(found):
        part = records[begin : begin + len(file.offsets)]
        part["file"] = number
        part["offset"] = file.offsets
        part["size"] = file.sizes
        part["open"] = np.frombuffer(file.ends_open, dtype=np.uint8)
        begin += len(file.offsets)
    return records


def _rows(parts: Sequence[bytearray | bytes], width: int) -> npt.NDArray[np.uint8]:
    return np.frombuffer(b"".join(parts), dtype=np.uint8).reshape(-1, width)
