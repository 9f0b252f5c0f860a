"""Several sources as one: the same question to all of them, and what they say against each other.

    chain    all are asked at once; the chain with the most work is taken, and whoever follows
             another, or fails, is told
    trace    whoever has the cut-off's block is asked at once; the evidence is the union, since what
             one of them proves is proved; what another does not show is a finding (`comparing`)

Agreement raises nothing: whoever shows no contradiction is merely not refuted. A source that lies
or is dead never stops the others: its error becomes a finding. Only where none is left is the first
error raised. Only those that answered every question lend their word, and nobody that was refuted.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Final, Protocol, TypeVar, runtime_checkable

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Height, Outpoint, Script
from erario.chain.comparing import (
    CLOSE,
    Asked,
    compare_chains,
    compare_histories,
    compare_lists,
    failure,
    left_out,
    unseen_by_all,
)
from erario.chain.errors import ChainCode, ServerCode
from erario.chain.merging import merge_blocks
from erario.chain.shared_chain import SharedChain
from erario.chain.source import ChainSource, HeaderChain, Progress, ProgressCallback, Trace
from erario.errors import ErarioError, RequestError, SourceError
from erario.statement.evidence import (
    BlockEvidence,
    ListedCoin,
    SourceKind,
    SourceNote,
    UnspentWord,
)
from erario.statement.finding import Finding, FindingCode

_T = TypeVar("_T")

PATIENCE: float = 300.0
"""Seconds that a public server has once all others have answered."""
_SERVERS: Final = (SourceKind.ELECTRUM, SourceKind.ESPLORA)


@runtime_checkable
class RestsOnHeaders(Protocol):
    """A source without headers of its own, as a UTXO snapshot is."""

    def rest_on(self, chain: HeaderChain) -> None:
        """Take this verified chain for the headers."""
        ...


class SeveralSources:
    """Two or more sources of one network, as a `ChainSource`.

    Args:
        sources: in the order of the user.

    Raises:
        RequestError: they are of different networks.
    """

    def __init__(self, sources: Sequence[ChainSource]) -> None:
        self._asked = [Asked(one, name) for one, name in zip(sources, _names(sources), strict=True)]
        self._network = sources[0].network
        if any(one.network != self._network for one in sources):
            raise RequestError(
                ChainCode.OTHER_NETWORK,
                "the sources are of different networks",
                remedy="Ask sources of one network only.",
            )
        self._best: SharedChain | None = None

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

    def default_height(self) -> Height | None:
        """The block to close on where nobody says which: that of a source that has only one, else
        the highest that all have, if they follow one chain and end a block or two apart."""
        for one in self._alive():
            only = one.source.only_height()
            if only is not None:
                return only
        if self._best is None:
            return None
        tips = [
            one.chain.tip
            for one in self._alive()
            if one.chain is not None and one in self._best.holders
        ]
        near = [tip for tip in tips if self._best.tip - tip <= CLOSE]
        return min(near, default=None)

    def notes(self) -> tuple[SourceNote, ...]:
        """Those who answered all that they were asked, with the words that still stand."""
        return tuple(
            replace(note, word=UnspentWord.SERVERS) if one.refuted else note
            for one in self._alive()
            if not one.left_out
            for note in one.source.notes()
        )

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
        resting = [one for one in self._asked if isinstance(one.source, RestsOnHeaders)]
        self._ask_chains([one for one in self._asked if one not in resting], progress)
        best = self._find_best()
        for one in resting:
            if best is not None and isinstance(one.source, RestsOnHeaders):
                one.source.rest_on(best)
        self._ask_chains(resting, progress)
        self._best = best or self._find_best()
        if self._best is None:
            raise self._none_left()
        return self._best

    def trace(self, scripts: Sequence[Script], upto: Height, progress: ProgressCallback) -> Trace:
        """The union of what those show that follow the best chain as far as `upto`.

        Raises:
            SourceError: none of them answers.
        """
        self.chain(progress)
        able = [one for one in self._alive() if self._is_able(one, upto)]
        for one in self._asked:
            one.left_out = one not in able
        traces = _at_once(able, lambda one, tell: one.source.trace(scripts, upto, tell), progress)
        shown: list[tuple[Asked, Trace]] = []
        blocks: tuple[BlockEvidence, ...] = ()
        for one, trace in traces:
            try:
                if trace is not None:
                    blocks = merge_blocks(blocks, trace.blocks)
                    shown.append((one, trace))
            except SourceError as error:
                one.error = error
        if not shown:
            raise self._none_left()
        listed: dict[Outpoint, ListedCoin] = {}
        for _, trace in shown:
            listed.update((coin.outpoint, coin) for coin in trace.listed)
        unseen = unseen_by_all(scripts, shown)
        return Trace(
            blocks,
            tuple(dict.fromkeys(self._findings(shown, blocks, scripts, unseen, upto))),
            tuple(listed[outpoint] for outpoint in sorted(listed)),
            unseen,
        )

    def _findings(
        self,
        shown: Sequence[tuple[Asked, Trace]],
        blocks: Sequence[BlockEvidence],
        scripts: Sequence[Script],
        unseen: Sequence[Script],
        upto: Height,
    ) -> Iterable[Finding]:
        for one in self._asked:
            if one.error is not None:
                yield failure(one)
            yield from one.findings
        for _, trace in shown:
            for finding in trace.findings:
                # What one cannot show and another does is not missing.
                if finding.code is not FindingCode.SOURCE_UNSEEN or unseen:
                    yield finding
        yield from compare_histories(shown, blocks, scripts)
        yield from compare_lists(shown, blocks, scripts, upto)

    def _alive(self) -> list[Asked]:
        return [one for one in self._asked if one.error is None]

    def _ask_chains(self, asked: Sequence[Asked], progress: ProgressCallback) -> None:
        for one, chain in _at_once(asked, lambda one, tell: one.source.chain(tell), progress):
            one.chain = chain

    def _find_best(self) -> SharedChain | None:
        """The chain with the most work, with all that follow it; the others get a finding."""
        while True:
            having = [one for one in self._alive() if one.chain is not None]
            if not having:
                return None
            first = max(having, key=lambda one: one.chain.work if one.chain else 0)
            best = SharedChain(first)
            for one in having:
                finding = compare_chains(one, first)
                if one.error is None and (one is first or finding is None or finding.subject == ""):
                    best.join(one)
                if finding is not None and one.error is None:
                    one.findings = [replace(finding, subject=one.name)]
            if first.error is None:
                return best

    def _is_able(self, one: Asked, upto: Height) -> bool:
        """Whether a source can answer for `upto`; else a finding says why not."""
        best, chain = self._best, one.chain
        only = one.source.only_height()
        if only is not None and only != upto:
            why = f"it lists the coins at block {only:,} only"
        elif chain is None or best is None or chain.tip < upto:
            why = "it does not reach so far"
        else:
            try:
                is_same = one in best.holders or chain.block_hash(upto) == best.block_hash(upto)
            except SourceError as error:
                one.error = error
                return False
            if is_same:
                return True
            why = "it follows another branch, with less work"
        finding = left_out(one, upto, why)
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
    asked: Sequence[Asked],
    question: Callable[[Asked, ProgressCallback], _T],
    progress: ProgressCallback,
) -> list[tuple[Asked, _T | None]]:
    """Put a question to all at the same time; None and the error for whoever failed."""
    if not asked:
        return []
    lock = threading.Lock()

    def put(one: Asked) -> _T | None:
        def tell(step: Progress) -> None:
            with lock:
                progress(step)

        try:
            return question(one, tell)
        except (SourceError, RequestError) as error:
            one.error = one.error or error
            return None

    pool = ThreadPoolExecutor(len(asked), thread_name_prefix="source")
    futures: list[Future[_T | None]] = []
    try:
        futures = [pool.submit(put, one) for one in asked]
        late = _wait_for(asked, futures)
        return [
            (one, None if one in late else future.result())
            for one, future in zip(asked, futures, strict=True)
        ]
    except BaseException:
        # An interrupt: whoever is still asked is let go of, so that its thread ends.
        for one in asked:
            one.source.close()
        raise
    finally:
        pool.shutdown(wait=all(future.done() for future in futures), cancel_futures=True)


def _wait_for(asked: Sequence[Asked], futures: Sequence[Future[_T]]) -> list[Asked]:
    """Wait until all have answered, but not for ever for servers; those that came too late."""
    pending = dict(zip(futures, asked, strict=True))
    while pending:
        only_servers = all(
            one.source.notes()[0].kind in _SERVERS for one in pending.values()
        ) and len(pending) < len(asked)
        done, _ = wait(
            pending, timeout=PATIENCE if only_servers else None, return_when=FIRST_COMPLETED
        )
        if not done:
            break
        for future in done:
            del pending[future]
    for one in pending.values():
        one.error = SourceError(
            ServerCode.TIMEOUT,
            f"{one.name} had not answered {PATIENCE:.0f} seconds after all others",
            remedy="Ask again without it, or ask it alone.",
        )
        one.source.close()
    return list(pending.values())


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
