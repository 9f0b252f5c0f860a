"""A statement as a page of text: what it closes on, what stands first, verdicts, holders.

Verdicts come before figures, and findings that lower every figure come before verdicts. The order
of everything else is the statement's own, so that two runs compare line by line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rich.text import Text

from erario.cli.clean import clean
from erario.cli.show.claims import claim_lines
from erario.cli.show.holders import holder_lines
from erario.cli.show.layout import BAD, DOUBT, GOOD, STRONG, ends, labelled, paragraph
from erario.cli.show.words import count, say_network, say_request, short_hash, show_utc
from erario.errors import Place
from erario.reserve.model import Attribution, Role
from erario.reserve.moment import AtInstant
from erario.statement.codec import digest
from erario.statement.evidence import SourceKind
from erario.statement.finding import Finding, FindingCode, Verdict
from erario.statement.model import Statement, WalletStatement

LABEL: Final = 9
_KINDS: Final = {
    SourceKind.BLOCKS: "block files",
    SourceKind.NODE: "node",
    SourceKind.ELECTRUM: "Electrum server",
    SourceKind.ESPLORA: "block explorer",
    SourceKind.SNAPSHOT: "UTXO snapshot",
}
_VERDICT_STYLES: Final = {Verdict.PASS: GOOD, Verdict.FAIL: BAD, Verdict.UNKNOWN: DOUBT}


@dataclass(frozen=True, slots=True)
class View:
    """What the page shows beside the statement: where each claim is written, and how much.

    `scripts` is None where few scripts are shown and many are not.
    """

    places: Mapping[str, Place]
    scripts: bool | None = None


def statement_lines(statement: Statement, view: View) -> list[Text]:
    """The whole page."""
    lines = opening_lines(statement)
    for claim in statement.claims:
        place = view.places.get(claim.claim.id)
        lines += [Text(), *claim_lines(claim, statement, place)]
    for holder in statement.holders:
        lines += [Text(), *holder_lines(holder, statement, scripts=view.scripts)]
    passed = [finding for finding in statement.all_findings if finding.verdict is Verdict.PASS]
    if passed:
        lines += [Text(), Text("Checked", STRONG)]
        for finding in passed:
            lines += finding_lines(finding)
    # What two people compare, and what a register can keep: it leaves out what is only observed.
    return [*lines, Text(), Text("Statement digest", STRONG), Text(f"  {digest(statement).hex()}")]


def opening_lines(statement: Statement) -> list[Text]:
    """What stands before every verdict and figure, also of coins and movements."""
    lines = _head_lines(statement)
    lines += _uncounted_lines(statement)
    return lines + doubt_lines(statement)


def doubt_lines(statement: Statement) -> list[Text]:
    """Every finding that is no pass."""
    lines: list[Text] = []
    for finding in statement.all_findings:
        if finding.verdict is not Verdict.PASS:
            lines += [Text(), *finding_lines(finding)]
    return lines


def _head_lines(statement: Statement) -> list[Text]:
    """Whose statement it is, at which block, from which sources."""
    holders = statement.holders
    title = clean(holders[0].name) if len(holders) == 1 else count(len(holders), "holder")
    watched = sum(wallet.watched for holder in holders for wallet in holder.wallets)
    scope = f"{count(watched, 'script')}, {say_network(statement.network)}"
    lines = ends(title, scope, style=STRONG)
    lines += labelled("Cut-off", _say_cutoff(statement), width=LABEL)
    if statement.since is not None and statement.asked_since is not None:
        since = f"block {statement.since.height} {short_hash(statement.since.block_hash)}"
        if isinstance(statement.asked_since, AtInstant):
            since += f", {say_request(statement.asked_since, statement.timezone)}"
        lines += labelled("Since", since, width=LABEL)
    sources = statement.observed.sources
    if len(sources) > 1:
        lines += labelled("Sources", _say_agreement(statement), width=LABEL)
    for source in sources:
        whose = " of the user's own node" if source.own else ""
        name = f" {clean(source.name)}" if source.name else ""
        text = f"{_KINDS[source.kind]}{name}{whose}. {clean(source.caveat)}"
        lines += labelled("Source", text, width=LABEL)
    return lines


def _say_agreement(statement: Statement) -> str:
    asked = f"{len(statement.observed.sources)} were asked and held against each other"
    codes = {finding.code for finding in statement.observed.findings}
    if FindingCode.SOURCES_DISAGREE in codes:
        return f"{asked}: they disagree, see below."
    return f"{asked}: they agree. What all of them hide is not found."


def _say_cutoff(statement: Statement) -> str:
    cutoff, observed = statement.cutoff, statement.observed
    text = f"block {cutoff.height} {short_hash(cutoff.block_hash)}"
    if isinstance(statement.asked, AtInstant):
        settled = (
            "settled" if observed.settled else "not settled: blocks to come can still be in it"
        )
        return f"{text}, {say_request(statement.asked, statement.timezone)}, {settled}"
    on_top = "the tip" if observed.depth == 0 else f"{count(observed.depth, 'block')} on top"
    return f"{text} of {show_utc(cutoff.time)}, {on_top}"


def _uncounted_lines(statement: Statement) -> list[Text]:
    """Said before any figure: that nothing of what follows is counted."""
    wallets = [wallet for holder in statement.holders for wallet in holder.wallets]
    if not wallets or any(_can_count(wallet) for wallet in wallets):
        return []
    kinds = []
    if any(wallet.role is not Role.ORIGIN for wallet in wallets):
        kinds.append("inferred wallets, which somebody concludes to be the holder's")
    if any(wallet.role is Role.ORIGIN for wallet in wallets):
        kinds.append("origin addresses, which are watched and never summed")
    text = f"Nothing here is counted: there are only {' and '.join(kinds)}."
    return [Text(), *paragraph(text, style=DOUBT)]


def _can_count(wallet: WalletStatement) -> bool:
    return wallet.role is not Role.ORIGIN and wallet.attribution is not Attribution.INFERRED


def finding_lines(finding: Finding) -> list[Text]:
    """One checked thing: verdict, code, subject, what was found and what would settle it."""
    head = f"{finding.code.value} {clean(finding.subject)}".strip()
    style = _VERDICT_STYLES[finding.verdict]
    lines = labelled(finding.verdict.value.upper(), head, width=LABEL, style=style)
    lines += paragraph(clean(finding.what), indent=LABEL)
    if finding.settle:
        lines += paragraph(f"to settle: {clean(finding.settle)}", indent=LABEL)
    return lines
