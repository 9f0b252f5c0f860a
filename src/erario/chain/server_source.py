"""The source over a server of histories: it asks, and believes nothing that is not proved.

Histories of all scripts first, then every transaction in them, each proved (`server_proofs`), both
held against each other (`history_check`): a transaction stands in the history of exactly those
scripts that it touches. What one server can hide is a transaction that no other shows, as the last
spend of a coin; so its coins are unspent on the word of servers only, and `notes` says so.

The chain of headers is verified once and kept. A server whose chain changes while it is asked
shows all sorts of things for a while: so whatever does not hold is asked again a few times, and
taken for a lie unless it shows another chain then (`other_branch`), or hashes alone refute it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from enum import StrEnum
from itertools import groupby
from typing import Final, TypeVar

from erario.bitcoin.network import NetworkName
from erario.bitcoin.script import is_unspendable
from erario.bitcoin.values import BlockHash, Height, Script, sha256d
from erario.chain.ending import Ending
from erario.chain.errors import ServerCode, is_lie
from erario.chain.heights import refuse_height
from erario.chain.history_check import HistoryCheck
from erario.chain.history_server import HistoryEntry, HistoryServer
from erario.chain.other_branch import shows_other_branch
from erario.chain.served_chain import open_served_chain
from erario.chain.server_proofs import Proofs, Proved
from erario.chain.source import HeaderChain, Progress, ProgressCallback, Trace
from erario.chain.state_folder import StateFolder
from erario.errors import SourceError
from erario.statement.evidence import BlockEvidence, SourceNote, UnspentWord
from erario.statement.finding import Finding, FindingCode, Severity, Verdict

HISTORY_STEP: Final = "Asking for histories"
TRANSACTION_STEP: Final = "Fetching transactions"
PAUSES: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before what did not hold is asked again: ElectrumX takes up to 10 s over a
reorganisation. Then it is a lie, or the chain changes too often."""
_SCRIPTS_AT_ONCE: Final = 10_000
"""Many: between two portions nothing is under way, and the end of each may be held back."""
_MOST_ENTRIES: Final = 2_000_000
"""Transactions in the histories of one question; busy exchanges' addresses have a million."""
_BY_HASHES: Final = frozenset(
    (ServerCode.LIED_TRANSACTION, ServerCode.LIED_COIN, ServerCode.LIED_COINBASE)
)
"""Lies that hashes alone refute, whatever chain the server follows."""
_FROM_A_CHANGE: Final = (
    frozenset(code for code in ServerCode if is_lie(code)) - _BY_HASHES
) | frozenset((ServerCode.REFUSED, ServerCode.UNSETTLED))
"""What a server that is about to change its chain may do without meaning to."""
_HEADERS_FROM_A_CHANGE: Final = frozenset(
    (ServerCode.LIED_TIP, ServerCode.LIED_LINK, ServerCode.REFUSED)
)
_CAVEAT: Final = "What it leaves out is not found: a second server would show that."
_CAVEAT_OWN: Final = "That it leaves nothing out is its own word."

_T = TypeVar("_T")


