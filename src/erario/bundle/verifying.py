"""`verify_bundle`: read, assess, compare, from the file alone.

    container     one zip or folder, and nothing in it that does not belong
    manifest      every file by size and SHA-256
    evidence      every member by type and range; declarations that do not contradict themselves
    headers       linked, with proof of work, to the pins; else by every rule from genesis
    moments       each block at its height, each instant on the block that it means
    transactions  each in its block, none twice, all of interest; sums that can exist
    proofs        control proofs by BIP-322
    statement     assessed again from all that, and equal to the byte
    previous      the roll-forward opens with what the bundle before closed with

The first contradiction refuses the bundle. What nobody can see from a file, such as that coins are
still unspent, or whose they are, is listed as stated or as not checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from erario.assess import assess
from erario.bitcoin.network import network
from erario.bitcoin.values import Height, Sats, total
from erario.bundle.container import read_container
from erario.bundle.contents import check_documents, check_relevance, check_statement
from erario.bundle.errors import BundleCode, BundleError, ReadingCode
from erario.bundle.evidence_reading import SaidEvidence, read_evidence
from erario.bundle.headers import VerifiedHeaders, read_headers
from erario.bundle.manifest import Manifest, Previous, read_manifest
from erario.bundle.names import EVIDENCE, HEADERS, PROOFS, STATEMENT, TRANSACTIONS
from erario.bundle.proofs_file import Proofs, read_proofs
from erario.bundle.transactions import read_transactions
from erario.errors import Place, RequestError, SourceError
from erario.proof.control_message import read_control_message
from erario.reserve.model import Attribution, Role
from erario.reserve.moment import AtHeight, AtInstant, Interval
from erario.statement.codec import digest, statement_json
from erario.statement.evidence import (
    ChainNote,
    ControlProof,
    Declaration,
    Evidence,
    ResolvedInstant,
)
from erario.statement.finding import FindingCode, Verdict
from erario.statement.model import HolderStatement, Statement

_REFUSED: Final = {
    FindingCode.EVIDENCE_INCLUSION: BundleCode.INCLUSION,
    FindingCode.EVIDENCE_DOUBLE_SPEND: BundleCode.DOUBLE_SPEND,
    FindingCode.EVIDENCE_INFLATION: BundleCode.INFLATION,
    FindingCode.CONTROL_PROOF: BundleCode.PROOF,
}
_OURS: Final = frozenset(
    {
        FindingCode.CHAIN_WORK,
        FindingCode.CHAIN_UNAUTHENTICATED,
        FindingCode.CUTOFF_SETTLED,
        FindingCode.HOLDER_NOTHING_COUNTED,
        *_REFUSED,
    }
)
"""What an assessment finds; no source says it."""


@dataclass(frozen=True, slots=True)
class VerifiedBundle:
    """A bundle that contradicts itself nowhere.

    Attributes:
        manifest: with the digest of the bundle.
        evidence: all that it holds, with the opened proofs where they were given.
        statement: assessed from that: the published one, unless proofs were opened, or another
            maximum of their age was asked for.
        headers: verified.
        sealed: the digests of the control proofs that are sealed, and were not given.
        is_previous_verified: whether the bundle that it names as the one before was held against
            it.
    """

    manifest: Manifest
    evidence: Evidence
    statement: Statement
    headers: VerifiedHeaders
    sealed: tuple[bytes, ...] = ()
    is_previous_verified: bool = False


def verify_bundle(path: Path, *, previous: Path | None = None) -> VerifiedBundle:
    """Verify a bundle offline.

    Args:
        path: a zip or a folder.
        previous: the bundle that it names as the one before, to hold it against that.

    Raises:
        BundleError: the bundle is refused.
        RequestError: it cannot be read, or its proofs cannot be checked here.
    """
    found = _verify_path(path)
    if previous is None:
        return found
    named = found.manifest.previous
    if named is None:
        raise BundleError(
            BundleCode.PREVIOUS, "the bundle names none before it", remedy="Leave out --previous."
        )
    before = _verify_path(previous)
    if previous_of(before.manifest, before.statement) != named:
        raise BundleError(
            BundleCode.PREVIOUS,
            "the bundle does not follow the one that is said to be before it",
            remedy=f"Give with --previous the bundle that it names: {named.digest.hex()}.",
        )
    return replace(found, is_previous_verified=True)


def _verify_path(path: Path) -> VerifiedBundle:
    try:
        return verify_files(read_container(path))
    except BundleError as error:
        error.place = error.place or Place(str(path))
        raise


def verify_files(files: dict[str, bytes]) -> VerifiedBundle:
    """The same for the files of a bundle by name."""
    manifest = read_manifest(files)
    said = read_evidence(files[EVIDENCE])
    if said.network is not manifest.network:
        raise BundleError(BundleCode.NETWORK, "its manifest and its evidence name two networks")
    headers = VerifiedHeaders(said.network, read_headers(files[HEADERS]))
    proofs = read_proofs(files[PROOFS])
    evidence = _evidence(files, said, headers, proofs)
    check_documents(files, evidence.declaration)
    statement = assess_bundle(evidence)
    check_relevance(evidence, statement)
    check_statement(files[STATEMENT], statement_json(statement))
    if digest(statement) != manifest.statement:
        raise BundleError(
            BundleCode.STATEMENT_DIGEST, "its manifest names another statement by its digest"
        )
    _check_previous(manifest.previous, statement)
    return VerifiedBundle(manifest, evidence, statement, headers, proofs.sealed or ())


def previous_of(manifest: Manifest, statement: Statement) -> Previous:
    """How the next bundle names this one."""
    return Previous(
        manifest.digest,
        statement.cutoff.height,
        statement.cutoff.block_hash,
        {holder.id: _counted(holder) for holder in statement.holders},
    )


def _counted(holder: HolderStatement) -> Sats:
    """What the holder's counted wallets hold."""
    return total(
        line.balance.sats
        for line in holder.totals
        if line.role is not Role.ORIGIN and line.attribution is not Attribution.INFERRED
    )


