"""What a bundle must not hold beside its evidence, and the comparison of statements.

A transaction that touches no wallet would be a way to make bundles that differ and say the same, or
to hide anything in one; a document must be one that is declared.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from erario.bitcoin.transaction import read_transaction
from erario.bundle.errors import BundleCode, BundleError
from erario.bundle.names import DOCUMENTS
from erario.statement.evidence import Declaration, Evidence
from erario.statement.model import Statement


def check_documents(files: Mapping[str, bytes], declaration: Declaration) -> None:
    """Each document is declared, and is named by its own SHA-256.

    Raises:
        BundleError: one is not.
    """
    declared = {document.sha256 for document in declaration.documents}
    for name, data in files.items():
        if name.startswith(DOCUMENTS):
            sha256 = name.removeprefix(DOCUMENTS)
            if sha256 not in declared or hashlib.sha256(data).hexdigest() != sha256:
                raise BundleError(BundleCode.DOCUMENT_FILE, f"{name} is no document of its own")


def check_relevance(evidence: Evidence, statement: Statement) -> None:
    """Every transaction moves a coin, and every branch was used as far as is said.

    Raises:
        BundleError: one does not, or a wallet was used further or less far.
    """
    touching = {(coin.height, coin.position) for coin in statement.coins}
    spenders = {coin.spent.txid for coin in statement.coins if coin.spent is not None}
    for block in evidence.blocks:
        if not block.transactions:
            raise BundleError(BundleCode.IRRELEVANT, f"block {block.height} shows nothing")
        for one in block.transactions:
            if (block.height, one.position) in touching:
                continue
            if read_transaction(one.raw).txid not in spenders:
                raise BundleError(
                    BundleCode.IRRELEVANT,
                    f"transaction {one.position} of block {block.height} moves no coin",
                )
    _check_branches(evidence, statement)


def _check_branches(evidence: Evidence, statement: Statement) -> None:
    derived = {
        (wallet.id, one.branch, one.index)
        for wallet in evidence.declaration.wallets
        for one in wallet.scripts
    }
    for holder in statement.holders:
        for wallet in holder.wallets:
            used: dict[int, int] = {}
            for script in wallet.scripts:
                if script.branch is not None and script.index is not None:
                    used[script.branch] = max(used.get(script.branch, -1), script.index)
            for branch in wallet.branches:
                last, said = used.get(branch.number), branch.last_used
                # A script that the wallet has by another name too is shown under that one.
                elsewhere = said is not None and (wallet.id, branch.number, said) not in derived
                if last != said and not (elsewhere and (last is None or last < (said or 0))):
                    raise BundleError(
                        BundleCode.DERIVATION,
                        f"branch {branch.number} of {wallet.id} was not used as far as is said",
                    )


def check_statement(inside: bytes, assessed: bytes) -> None:
    """The statement inside is what its evidence comes to, to the byte.

    Raises:
        BundleError: it is not; names the members that differ.
    """
    if inside == assessed:
        return
    raise BundleError(
        BundleCode.STATEMENT,
        f"its statement is not what its evidence comes to: {_differences(inside, assessed)}",
    )


def _differences(inside: bytes, assessed: bytes) -> str:
    try:
        said = json.loads(inside)
    except (ValueError, RecursionError):
        return "it cannot be read"
    right = json.loads(assessed)
    if not isinstance(said, dict):
        return "it is no object"
    names = [name for name in sorted({*said, *right}) if said.get(name) != right.get(name)]
    return ", ".join(name[:40] for name in names[:8]) or "it is written otherwise"
