"""The source that reads a UTXO snapshot: the unspent coins of one block, pinned by their hash.

A snapshot holds no header and no transaction. What makes it worth something is its pin: height,
block and hash of all coins (`snapshot_pin`). The headers come from elsewhere: those that are kept,
or those of another source that is asked as well.

Invariant: nothing is listed unless the hash of all coins, taken as they were read, is that of the
pin. So it is taken each time: a file can change and look the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.subsidy import most_supply
from erario.bitcoin.values import Height, Script, show_hash
from erario.chain.access import Access
from erario.chain.errors import ChainCode, ServerCode
from erario.chain.header_pins import SnapshotPin
from erario.chain.served_chain import stored_chain
from erario.chain.snapshot_file import SnapshotFile
from erario.chain.snapshot_pin import find_pin
from erario.chain.snapshot_scan import WatchedScripts, scan_snapshot
from erario.chain.source import HeaderChain, ProgressCallback, Trace
from erario.chain.source_url import SourceUrl
from erario.chain.state_folder import StateFolder
from erario.errors import Place, RequestError, SourceError
from erario.statement.evidence import SourceKind, SourceNote, UnspentWord

_CAVEAT: Final = (
    "It lists what was unspent at its block: what was spent or emptied before is invisible, and so "
    "is which addresses were ever used."
)


def open_snapshot(
    url: SourceUrl,
    name: NetworkName,
    own: bool,  # noqa: FBT001
    state: StateFolder | None,
    access: Access,
) -> SnapshotSource:
    """The snapshot that "snapshot:FILE" names; see `SnapshotSource`."""
    return SnapshotSource(Path(url.path), name, own=own, state=state, pin=access.pin)


class SnapshotSource:
    """A file that `dumptxoutset` wrote, as a `ChainSource`.

    Args:
        path: the file.
        name: the network asked about.
        own: the user says that the file is their own node's; it needs its pin all the same.
        state: where headers are kept, if anywhere.
        pin: "HEIGHT:BLOCK-HASH:COINS-HASH"; None for the pins that erario carries.

    Raises:
        RequestError: there is no such file, or no pin for it.
        SourceError: it cannot be read, is no snapshot of the network, or of another block.
    """

    def __init__(
        self,
        path: Path | str,
        name: NetworkName,
        *,
        own: bool = False,
        state: StateFolder | None = None,
        pin: str | None = None,
    ) -> None:
        self._file = SnapshotFile(Path(path).expanduser(), network(name))
        self._pin: SnapshotPin = find_pin(self._file.name, self._file.head.base, name, pin)
        self._name = name
        self._own = own
        self._state = state
        self._chain: HeaderChain | None = None

    @property
    def network(self) -> NetworkName:
        """The network that it is asked about."""
        return self._name

    def only_height(self) -> Height | None:
        """The height of its block."""
        return self._pin.height

    def notes(self) -> tuple[SourceNote, ...]:
        """What it vouches for, in words."""
        return (
            SourceNote(
                kind=SourceKind.SNAPSHOT,
                own=self._own,
                word=UnspentWord.SNAPSHOT,
                caveat=_CAVEAT,
                history=False,
            ),
        )

    def close(self) -> None:
        """Nothing is held open."""

    def rest_on(self, chain: HeaderChain) -> None:
        """Take the headers from another source."""
        self._chain = chain

    def chain(self, progress: ProgressCallback) -> HeaderChain:  # noqa: ARG002
        """The chain that its block stands on: another source's, or what is kept.

        Raises:
            SourceError: there are no headers up to its block, or the block is not among them.
        """
        if self._chain is None and self._state is not None:
            self._chain = stored_chain(self._name, self._state)
        if self._chain is None:
            raise self._no_headers("there are no headers that show it on the chain")
        self._refuse_other_block(self._chain)
        return self._chain

    def trace(self, scripts: Sequence[Script], upto: Height, progress: ProgressCallback) -> Trace:
        """The unspent coins of `scripts` at the height of its block.

        Raises:
            RequestError: `upto` is another height.
            SourceError: the file cannot be read, or what it holds is not what was pinned.
        """
        if upto != self._pin.height:
            raise RequestError(
                ChainCode.ONE_HEIGHT,
                f"the snapshot {self._file.name} shows block {self._pin.height} alone, not {upto}",
                remedy=f"Ask for that block (--at {self._pin.height}), or name a source that has "
                "the history.",
                place=Place(self._file.name),
            )
        if self._chain is not None:
            self._refuse_other_block(self._chain)
        scan = scan_snapshot(
            self._file,
            WatchedScripts(scripts),
            height=self._pin.height,
            supply=most_supply(network(self._name), self._pin.height),
            hashed=True,
            progress=progress,
        )
        self._refuse_other_coins(scan.coins_hash)
        return Trace(blocks=(), findings=(), listed=scan.coins)

    def _refuse_other_coins(self, coins_hash: bytes | None) -> None:
        if coins_hash != self._pin.coins_hash:
            raise SourceError(
                ServerCode.LIED_SNAPSHOT,
                f"the coins of the snapshot {self._file.name} have the hash "
                f"{show_hash(coins_hash or b'')}, but the pin of block {self._pin.height} says "
                f"{show_hash(self._pin.coins_hash)}",
                remedy="Do not use this file. Fetch the snapshot elsewhere, or have a node of your "
                "own write one (dumptxoutset).",
                place=Place(self._file.name),
            )

    def _refuse_other_block(self, chain: HeaderChain) -> None:
        height = self._pin.height
        if chain.tip < height:
            raise self._no_headers(f"the headers end at block {chain.tip}")
        shown = chain.block_hash(height)
        if shown != self._pin.block_hash:
            raise SourceError(
                ServerCode.LIED_SNAPSHOT,
                f"the snapshot {self._file.name} is of block {show_hash(self._pin.block_hash)}, "
                f"but the chain has {show_hash(shown)} at height {height}",
                remedy="Take the snapshot of a block on the chain, or other headers.",
                place=Place(self._file.name),
            )

    def _no_headers(self, what: str) -> SourceError:
        return SourceError(
            ChainCode.NO_HEADERS,
            f"the snapshot {self._file.name} is of block {self._pin.height}, and {what}",
            remedy='Name a second source that has headers with --source, or run "erario headers" '
            "first.",
            place=Place(self._file.name),
        )
