"""`collect`: a reserve and a source in, evidence out; `audit`: the statement that it makes.

The one place where declaration and chain meet. The chain is read once for the headers, and once
for each pass over the blocks: the scripts that are derived first, then those that wallets turn out
to have used up to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from erario.assess import assess
from erario.auditing.declaring import declare
from erario.auditing.errors import AuditCode
from erario.auditing.header_runs import header_runs
from erario.auditing.moments import Moment, find_cutoff, find_since, is_settled, resolve_instants
from erario.bitcoin.network import network
from erario.bitcoin.values import Height, Outpoint, Script
from erario.chain.header_pins import header_pins
from erario.chain.merging import merge_blocks
from erario.chain.source import (
    ChainSource,
    HasDefaultHeight,
    HeaderChain,
    Progress,
    ProgressCallback,
    Trace,
)
from erario.errors import RequestError
from erario.holdings.derivation import Derivation, DerivationCallback
from erario.holdings.transactions import scripts_paid
from erario.proof.control_message import read_control_message
from erario.reserve.model import Reserve
from erario.statement.evidence import (
    MAX_PROOF_DAYS,
    BlockEvidence,
    BlockPoint,
    ChainNote,
    ControlProof,
    Evidence,
    ListedCoin,
)
from erario.statement.finding import Finding
from erario.statement.model import Statement


def audit(
    reserve: Reserve,
    source: ChainSource,
    *,
    at: Moment = None,
    since: Moment = None,
    progress: ProgressCallback | None = None,
    proofs: Sequence[ControlProof] = (),
    proofs_within_days: int | None = None,
) -> Statement:
    """What a reserve really holds: collect the evidence, assess it.

    Args:
        reserve: what was declared.
        source: where the chain is read.
        at: the cut-off: a height, a block hash, a day (its end, in the reserve's time zone), an
            instant with its offset, or a request as a value; None is the tip.
        since: the same for the opening of the roll-forward; None for no roll-forward.
        progress: called now and then on every long step.
        proofs: of control; each shows what it shows, and moves no label of existence.
        proofs_within_days: how old at the cut-off a proof may be to count; None for no maximum.

    Raises:
        DeclarationError: two wallets have a script in common.
        RequestError: the cut-off or the opening cannot be asked of this source, or the network is
            another; or the age of proofs is out of range.
        SourceError: the source cannot be read, or has no good copy of a block.
    """
    return assess(
        collect(
            reserve,
            source,
            at=at,
            since=since,
            progress=progress,
            proofs=proofs,
            proofs_within_days=proofs_within_days,
        )
    )


def collect(
    reserve: Reserve,
    source: ChainSource,
    *,
    at: Moment = None,
    since: Moment = None,
    progress: ProgressCallback | None = None,
    headers: bool = False,
    proofs: Sequence[ControlProof] = (),
    proofs_within_days: int | None = None,
) -> Evidence:
    """All that a statement rests on; arguments and errors are those of `audit`.

    `headers`: with those that show where its blocks stand, for somebody who has no chain at hand.
    `proofs` are of control, judged by `assess`.
    """
    progress = progress or (lambda _: None)
    _check_days(proofs_within_days)
    if source.network != reserve.network:
        raise RequestError(
            AuditCode.OTHER_NETWORK,
            f"the reserve is on {reserve.network.value}, the source on {source.network.value}",
            remedy="Read the blocks of the reserve's network.",
        )
    chain = source.chain(progress)
    default = source.default_height() if isinstance(source, HasDefaultHeight) else None
    cutoff = find_cutoff(at, reserve.timezone, chain, source.only_height(), default)
    opening = None if since is None else find_since(since, reserve.timezone, chain, cutoff)
    derivation, trace = _follow(reserve, source, cutoff.height, progress, since=opening is not None)
    evidence = Evidence(
        network=reserve.network,
        declaration=declare(reserve, derivation.wallets()),
        asked=cutoff.asked,
        cutoff=chain.point(cutoff.height),
        settled=is_settled(cutoff, chain),
        asked_since=opening.asked if opening else None,
        since=chain.point(opening.height) if opening else None,
        instants=resolve_instants(reserve, chain, cutoff),
        blocks=trace.blocks,
        chain=ChainNote(
            tip=chain.point(chain.tip),
            work=chain.work,
            enough_work=chain.enough_work,
            authenticated=network(reserve.network).authenticated,
        ),
        sources=source.notes(),
        findings=trace.findings,
        listed=trace.listed,
        unseen=trace.unseen,
        proofs=tuple(proofs),
        named=_named_blocks(proofs, chain, cutoff.height),
        proofs_within_days=proofs_within_days,
    )
    if not headers:
        return evidence
    runs = header_runs(evidence, chain, header_pins(reserve.network))
    return replace(evidence, headers=runs)


def _check_days(within: int | None) -> None:
    if within is not None and not 1 <= within <= MAX_PROOF_DAYS:
        raise RequestError(
            AuditCode.PROOF_DAYS,
            f"{within:,} days is no age that control proofs can be asked not to exceed",
            remedy=f"Give a number of days from 1 to {MAX_PROOF_DAYS:,}, or none.",
        )


def _named_blocks(
    proofs: Sequence[ControlProof], chain: HeaderChain, upto: Height
) -> tuple[BlockPoint, ...]:
    """The blocks that the messages of proofs name, as far as the chain up to `upto` has them."""
    named = set()
    for message in {proof.message for proof in proofs}:
        said = read_control_message(message)
        if said is not None and said.height <= upto:
            named.add((said.height, said.block_hash))
    return tuple(
        chain.point(height)
        for height, block_hash in sorted(named)
        if chain.block_hash(height) == block_hash
    )


def _follow(
    reserve: Reserve, source: ChainSource, upto: Height, progress: ProgressCallback, *, since: bool
) -> tuple[Derivation, Trace]:
    """The scripts of all wallets and what the source shows of them.

    Where the last source that shows history fails midway, all is asked once more of those that
    only list coins: what was derived by use that can no longer be seen means nothing.

    Raises:
        RequestError: a roll-forward was asked for (`since`), and nobody shows history.
        SourceError: no source answers.
    """
    while True:
        has_history = any(note.history for note in source.notes())
        if since and not has_history:
            raise RequestError(
                AuditCode.SINCE_WITHOUT_HISTORY,
                "the source lists the coins of one block, so there is no roll-forward",
                remedy="Leave out --since, or read a source that has the history.",
            )
        derivation = Derivation(reserve, _on_derivation(progress), has_history=has_history)
        trace = _trace(derivation, source, upto, progress)
        if has_history is any(note.history for note in source.notes()):
            return derivation, trace


def _trace(
    derivation: Derivation, source: ChainSource, upto: Height, progress: ProgressCallback
) -> Trace:
    """Pass over the blocks until every branch was derived far enough."""
    blocks: tuple[BlockEvidence, ...] = ()
    findings: dict[Finding, None] = {}
    listed: dict[Outpoint, ListedCoin] = {}
    unseen: dict[Script, None] = {}
    wanted = tuple(derivation.scripts)
    while True:
        trace = source.trace(wanted, upto, progress)
        blocks = merge_blocks(blocks, trace.blocks)
        # Each pass asks the same sources, and sees the same faults in them.
        findings.update(dict.fromkeys(trace.findings))
        listed.update((coin.outpoint, coin) for coin in trace.listed)
        unseen.update(dict.fromkeys(trace.unseen))
        if not derivation.is_ranged:
            break
        paid = scripts_paid(blocks, derivation.scripts)
        paid.update(coin.script for coin in listed.values())
        wanted = derivation.follow(paid)
        if not wanted:
            break
    in_order = tuple(listed[outpoint] for outpoint in sorted(listed))
    return Trace(blocks, tuple(findings), in_order, tuple(unseen))


def _on_derivation(progress: ProgressCallback) -> DerivationCallback:
    return lambda done, wanted: progress(Progress("derive", done, wanted, "scripts"))