class ServerSource:
    """A server of histories as a `ChainSource`.

    Args:
        server: who is asked.
        name: the network asked about.
        state: where verified headers are kept; None keeps nothing.
        own: the user says that the server is their own, over their own node.
        lacks: a sentence on what servers of this kind never show, or "".
    """

    def __init__(
        self,
        server: HistoryServer,
        name: NetworkName,
        state: StateFolder | None,
        *,
        own: bool = False,
        lacks: str = "",
    ) -> None:
        self._server = server
        self._name = name
        self._state = state
        self._own = own
        self._lacks = lacks
        self._ending = Ending(server.name)
        self._chain: HeaderChain | None = None
        self._proofs: Proofs | None = None

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
        """None: a history answers for every height."""
        return None

    def notes(self) -> tuple[SourceNote, ...]:
        """Who was asked, and what it vouches for, in words."""
        caveat = _CAVEAT_OWN if self._own else _CAVEAT
        return (
            SourceNote(
                kind=self._server.kind,
                own=self._own,
                word=UnspentWord.OWN_NODE if self._own else UnspentWord.SERVERS,
                caveat=f"{caveat} {self._lacks}".rstrip(),
                name=self._server.name,
            ),
        )

    def close(self) -> None:
        """Let go of the server's connections, for good: what is under way ends."""
        self._ending.end()
        self._server.close()

    def chain(self, progress: ProgressCallback) -> HeaderChain:
        """The server's headers, verified as far as they are asked for; opened once, then kept.

        Raises:
            SourceError: the server fails, or its headers break a rule.
        """
        if self._chain is None:
            self._chain = self._patiently(
                lambda _: open_served_chain(self._name, self._server, self._state, progress),
                _HEADERS_FROM_A_CHANGE,
            )
        return self._chain

    def trace(self, scripts: Sequence[Script], upto: Height, progress: ProgressCallback) -> Trace:
        """Every transaction in blocks 1 to `upto` that touches `scripts`, by the server's word
        that there is no other; each one is proved.

        Raises:
            RequestError: the chain does not reach `upto`.
            SourceError: the server fails, lies, or changes its chain too often.
        """
        chain = self.chain(progress)
        refuse_height(self._server.name, chain, upto, who="server")
        proofs = self._proofs = self._proofs or Proofs(self._server, chain)
        # Those that are unspendable are never coins, and no server lists them.
        wanted = tuple(s for s in dict.fromkeys(scripts) if not is_unspendable(s))

        def ask(tip: tuple[Height, BlockHash]) -> Trace:
            trace = self._trace_once(proofs, wanted, upto, progress)
            self._refuse_other_branch(chain, upto, tip)
            return trace

        return self._patiently(
            ask, _FROM_A_CHANGE, lambda: shows_other_branch(self._server, chain, upto)
        )

    def _patiently(
        self,
        ask: Callable[[tuple[Height, BlockHash]], _T],
        changes: Container[StrEnum],
        has_changed: Callable[[], bool] = lambda: False,
    ) -> _T:
        """What `ask` gives, again and again while its error may come from a change of the chain.

        A lie that was found is the error in the end, whatever comes after it, so that a liar cannot
        hang up or name other tips instead; unless the server was seen to change its chain.

        Args:
            ask: is told the tip from before.
            changes: the codes of errors that a change of the chain may bring.
            has_changed: whether the server now follows another chain than the verified one.
        """
        tips: set[tuple[Height, BlockHash]] = set()
        lie: SourceError | None = None
        for pause in (*PAUSES, None):
            try:
                tip = self._server.tip()
            except SourceError as error:
                raise _worst(error, lie) from None
            tips.add(tip)
            try:
                return ask(tip)
            except SourceError as error:
                lie = lie or (error if is_lie(error.code) else None)
                if error.code not in changes:
                    raise _worst(error, lie) from None
                if pause is None:
                    raise self._accuse(error, lie, tips, has_changed) from None
            self._ending.pause(pause)
        raise AssertionError

    def _accuse(
        self,
        error: SourceError,
        lie: SourceError | None,
        tips: set[tuple[Height, BlockHash]],
        has_changed: Callable[[], bool],
    ) -> SourceError:
        """The error to raise in the end: the lie, or that the server never stood still, or else
        the last."""
        if lie is not None:
            return self._unsettled() if has_changed() else lie
        try:
            stood_still = len(tips | {self._server.tip()}) == 1
        except SourceError:
            stood_still = True
        return error if stood_still else self._unsettled()

    def _trace_once(
        self, proofs: Proofs, scripts: Sequence[Script], upto: Height, progress: ProgressCallback
    ) -> Trace:
        histories = self._histories(scripts, upto, progress)
        unseen = tuple(script for script in scripts if script not in histories)
        entries = {entry for history in histories.values() for entry in history}
        counted = _told(progress, TRANSACTION_STEP, "transactions", 0, len(entries))
        check = HistoryCheck(self._server.name, histories, proofs.upto(upto))
        proofs.add(entries, counted, check.check_portion)
        touching = check.check_all(proofs.upto(upto))
        return Trace(_blocks(proofs, touching), self._findings(unseen), unseen=unseen)

    def _histories(
        self, scripts: Sequence[Script], upto: Height, progress: ProgressCallback
    ) -> dict[Script, frozenset[HistoryEntry]]:
        """The histories up to a height, without those that the server will not show."""
        histories: dict[Script, frozenset[HistoryEntry]] = {}
        number = 0
        for start in range(0, len(scripts), _SCRIPTS_AT_ONCE):
            some = scripts[start : start + _SCRIPTS_AT_ONCE]
            counted = _told(progress, HISTORY_STEP, "scripts", start, len(scripts))
            answers = self._server.histories(some, counted)
            for script, answer in zip(some, answers, strict=True):
                if answer is None:
                    continue
                number += len(answer)
                if number > _MOST_ENTRIES:
                    raise self._error(
                        ServerCode.ENDLESS,
                        f"gives histories of more than {_MOST_ENTRIES:,} transactions",
                        "Ask for fewer scripts, or read a node's block files.",
                    )
                if len(set(answer)) != len(answer):
                    raise self._lie("lists a transaction twice in the history of a script")
                histories[script] = frozenset(e for e in answer if 0 < e.height <= upto)
        return histories

    def _refuse_other_branch(
        self, chain: HeaderChain, upto: Height, tip: tuple[Height, BlockHash]
    ) -> None:
        """Whether the server still follows the chain that was verified, and that it followed
        when it was asked: blocks that were added since change nothing below them."""
        height, block_hash = tip
        at_tip = self._server.headers(height, 1)
        at_upto = at_tip if upto == height else self._server.headers(upto, 1)
        if sha256d(at_tip) != block_hash or at_upto != chain.header(upto):
            raise self._unsettled()

    def _findings(self, unseen: Sequence[Script]) -> tuple[Finding, ...]:
        if not unseen:
            return ()
        return (
            Finding(
                FindingCode.SOURCE_UNSEEN,
                Verdict.UNKNOWN,
                Severity.WARNING,
                self._server.name,
                f"{self._server.name} will not show the history of {len(unseen)} of the scripts, "
                "as where it is too long for it: what they hold or held is missing.",
                "Ask a server of your own without such limits, a node, or block files.",
            ),
        )

    def _unsettled(self) -> SourceError:
        return self._error(
            ServerCode.UNSETTLED,
            "has changed its chain since its headers were verified, or does so all the time",
            "Run it again in a minute.",
        )

    def _lie(self, what: str) -> SourceError:
        return self._error(
            ServerCode.LIED_HISTORY, what, "Ask another server, and believe this one nothing."
        )

    def _error(self, code: ServerCode, what: str, remedy: str) -> SourceError:
        return SourceError(code, f"{self._server.name} {what}", remedy=remedy)


def _worst(error: SourceError, lie: SourceError | None) -> SourceError:
    """The lie that was found before, unless it is over because we are."""
    return error if lie is None or error.code is ServerCode.CLOSED else lie


def _told(
    progress: ProgressCallback, step: str, unit: str, before: int, total: int
) -> Callable[[int], None]:
    """Tells `progress` of what is done, beyond what was done before."""
    return lambda done: progress(Progress(step, before + done, total, unit))


def _blocks(proofs: Proofs, touching: Iterable[Proved]) -> tuple[BlockEvidence, ...]:
    return tuple(
        proofs.block(height, tuple(some))
        for height, some in groupby(touching, key=lambda one: one.height)
    )