def _evidence(
    files: dict[str, bytes], said: SaidEvidence, headers: VerifiedHeaders, proofs: Proofs
) -> Evidence:
    """All that a statement rests on, once headers and moments are known to be right."""
    _check_chain(said, headers)
    _check_moments(said, headers)
    if not any(source.history for source in said.sources):
        raise BundleError(BundleCode.NO_HISTORY, "its coins are listed, and nothing shows them")
    if any(finding.code in _OURS for finding in said.findings):
        raise BundleError(BundleCode.FINDINGS, "a finding of its sources is none that they make")
    outpoints = [coin.outpoint for coin in said.listed]
    if sorted(set(outpoints)) != outpoints or any(c.height > said.cutoff for c in said.listed):
        raise BundleError(BundleCode.LISTED, "its listed coins are not each once, and in order")
    watched = {one.script for wallet in said.declaration.wallets for one in wallet.scripts}
    if len(watched.intersection(said.unseen)) != len(said.unseen):
        raise BundleError(BundleCode.LISTED, "its unseen scripts are not each once, and watched")
    evidence = Evidence(
        network=said.network,
        declaration=said.declaration,
        asked=said.asked,
        cutoff=headers.point(said.cutoff),
        settled=said.settled,
        asked_since=said.asked_since,
        since=None if said.since is None else headers.point(said.since),
        instants=tuple(
            ResolvedInstant(instant, None if height is None else headers.point(height))
            for instant, height in said.instants
        ),
        blocks=read_transactions(files[TRANSACTIONS], headers.header),
        chain=ChainNote(said.tip, said.work, said.enough_work, network(said.network).authenticated),
        sources=said.sources,
        findings=said.findings,
        listed=said.listed,
        unseen=said.unseen,
        headers=headers.runs,
        proofs_within_days=said.proofs_within_days,
    )
    return with_proofs(evidence, proofs.proofs, headers)


def with_proofs(
    evidence: Evidence, proofs: tuple[ControlProof, ...], headers: VerifiedHeaders
) -> Evidence:
    """Evidence with control proofs, and the blocks that they name as far as headers show them.

    Raises:
        RequestError: they cannot be judged here.
    """
    if not proofs:
        return evidence
    _need_engines()
    named: set[Height] = set()
    for message in {proof.message for proof in proofs}:
        said = read_control_message(message)
        if (
            said is not None
            and said.height <= evidence.cutoff.height
            and headers.has(said.height)
            and headers.block_hash(said.height) == said.block_hash
        ):
            named.add(said.height)
    return replace(evidence, proofs=proofs, named=tuple(map(headers.point, sorted(named))))


def _need_engines() -> None:
    from erario.proof.engines import has_btclib, load_kernel  # noqa: PLC0415 - loads libraries

    if load_kernel() is None or not has_btclib():
        raise RequestError(
            ReadingCode.NO_ENGINE,
            "the bundle has control proofs, and the engines that judge them are not installed",
            remedy="Install py-bitcoinkernel (on Python 3.11 to 3.13) and btclib.",
        )


