"""Several sources as one: the same question to all of them, and what they say against each other.

    chain    all are asked at once; the chain with the most work is taken, and whoever follows
             another, or fails, is told
    trace    whoever has the cut-off's block is asked at once; the evidence is the union, since what
             one of them proves is proved; what another does not show is a finding that names both

Agreement raises nothing: whoever shows no contradiction is merely not refuted. A source that lies
or is dead never stops the others: its error becomes a finding. Only where none is left is the first
error raised.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar, runtime_checkable

from erario.bitcoin.network import NetworkName
from erario.bitcoin.transaction import read_transaction
from erario.bitcoin.values import Height, Outpoint, Script, show_btc, show_hash
from erario.chain.errors import ChainCode
from erario.chain.merging import merge_blocks
from erario.chain.source import ChainSource, HeaderChain, Progress, ProgressCallback, Trace
from erario.chain.unspent import unspent_coins
from erario.errors import ErarioError, RequestError, SourceError
from erario.statement.evidence import BlockEvidence, ListedCoin, SourceNote
from erario.statement.finding import Finding, FindingCode, Severity, Verdict

_T = TypeVar("_T")

_LIE: Final = "lied."
_CLOSE: Final = 2
"""Blocks that a source may be behind without a word: it hears of a block a little later."""


@runtime_checkable
class RestsOnHeaders(Protocol):
    """A source without headers of its own, as a UTXO snapshot is."""

    def rest_on(self, chain: HeaderChain) -> None:
        """Take this verified chain for the headers."""
        ...


@dataclass(slots=True)
class _Asked:
    """One of the sources, its name, and how far it came."""

    source: ChainSource
    name: str
    chain: HeaderChain | None = None
    error: ErarioError | None = None
    findings: list[Finding] = field(default_factory=list)


class SeveralSources:
    """Two or more sources of one network, as a `ChainSource`.

    Args:
        sources: in the order of the user.

    Raises:
        RequestError: they are of different networks, or can answer for different heights only.
    """

    def __init__(self, sources: Sequence[ChainSource]) -> None:
        self._asked = [
            _Asked(one, name) for one, name in zip(sources, _names(sources), strict=True)
        ]
        self._network = sources[0].network
        if any(one.network != self._network for one in sources):
            raise RequestError(
                ChainCode.OTHER_NETWORK,
                "the sources are of different networks",
                remedy="Ask sources of one network only.",
            )
        self._best: HeaderChain | None = None

    @property
    def network(self) -> NetworkName:
        """The network that all are asked about."""
        return self._network

    def only_height(self) -> Height | None:
        """The one height of those that have only one, if all that still answer have one."""
        heights = [one.source.only_height() for one in self._alive()]
        if any(height is None for height in heights):
            return None
        return heights[0] if heights else None

    def notes(self) -> tuple[SourceNote, ...]:
        """Those who answered."""
        return tuple(note for one in self._alive() for note in one.source.notes())

    def close(self) -> None:
        """Close all."""
        for one in self._asked:
            one.source.close()

    def chain(self, progress: ProgressCallback) -> HeaderChain:
        """The chain with the most work that any of them shows.

        Raises:
            SourceError: none shows one.
        """
        if self._best is not None:
            return self._best
        ahead = [one for one in self._asked if not isinstance(one.source, RestsOnHeaders)]
        resting = [one for one in self._asked if isinstance(one.source, RestsOnHeaders)]
        best = self._ask_chains(ahead, progress)
        for one in resting:
            if best is not None and isinstance(one.source, RestsOnHeaders):
                one.source.rest_on(best)
        of_resting = self._ask_chains(resting, progress)
        best = of_resting if best is None else best
        if best is None:
            raise self._none_left()
        for one in self._alive():
            one.findings += _compare_chains(one, best)
        self._best = best
        return best

    def trace(self, scripts: Sequence[Script], upto: Height, progress: ProgressCallback) -> Trace:
        """The union of what those show that follow the best chain as far as `upto`.

        Raises:
            SourceError: none of them answers.
        """
        best = self.chain(progress)
        able = [one for one in self._alive() if self._is_able(one, best, upto)]
        traces = _at_once(able, lambda one, tell: one.source.trace(scripts, upto, tell), progress)
        shown = [(one, trace) for one, trace in traces if trace is not None]
        if not shown:
            raise self._none_left()
        blocks: tuple[BlockEvidence, ...] = ()
        listed: dict[Outpoint, ListedCoin] = {}
        for _, trace in shown:
            blocks = merge_blocks(blocks, trace.blocks)
            listed.update((coin.outpoint, coin) for coin in trace.listed)
        findings = [finding for one in self._asked for finding in one.findings]
        findings += (_failure(one) for one in self._asked if one.error is not None)
        findings += (finding for _, trace in shown for finding in trace.findings)
        findings += _compare_histories(shown, blocks, scripts)
        findings += _compare_lists(shown, blocks, scripts, upto)
        seen_by_all = set.intersection(*(set(trace.unseen) for _, trace in shown))
        return Trace(
            blocks,
            tuple(dict.fromkeys(findings)),
            tuple(listed[outpoint] for outpoint in sorted(listed)),
            tuple(script for script in scripts if script in seen_by_all),
        )

    def _alive(self) -> list[_Asked]:
        return [one for one in self._asked if one.error is None]

    def _ask_chains(
        self, asked: Sequence[_Asked], progress: ProgressCallback
    ) -> HeaderChain | None:
        for one, chain in _at_once(asked, lambda one, tell: one.source.chain(tell), progress):
            one.chain = chain
        chains = [one.chain for one in asked if one.chain is not None]
        return max(chains, key=lambda chain: chain.work, default=None)

    def _is_able(self, one: _Asked, best: HeaderChain, upto: Height) -> bool:
        """Whether a source can answer for `upto`; else a finding says why not."""
        only = one.source.only_height()
        chain = one.chain
        if only is not None and only != upto:
            why = f"it lists the coins at block {only:,} only"
        elif chain is None or chain.tip < upto:
            why = "it does not reach so far"
        elif chain is not best and chain.block_hash(upto) != best.block_hash(upto):
            why = "it follows another branch, with less work"
        else:
            return True
        finding = Finding(
            FindingCode.SOURCE_LEFT_OUT,
            Verdict.UNKNOWN,
            Severity.WARNING,
            one.name,
            f"{one.name} was not asked for block {upto:,}: {why}.",
            "Ask for a block that all sources can answer for, or leave it out.",
        )
        if finding not in one.findings:
            one.findings.append(finding)
        return False

    def _none_left(self) -> ErarioError:
        for one in self._asked:
            if one.error is not None:
                return one.error
        return SourceError(
            ChainCode.NONE_ANSWERED,
            "none of the sources can answer for this block",
            remedy="Ask for another block, or other sources.",
        )


def _at_once(
    asked: Sequence[_Asked],
    question: Callable[[_Asked, ProgressCallback], _T],
    progress: ProgressCallback,
) -> list[tuple[_Asked, _T | None]]:
    """Put a question to all at the same time; None and the error for whoever failed."""
    if not asked:
        return []
    lock = threading.Lock()

    def put(one: _Asked) -> _T | None:
        def tell(step: Progress) -> None:
            with lock:
                progress(step)

        try:
            return question(one, tell)
        except (SourceError, RequestError) as error:
            one.error = error
            return None

    pool = ThreadPoolExecutor(len(asked), thread_name_prefix="source")
    futures: list[Future[_T | None]] = []
    try:
        futures = [pool.submit(put, one) for one in asked]
        return [(one, future.result()) for one, future in zip(asked, futures, strict=True)]
    except BaseException:
        # An interrupt: whoever is still asked is let go of, so that its thread ends.
        for one in asked:
            one.source.close()
        raise
    finally:
        pool.shutdown(wait=all(future.done() for future in futures), cancel_futures=True)


def _names(sources: Sequence[ChainSource]) -> list[str]:
    """A name for each, by which findings speak of it; the same name twice gets a number."""
    names: list[str] = []
    for source in sources:
        note = source.notes()[0]
        name = note.name or f"the {note.kind.value} source"
        number = 2
        wanted = name
        while wanted in names:
            wanted = f"{name} ({number})"
            number += 1
        names.append(wanted)
    return names


def _failure(one: _Asked) -> Finding:
    error = one.error
    assert error is not None
    lied = str(error.code).startswith(_LIE)
    return Finding(
        FindingCode.SOURCE_LIED if lied else FindingCode.SOURCE_FAILED,
        Verdict.FAIL if lied else Verdict.UNKNOWN,
        Severity.ERROR if lied else Severity.WARNING,
        one.name,
        f"{one.name} was left out: {error.what} [{error.code}].",
        error.remedy,
    )


def _compare_chains(one: _Asked, best: HeaderChain) -> Iterator[Finding]:
    """Whether a source follows the best chain, and how far."""
    chain = one.chain
    if chain is None or chain is best:
        return
    if chain.block_hash(chain.tip) == best.block_hash(min(chain.tip, best.tip)):
        if best.tip - chain.tip > _CLOSE:
            yield Finding(
                FindingCode.SOURCE_BEHIND,
                Verdict.PASS,
                Severity.WARNING,
                one.name,
                f"{one.name} has not caught up: it ends {best.tip - chain.tip:,} blocks below the "
                "best chain.",
                "",
            )
        return
    yield Finding(
        FindingCode.SOURCE_BEHIND,
        Verdict.UNKNOWN,
        Severity.WARNING,
        one.name,
        f"{one.name} follows another branch, which ends at block {chain.tip:,} with "
        f"{show_hash(chain.block_hash(chain.tip))} and has no more work than the best.",
        "Ask again later: if it still does, it follows a chain that the network left.",
    )


def _compare_histories(
    shown: Sequence[tuple[_Asked, Trace]],
    union: Sequence[BlockEvidence],
    scripts: Sequence[Script],
) -> Iterator[Finding]:
    """What one source proves and another does not show."""
    speakers = [(one, trace) for one, trace in shown if one.source.notes()[0].history]
    if len(speakers) < 2:
        return
    places = [_places(trace.blocks) for _, trace in speakers]
    for (one, trace), own in zip(speakers, places, strict=True):
        missing = [
            (block, position)
            for block in union
            for position in (each.position for each in block.transactions)
            if (block.height, position) not in own
        ]
        if trace.unseen:
            # It said that it cannot show them; whatever touches others it must show.
            rest = frozenset(scripts).difference(trace.unseen)
            missing = [found for found in missing if _touches(found, union, rest)]
        if not missing:
            continue
        block, position = missing[0]
        txid = next(
            read_transaction(each.raw).txid
            for each in block.transactions
            if each.position == position
        )
        shower = next(
            other.name
            for (other, _), theirs in zip(speakers, places, strict=True)
            if (block.height, position) in theirs
        )
        more = f", and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        yield Finding(
            FindingCode.SOURCES_DISAGREE,
            Verdict.FAIL,
            Severity.ERROR,
            show_hash(txid),
            f"{one.name} does not show transaction {show_hash(txid)} of block {block.height:,}, "
            f"which {shower} proves{more}.",
            f"Believe what is proved, and {one.name} no longer: it hid this, or lost it.",
        )


def _places(blocks: Sequence[BlockEvidence]) -> set[tuple[int, int]]:
    return {(block.height, one.position) for block in blocks for one in block.transactions}


def _touches(
    found: tuple[BlockEvidence, int], union: Sequence[BlockEvidence], scripts: frozenset[Script]
) -> bool:
    """Whether a transaction pays to one of the scripts, or spends a coin that did."""
    block, position = found
    transaction = next(
        read_transaction(one.raw) for one in block.transactions if one.position == position
    )
    if any(output.script in scripts for output in transaction.outputs):
        return True
    spent = {one.outpoint.txid for one in transaction.inputs}
    for other in union:
        for one in other.transactions:
            earlier = read_transaction(one.raw)
            if earlier.txid in spent and any(
                Outpoint(earlier.txid, number) in {each.outpoint for each in transaction.inputs}
                and output.script in scripts
                for number, output in enumerate(earlier.outputs)
            ):
                return True
    return False


def _compare_lists(
    shown: Sequence[tuple[_Asked, Trace]],
    union: Sequence[BlockEvidence],
    scripts: Sequence[Script],
    upto: Height,
) -> Iterator[Finding]:
    """Lists of coins held against what the history leaves unspent, or against each other."""
    listers = [(one, trace) for one, trace in shown if not one.source.notes()[0].history]
    speakers = [one for one, _ in shown if one.source.notes()[0].history]
    if not listers:
        return
    if speakers:
        unseen = frozenset[Script]().union(*(trace.unseen for _, trace in shown))
        known = [script for script in scripts if script not in unseen]
        name, coins = speakers[0].name, unspent_coins(union, known, upto)
    else:
        unseen = frozenset()
        name, coins = listers[0][0].name, {coin.outpoint: coin for coin in listers[0][1].listed}
        listers = listers[1:]
    for one, trace in listers:
        listed = {coin.outpoint: coin for coin in trace.listed if coin.script not in unseen}
        for outpoint in sorted(coins.keys() | listed.keys()):
            if coins.get(outpoint) != listed.get(outpoint):
                yield _differing(one.name, name, listed.get(outpoint), coins.get(outpoint))
                break


def _differing(
    lister: str, other: str, listed: ListedCoin | None, shown: ListedCoin | None
) -> Finding:
    coin = listed or shown
    assert coin is not None
    if listed is None:
        what = (
            f"{lister} does not list {coin.outpoint} ({show_btc(coin.sats)} BTC), which is "
            f"unspent by what {other} shows"
        )
    elif shown is None:
        what = (
            f"{lister} lists {coin.outpoint} ({show_btc(coin.sats)} BTC), which is not among "
            f"the unspent coins by what {other} shows"
        )
    else:
        what = f"{lister} and {other} show {coin.outpoint} with different amounts or heights"
    return Finding(
        FindingCode.SOURCES_DISAGREE,
        Verdict.FAIL,
        Severity.ERROR,
        show_hash(coin.outpoint.txid),
        f"{what}.",
        "Ask a third source, or a node of your own.",
    )
