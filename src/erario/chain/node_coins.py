"""What is unspent now, as an own node lists it: `scantxoutset`, behind node://HOST:PORT/coins.

A node answers for the tip that it has when it begins, so this source has one height. That no coin
is missing, and that none of those listed is spent, is the node's word; that each was made as it
says is checked against the raw block, where the node still keeps that. A few blocks that came since
the headers were read are taken back (`node_rollback`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, NoReturn

from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.script import MAX_SCRIPT_SIZE, is_unspendable
from erario.bitcoin.subsidy import most_supply
from erario.bitcoin.transaction import read_transaction
from erario.bitcoin.values import BlockHash, Height, Outpoint, Sats, Script, Txid
from erario.chain.errors import ServerCode
from erario.chain.heights import refuse_height
from erario.chain.json_answers import Json, hash_of, hex_of, member, sats_of, whole
from erario.chain.node_blocks import read_blocks
from erario.chain.node_finder import new_finder
from erario.chain.node_rollback import spent_since
from erario.chain.node_scan import (
    NodeScans,
    ScanRequest,
    raw_descriptors,
    refuse_aborted,
    scripts_of,
)
from erario.chain.node_server import HIGHEST, NodeServer
from erario.chain.node_source import BLOCK_STEP, read_node_chain
from erario.chain.source import HeaderChain, Progress, ProgressCallback, Trace
from erario.chain.state_folder import StateFolder
from erario.errors import SourceError
from erario.statement.evidence import ListedCoin, SourceKind, SourceNote, UnspentWord
from erario.statement.finding import Finding, FindingCode, Severity, Verdict

COINS_STEP: Final = "Scanning the node's coins"
_TRIES: Final = 4
_PAUSE: Final = 0.5
_SCAN_SECONDS: Final = 3_600.0
_LARGEST_ANSWER: Final = 64_000_000
_LARGEST_INDEX: Final = 0xFFFFFFFF

_CAVEAT: Final = (
    "It lists what is unspent, and that nothing is missing is the node's word; what was received "
    "and spent before is not shown."
)
_CAVEAT_PRUNED: Final = (
    f"{_CAVEAT} Coins of blocks that it no longer keeps were not held against those."
)


class NodeCoins:
    """A node of the user's own as a `ChainSource` that lists coins.

    Args:
        server: the node.
        name: the network asked about.
        state: where headers are kept for the next time, or None.
    """

    def __init__(self, server: NodeServer, name: NetworkName, *, state: StateFolder | None) -> None:
        self._server = server
        self._name = name
        self._state = state
        self._scans = NodeScans(server.rpc)
        self._chain: HeaderChain | None = None
        self._unchecked = False
        self._says_coinbase = True

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
        """The height of the node's tip when its headers were read."""
        return self.chain(lambda _: None).tip

    def notes(self) -> tuple[SourceNote, ...]:
        """What it vouches for, in words."""
        caveat = _CAVEAT_PRUNED if self._unchecked else _CAVEAT
        word = UnspentWord.OWN_NODE
        return (
            SourceNote(
                SourceKind.NODE,
                own=True,
                word=word,
                caveat=caveat,
                name=self._server.name,
                history=False,
            ),
        )

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
        """The unspent coins of `scripts` at `upto`, which is the tip.

        Raises:
            RequestError: the chain does not reach `upto`.
            SourceError: UNSETTLED where a block has come since the headers were read, LIED_COIN
                where a coin cannot be or is not in its block, or the node cannot be asked.
        """
        chain = self.chain(progress)
        refuse_height(self._server.name, chain, upto)
        spendable = [script for script in dict.fromkeys(scripts) if not is_unspendable(script)]
        wanted = [script for script in spendable if script]
        coins: dict[Outpoint, ListedCoin] = {}
        for descriptors in raw_descriptors(wanted):
            for coin in self._scan(chain, descriptors, upto, progress):
                if coin.outpoint in coins:
                    self._lie(f"lists the coin {coin.outpoint} twice")
                coins[coin.outpoint] = coin
        if sum(coin.sats for coin in coins.values()) > most_supply(network(self._name), upto):
            raise SourceError(
                ServerCode.LIED_SUPPLY,
                f"{self._server.name} lists more coins than there are",
                remedy="Look after the node: its data may be damaged.",
            )
        coins = self._check(chain, wanted, coins, progress)
        in_order = tuple(coins[outpoint] for outpoint in sorted(coins))
        # No descriptor stands for the empty script.
        unseen = tuple(script for script in spendable if not script)
        return Trace((), self._findings(unseen), listed=in_order, unseen=unseen)

    def _findings(self, unseen: Sequence[Script]) -> tuple[Finding, ...]:
        if not unseen:
            return ()
        return (
            Finding(
                FindingCode.SOURCE_UNSEEN,
                Verdict.UNKNOWN,
                Severity.WARNING,
                self._server.name,
                f"{self._server.name} cannot be asked for the coins of the empty script: what it "
                "holds is missing.",
                "Ask the node for its blocks (without /coins), or read block files.",
            ),
        )

    def _scan(
        self,
        chain: HeaderChain,
        descriptors: list[Json],
        upto: Height,
        progress: ProgressCallback,
    ) -> Iterator[ListedCoin]:
        """The coins at `upto`."""
        request = ScanRequest("scantxoutset", (descriptors,), _LARGEST_ANSWER, _SCAN_SECONDS)
        name = self._server.name
        for _ in range(_TRIES):
            answer = self._scans.run(
                request, lambda: progress(Progress(COINS_STEP, 0, 0, "scripts", upto))
            )
            if member(answer, "success", bool, name):
                break
            # Somebody has aborted it.
            self._server.rpc.pause(_PAUSE)
        else:
            raise refuse_aborted(name)
        height = Height(
            whole(member(answer, "height", int, name), name, most=HIGHEST, what='"height"')
        )
        best = BlockHash(hash_of(member(answer, "bestblock", str, name), name))
        scripts = scripts_of(descriptors)
        yield from spent_since(self._server, chain, upto, (height, best), scripts)
        for coin in self._read(member(answer, "unspents", list, name), scripts, height):
            if coin.height <= upto:
                yield coin

    def _read(
        self, listed: Sequence[Json], scripts: frozenset[Script], tip: Height
    ) -> Iterator[ListedCoin]:
        name = self._server.name
        for one in listed:
            txid = Txid(hash_of(member(one, "txid", str, name), name))
            vout = whole(
                member(one, "vout", int, name), name, most=_LARGEST_INDEX, what="an output's index"
            )
            outpoint = Outpoint(txid, vout)
            script = Script(
                hex_of(member(one, "scriptPubKey", str, name), name, most=MAX_SCRIPT_SIZE)
            )
            if script not in scripts:
                self._lie(f"lists the coin {outpoint}, whose script was not asked for")
            height = member(one, "height", int, name)
            if not 0 < height <= tip:
                self._lie(f"lists the coin {outpoint} at the height {height:,}")
            if not (isinstance(one, dict) and "coinbase" in one):
                # Before Bitcoin Core 25.0: its block says it.
                self._says_coinbase = False
            yield ListedCoin(
                outpoint,
                self._amount(one, outpoint),
                script,
                Height(height),
                self._says_coinbase and member(one, "coinbase", bool, name),
            )

    def _amount(self, one: Json, outpoint: Outpoint) -> Sats:
        try:
            # Anything there is: `sats_of` looks at the type.
            return sats_of(one.get("amount") if isinstance(one, dict) else None, self._server.name)
        except SourceError:
            self._lie(f"lists the coin {outpoint} with an amount that cannot be")

    def _check(
        self,
        chain: HeaderChain,
        scripts: Sequence[Script],
        coins: dict[Outpoint, ListedCoin],
        progress: ProgressCallback,
    ) -> dict[Outpoint, ListedCoin]:
        """The coins, held against the blocks that they are said to be of, where those are kept."""
        kept_from = self._server.state().kept_from
        heights = sorted({coin.height for coin in coins.values()})
        kept = [height for height in heights if height >= kept_from]
        self._unchecked = self._unchecked or len(kept) < len(heights)
        made: dict[Outpoint, ListedCoin] = {}
        finder = new_finder(self._server.name, network(self._name), scripts, len(kept))
        done = 0
        for batch in read_blocks(self._server.rpc, kept, chain.header):
            for block in finder.take_in(batch):
                for each in block.transactions:
                    made.update((coin.outpoint, coin) for coin in _made_by(each.raw, block.height))
            done += len(batch)
            progress(Progress(BLOCK_STEP, done, len(kept), "blocks", batch[-1].height))
        checked = {}
        for outpoint, coin in coins.items():
            if coin.height < kept_from:
                self._refuse_unsaid(coin)
                checked[outpoint] = coin
                continue
            shown = made.get(outpoint)
            if shown is not None and not self._says_coinbase:
                coin = replace(coin, coinbase=shown.coinbase)  # noqa: PLW2901
            if coin != shown:
                self._lie(f"lists the coin {outpoint} otherwise than block {coin.height} has it")
            checked[outpoint] = coin
        return checked

    def _refuse_unsaid(self, coin: ListedCoin) -> None:
        """Make sure that the node has said of a coin, whose block is gone, what made it."""
        if not self._says_coinbase:
            raise SourceError(
                ServerCode.LACKS,
                f"{self._server.name} neither says whether the coin {coin.outpoint} is of a "
                f"coinbase nor keeps block {coin.height}, which would show it",
                remedy="Use Bitcoin Core 25.0 or later, whose scantxoutset says it, or a node "
                "that keeps all blocks.",
            )

    def _lie(self, what: str) -> NoReturn:
        raise SourceError(
            ServerCode.LIED_COIN,
            f"{self._server.name} {what}",
            remedy="Look after the node: its data may be damaged.",
        ) from None


def _made_by(raw: bytes, height: Height) -> Iterator[ListedCoin]:
    """The coins that a transaction makes."""
    transaction = read_transaction(raw)
    for vout, output in enumerate(transaction.outputs):
        yield ListedCoin(
            Outpoint(transaction.txid, vout),
            Sats(output.sats),
            output.script,
            height,
            transaction.is_coinbase,
        )
