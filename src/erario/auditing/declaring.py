"""The declaration as evidence holds it: without lines, paths and descriptors."""

from __future__ import annotations

from erario.reserve.model import Reserve
from erario.statement.evidence import (
    Declaration,
    DeclaredClaim,
    DeclaredDocument,
    DeclaredHolder,
    DeclaredWallet,
)


def declare(reserve: Reserve, wallets: tuple[DeclaredWallet, ...]) -> Declaration:
    """What was declared, with the wallets as they were derived."""
    return Declaration(
        timezone=reserve.timezone,
        holders=tuple(
            DeclaredHolder(one.id, one.name, one.complete, one.signs_as) for one in reserve.holders
        ),
        wallets=wallets,
        documents=tuple(
            DeclaredDocument(
                id=one.id,
                title=one.title,
                issuer=one.issuer,
                date=one.date.isoformat() if one.date else None,
                url=one.url,
                sha256=one.sha256,
            )
            for one in reserve.documents
        ),
        claims=tuple(
            DeclaredClaim(
                id=one.id,
                holds=one.holds,
                comparator=one.comparator,
                amount=one.amount,
                within=one.within,
                moment=one.moment,
                holder=one.holder,
                wallets=one.wallets,
                document=one.document,
            )
            for one in reserve.claims
        ),
    )
