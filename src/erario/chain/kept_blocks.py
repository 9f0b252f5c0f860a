"""Block files read with the help of what is kept: only what nobody has read yet is read.

    parts      the asked scripts as lists that are kept, each to its height, and one of new scripts
    check      blocks that only earlier runs read, and whose files have changed since, are held
               against their headers once more
    follow     the lowest list is followed to the next one's height and united with it, until one
               list of all the scripts has come to the cut-off

Invariant: the answer is the same, byte for byte, as from an empty store. While blocks are read,
what was found is kept every few seconds, so that whoever is stopped goes on from there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Height, Script
from erario.chain.best_chain import BestChain
from erario.chain.block_paths import refuse_no_block_files
from erario.chain.blocks_note import blocks_note
from erario.chain.heights import refuse_height
from erario.chain.kept_folder import BadOwnCopyError, KeptFolder, read_kept_folder
from erario.chain.source import ProgressCallback, Trace
from erario.chain.state_folder import StateFolder, StateSession
from erario.chain.store_database import Database
from erario.chain.store_upkeep import keep_house
from erario.chain.watch_list import WatchList, unite
from erario.chain.watch_list_store import ROOTS_CHECKED, ListHead, WatchListStore, join_scripts
from erario.statement.evidence import SourceNote

if TYPE_CHECKING:
    from erario.chain.block_batches import BlockBatches


class KeptBlocks:
    """Block files, as `BlocksSource`, and with the same answers, but with stores.

    Args:
        path: a blocks folder, a node's data directory, or a file.
        name: the network asked about.
        own: the user says that the files are their own node's.
        state: where what was read is kept.

    Raises:
        RequestError: nothing is there, or no block file.
        SourceError: it cannot be looked at.
    """

    def __init__(
        self, path: Path | str, name: NetworkName, *, own: bool = False, state: StateFolder
    ) -> None:
        self._path = Path(path).expanduser()
        self._name = name
        self._own = own
        self._state = state
        self._folder: KeptFolder | None = None
        refuse_no_block_files(self._path, name)

    @property
    def network(self) -> NetworkName:
        """The network that it is asked about."""
        return self._name

    def only_height(self) -> Height | None:
        """None: block files answer for every height."""
        return None

    def notes(self) -> tuple[SourceNote, ...]:
        """What it vouches for, in words."""
        return (blocks_note(own=self._own),)

    def close(self) -> None:
        """Nothing is held open."""

    def chain(self, progress: ProgressCallback) -> BestChain:
        """The verified headers of the branch with the most work; read once, then kept.

        Raises:
            RequestError: there are no block files.
            SourceError: they cannot be read, hold no block of the network, or lack one.
        """
        return self._read(progress).best

    def trace(self, scripts: Sequence[Script], upto: Height, progress: ProgressCallback) -> Trace:
        """Every transaction in blocks 1 to `upto` of the best chain that touches `scripts`.

        Raises:
            RequestError: the chain does not reach `upto`.
            SourceError: a block up to `upto` has no good copy, or a file was changed.
        """
        folder = self._read(progress)
        refuse_height(self._path.name, folder.best, upto)
        with self._state.session() as session:
            run = _KeptTrace(
                folder, self._state, session, own=self._own, upto=upto, progress=progress
            )
            try:
                return run.trace(tuple(dict.fromkeys(scripts)))
            except BadOwnCopyError:
                return self._read_plainly(folder, session, scripts, upto, progress)

    def _read(self, progress: ProgressCallback) -> KeptFolder:
        if self._folder is None:
            with self._state.session() as session:
                self._folder = read_kept_folder(self._path, self._name, session, progress)
        return self._folder

    def _read_plainly(
        self,
        folder: KeptFolder,
        session: StateSession,
        scripts: Sequence[Script],
        upto: Height,
        progress: ProgressCallback,
    ) -> Trace:
        """The trace without any store: bad copies of an own node's folder show each other up, so
        what is found of them depends on all that is read."""
        from erario.chain.blocks_source import BlocksSource  # noqa: PLC0415 - imports numba

        chain = folder.index(session, progress).chain
        plain = BlocksSource(self._path, self._name, own=True, folder=chain)
        return plain.trace(scripts, upto, progress)


class _KeptTrace:
    """One trace."""

    def __init__(
        self,
        folder: KeptFolder,
        state: StateFolder,
        session: StateSession,
        *,
        own: bool,
        upto: Height,
        progress: ProgressCallback,
    ) -> None:
        self._folder = folder
        self._state = state
        self._session = session
        self._own = own
        self._upto = upto
        self._progress = progress
        self._tag = folder.look.name if own else ROOTS_CHECKED
        self._batches: BlockBatches | None = None
        # Lists all whose scripts are asked for, by the making of the store and their number.
        self._contained: dict[tuple[int, int], Height] = {}
        self._used: set[tuple[int, int]] = set()

    def trace(self, scripts: tuple[Script, ...]) -> Trace:
        parts = self._parts(scripts)
        if not self._own:
            self._check(min([self._upto, *(part.height for part in parts)]))
        one = self._follow(parts)
        self._keep_house(one)
        blocks = tuple(block for block in one.blocks if block.height <= self._upto)
        findings = self._folder.findings
        if self._batches is not None:
            findings += self._batches.finish(self._upto)
        return Trace(blocks, findings)

    # The lists that the scripts are in already ---------------------------------------------------

    def _parts(self, scripts: tuple[Script, ...]) -> list[WatchList]:
        """Lists that hold each of the scripts once, from the store as far as they are there."""
        heads = self._session.recall(lambda db: self._lists(db).heads()) or []
        usable = sorted(
            ((height, head) for head in heads if (height := self._usable(head)) > 0),
            key=lambda entry: entry[0],
            reverse=True,
        )
        name = hashlib.sha256(join_scripts(scripts)).digest()
        farthest = min(self._upto, usable[0][0]) if usable else Height(0)
        for height, head in usable:
            if head.name == name and height >= farthest:
                one = self._load(head, scripts, height)
                if one is not None:
                    return [one]
        return self._cover(scripts, usable)

    def _cover(
        self, scripts: tuple[Script, ...], usable: Sequence[tuple[Height, ListHead]]
    ) -> list[WatchList]:
        missing: dict[bytes, None] = dict.fromkeys(scripts)
        wanted = frozenset(scripts)
        parts = []
        for height, head in usable:
            listed = self._recall_scripts(head)
            own = tuple(script for script in listed or () if script in missing)
            is_weaker = head.folder == self._tag or not self._own
            if listed is not None and is_weaker and wanted.issuperset(listed):
                self._contained[self._session.epoch, head.number] = head.height
            if listed is None or not own:
                continue
            one = self._load(head, listed, height)
            if one is None:
                continue
            parts.append(one if len(own) == len(listed) else one.narrow(own))
            for script in own:
                del missing[script]
        if missing or not parts:
            parts.append(WatchList(tuple(missing)))
        return parts

    def _recall_scripts(self, head: ListHead) -> tuple[bytes, ...] | None:
        return self._session.recall(lambda db: self._lists(db).scripts(head))

    def _load(self, head: ListHead, scripts: tuple[bytes, ...], height: Height) -> WatchList | None:
        one = self._session.recall(lambda db: self._lists(db).load(head, scripts))
        if one is None:
            return None
        self._used.add((self._session.epoch, head.number))
        if height < one.height:
            one = one.cut(height)
        best = self._folder.best
        # Seals have no key, headers have: what a list shows must lie in the chain at hand.
        is_true = all(block.header == best.header(block.height) for block in one.blocks)
        return one if is_true else None

    def _usable(self, head: ListHead) -> Height:
        """Up to which height a list answers this question."""
        folder = self._folder
        height = folder.usable_height(head, self._session.headers.headers)
        if head.folder == ROOTS_CHECKED:
            # On the folder's word means: by what its files hold, which only checked ones show.
            return min(height, folder.checked) if self._own else height
        if not self._own or head.folder != self._tag:
            return Height(0)
        limit = folder.read if folder.own_limit is None else folder.own_limit
        return min(height, limit, folder.read)

    # Following them -----------------------------------------------------------------------------

    def _follow(self, parts: list[WatchList]) -> WatchList:
        """One list of all the scripts, at the cut-off or above."""
        upto = self._upto
        while len(parts) > 1 or parts[0].height < upto:
            parts.sort(key=lambda part: part.height)
            low = parts[0].height
            level = [part for part in parts if part.height == low or low >= upto]
            if len(level) > 1:
                for part in level:
                    if part.number is not None:
                        self._contained.setdefault((part.epoch, part.number), part.height)
                parts = [unite([part.cut(min(low, upto)) for part in level]), *parts[len(level) :]]
                continue
            self._read(parts[0], min([upto, *(part.height for part in parts[1:])]))
        one = parts[0]
        if one.number is None:
            self._keep(one)
        self._forget_contained(one)
        return one

    def _read(self, one: WatchList, goal: Height) -> None:
        for blocks, height in self._open().read(one, goal):
            one.blocks += blocks
            one.height = height
            self._keep(one)

    def _check(self, upto: Height) -> None:
        """Hold against their headers the blocks whose copies nobody has checked as they are; those
        behind `upto` are read anyway."""
        if self._folder.checked >= upto:
            return
        index = self._folder.index(self._session, self._progress)
        for _ in self._open().check(upto):
            index.save(self._session)
        self._folder.refresh()

    def _open(self) -> BlockBatches:
        if self._batches is None:
            from erario.chain.block_batches import BlockBatches  # noqa: PLC0415 - imports numba

            index = self._folder.index(self._session, self._progress)
            self._batches = BlockBatches(index, self._progress, own=self._own)
        return self._batches

    # Keeping them -------------------------------------------------------------------------------

    def _keep(self, one: WatchList) -> None:
        if one.height == 0:
            return
        block_hash = self._folder.best.block_hash(one.height)
        is_kept = self._session.keep(lambda db: self._lists(db).save(one, self._tag, block_hash))
        if self._folder.is_open and self._batches is not None:
            self._folder.index(self._session, self._progress).save(self._session)
            self._folder.refresh()
        if is_kept:
            self._state.kept_upto = one.height

    def _forget_contained(self, one: WatchList) -> None:
        """Forget lists that say nothing that `one` does not say."""
        own = (one.epoch, one.number)
        below = [
            number
            for (epoch, number), height in self._contained.items()
            if epoch == one.epoch and (epoch, number) != own and height <= one.height
        ]
        if one.number is None or not below:
            return

        def forget(database: Database) -> None:
            with database.transaction():
                for number in below:
                    self._lists(database).drop(number)

        self._session.keep(forget)

    def _keep_house(self, one: WatchList) -> None:
        if not self._session.may_write:
            return  # what could not be kept was told already
        if one.number is not None:
            self._used.add((one.epoch, one.number))
        used = {number for epoch, number in self._used if epoch == self._session.epoch}
        name = self._folder.look.name
        self._session.keep(lambda db: keep_house(db, self._lists(db), used, name))

    def _lists(self, database: Database) -> WatchListStore:
        return WatchListStore(database, self._session.epoch)
