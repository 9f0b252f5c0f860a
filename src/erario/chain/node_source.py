"""The source over a node's RPC: headers, then the blocks that matter, raw, and checked by us.

    node://HOST:PORT          every transaction, by the node's filters where it has them, else by
                              reading every block
    node://HOST:PORT/coins    what is unspent now, by an own node's word (`node_coins`)

No wallet and no transaction index is needed. Every block that is looked at is held against the
header that we verified. Where all of them are, the coins are unspent by the blocks themselves;
where the filters choose, by the node's word. The node may go on with its chain meanwhile: blocks
are asked by hash, so that what comes is of the chain that was verified.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.script import is_unspendable
from erario.bitcoin.values import BlockHash, Height, Script
from erario.chain.access import Access
from erario.chain.errors import ChainCode, ServerCode
from erario.chain.heights import refuse_height
from erario.chain.hosts import is_this_machine
from erario.chain.node_blocks import RawBlock, read_blocks
from erario.chain.node_conf import find_way
from erario.chain.node_filters import FilterQuestion, matching_heights
from erario.chain.node_finder import new_finder
from erario.chain.node_rpc import UNKNOWN_METHOD, NodeRpc, RpcError
from erario.chain.node_scan import NodeScans
from erario.chain.node_server import NodeServer
from erario.chain.served_chain import open_served_chain
from erario.chain.source import ChainSource, HeaderChain, Progress, ProgressCallback, Trace
from erario.chain.source_url import SourceUrl
from erario.chain.state_folder import StateFolder
from erario.errors import RequestError, SourceError
from erario.statement.evidence import BlockEvidence, SourceKind, SourceNote, UnspentWord

FILTER_STEP: Final = "Asking the node's filters"
BLOCK_STEP: Final = "Reading blocks"
_COINS: Final = "coins"
_CHAIN_TRIES: Final = 4
_PAUSE: Final = 0.5
_WINDOW_BYTES: Final = 16_000_000
_INDEX_TRIES: Final = 20

_CAVEAT_BLOCKS: Final = "A longer chain that this node does not show would not be seen."
_CAVEAT_FILTERS: Final = (
    "Which blocks touch the wallets is the word of the node's filters: what they leave out is not "
    "found."
)
_CAVEAT_OWN: Final = (
    "That its chain is the best one, and that its filters leave out nothing, is the node's word."
)
_CAVEAT_OWN_BLOCKS: Final = "That its chain is the best one is the node's word."
_CAVEAT_OLD: Final = (
    "Its filters could not be asked: that takes Bitcoin Core 25.0 or later (scanblocks). Every "
    "block was read instead."
)


def open_node(
    url: SourceUrl,
    name: NetworkName,
    own: bool,  # noqa: FBT001 - as all openers
    state: StateFolder | None,
    access: Access,
) -> ChainSource:
    """The source that a "node:" URL names.

    Raises:
        RequestError: no such path, no credentials, or coins are asked of a node that is not the
            user's own.
        SourceError: the node's address cannot be used.
    """
    path = url.path.strip("/")
    if path not in {"", _COINS}:
        raise RequestError(
            ChainCode.URL_BAD,
            "the URL of a node has a path that means nothing",
            remedy='Write it like "node://HOST:PORT", or "node://HOST:PORT/coins" for what is '
            "unspent now.",
        )
    if path == _COINS and not own:
        raise RequestError(
            ChainCode.ACCESS_BAD,
            f"the coins of {url.authority} would be taken on the word of a node that is not yours",
            remedy='Leave out "/coins", or say that the node is your own (--own).',
        )
    if is_this_machine(url.host):
        # By a proxy the credentials would come to another machine, in the clear.
        access = replace(access, proxy=None)
    server = NodeServer(NodeRpc(find_way(url, name, access), access), name)
    if path == _COINS:
        from erario.chain.node_coins import NodeCoins  # noqa: PLC0415

        return NodeCoins(server, name, state=state)
    return NodeSource(server, name, own=own, state=state)


def read_node_chain(
    server: NodeServer,
    name: NetworkName,
    state: StateFolder | None,
    progress: ProgressCallback,
) -> HeaderChain:
    """The verified headers of a node.

    Raises:
        SourceError: it cannot be asked, lies, or changes its chain each time that it is read.
    """
    for _ in range(_CHAIN_TRIES):
        before = server.tip()
        try:
            return open_served_chain(name, server, state, progress)
        except SourceError as error:
            if error.code not in {ServerCode.LIED_TIP, ServerCode.LIED_LINK}:
                raise
            if server.tip() == before:
                raise
        server.rpc.pause(_PAUSE)
    raise SourceError(
        ServerCode.UNSETTLED,
        f"{server.name} changed its chain each time that its headers were read",
        remedy="Ask again when it has caught up.",
    )


class NodeSource:
    """A node as a `ChainSource` with history.

    Args:
        server: the node.
        name: the network asked about.
        own: the user says that it is their own.
        state: where headers are kept for the next time, or None.
    """

    def __init__(
        self, server: NodeServer, name: NetworkName, *, own: bool, state: StateFolder | None
    ) -> None:
        self._server = server
        self._name = name
        self._own = own
        self._state = state
        self._scans = NodeScans(server.rpc)
        self._chain: HeaderChain | None = None
        self._by_filters = False
        self._by_blocks = False
        self._is_old = False

    @property
    def network(self) -> NetworkName:
        """The network that it is asked about."""
        return self._name

    def tip(self) -> tuple[Height, BlockHash]:
        """The end of the chain that it follows, by its own word.

        Raises:
            SourceError: it does not answer.
        """
        return self._server.tip()

    def only_height(self) -> Height | None:
        """None: a node answers for every height."""
        return None

    def notes(self) -> tuple[SourceNote, ...]:
        """What it vouches for, by the roads that were taken: the weakest of them counts."""
        all_read = self._by_blocks and not self._by_filters
        word, caveat = UnspentWord.SERVERS, _CAVEAT_FILTERS
        if self._own:
            word, caveat = UnspentWord.OWN_NODE, _CAVEAT_OWN_BLOCKS if all_read else _CAVEAT_OWN
        elif all_read:
            word, caveat = UnspentWord.BLOCKS, _CAVEAT_BLOCKS
        if self._is_old:
            caveat = f"{caveat} {_CAVEAT_OLD}"
        return (SourceNote(SourceKind.NODE, self._own, word, caveat, name=self._server.name),)

    def close(self) -> None:
        """End what runs on the node for us, and let go of the connections."""
        self._scans.close()
        self._server.rpc.close()

    def chain(self, progress: ProgressCallback) -> HeaderChain:
        """The verified headers of the node's chain; read once, then kept.

        Raises:
            SourceError: it cannot be asked, lies, or is on another network.
        """
        if self._chain is None:
            self._chain = read_node_chain(self._server, self._name, self._state, progress)
        return self._chain

    def trace(self, scripts: Sequence[Script], upto: Height, progress: ProgressCallback) -> Trace:
        """Every transaction in blocks 1 to `upto` that touches `scripts`.

        Raises:
            RequestError: the chain does not reach `upto`.
            SourceError: the node lies, has pruned a block that is needed, or cannot be asked.
        """
        chain = self.chain(progress)
        refuse_height(self._server.name, chain, upto)
        wanted = [script for script in dict.fromkeys(scripts) if not is_unspendable(script)]
        if not wanted:
            return Trace((), ())
        heights: Sequence[Height] | None = None
        # The filters do not hold the empty script.
        if all(wanted) and self._has_filters(upto):
            heights = self._ask_filters(chain, wanted, upto, progress)
        if heights is None:
            self._by_blocks = True
            heights = [Height(height) for height in range(1, upto + 1)]
        else:
            self._by_filters = True
        self._refuse_pruned(heights, upto)
        return Trace(tuple(self._look_at(chain, heights, wanted, progress)), ())

    def _has_filters(self, upto: Height) -> bool:
        """Whether the node's filters reach so far; they follow its tip by a moment."""
        for _ in range(_INDEX_TRIES):
            reach = self._server.filters_reach()
            if reach is None:
                return False
            if reach >= upto:
                return True
            self._server.rpc.pause(_PAUSE)
        return False

    def _ask_filters(
        self,
        chain: HeaderChain,
        scripts: Sequence[Script],
        upto: Height,
        progress: ProgressCallback,
    ) -> list[Height] | None:
        """The heights that the filters name; None where the node has filters, but cannot be asked
        by them: Bitcoin Core has them since 0.19, and `scanblocks` since 25.0."""

        def told(done: int) -> None:
            # More scripts than one request holds make more rounds over the same blocks.
            height = Height((done - 1) % upto + 1) if done else Height(0)
            progress(Progress(FILTER_STEP, height, upto, "blocks", height))

        question = FilterQuestion(self._server, self._scans, chain, upto)
        try:
            return matching_heights(question, scripts, told)
        except RpcError as error:
            if error.number != UNKNOWN_METHOD:
                raise
            self._is_old = True
            return None

    def _refuse_pruned(self, heights: Sequence[Height], upto: Height) -> None:
        """Make sure that the node has the blocks that are needed."""
        if not heights:
            return
        kept_from = self._server.state().kept_from
        lacking = sum(height < kept_from for height in heights)
        if lacking:
            raise SourceError(
                ServerCode.LACKS,
                f"{self._server.name} is pruned and keeps blocks from height {kept_from} on: "
                f"of the blocks up to {upto} that are needed, {lacking} of {len(heights)} are gone",
                remedy="Ask a node that keeps all blocks; or ask your own for what is unspent now: "
                "node://HOST:PORT/coins with --own.",
            )

    def _look_at(
        self,
        chain: HeaderChain,
        heights: Sequence[Height],
        scripts: Sequence[Script],
        progress: ProgressCallback,
    ) -> Iterator[BlockEvidence]:
        finder = new_finder(self._server.name, network(self._name), scripts, len(heights))
        done = 0
        progress(Progress(BLOCK_STEP, 0, len(heights), "blocks"))
        for window in _windows(read_blocks(self._server.rpc, heights, chain.header)):
            yield from finder.take_in(window)
            done += len(window)
            progress(Progress(BLOCK_STEP, done, len(heights), "blocks", window[-1].height))


def _windows(batches: Iterable[list[RawBlock]]) -> Iterator[list[RawBlock]]:
    """Batches put together to what is worth a start of the scanner."""
    window: list[RawBlock] = []
    size = 0
    for batch in batches:
        window += batch
        size += sum(len(block.data) for block in batch)
        if size >= _WINDOW_BYTES:
            yield window
            window, size = [], 0
    if window:
        yield window
