"""What a node says about itself and its chain: nothing of it is believed here.

`NodeServer` is the `HeaderServer` of a node, and reads its blocks' raw bytes in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from erario.bitcoin.header import HEADER_SIZE
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import BlockHash, Height, sha256d, show_hash
from erario.chain.errors import ServerCode
from erario.chain.json_answers import Json, hash_of, hex_of, member, quote, whole
from erario.chain.node_rpc import BAD_PARAMETER, NOT_FOUND, UNKNOWN_METHOD, NodeRpc, RpcError
from erario.errors import SourceError

HIGHEST: Final = 1 << 31
"""No chain is as long."""
_HEADERS_AT_ONCE: Final = 2_000
_BYTES_EACH: Final = 1_000
"""More than the answer of a batch has for a hash or a header."""
_TRIES: Final = 4
_PAUSE: Final = 0.5
_PREVIOUS: Final = slice(4, 36)
_FILTERS: Final = "basic block filter index"

# Bitcoin Core 31.0, util/chaintype.cpp.
_CHAINS: Final = {
    "main": NetworkName.MAIN,
    "test": NetworkName.TESTNET3,
    "testnet4": NetworkName.TESTNET4,
    "signet": NetworkName.SIGNET,
    "regtest": NetworkName.REGTEST,
}


@dataclass(frozen=True, slots=True)
class NodeState:
    """What a node says of itself.

    Attributes:
        tip: its chain's height.
        tip_hash: that block.
        kept_from: the lowest height whose block it still has; 0 where it has all.
    """

    tip: Height
    tip_hash: BlockHash
    kept_from: Height


class NodeServer:
    """A node as a `HeaderServer`, asked about one network."""

    def __init__(self, rpc: NodeRpc, network: NetworkName) -> None:
        self.rpc: Final = rpc
        self._network = network

    @property
    def name(self) -> str:
        """Host and port, for people."""
        return self.rpc.name

    def state(self) -> NodeState:
        """What the node says of itself, now.

        Raises:
            SourceError: OTHER_NETWORK, or it cannot be asked.
        """
        info = self.rpc.call("getblockchaininfo")
        chain = member(info, "chain", str, self.name)
        if _CHAINS.get(chain) is not self._network:
            raise SourceError(
                ServerCode.OTHER_NETWORK,
                f'{self.name} is on "{quote(chain)}", not on {self._network}',
                remedy="Name the port of a node on that network.",
            )
        kept_from = 0
        if member(info, "pruned", bool, self.name):
            kept_from = self._height(info, "pruneheight")
        return NodeState(
            self._height(info, "blocks"),
            BlockHash(hash_of(member(info, "bestblockhash", str, self.name), self.name)),
            Height(kept_from),
        )

    def tip(self) -> tuple[Height, BlockHash]:
        """The end of the chain that it follows, now."""
        state = self.state()
        return state.tip, state.tip_hash

    def headers(self, start: Height, count: int) -> bytes:
        """`count` headers of 80 bytes from `start` on; fewer where its chain ends before."""
        found = []
        for first in range(start, start + count, _HEADERS_AT_ONCE):
            wanted = min(_HEADERS_AT_ONCE, start + count - first)
            found.append(self._some_headers(first, wanted))
            if len(found[-1]) < wanted * HEADER_SIZE:
                break
        return b"".join(found)

    def hashes(self, heights: range) -> list[BlockHash]:
        """The blocks of its chain at these heights, up to the first that it does not have."""
        answers = self.rpc.batch(
            "getblockhash", [[height] for height in heights], most=self._room(len(heights))
        )
        found = []
        for answer in answers:
            if isinstance(answer, RpcError):
                if answer.number == BAD_PARAMETER:
                    break
                raise answer
            found.append(BlockHash(hash_of(answer, self.name)))
        return found

    def height_of(self, block_hash: BlockHash) -> Height | None:
        """The height that it gives to a block, on whichever branch; None where it does not know
        the block."""
        return self.heights([block_hash])[0]

    def heights(self, hashes: list[BlockHash]) -> list[Height | None]:
        """The heights that it gives to blocks; None for those that it does not know."""
        questions: list[list[Json]] = [[show_hash(block), True] for block in hashes]
        answers = self.rpc.batch("getblockheader", questions, most=2 * self._room(len(hashes)))
        found: list[Height | None] = []
        for answer in answers:
            if isinstance(answer, RpcError):
                if answer.number != NOT_FOUND:
                    raise answer
                found.append(None)
            else:
                found.append(self._height(answer, "height"))
        return found

    def filters_reach(self) -> Height | None:
        """Up to which height it has the filters of BIP 158; None where it has none, or is still
        making them."""
        try:
            index = self.rpc.call("getindexinfo")
        except RpcError as error:
            if error.number == UNKNOWN_METHOD:
                return None
            raise
        if not isinstance(index, dict) or _FILTERS not in index:
            return None
        if not member(index[_FILTERS], "synced", bool, self.name):
            return None
        return self._height(index[_FILTERS], "best_block_height")

    def _some_headers(self, start: int, count: int) -> bytes:
        """Headers that belong together, unless the node gives none such however often asked."""
        for _ in range(_TRIES):
            hashes = self.hashes(range(start, start + count))
            headers = self._headers_of(hashes)
            if headers is not None and _is_linked(headers):
                break
            # The chain changed between the hashes, or between them and the headers.
            self.rpc.pause(_PAUSE)
        if headers is None:
            raise SourceError(
                ServerCode.LIED_LINK,
                f"{self.name} does not have the headers of blocks that it names",
                remedy="Ask another node, and look after this one: its data may be damaged.",
            )
        return headers

    def _headers_of(self, hashes: list[BlockHash]) -> bytes | None:
        questions: list[list[Json]] = [[show_hash(block), False] for block in hashes]
        answers = self.rpc.batch("getblockheader", questions, most=self._room(len(hashes)))
        found = []
        for block_hash, answer in zip(hashes, answers, strict=True):
            if isinstance(answer, RpcError):
                if answer.number == NOT_FOUND:
                    return None
                raise answer
            header = hex_of(answer, self.name, most=HEADER_SIZE, what="a header")
            if len(header) != HEADER_SIZE:
                raise self.rpc.garbage("gives a header that has not 80 bytes")
            if sha256d(header) != block_hash:
                raise SourceError(
                    ServerCode.LIED_LINK,
                    f"{self.name} gives another header than that of the block that was asked for",
                    remedy="Ask another node, and look after this one: its data may be damaged.",
                )
            found.append(header)
        return b"".join(found)

    def _height(self, value: Json, key: str) -> Height:
        found = member(value, key, int, self.name)
        return Height(whole(found, self.name, most=HIGHEST, what=f'"{key}"'))

    def _room(self, count: int) -> int:
        return _BYTES_EACH * (count + 1)


def _is_linked(headers: bytes) -> bool:
    """Whether each header names the one before."""
    previous = b""
    for at in range(0, len(headers), HEADER_SIZE):
        header = headers[at : at + HEADER_SIZE]
        if previous and header[_PREVIOUS] != sha256d(previous):
            return False
        previous = header
    return True
