"""Verdicts: what each public claim came to, on what it rests, and what would settle it."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from erario.bitcoin.values import show_btc
from erario.cli.clean import clean
from erario.cli.show.existence import say_existence
from erario.cli.show.layout import BAD, DOUBT, GOOD, labelled, paragraph
from erario.cli.show.words import say_moment
from erario.errors import Place
from erario.reserve.moment import Interval
from erario.statement.model import ClaimStatement, Outcome, Statement

INDENT: Final = 9
_STYLES: Final = {
    Outcome.KEPT: GOOD,
    Outcome.BROKEN: BAD,
    Outcome.UNCLEAR: DOUBT,
    Outcome.UNKNOWN: DOUBT,
}


def claim_lines(claim: ClaimStatement, statement: Statement, place: Place | None) -> list[Text]:
    """One verdict with everything that it rests on."""
    declared = claim.claim
    within = f" within {show_btc(declared.within)} BTC" if declared.within else ""
    said = f'{clean(declared.id)}  "{clean(declared.holds)}"{within}'
    words = f"{said} {say_moment(declared.moment)}"
    where = clean(str(place)) if place else ""
    lines = _head(claim, words, where)
    if len(statement.holders) > 1 and not declared.wallets:
        lines += paragraph(f"about holder {clean(declared.holder)}", indent=INDENT)
    if declared.wallets:
        names = ", ".join(clean(wallet) for wallet in declared.wallets)
        lines += paragraph(f"about {names}", indent=INDENT)
    if found := _say_found(claim):
        lines += paragraph(found, indent=INDENT)
    if claim.outcome in {Outcome.UNCLEAR, Outcome.UNKNOWN}:
        lines += paragraph(clean(claim.reason), indent=INDENT)
    rests = say_existence(claim.existence, statement.word, statement.observed.chain)
    lines += paragraph(f"rests on: {rests}", indent=INDENT)
    if declared.document is not None:
        lines += paragraph(f"said in: {_say_document(declared.document, statement)}", indent=INDENT)
    if claim.settle:
        lines += paragraph(f"to settle: {clean(claim.settle)}", indent=INDENT)
    return lines


def _head(claim: ClaimStatement, words: str, where: str) -> list[Text]:
    """`KEPT     id  "> 6100 BTC" on 2025-04-03            reserve.toml:28`."""
    style = _STYLES[claim.outcome]
    verdict = claim.outcome.value.upper()
    if claim.outcome is not Outcome.UNKNOWN or claim.would_be in {None, Outcome.UNKNOWN}:
        return labelled(verdict, words, width=INDENT, style=style, right=where)
    would_be = claim.would_be.value.upper() if claim.would_be else ""
    first = Text(f"{verdict}: {would_be} if these addresses are the holder's", style)
    return [first, *labelled("", words, width=INDENT, right=where)]


def _say_found(claim: ClaimStatement) -> str:
    if claim.lowest is None:
        return ""
    if claim.highest is None:
        text = f"{show_btc(claim.lowest)} BTC at least"
    elif claim.lowest == claim.highest:
        text = f"{show_btc(claim.lowest)} BTC"
    else:
        text = f"{show_btc(claim.lowest)} to {show_btc(claim.highest)} BTC"
    if isinstance(claim.claim.moment, Interval) and claim.from_height != claim.to_height:
        text += f" in blocks {claim.from_height} to {claim.to_height}"
    elif claim.to_height is not None:
        text += f" after block {claim.to_height}"
    if claim.margin is not None:
        text += f", margin {show_btc(claim.margin)}"
    return text


def _say_document(document: str, statement: Statement) -> str:
    for known in statement.documents:
        if known.id == document:
            issuer = f", {clean(known.issuer)}" if known.issuer else ""
            date = f", {clean(known.date)}" if known.date else ""
            return f"{clean(known.title)}{issuer}{date}"
    return clean(document)
