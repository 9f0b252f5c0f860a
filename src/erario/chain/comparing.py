"""What several sources say against each other, as findings that name who said what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from erario.bitcoin.transaction import Transaction, read_transaction
from erario.bitcoin.values import Height, Outpoint, Script, show_btc, show_hash
from erario.chain.errors import is_lie
from erario.chain.source import ChainSource, HeaderChain, Trace
from erario.chain.unspent import unspent_coins
from erario.errors import ErarioError, SourceError
from erario.statement.evidence import BlockEvidence, ListedCoin
from erario.statement.finding import Finding, FindingCode, Severity, Verdict

CLOSE: Final = 2
"""Blocks that tips may differ by without a word: one hears of a block later than another."""


@dataclass(slots=True, eq=False)
class Asked:
    """One of several sources: its name, how far it came, and what is to be said of it.

    `refuted` once another source, or the evidence of all, showed that what it says is not all; its
    word then counts for nothing. `left_out` where it was not asked for the cut-off's block.
    """

    source: ChainSource
    name: str
    chain: HeaderChain | None = None
    error: ErarioError | None = None
    refuted: bool = False
    left_out: bool = False
    findings: list[Finding] = field(default_factory=list)

    @property
    def has_history(self) -> bool:
        """Whether it shows what was spent too."""
        return self.source.notes()[0].history


def failure(one: Asked) -> Finding:
    """That a source gave no answer, or one that its own evidence contradicts."""
    error = one.error
    assert error is not None
    lied = is_lie(error.code)
    return Finding(
        FindingCode.SOURCE_LIED if lied else FindingCode.SOURCE_FAILED,
        Verdict.FAIL if lied else Verdict.UNKNOWN,
        Severity.ERROR if lied else Severity.WARNING,
        one.name,
        f"{one.name} was left out: {error.what.rstrip('.')} [{error.code}].",
        error.remedy,
    )


def left_out(one: Asked, upto: Height, why: str) -> Finding:
    """That a source cannot answer for the cut-off."""
    return Finding(
        FindingCode.SOURCE_LEFT_OUT,
        Verdict.UNKNOWN,
        Severity.WARNING,
        one.name,
        f"{one.name} was not asked for block {upto:,}: {why}.",
        "Ask for a block that all sources can answer for, or leave it out.",
    )


def compare_chains(one: Asked, best: Asked) -> Finding | None:
    """How a source's chain differs from the best; the finding has no subject where it only lags.

    A source that fails while its headers are fetched for this gets its error.
    """
    chain, longest = one.chain, best.chain
    if chain is None or longest is None or one is best:
        return None
    try:
        end = chain.block_hash(chain.tip)
    except SourceError as error:
        one.error = error
        return None
    try:
        is_same = chain.tip <= longest.tip and longest.block_hash(chain.tip) == end
    except SourceError as error:
        best.error = error
        return None
    behind = longest.tip - chain.tip
    if is_same:
        if behind <= CLOSE:
            return None
        return Finding(
            FindingCode.SOURCE_BEHIND,
            Verdict.PASS,
            Severity.WARNING,
            "",
            f"{one.name} has not caught up: it ends {behind:,} blocks below the best chain.",
            "",
        )
    return Finding(
        FindingCode.SOURCE_BEHIND,
        Verdict.UNKNOWN,
        Severity.WARNING,
        one.name,
        f"{one.name} follows another branch, which ends at block {chain.tip:,} with "
        f"{show_hash(end)} and has no more work than the best.",
        "Ask again later: if it still does, it follows a chain that the network left.",
    )


def unseen_by_all(
    scripts: Sequence[Script], shown: Sequence[tuple[Asked, Trace]]
) -> tuple[Script, ...]:
    """The scripts of which nobody can show anything."""
    unseen = set.intersection(*(set(trace.unseen) for _, trace in shown))
    return tuple(script for script in scripts if script in unseen)


def compare_histories(
    shown: Sequence[tuple[Asked, Trace]],
    union: Sequence[BlockEvidence],
    scripts: Sequence[Script],
) -> Iterator[Finding]:
    """What one source proves and another does not show; the other is refuted."""
    speakers = [(one, trace) for one, trace in shown if one.has_history]
    if len(speakers) < 2:
        return
    places = [_places(trace.blocks) for _, trace in speakers]
    everywhere = _places(union)
    for (one, trace), own in zip(speakers, places, strict=True):
        missing = sorted(everywhere - own)
        if missing and trace.unseen:
            # It said that it cannot show these; whatever touches others it must show.
            rest = frozenset(scripts).difference(trace.unseen)
            missing = sorted(_touching(union, rest).intersection(missing))
        if not missing:
            continue
        one.refuted = True
        shower = next(
            other.name
            for (other, _), theirs in zip(speakers, places, strict=True)
            if missing[0] in theirs
        )
        yield _hidden(one.name, shower, union, missing)


def compare_lists(
    shown: Sequence[tuple[Asked, Trace]],
    union: Sequence[BlockEvidence],
    scripts: Sequence[Script],
    upto: Height,
) -> Iterator[Finding]:
    """Lists of coins held against what the histories leave unspent, or against each other."""
    listers = [(one, trace) for one, trace in shown if not one.has_history]
    speakers = [(one, trace) for one, trace in shown if one.has_history]
    if not listers:
        return
    if speakers:
        blind = unseen_by_all(scripts, speakers)
        known = frozenset(scripts).difference(blind)
        name = " and ".join(one.name for one, _ in speakers)
        coins = unspent_coins(union, known, upto)
    else:
        (first, trace), *listers = listers
        known = frozenset(scripts).difference(trace.unseen)
        name, coins = first.name, {coin.outpoint: coin for coin in trace.listed}
    for one, trace in listers:
        both = known.difference(trace.unseen)
        listed = {coin.outpoint: coin for coin in trace.listed if coin.script in both}
        shared = {outpoint: coin for outpoint, coin in coins.items() if coin.script in both}
        differing = sorted(
            outpoint
            for outpoint in shared.keys() | listed.keys()
            if shared.get(outpoint) != listed.get(outpoint)
        )
        if not differing:
            continue
        one.refuted = True
        if not speakers:
            first.refuted = True
        outpoint = differing[0]
        yield _differing(one.name, name, listed.get(outpoint), shared.get(outpoint), len(differing))


def _hidden(
    hider: str, shower: str, union: Sequence[BlockEvidence], missing: Sequence[tuple[int, int]]
) -> Finding:
    height, position = missing[0]
    txid = show_hash(
        next(
            read_transaction(one.raw).txid
            for block in union
            if block.height == height
            for one in block.transactions
            if one.position == position
        )
    )
    more = f", and {len(missing) - 1:,} more" if len(missing) > 1 else ""
    return Finding(
        FindingCode.SOURCES_DISAGREE,
        Verdict.FAIL,
        Severity.ERROR,
        txid,
        f"{hider} does not show transaction {txid} of block {height:,}, which {shower} "
        f"proves{more}.",
        f"Believe what is proved, and {hider} no longer: it hid this, or lost it.",
    )


def _differing(
    lister: str, other: str, listed: ListedCoin | None, shown: ListedCoin | None, count: int
) -> Finding:
    coin = listed or shown
    assert coin is not None
    named = f"{coin.outpoint} ({show_btc(coin.sats)} BTC)"
    if listed is None:
        what = f"{lister} does not list {named}, which is unspent by what {other} shows"
    elif shown is None:
        what = f"{lister} lists {named}, which is no unspent coin by what {other} shows"
    else:
        what = f"{lister} and {other} show {named} with different amounts or heights"
    others = "1 more coin differs" if count == 2 else f"{count - 1:,} more coins differ"
    more = f"; {others}" if count > 1 else ""
    return Finding(
        FindingCode.SOURCES_DISAGREE,
        Verdict.FAIL,
        Severity.ERROR,
        show_hash(coin.outpoint.txid),
        f"{what}{more}.",
        "Ask a third source, or a node of your own.",
    )


def _places(blocks: Sequence[BlockEvidence]) -> set[tuple[int, int]]:
    return {(block.height, one.position) for block in blocks for one in block.transactions}


def _touching(union: Sequence[BlockEvidence], scripts: frozenset[Script]) -> set[tuple[int, int]]:
    """Where the transactions stand that pay to one of the scripts, or spend a coin that did."""
    coins: set[Outpoint] = set()
    found = set()
    for block in union:
        for one in block.transactions:
            transaction = read_transaction(one.raw)
            paid = _paid(transaction, scripts)
            if paid or any(spent.outpoint in coins for spent in transaction.inputs):
                found.add((int(block.height), one.position))
            coins.update(paid)
    return found


def _paid(transaction: Transaction, scripts: frozenset[Script]) -> list[Outpoint]:
    return [
        Outpoint(transaction.txid, number)
        for number, output in enumerate(transaction.outputs)
        if output.script in scripts
    ]
