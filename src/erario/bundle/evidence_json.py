"""`evidence.json`: what was declared, asked and said, as canonical JSON.

Nothing that the headers show is repeated here: blocks and instants are heights, and their hashes
and times are read from the headers. Transactions, headers and proofs have files of their own.
`bundle.schema.json` describes every member.
"""

from __future__ import annotations

from erario.bitcoin.values import show_hash
from erario.bundle.evidence_reading import FORMAT, VERSION
from erario.statement.codec import canonical_json
from erario.statement.evidence import (
    BlockPoint,
    DeclaredClaim,
    DeclaredHolder,
    DeclaredWallet,
    Evidence,
    ListedCoin,
)
from erario.statement.json_claims import moment_json
from erario.statement.json_values import (
    Json,
    JsonObject,
    document_json,
    finding_json,
    instant_json,
    point_in_time_json,
    point_json,
    source_json,
)


def write_evidence(evidence: Evidence) -> bytes:
    """The file for a piece of evidence."""
    declaration = evidence.declaration
    asked_since = evidence.asked_since
    return canonical_json(
        {
            "format": FORMAT,
            "version": VERSION,
            "network": evidence.network.value,
            "timezone": declaration.timezone,
            "holders": [_holder(one) for one in declaration.holders],
            "wallets": [_wallet(one) for one in declaration.wallets],
            "documents": [document_json(one) for one in declaration.documents],
            "claims": [_claim(one) for one in declaration.claims],
            "asked": point_in_time_json(evidence.asked),
            "cutoff": evidence.cutoff.height,
            "settled": evidence.settled,
            "asked_since": None if asked_since is None else point_in_time_json(asked_since),
            "since": _height(evidence.since),
            "instants": [
                {"instant": instant_json(one.instant), "height": _height(one.point)}
                for one in evidence.instants
            ],
            "tip": point_json(evidence.chain.tip),
            "work": f"{evidence.chain.work:064x}",
            "enough_work": evidence.chain.enough_work,
            "sources": [source_json(one) for one in evidence.sources],
            "findings": [finding_json(one) for one in evidence.findings],
            "listed": [_listed(one) for one in evidence.listed],
            "unseen": [script.hex() for script in evidence.unseen],
            "proofs_within_days": evidence.proofs_within_days,
        }
    )


def _height(point: BlockPoint | None) -> int | None:
    return None if point is None else point.height


def _holder(holder: DeclaredHolder) -> JsonObject:
    return {
        "id": holder.id,
        "name": holder.name,
        "complete": holder.complete,
        "signs_as": holder.signs_as,
    }


def _wallet(wallet: DeclaredWallet) -> JsonObject:
    scripts: list[Json] = [
        one.script.hex()
        if one.branch is None
        else {"script": one.script.hex(), "branch": one.branch, "index": one.index}
        for one in wallet.scripts
    ]
    return {
        "id": wallet.id,
        "holder": wallet.holder,
        "role": wallet.role.value,
        "attribution": wallet.attribution.value,
        "document": wallet.document,
        "since": None if wallet.since is None else instant_json(wallet.since),
        "until": None if wallet.until is None else instant_json(wallet.until),
        "branches": [
            {"number": one.number, "derived": one.derived, "last_used": one.last_used}
            for one in wallet.branches
        ],
        "scripts": scripts,
    }


def _claim(claim: DeclaredClaim) -> JsonObject:
    return {
        "id": claim.id,
        "holds": claim.holds,
        "comparator": claim.comparator.value,
        "amount_sats": claim.amount,
        "within_sats": claim.within,
        "moment": moment_json(claim.moment),
        "holder": claim.holder,
        "wallets": list(claim.wallets),
        "document": claim.document,
    }


def _listed(coin: ListedCoin) -> JsonObject:
    return {
        "txid": show_hash(coin.outpoint.txid),
        "vout": coin.outpoint.vout,
        "sats": coin.sats,
        "script": coin.script.hex(),
        "height": coin.height,
        "coinbase": coin.coinbase,
    }
