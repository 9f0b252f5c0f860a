"""The findings of a statement: those that the evidence fixes, and those of the asker's moment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from erario.assess.ground import Ground
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import show_btc, show_hash
from erario.holdings.coins import Contradiction
from erario.reserve.moment import AtInstant
from erario.statement.evidence import DeclaredHolder
from erario.statement.finding import Finding, FindingCode, Severity, Verdict

_COLLECT_AGAIN: Final = "Collect the evidence again, from another source."


def statement_findings(ground: Ground) -> tuple[Finding, ...]:
    """What whoever assesses the same evidence finds; that the network proves nothing comes
    first."""
    return (
        *_network(ground),
        *ground.inclusion.findings,
        *(one for each in ground.ledger.contradictions for one in _contradiction(each)),
        *ground.control.findings,
        *(
            _nothing_counted(holder)
            for holder in ground.evidence.declaration.holders
            if not any(ground.is_counted(wallet.id) for wallet in ground.wallets_of[holder.id])
        ),
    )


def observed_findings(ground: Ground) -> tuple[Finding, ...]:
    """What depends on when and where was asked: whether the chain that was read has enough work,
    which its tip decides, whether the cut-off is settled, and what the source saw while it was
    read."""
    return (*_work(ground), *_settled(ground), *ground.evidence.findings)


def _settled(ground: Ground) -> Iterator[Finding]:
    if not isinstance(ground.evidence.asked, AtInstant) or ground.evidence.settled:
        return
    yield Finding(
        FindingCode.CUTOFF_SETTLED,
        Verdict.UNKNOWN,
        Severity.WARNING,
        "",
        "A block that is still to come may have a time before the cut-off, and would then belong "
        "to it.",
        "Audit again once the median time past of the chain has reached the cut-off, some two "
        "hours after it, from a source that has those blocks.",
    )


def _work(ground: Ground) -> Iterator[Finding]:
    if not ground.chain.enough_work:
        yield Finding(
            FindingCode.CHAIN_WORK,
            Verdict.UNKNOWN,
            Severity.ERROR,
            "",
            f"The chain that was read has less work than {_name(ground.evidence.network)} must "
            "have: anybody could have made it, so it proves nothing.",
            "Read the blocks of a node that has the whole chain.",
        )


def _network(ground: Ground) -> Iterator[Finding]:
    if not ground.chain.authenticated:
        yield Finding(
            FindingCode.CHAIN_UNAUTHENTICATED,
            Verdict.UNKNOWN,
            Severity.ERROR,
            "",
            f"Blocks of {_name(ground.evidence.network)} are worth a signature that erario does "
            "not check, not work: the chain proves nothing.",
            "",
        )


def _contradiction(one: Contradiction) -> Iterator[Finding]:
    """A finding for each coin that was spent already, and one for what came from nowhere."""
    txid, height = show_hash(one.seen.transaction.txid), one.seen.height
    for again in one.again:
        yield Finding(
            FindingCode.EVIDENCE_DOUBLE_SPEND,
            Verdict.FAIL,
            Severity.ERROR,
            txid,
            f"Input {again.input} of transaction {txid} in block {height} spends output "
            f"{again.outpoint.vout} of {show_hash(again.outpoint.txid)}, which "
            f"{show_hash(again.first.txid)} had spent in block {again.first.height}.",
            _COLLECT_AGAIN,
        )
    if one.excess:
        yield Finding(
            FindingCode.EVIDENCE_INFLATION,
            Verdict.FAIL,
            Severity.ERROR,
            txid,
            f"Transaction {txid} in block {height} pays out {show_btc(one.excess)} BTC more than "
            "it takes.",
            _COLLECT_AGAIN,
        )


def _nothing_counted(holder: DeclaredHolder) -> Finding:
    return Finding(
        FindingCode.HOLDER_NOTHING_COUNTED,
        Verdict.UNKNOWN,
        Severity.WARNING,
        holder.id,
        f"Nothing is counted for {holder.name}: no wallet is its own, by its word or a document's, "
        "at the cut-off.",
        "The holder's own list of addresses, or a document that names each address.",
    )


def _name(network: NetworkName) -> str:
    return "mainnet" if network is NetworkName.MAIN else network.value
