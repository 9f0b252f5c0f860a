"""The values of a statement as JSON objects; `codec` puts them together.

Satoshis are whole numbers, in fields named `sats` or `..._sats`. Hashes of blocks and transactions
are hex in display order; scripts and digests are hex as they are. Instants are RFC 3339 in UTC.
What is not there is null, never left out.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeAlias

from erario.bitcoin.values import show_hash
from erario.reserve.moment import AtHeight, AtInstant
from erario.statement.evidence import (
    BlockPoint,
    ChainNote,
    DeclaredDocument,
    DerivedBranch,
    SourceNote,
)
from erario.statement.finding import Finding
from erario.statement.model import (
    Balance,
    Coin,
    ControlTotal,
    HolderStatement,
    Movement,
    RollForward,
    ScriptProof,
    ScriptStatement,
    Spend,
    Total,
    TypeTotal,
    WalletEntry,
    WalletStatement,
)

Json: TypeAlias = "str | int | bool | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = "dict[str, Json]"


def instant_json(instant: datetime) -> str:
    """An instant by RFC 3339, with `Z`, and with a fraction only where it has one."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def point_in_time_json(moment: AtHeight | AtInstant) -> JsonObject:
    """A height or an instant; how it was written does not show."""
    if isinstance(moment, AtHeight):
        return {"kind": "height", "height": moment.height}
    return {"kind": "instant", "instant": instant_json(moment.instant)}


def point_json(point: BlockPoint) -> JsonObject:
    """A block of the best chain."""
    return {
        "height": point.height,
        "hash": show_hash(point.block_hash),
        "time": instant_json(point.time),
        "median_time_past": instant_json(point.median_time_past),
    }


def finding_json(finding: Finding) -> JsonObject:
    """One checked thing."""
    return {
        "code": finding.code.value,
        "verdict": finding.verdict.value,
        "severity": finding.severity.value,
        "subject": finding.subject,
        "what": finding.what,
        "settle": finding.settle,
    }


def document_json(document: DeclaredDocument) -> JsonObject:
    """Something published."""
    return {
        "id": document.id,
        "title": document.title,
        "issuer": document.issuer,
        "date": document.date,
        "url": document.url,
        "sha256": document.sha256,
    }


def holder_json(holder: HolderStatement) -> JsonObject:
    """One holder at the cut-off."""
    return {
        "id": holder.id,
        "name": holder.name,
        "complete": holder.complete,
        "totals": [_total_json(line) for line in holder.totals],
        "roll_forward": _roll_forward_json(holder.roll_forward),
        "types": [_type_json(line) for line in holder.types],
        "control": [_control_json(line) for line in holder.control],
        "exposed_sats": holder.exposed_sats,
        "exposed_by_proof_sats": holder.exposed_by_proof_sats,
        "reused_scripts": holder.reused_scripts,
        "largest_script": None if holder.largest_script is None else holder.largest_script.hex(),
        "largest_sats": holder.largest_sats,
        "coins_digest": holder.coins_digest.hex(),
        "digest_coins": holder.digest_coins,
        "first_height": holder.first_height,
        "last_height": holder.last_height,
        "wallets": [_wallet_json(wallet) for wallet in holder.wallets],
    }


def coin_json(coin: Coin) -> JsonObject:
    """One coin, unspent or not."""
    return {
        "txid": show_hash(coin.outpoint.txid),
        "vout": coin.outpoint.vout,
        "sats": coin.sats,
        "script": coin.script.hex(),
        "wallet": coin.wallet,
        "height": coin.height,
        "position": coin.position,
        "coinbase": coin.coinbase,
        "immature": coin.immature,
        "spent": None if coin.spent is None else _spend_json(coin.spent),
        "lost": coin.lost,
        "exposed": None if coin.exposed is None else coin.exposed.value,
        "existence": coin.existence.value,
    }


def movement_json(movement: Movement) -> JsonObject:
    """One movement; without a transaction it has an instant in place of position and txid."""
    return {
        "kind": movement.kind.value,
        "height": movement.height,
        "position": None if movement.txid is None else movement.position,
        "instant": _instant_or_null(movement.instant),
        "txid": None if movement.txid is None else show_hash(movement.txid),
        "holder": movement.holder,
        "book": movement.book.value,
        "coinbase": movement.coinbase,
        "fee_sats": movement.fee,
        "entries": [_entry_json(entry) for entry in movement.entries],
    }


