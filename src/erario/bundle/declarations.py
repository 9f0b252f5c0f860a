"""Declarations that contradict themselves, refused before anything is assessed.

Every id stands once, and whatever names one finds it; a script is in one wallet; a branch is
derived without a gap. The words of a claim and of its moment are what people see beside the
verdict, so they must say the same as the numbers: `> 6100 BTC` is that comparator and amount, and a
day is that day in the declaration's time zone.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Final

from erario.bitcoin.values import read_btc
from erario.bundle.errors import BundleCode, BundleError
from erario.errors import RequestError
from erario.reserve.cutoff import end_of_day, read_instant, start_of_day
from erario.reserve.model import Attribution
from erario.reserve.moment import AtHeight, AtInstant, ClaimMoment, Interval
from erario.statement.evidence import Declaration, DeclaredClaim, DeclaredWallet, DerivedBranch

_HOLDS: Final = re.compile(r"\s*(>=|<=|>|<|=|~)\s*(\S+)\s+BTC\s*")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def check_declaration(declaration: Declaration) -> None:
    """Refuse a declaration that contradicts itself.

    Raises:
        BundleError: it does.
    """
    _check_names(declaration)
    _check_scripts(declaration)
    for claim in declaration.claims:
        _check_words(claim, declaration.timezone)


def _check_names(declaration: Declaration) -> None:
    """Every id once, and every id that something names there."""
    for kind in (
        declaration.holders, declaration.wallets, declaration.documents, declaration.claims
    ):  # fmt: skip
        ids = [one.id for one in kind]
        if len(set(ids)) != len(ids):
            raise BundleError(BundleCode.DUPLICATE_ID, "two declarations have the same id")
    holders = {one.id for one in declaration.holders}
    owner = {one.id: one.holder for one in declaration.wallets}
    documents = {one.id for one in declaration.documents}
    placed: list[DeclaredWallet | DeclaredClaim] = [*declaration.wallets, *declaration.claims]
    for one in placed:
        if one.holder not in holders:
            raise BundleError(
                BundleCode.UNKNOWN_HOLDER, f"{one.id} is of a holder that is not declared"
            )
        if one.document is not None and one.document not in documents:
            raise BundleError(
                BundleCode.UNKNOWN_DOCUMENT, f"{one.id} rests on a document that is not declared"
            )
    for wallet in declaration.wallets:
        if wallet.attribution is Attribution.DOCUMENTED and wallet.document is None:
            raise BundleError(BundleCode.UNKNOWN_DOCUMENT, f"no document names {wallet.id}")
    for claim in declaration.claims:
        for name in claim.wallets:
            if owner.get(name) != claim.holder:
                raise BundleError(
                    BundleCode.UNKNOWN_WALLET,
                    f"the claim {claim.id} names a wallet that its holder does not have",
                )
        if len(set(claim.wallets)) != len(claim.wallets):
            raise BundleError(BundleCode.CLAIM, f"the claim {claim.id} names a wallet twice")


def _check_scripts(declaration: Declaration) -> None:
    """Every script in one wallet, once, and every branch derived without a gap."""
    seen: set[bytes] = set()
    for wallet in declaration.wallets:
        if wallet.since is not None and wallet.until is not None and wallet.until <= wallet.since:
            raise BundleError(BundleCode.WINDOW, f"{wallet.id} ends before it begins")
        indexes: dict[int, list[int]] = {}
        for one in wallet.scripts:
            if one.script in seen:
                raise BundleError(
                    BundleCode.SCRIPT_TWICE, f"the script {one.script.hex()[:80]} stands twice"
                )
            seen.add(one.script)
            if one.branch is not None and one.index is not None:
                indexes.setdefault(one.branch, []).append(one.index)
        branches = {one.number: one for one in wallet.branches}
        good = len(branches) == len(wallet.branches) and indexes.keys() <= branches.keys()
        for number, branch in branches.items():
            good = good and _is_derived(branch, indexes.get(number, []), len(wallet.scripts))
        if not good:
            raise BundleError(
                BundleCode.DERIVATION, f"the scripts of {wallet.id} are not those of its branches"
            )


def _is_derived(branch: DerivedBranch, indexes: list[int], watched: int) -> bool:
    """Whether these indexes can be those of a branch. One is not there where the wallet has its
    script already, by another branch or written down."""
    missing = branch.derived - len(indexes)
    return (
        len(indexes) == len(set(indexes))
        and max(indexes, default=-1) < branch.derived
        and missing <= watched - len(indexes)
        and (branch.last_used is None or branch.last_used < branch.derived)
    )


def _check_words(claim: DeclaredClaim, timezone: str) -> None:
    """Refuse a claim whose words say something else than its numbers."""
    match = _HOLDS.fullmatch(claim.holds)
    try:
        good = (
            match is not None
            and match[1] == claim.comparator.value
            and read_btc(match[2]) == claim.amount
            and _is_meant(claim.moment, timezone)
        )
    except (ValueError, RequestError):
        good = False
    if not good:
        raise BundleError(
            BundleCode.CLAIM, f"the claim {claim.id} says something else than it is judged by"
        )


def _is_meant(moment: ClaimMoment, timezone: str) -> bool:
    if isinstance(moment, AtHeight):
        return True
    if isinstance(moment, AtInstant):
        return _instant(moment.written, timezone, is_end=True) == moment.instant
    start, divided, end = moment.written.partition(" to ")
    if not divided and _DAY.fullmatch(start):
        end = start
    if isinstance(moment.start, AtInstant) and isinstance(moment.end, AtInstant):
        return (
            _instant(start, timezone, is_end=False) == moment.start.instant
            and _instant(end, timezone, is_end=True) == moment.end.instant
        )
    return _is_heights(moment)


def _is_heights(moment: Interval) -> bool:
    start, end = moment.start, moment.end
    return (
        isinstance(start, AtHeight)
        and isinstance(end, AtHeight)
        and moment.written == f"{start.height} to {end.height}"
    )


def _instant(written: str, timezone: str, *, is_end: bool) -> datetime:
    if _DAY.fullmatch(written):
        return (end_of_day if is_end else start_of_day)(date.fromisoformat(written), timezone)
    return read_instant(datetime.fromisoformat(written))