def _check_chain(said: SaidEvidence, headers: VerifiedHeaders) -> None:
    """The tip, and whether the chain has enough work."""
    if not headers.runs:
        raise BundleError(BundleCode.HEADERS_MISSING, "it has no headers at all")
    if said.enough_work and not headers.enough_work:
        raise BundleError(BundleCode.CHAIN_WORK, "its headers have less work than it says")
    if headers.tip is None:
        # The tip lies beyond the last pin that anything here needs: who collected it says so.
        if said.tip.height < headers.runs[-1].end:
            raise BundleError(BundleCode.CHAIN_TIP, "its tip lies below its own headers")
    elif (said.tip, said.work) != (headers.point(headers.tip), headers.work):
        raise BundleError(BundleCode.CHAIN_TIP, "its tip or its work is not that of its headers")
    if said.cutoff > said.tip.height:
        raise BundleError(BundleCode.CUTOFF, "it closes on a block above its tip")


def _check_moments(said: SaidEvidence, headers: VerifiedHeaders) -> None:
    """Every block and instant, as `auditing.moments` resolves them."""
    cutoff = said.cutoff
    if isinstance(said.asked, AtHeight):
        good, settled = said.asked.height == cutoff, None
    else:
        instant = said.asked.instant
        good = headers.shows(cutoff, instant, headers.tip)
        settled = headers.tip is None or headers.reached(instant, headers.tip)
    if not good:
        raise BundleError(BundleCode.CUTOFF, f"block {cutoff} is not the one that was asked for")
    if said.settled is not settled:
        raise BundleError(BundleCode.SETTLED, "whether its cut-off is settled is told wrongly")
    _check_since(said, headers)
    named = {one for one in _instants(said.declaration) if _is_reached(one, said, headers)}
    if [instant for instant, _ in said.instants] != sorted(named):
        raise BundleError(BundleCode.INSTANTS, "it resolves other instants than are declared")
    for instant, height in said.instants:
        above = height is not None and height > cutoff
        if above or not headers.shows(height, instant, cutoff):
            raise BundleError(
                BundleCode.INSTANT, f"{instant.isoformat()} does not fall on block {height}"
            )


def _check_since(said: SaidEvidence, headers: VerifiedHeaders) -> None:
    asked, since = said.asked_since, said.since
    if asked is None or since is None:
        good = asked is None and since is None
    elif isinstance(asked, AtHeight):
        good = asked.height == since <= said.cutoff
    else:
        good = (
            since <= said.cutoff
            and _is_reached(asked.instant, said, headers)
            and headers.shows(since, asked.instant, said.cutoff)
        )
    if not good:
        raise BundleError(BundleCode.SINCE, f"block {since} is not the opening that was asked for")


def _is_reached(instant: datetime, said: SaidEvidence, headers: VerifiedHeaders) -> bool:
    if isinstance(said.asked, AtInstant) and instant <= said.asked.instant:
        return headers.tip is None or headers.reached(instant, headers.tip)
    return headers.reached(instant, said.cutoff)


def _instants(declaration: Declaration) -> Iterator[datetime]:
    """Every instant that the declaration names."""
    for wallet in declaration.wallets:
        yield from (one for one in (wallet.since, wallet.until) if one is not None)
    for claim in declaration.claims:
        moment = claim.moment
        points = (moment.start, moment.end) if isinstance(moment, Interval) else (moment,)
        yield from (point.instant for point in points if isinstance(point, AtInstant))


def assess_bundle(evidence: Evidence) -> Statement:
    """What evidence comes to.

    Raises:
        BundleError: it contradicts itself.
    """
    try:
        statement = assess(evidence)
    except SourceError as error:
        raise BundleError(BundleCode.SUPPLY, error.what) from error
    for finding in statement.findings:
        code = _REFUSED.get(finding.code)
        if code is not None and finding.verdict is Verdict.FAIL:
            raise BundleError(code, finding.what)
    return statement


def _check_previous(previous: Previous | None, statement: Statement) -> None:
    if previous is None:
        return
    since = statement.since
    if since is None or (since.height, since.block_hash) != (previous.height, previous.block_hash):
        raise BundleError(
            BundleCode.PREVIOUS_CUTOFF, "it does not open where the bundle before it closed"
        )
    openings = {
        holder.id: 0 if holder.roll_forward is None else holder.roll_forward.opening
        for holder in statement.holders
    }
    for holder in openings.keys() | previous.sats.keys():
        if openings.get(holder, 0) != previous.sats.get(holder, 0):
            raise BundleError(
                BundleCode.PREVIOUS_SATS,
                f"{holder} does not open with what it held where the bundle before it closed",
            )
