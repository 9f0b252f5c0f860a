"""Histories held against the transactions in them: portion by portion, then as a whole.

A transaction stands in the history of exactly those scripts that it touches: pays, or spends a coin
of. What a portion already contradicts is found before more is fetched, so that nobody can make us
take in transactions that touch nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from erario.bitcoin.transaction import Transaction
from erario.bitcoin.values import Outpoint, Script, Txid, show_hash
from erario.chain.errors import ServerCode
from erario.chain.history_server import HistoryEntry
from erario.chain.server_proofs import Proved
from erario.errors import SourceError


class HistoryCheck:
    """The histories of one question.

    Args:
        name: the server whose they are.
        histories: by script, up to the height asked for.
        known: what was proved for earlier questions.
    """

    def __init__(
        self,
        name: str,
        histories: Mapping[Script, frozenset[HistoryEntry]],
        known: Iterable[tuple[HistoryEntry, Proved]],
    ) -> None:
        self._name = name
        self._histories = histories
        self._owners: dict[Outpoint, Script] = {}
        self._listed: dict[HistoryEntry, set[Script]] = {}
        for script, history in histories.items():
            for entry in history:
                self._listed.setdefault(entry, set()).add(script)
        for _, proved in known:
            self._take_coins(proved.transaction)

    def check_portion(self, portion: Sequence[tuple[HistoryEntry, Proved]]) -> None:
        """Whether each transaction touches the scripts in whose histories it stands. All of lower
        blocks, and of its own, came before or with it.

        Raises:
            SourceError: one does not.
        """
        for _, proved in portion:
            self._take_coins(proved.transaction)
        for entry, proved in portion:
            said = self._listed.get(entry, set())
            foreign = said - self._touched(proved.transaction)
            if foreign:
                raise self._lie(entry.txid, foreign)

    def check_all(self, known: Iterable[tuple[HistoryEntry, Proved]]) -> list[Proved]:
        """The known transactions, in order of the chain, that touch the scripts of the histories;
        each must stand in the history of just those that it touches.

        What was proved for earlier questions is held against these histories too.

        Raises:
            SourceError: one does not.
        """
        found = []
        for entry, proved in known:
            touched = self._touched(proved.transaction)
            said = self._listed.get(entry, set())
            if said != touched:
                raise self._lie(entry.txid, said - touched)
            if touched:
                found.append(proved)
        return found

    def _take_coins(self, transaction: Transaction) -> None:
        for vout, output in enumerate(transaction.outputs):
            if output.script in self._histories:
                self._owners[Outpoint(transaction.txid, vout)] = output.script

    def _touched(self, transaction: Transaction) -> set[Script]:
        owners = self._owners
        touched = {owners[each.outpoint] for each in transaction.inputs if each.outpoint in owners}
        touched.update(o.script for o in transaction.outputs if o.script in self._histories)
        return touched

    def _lie(self, txid: Txid, foreign: set[Script]) -> SourceError:
        name = show_hash(txid)
        if foreign:
            what = (
                f"lists {name} in the history of a script that it does not touch, or leaves out "
                "the one that paid the coin which it spends"
            )
        else:
            what = f"leaves {name}, which it has shown itself, out of the history of a script"
        return SourceError(
            ServerCode.LIED_HISTORY,
            f"{self._name} {what}",
            remedy="Ask another server, and believe this one nothing.",
        )
