"""What erario knows of one transaction, output or script, how it knows it, and how to check it.

All of it is told from the declaration, the evidence, and the statement that was made of it. The
lines for a node at the end are for somebody who takes nothing of this on our word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from rich.text import Text

from erario.bitcoin.address import show_address
from erario.bitcoin.header import read_header
from erario.bitcoin.script import classify
from erario.bitcoin.transaction import Transaction, read_transaction
from erario.bitcoin.values import Outpoint, Script, Txid, show_btc, show_hash
from erario.cli.clean import clean
from erario.cli.show.existence import say_existence
from erario.cli.show.history import say_kind
from erario.cli.show.holders import short_script
from erario.cli.show.layout import STRONG, paragraph
from erario.cli.show.node_commands import (
    block_commands,
    coin_commands,
    script_commands,
    search_commands,
    transaction_commands,
)
from erario.cli.show.statement import doubt_lines
from erario.cli.show.words import count, say_network, short_hash, show_change
from erario.cli.subject import AboutOutput, AboutScript, AboutTransaction, Subject
from erario.reserve.model import DeclaredScript, Reserve
from erario.statement.evidence import (
    BlockEvidence,
    DeclaredWallet,
    Evidence,
    TransactionEvidence,
    WatchedScript,
)
from erario.statement.model import Coin, Statement

STEP = 2


@dataclass(frozen=True)
class Case:
    """All that can be told from: what was declared, what was seen, what was made of it."""

    reserve: Reserve
    evidence: Evidence
    statement: Statement

    @cached_property
    def transactions(self) -> dict[Txid, tuple[BlockEvidence, TransactionEvidence, Transaction]]:
        """Every transaction in the evidence, by its txid."""
        return {
            (read := read_transaction(found.raw)).txid: (block, found, read)
            for block in self.evidence.blocks
            for found in block.transactions
        }

    @cached_property
    def watched(self) -> dict[Script, tuple[DeclaredWallet, WatchedScript]]:
        """Every script that was watched, with its wallet; each is in one only."""
        return {
            watched.script: (wallet, watched)
            for wallet in self.evidence.declaration.wallets
            for watched in wallet.scripts
        }


def why_lines(subject: Subject, case: Case) -> tuple[list[Text], bool]:
    """The page, and whether anything at all is known."""
    match subject:
        case AboutTransaction(txid):
            lines, commands, known = _about_transaction(txid, case)
        case AboutOutput(outpoint):
            lines, commands, known = _about_output(outpoint, case)
        case AboutScript(script):
            lines, commands, known = _about_script(script, case)
    lines += doubt_lines(case.statement)
    cutoff = case.statement.cutoff
    lines += [Text(), Text("Check it on a node of your own", STRONG)]
    for command in dict.fromkeys(commands):
        # Never wrapped: a line that is copied has to stay one line.
        lines.append(Text(" " * STEP + command))
    if not known:
        return lines, known
    upto = (
        f"What is said of unspent coins is as of block {cutoff.height}; a node tells its own tip."
    )
    return [*lines, *paragraph(upto, indent=STEP)], known


Told = tuple[list[Text], list[str], bool]


def _about_transaction(txid: Txid, case: Case) -> Told:
    lines = [Text(f"transaction {show_hash(txid)}", STRONG)]
    network = case.statement.network
    if txid not in case.transactions:
        lines += _said(_nothing("pays to a watched script or spends from one", case))
        return lines, list(search_commands(network, txid)), False
    lines += _said(_placed(txid, case))
    for movement in case.statement.movements:
        if movement.txid != txid:
            continue
        for entry in movement.entries:
            kind = say_kind(movement, entry)
            change = f"{clean(entry.wallet)}: {show_change(entry.change)} BTC, {kind}"
            lines += _said([f"{change} (holder {clean(movement.holder)})"])
    coins = [
        coin
        for coin in case.statement.coins
        if coin.outpoint.txid == txid or (coin.spent is not None and coin.spent.txid == txid)
    ]
    commands = _proof_commands(txid, case)
    for coin in coins:
        verb = "pays" if coin.outpoint.txid == txid else "spends"
        lines += [Text(), *_said([f"{verb} {coin.outpoint}"], indent=0), *_coin_lines(coin, case)]
        commands += coin_commands(network, coin.outpoint)
    return lines, commands, True


def _about_output(outpoint: Outpoint, case: Case) -> Told:
    lines = [Text(f"output {outpoint}", STRONG)]
    network = case.statement.network
    coin = next((coin for coin in case.statement.coins if coin.outpoint == outpoint), None)
    if coin is not None:
        lines += _coin_lines(coin, case)
        commands = _proof_commands(outpoint.txid, case) + list(coin_commands(network, outpoint))
        if coin.spent is not None:
            commands += _proof_commands(coin.spent.txid, case)
        return lines, commands, True
    lines += _said(_nothing("is this output and pays to a watched script", case))
    if outpoint.txid in case.transactions:
        lines += _said(_placed(outpoint.txid, case))
        lines += _said(_other_output(case.transactions[outpoint.txid][2], outpoint.vout, case))
        commands = _proof_commands(outpoint.txid, case)
    else:
        commands = list(search_commands(network, outpoint.txid))
    return lines, [*commands, *coin_commands(network, outpoint)], False


def _other_output(transaction: Transaction, vout: int, case: Case) -> Iterator[str]:
    if vout >= len(transaction.outputs):
        yield f"The transaction has only {count(len(transaction.outputs), 'output')}."
        return
    output = transaction.outputs[vout]
    yield f"It pays {show_btc(output.sats)} BTC to {_name(output.script, case)}."


def _about_script(script: Script, case: Case) -> Told:
    lines = [Text(f"{classify(script).value} {_name(script, case)}", STRONG)]
    network = case.statement.network
    commands = list(script_commands(network, script))
    if script not in case.watched:
        lines += _said(["It is in no wallet of this reserve, so nothing was looked for."])
        return lines, commands, False
    lines += _said(_owner(script, case))
    coins = [coin for coin in case.statement.coins if coin.script == script]
    if not coins:
        lines += _said(_nothing("pays to it", case))
    for coin in coins:
        lines += [Text(), *_said([str(coin.outpoint)], indent=0)]
        lines += _coin_lines(coin, case, owner=False)
        commands += [*_proof_commands(coin.outpoint.txid, case)]
        commands += coin_commands(network, coin.outpoint)
    return lines, commands, True


def _coin_lines(coin: Coin, case: Case, *, owner: bool = True) -> list[Text]:
    """One coin: what it is, where it came from, whether it is still there."""
    said = [
        f"{show_btc(coin.sats)} BTC to {classify(coin.script).value} {_name(coin.script, case)}"
    ]
    if owner:
        said += _owner(coin.script, case)
    born = "came as newly mined" if coin.coinbase else "came"
    said += [f"{born} {line}" for line in _placed(coin.outpoint.txid, case)]
    if coin.lost:
        said.append("lost: the same transaction was mined again and took its place (BIP 30)")
    elif coin.spent is None:
        existence = say_existence(
            coin.existence, case.statement.word, case.statement.observed.chain
        )
        said.append(f"still there after block {case.statement.cutoff.height}: {existence}")
        if coin.immature:
            said.append("immature: it could not be spent in the next block")
    else:
        spender = f"spent by {show_hash(coin.spent.txid)}, input {coin.spent.input},"
        said += [f"{spender} {line}" for line in _placed(coin.spent.txid, case)]
    if coin.exposed:
        said.append("exposed: the public key behind it is already visible on the chain")
    return _said(said)


def _owner(script: Script, case: Case) -> Iterator[str]:
    """Whose script it is, who says so, and where that is written."""
    wallet, watched = case.watched[script]
    holder = next((h.name for h in case.reserve.holders if h.id == wallet.holder), wallet.holder)
    yield (
        f"wallet {clean(wallet.id)} of {clean(holder)}: {wallet.role.value}, "
        f"{wallet.attribution.value}"
    )
    if watched.index is not None:
        yield f"derived on branch {watched.branch}, index {watched.index:,}"
    for declared in _declared(wallet.id, script, case.reserve):
        parts = [f"written at {clean(str(declared.place))}"]
        parts += [f"page {clean(declared.page)}"] if declared.page else []
        parts += [f"note: {clean(declared.note)}"] if declared.note else []
        yield ", ".join(parts)
    for document in case.reserve.documents:
        if document.id == wallet.document:
            parts = [document.title, document.issuer or "", str(document.date or "")]
            yield f"document {clean(document.id)}: {clean(', '.join(p for p in parts if p))}"
            if document.url:
                yield f"published at {clean(document.url)}"
            if document.sha256:
                yield f"SHA-256 {clean(document.sha256)}"


def _declared(wallet: str, script: Script, reserve: Reserve) -> Iterator[DeclaredScript]:
    for declared in reserve.wallets:
        if declared.id == wallet:
            yield from (found for found in declared.scripts if found.script == script)


def _placed(txid: Txid, case: Case) -> Iterator[str]:
    """In which block a transaction stands, and by how long a branch that is proved."""
    if txid not in case.transactions:
        yield "in a block that is not in the evidence"
        return
    block, found, _ = case.transactions[txid]
    block_hash = read_header(block.header).block_hash
    steps = count(len(found.branch), "hash", "hashes")
    proof = f"a Merkle branch of {steps} leads into its header"
    yield (
        f"in block {block.height} {short_hash(block_hash)}, position {found.position}: "
        f"{proof if found.branch else 'alone there, its hash stands in the header'}"
    )


def _nothing(what: str, case: Case) -> list[str]:
    chain = say_network(case.statement.network)
    return [f"Up to block {case.statement.cutoff.height} of {chain}, nothing {what}."]


def _proof_commands(txid: Txid, case: Case) -> list[str]:
    if txid not in case.transactions:
        return []
    block = case.transactions[txid][0]
    network = case.statement.network
    block_hash = read_header(block.header).block_hash
    return [
        *block_commands(network, block.height),
        *transaction_commands(network, txid, block_hash),
    ]


def _name(script: Script, case: Case) -> str:
    return show_address(script, case.statement.network) or short_script(script)


def _said(sentences: Iterable[str], *, indent: int = STEP) -> list[Text]:
    return [line for sentence in sentences for line in paragraph(sentence, indent=indent)]
