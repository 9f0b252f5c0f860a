"""What every assessment stands on: the books of one piece of evidence, built once.

Evidence in; coins, movements, windows and labels out. The label of existence is the chain's and
the source's: `reported` where the chain proves nothing, else what the source's word is worth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from erario.assess.control import ProvedControl, judge_proofs
from erario.assess.existence import Inclusion, check_inclusion
from erario.assess.exposure import expose_by_proofs
from erario.bitcoin.network import network
from erario.holdings.balances import Balances
from erario.holdings.coins import Ledger, read_ledger
from erario.holdings.movements import Member, book_movements, book_of
from erario.holdings.timeline import State, Timeline, cutoff_state
from erario.statement.evidence import ChainNote, Declaration, DeclaredWallet, Evidence, UnspentWord
from erario.statement.model import Book, Existence, Movement

_WORDS: Final = (
    UnspentWord.SERVERS,
    UnspentWord.OWN_NODE,
    UnspentWord.SNAPSHOT,
    UnspentWord.BLOCKS,
)
"""Weakest first: a server can hide a spend, a node's owner can be wrong, a pinned snapshot was
checked once, blocks were checked by us."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Evidence and all that follows from it alone.

    `label` is the existence of what is proved and unspent at the cut-off, `earlier` that of
    everything before, which a list of coins at the cut-off does not confirm; `existence` is the
    weakest that any sum rests on. `unseen` are the wallets with a script of which no source could
    show anything.
    `chain` is the evidence's, with what the network itself says of it. `doubted` are the wallets
    with a coin that is no more than reported. `movements` are all whose moment is reached, in
    order; which of them a state includes is for the state to say.
    """

    evidence: Evidence
    chain: ChainNote
    inclusion: Inclusion
    word: UnspentWord
    label: Existence
    earlier: Existence
    existence: Existence
    unseen: frozenset[str]
    doubted: frozenset[str]
    timeline: Timeline
    closing: State
    wallets: Mapping[str, DeclaredWallet]
    wallets_of: Mapping[str, Sequence[DeclaredWallet]]
    members: Mapping[str, Member]
    ledger: Ledger
    movements: tuple[Movement, ...]
    balances: Balances
    control: ProvedControl

    def counts(self, wallet: str) -> bool:
        """Whether a wallet counts at the cut-off."""
        return self.members[wallet].window.counts_at(self.closing)

    def is_counted(self, wallet: str) -> bool:
        """Whether a wallet counts at the cut-off and is summed: its holder's, not an origin."""
        return self.members[wallet].book is Book.COUNTED and self.counts(wallet)


def lay_ground(evidence: Evidence) -> Ground:
    """Build the books."""
    inclusion = check_inclusion(evidence)
    # Which networks proof of work cannot vouch for is no one's to say but the protocol's.
    chain = replace(evidence.chain, authenticated=network(evidence.network).authenticated)
    word = _strongest_word(evidence, history=evidence.has_history)
    # What is lost may have spent any coin.
    label = Existence.REPORTED if inclusion.lost else _label(evidence, chain, word)
    wallets = {wallet.id: wallet for wallet in evidence.declaration.wallets}
    everyone = {one.script: wallet.id for wallet in wallets.values() for one in wallet.scripts}
    # Of a script that nobody can show a coin may be seen, but never that it was spent.
    blind = frozenset(evidence.unseen)
    owners = {script: wallet for script, wallet in everyone.items() if script not in blind}
    ledger = read_ledger(
        inclusion.transactions,
        owners,
        evidence.cutoff.height,
        label,
        # Beside a history a list of coins only confirms it; see `erario.chain.several`.
        () if evidence.has_history else evidence.listed,
    )
    earlier = label
    if evidence.has_history and label is not Existence.REPORTED and _is_confirmed(evidence, ledger):
        by_list = _strongest_word(evidence, history=False)
        if _WORDS.index(by_list) > _WORDS.index(word):
            word, label = by_list, Existence.UNSPENT
            ledger = _confirmed(ledger, earlier)
    if evidence.proofs:
        ledger = replace(ledger, coins=expose_by_proofs(ledger.coins, evidence.proofs))
    contradicted = bool(inclusion.findings or ledger.contradictions)
    timeline = Timeline(evidence.instants)
    members = _members(evidence, timeline)
    movements = book_movements(ledger, members)
    return Ground(
        evidence=evidence,
        chain=chain,
        inclusion=inclusion,
        word=word,
        label=label,
        earlier=earlier,
        unseen=frozenset(everyone[script] for script in blind if script in everyone),
        existence=Existence.REPORTED if contradicted else label,
        doubted=frozenset(
            coin.wallet for coin in ledger.coins if coin.existence is Existence.REPORTED
        ),
        timeline=timeline,
        closing=cutoff_state(evidence),
        wallets=wallets,
        wallets_of=_wallets_of(evidence.declaration),
        members=members,
        ledger=ledger,
        movements=movements,
        balances=Balances(movements),
        control=judge_proofs(evidence, ledger, owners, members),
    )


def _wallets_of(declaration: Declaration) -> dict[str, list[DeclaredWallet]]:
    """The wallets of each holder, in the order of the file."""
    wallets_of: dict[str, list[DeclaredWallet]] = {one.id: [] for one in declaration.holders}
    for wallet in declaration.wallets:
        wallets_of[wallet.holder].append(wallet)
    return wallets_of


def _strongest_word(evidence: Evidence, *, history: bool) -> UnspentWord:
    """The strongest word among sources of one sort. What is shown by one is shown, whoever else was
    asked; what they say against each other is among the findings."""
    words = [source.word for source in evidence.sources if source.history is history]
    return max(words, key=_WORDS.index) if words else UnspentWord.SERVERS


def _is_confirmed(evidence: Evidence, ledger: Ledger) -> bool:
    """Whether a source that lists coins lists exactly those that the history leaves unspent."""
    if all(source.history for source in evidence.sources):
        return False
    blind = frozenset(evidence.unseen)
    unspent = {coin.outpoint for coin in ledger.coins if coin.unspent}
    return unspent == {coin.outpoint for coin in evidence.listed if coin.script not in blind}


def _label(evidence: Evidence, chain: ChainNote, word: UnspentWord) -> Existence:
    if not (chain.enough_work and chain.authenticated and evidence.sources):
        return Existence.REPORTED
    if word is not UnspentWord.SERVERS:
        return Existence.UNSPENT
    # A list of coins that nothing vouches for includes no proof.
    return Existence.INCLUDED if evidence.has_history else Existence.REPORTED


def _confirmed(ledger: Ledger, earlier: Existence) -> Ledger:
    """The ledger with the label of coins that a list confirms."""
    return replace(
        ledger,
        coins=tuple(
            replace(coin, existence=Existence.UNSPENT)
            if coin.unspent and coin.existence is earlier
            else coin
            for coin in ledger.coins
        ),
    )


def _members(evidence: Evidence, timeline: Timeline) -> dict[str, Member]:
    ranks = {holder.id: rank for rank, holder in enumerate(evidence.declaration.holders)}
    return {
        wallet.id: Member(
            wallet.id,
            wallet.holder,
            ranks[wallet.holder],
            book_of(wallet),
            timeline.window(wallet),
        )
        for wallet in evidence.declaration.wallets
    }
