"""What only a chain can show of a bundle: that nothing was left out, and what was spent since.

The scripts of the bundle are audited again, up to the tip of whoever is asked. What that shows up
to the cut-off must be what the bundle has; what happened to its coins since is told coin by coin.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from erario.assess import assess
from erario.auditing import collect
from erario.bitcoin.values import show_btc, show_hash, total
from erario.bundle.checks import counted
from erario.chain.source import ChainSource, ProgressCallback
from erario.errors import Place
from erario.reserve.model import DeclaredScript, Holder, Reserve, Wallet
from erario.statement.evidence import BlockPoint, Evidence
from erario.statement.finding import Finding, Verdict
from erario.statement.model import Coin, Statement

_PLACE: Final = Place("bundle")
_SHOWN: Final = 20
"""Coins that are told one by one; more are counted."""


class ChainQuestion(StrEnum):
    """What a chain was asked."""

    SAME_CHAIN = "chain.same"
    LEFT_OUT = "chain.left-out"
    STILL_THERE = "chain.still-there"
    NOT_SHOWN = "chain.not-shown"
    """The source lacks what the bundle proves."""
    SOURCE = "chain.source"
    """What the source itself, or the look at it, found."""


@dataclass(frozen=True, slots=True)
class ChainAnswer:
    """One answer of a chain; `fail` for what contradicts the bundle, and for coins gone since."""

    question: ChainQuestion
    verdict: Verdict
    what: str


def ask_chain(
    evidence: Evidence, statement: Statement, source: ChainSource, progress: ProgressCallback
) -> tuple[ChainAnswer, ...]:
    """Hold a verified bundle against a chain.

    Args:
        evidence: of the bundle.
        statement: of the bundle.
        source: who is asked.
        progress: called now and then.

    Raises:
        RequestError: the source is of another network.
        SourceError: it cannot be read.
    """
    now = collect(_reserve(evidence), source, progress=progress)
    cutoff = evidence.cutoff
    chain = source.chain(progress)
    if chain.tip < cutoff.height or chain.block_hash(cutoff.height) != cutoff.block_hash:
        what = (
            f"the source's chain, which ends at {chain.tip:,}, does not have the block "
            f"{show_hash(cutoff.block_hash)} at height {cutoff.height:,}"
        )
        return (ChainAnswer(ChainQuestion.SAME_CHAIN, Verdict.FAIL, what),)
    current = assess(now)
    comparison = _Comparison(statement, current, cutoff, has_history=now.has_history)
    return (
        ChainAnswer(
            ChainQuestion.SAME_CHAIN,
            Verdict.PASS,
            f"the source's chain has the cut-off's block, and {chain.tip - cutoff.height:,} more",
        ),
        *comparison.left_out(),
        *comparison.gone(),
        *(
            ChainAnswer(ChainQuestion.SOURCE, one.verdict, one.what)
            for one in _source_findings(current)
        ),
    )


def _source_findings(current: Statement) -> Iterator[Finding]:
    for finding in current.all_findings:
        if finding.verdict is not Verdict.PASS and finding not in current.findings:
            yield finding


class _Comparison:
    """The coins of the bundle beside those of the chain now."""

    def __init__(
        self, then: Statement, now: Statement, cutoff: BlockPoint, *, has_history: bool
    ) -> None:
        self._cutoff = cutoff.height
        self._known = {coin.outpoint: coin for coin in then.coins}
        self._now = {coin.outpoint: coin for coin in now.coins}
        self._tip = now.cutoff.height
        self._has_history = has_history

    def left_out(self) -> Iterator[ChainAnswer]:
        """What happened up to the cut-off, and is not in the bundle."""
        lines = []
        for outpoint, coin in self._now.items():
            known = self._known.get(outpoint)
            if known is None and coin.height <= self._cutoff:
                lines.append(
                    f"output {outpoint}, {_amount(coin)}, of block {coin.height:,} is left out"
                )
            elif (
                known is not None
                and known.spent is None
                and coin.spent is not None
                and coin.spent.height <= self._cutoff
            ):
                lines.append(
                    f"output {outpoint}, {_amount(coin)}, was spent in block "
                    f"{coin.spent.height:,} already, which the bundle leaves out"
                )
        yield from _told(ChainQuestion.LEFT_OUT, lines)
        if not lines:
            scope = "received or spent" if self._has_history else "unspent today"
            what = f"nothing that was {scope} is left out, as far as the source shows"
            yield ChainAnswer(ChainQuestion.LEFT_OUT, Verdict.PASS, what)

    def gone(self) -> Iterator[ChainAnswer]:
        """The bundle's unspent coins that are not unspent any more, or are not shown."""
        unspent = [coin for coin in self._known.values() if coin.unspent]
        gone: list[Coin] = []
        lines, unseen = [], []
        for coin in unspent:
            now = self._now.get(coin.outpoint)
            what = f"output {coin.outpoint}, {_amount(coin)}"
            if now is None and self._has_history:
                unseen.append(f"{what}, is proved by the bundle, and the source does not show it")
            elif now is None:
                gone.append(coin)
                lines.append(f"{what}, is not among the coins at block {self._tip:,}")
            elif now.spent is not None and now.spent.height > self._cutoff:
                gone.append(coin)
                lines.append(
                    f"{what}, was spent since, in block {now.spent.height:,} by input "
                    f"{now.spent.input} of {show_hash(now.spent.txid)}"
                )
        yield from _told(ChainQuestion.STILL_THERE, lines)
        yield from _told(ChainQuestion.NOT_SHOWN, unseen, Verdict.UNKNOWN)
        there = total(coin.sats for coin in unspent) - total(coin.sats for coin in gone)
        still = len(unspent) - len(gone)
        if not unseen:
            yield ChainAnswer(
                ChainQuestion.STILL_THERE,
                Verdict.FAIL if gone else Verdict.PASS,
                f"{still:,} of {counted(len(unspent), 'coin')}, {show_btc(there)} BTC, "
                f"{'is' if still == 1 else 'are'} still there at block {self._tip:,}",
            )


def _told(
    question: ChainQuestion, lines: list[str], verdict: Verdict = Verdict.FAIL
) -> Iterator[ChainAnswer]:
    for line in lines[:_SHOWN]:
        yield ChainAnswer(question, verdict, line)
    if len(lines) > _SHOWN:
        yield ChainAnswer(question, verdict, f"and {len(lines) - _SHOWN:,} more of this kind")


def _amount(coin: Coin) -> str:
    return f"{show_btc(coin.sats)} BTC"


def _reserve(evidence: Evidence) -> Reserve:
    """A reserve of the same scripts, and of nothing else that is declared."""
    declaration = evidence.declaration
    return Reserve(
        network=evidence.network,
        timezone=declaration.timezone,
        holders=tuple(
            Holder(one.id, one.name, complete=False, signs_as=None, place=_PLACE)
            for one in declaration.holders
        ),
        cosigners=(),
        wallets=tuple(
            Wallet(
                id=one.id,
                holder=one.holder,
                role=one.role,
                attribution=one.attribution,
                document=None,
                descriptors=(),
                scripts=tuple(
                    DeclaredScript(each.script, None, None, None, _PLACE) for each in one.scripts
                ),
                derive=None,
                since=None,
                until=None,
                place=_PLACE,
            )
            for one in declaration.wallets
        ),
        documents=(),
        claims=(),
        path="bundle",
    )