def chain_json(chain: ChainNote) -> JsonObject:
    """The chain that was seen; `work` is hex, since it is larger than JSON's numbers."""
    return {
        "tip": point_json(chain.tip),
        "work": f"{chain.work:064x}",
        "enough_work": chain.enough_work,
        "authenticated": chain.authenticated,
    }


def source_json(source: SourceNote) -> JsonObject:
    """A source in words."""
    return {
        "kind": source.kind.value,
        "own": source.own,
        "word": source.word.value,
        "caveat": source.caveat,
        "name": source.name,
        "history": source.history,
    }


def _instant_or_null(instant: datetime | None) -> str | None:
    return None if instant is None else instant_json(instant)


def _balance_json(balance: Balance) -> JsonObject:
    return {
        "sats": balance.sats,
        "coins": balance.coins,
        "immature_sats": balance.immature_sats,
        "exposed_sats": balance.exposed_sats,
        "exposed_by_proof_sats": balance.exposed_by_proof_sats,
    }


def _total_json(line: Total) -> JsonObject:
    return {
        "role": line.role.value,
        "attribution": line.attribution.value,
        "existence": line.existence.value,
        "balance": _balance_json(line.balance),
    }


def _type_json(line: TypeTotal) -> JsonObject:
    return {"type": line.type.value, "sats": line.sats, "coins": line.coins}


def _roll_forward_json(roll: RollForward | None) -> JsonObject | None:
    if roll is None:
        return None
    return {
        "opening_sats": roll.opening,
        "received_sats": roll.received,
        "between_in_sats": roll.between_in,
        "sent_sats": roll.sent,
        "between_out_sats": roll.between_out,
        "fees_sats": roll.fees,
        "closing_sats": roll.closing,
    }


def _wallet_json(wallet: WalletStatement) -> JsonObject:
    return {
        "id": wallet.id,
        "role": wallet.role.value,
        "attribution": wallet.attribution.value,
        "document": wallet.document,
        "since": _instant_or_null(wallet.since),
        "until": _instant_or_null(wallet.until),
        "counts": wallet.counts,
        "balance": _balance_json(wallet.balance),
        "first_height": wallet.first_height,
        "last_height": wallet.last_height,
        "roll_forward": _roll_forward_json(wallet.roll_forward),
        "watched": wallet.watched,
        "branches": [_branch_json(branch) for branch in wallet.branches],
        "scripts": [_script_json(script) for script in wallet.scripts],
    }


def _branch_json(branch: DerivedBranch) -> JsonObject:
    return {"number": branch.number, "derived": branch.derived, "last_used": branch.last_used}


def _script_json(script: ScriptStatement) -> JsonObject:
    return {
        "script": script.script.hex(),
        "address": script.address,
        "type": script.type.value,
        "branch": script.branch,
        "index": script.index,
        "balance": _balance_json(script.balance),
        "first_height": script.first_height,
        "last_height": script.last_height,
        "received_in": script.received_in,
        "spent_from": script.spent_from,
        "control": script.control.value,
        "proof": _proof_json(script.proof),
    }


def _proof_json(proof: ScriptProof | None) -> JsonObject | None:
    if proof is None:
        return None
    return {
        "height": proof.height,
        "age": proof.age,
        "keys": proof.keys,
        "too_old": proof.too_old,
    }


def _control_json(line: ControlTotal) -> JsonObject:
    return {
        "control": line.control.value,
        "too_old": line.too_old,
        "sats": line.sats,
        "coins": line.coins,
        "scripts": line.scripts,
    }


def _spend_json(spend: Spend) -> JsonObject:
    return {"txid": show_hash(spend.txid), "input": spend.input, "height": spend.height}


def _entry_json(entry: WalletEntry) -> JsonObject:
    return {
        "wallet": entry.wallet,
        "received_sats": entry.received,
        "between_in_sats": entry.between_in,
        "sent_sats": entry.sent,
        "between_out_sats": entry.between_out,
        "fee_sats": entry.fee,
    }
