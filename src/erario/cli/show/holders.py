"""One holder's part of the page: totals along the axes, wallets, scripts, roll-forward, facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from rich.text import Text

from erario.bitcoin.values import Height, Script, show_btc
from erario.cli.clean import clean
from erario.cli.show.existence import say_existence
from erario.cli.show.layout import BTC, COINS, STRONG, Column, Row, labelled, paragraph, table
from erario.cli.show.roll_forward import roll_forward_lines
from erario.cli.show.words import count
from erario.reserve.model import Attribution, Role
from erario.statement.model import (
    Balance,
    Coin,
    Control,
    Existence,
    HolderStatement,
    ScriptStatement,
    Statement,
    WalletStatement,
)

FEW_SCRIPTS: Final = 25
"""Up to so many scripts of all holders are listed without being asked for."""
LABEL: Final = 14
NAMES: Final = 32
"""Width of the column of names, so that tables below each other line up."""
ADDRESS: Final = 44
"""Width of a P2WPKH address on regtest; longer ones stand above their figures."""
_COUNTED_ROLES: Final = (Role.HOLDING, Role.CUSTODY, Role.TRANSIT)


def holder_lines(
    holder: HolderStatement, statement: Statement, *, scripts: bool | None
) -> list[Text]:
    """Everything about one holder."""
    lines: list[Text] = []
    if len(statement.holders) > 1:
        lines += [*paragraph(f"{clean(holder.name)} ({clean(holder.id)})", style=STRONG)]
    lines += _total_lines(holder, statement)
    lines += [Text(), *_wallet_lines(holder, statement)]
    if scripts or (scripts is None and _number_of_scripts(statement) <= FEW_SCRIPTS):
        for wallet in holder.wallets:
            lines += _script_lines(wallet, statement)
    if holder.roll_forward is not None and statement.since is not None:
        lines += [Text(), *roll_forward_lines(holder, statement)]
    if holder.types:
        lines += [Text(), *_type_lines(holder)]
    return [*lines, Text(), *_fact_lines(holder, statement)]


def _number_of_scripts(statement: Statement) -> int:
    return sum(len(wallet.scripts) for holder in statement.holders for wallet in holder.wallets)


def _total_lines(holder: HolderStatement, statement: Statement) -> list[Text]:
    """Totals by role, attribution and existence; a pair that holds nothing has a line too."""
    columns = (
        Column("", least=NAMES),
        COINS,
        BTC,
        Column("existence"),
    )
    rows = []
    shown = set()
    for total in holder.totals:
        shown.add((total.role, total.attribution))
        cells = _figures(total.balance, total.existence)
        label = _say_pair(total.role, total.attribution)
        rows.append(Row((label, *cells), _immature_note(total.balance)))
    for wallet in holder.wallets:
        pair = (wallet.role, wallet.attribution)
        if pair not in shown:
            shown.add(pair)
            cells = ("0", show_btc(0), statement.existence.value)
            rows.append(Row((_say_pair(*pair), *cells)))
    return table(columns, rows)


def _say_pair(role: Role, attribution: Attribution) -> str:
    if role is Role.ORIGIN:
        return f"origin, {attribution.value}, watched only"
    if attribution is Attribution.INFERRED:
        return f"{role.value}, inferred, not counted"
    return f"{role.value}, {attribution.value}"


def _figures(balance: Balance, existence: Existence) -> tuple[str, str, str]:
    return f"{balance.coins:,}", show_btc(balance.sats), existence.value


def _immature_note(balance: Balance) -> tuple[str, ...]:
    if not balance.immature_sats:
        return ()
    return (f"of it immature: {show_btc(balance.immature_sats)} BTC",)


def _wallet_lines(holder: HolderStatement, statement: Statement) -> list[Text]:
    columns = (
        Column("wallet", least=NAMES),
        COINS,
        BTC,
        Column("existence"),
    )
    rows: list[Row] = []
    coins: dict[str, list[Coin]] = {}
    for coin in statement.coins:
        if coin.unspent:
            coins.setdefault(coin.wallet, []).append(coin)
    for wallet in holder.wallets:
        rows += _split(clean(wallet.id), wallet.balance, coins.get(wallet.id, []), statement)
        rows.append(Row(("",) * len(columns), tuple(_wallet_notes(wallet))))
    return table(columns, rows)


def _split(
    name: str,
    balance: Balance,
    coins: list[Coin],
    statement: Statement,
) -> Iterator[Row]:
    """A row for each existence label among the coins; most have one."""
    labels = [label for label in Existence if any(coin.existence is label for coin in coins)]
    if len(labels) < 2:
        existence = labels[0] if labels else statement.existence
        yield Row((name, *_figures(balance, existence)))
        return
    for number, label in enumerate(labels):
        these = [coin for coin in coins if coin.existence is label]
        sats = show_btc(sum(coin.sats for coin in these))
        cells = (f"{len(these):,}", sats, label.value)
        yield Row((name if number == 0 else "", *cells))


def _wallet_notes(wallet: WalletStatement) -> Iterator[str]:
    rests = f"; document {clean(wallet.document)}" if wallet.document else ""
    pair = _say_pair(wallet.role, wallet.attribution)
    outside = "" if wallet.counts else "; outside its since and until: in no total"
    moved = _say_moved(wallet.first_height, wallet.last_height)
    yield f"{pair}{rests}; {count(wallet.watched, 'script')}, {moved}{outside}"
    if wallet.branches:
        yield say_derived(wallet)


def _say_moved(first: Height | None, last: Height | None) -> str:
    if first is None:
        return "never used"
    return f"used in block {first}" if first == last else f"used in blocks {first} to {last}"


def say_derived(wallet: WalletStatement) -> str:
    """How far a wallet's ranged branches were derived, branches alike told once."""
    alike: dict[int, list[int | None]] = {}
    for branch in wallet.branches:
        alike.setdefault(branch.derived, []).append(branch.last_used)
    return "; ".join(
        f"derived to {derived - 1:,} on {count(len(used), 'branch', 'branches')}, {_say_used(used)}"
        for derived, used in alike.items()
    )


def _say_used(used: list[int | None]) -> str:
    """`last used 7`; where branches differ, `last used 7 on 1, none used on 1`."""
    kinds = dict.fromkeys(used)
    said = ["none used" if last is None else f"last used {last:,}" for last in kinds]
    if len(said) == 1:
        return said[0]
    return ", ".join(
        f"{text} on {used.count(last)}" for text, last in zip(said, kinds, strict=True)
    )


def _script_lines(wallet: WalletStatement, statement: Statement) -> list[Text]:
    if not wallet.scripts:
        return []
    columns = (
        Column("script", least=ADDRESS),
        Column("coins", right=True, least=5),
        BTC,
        Column("existence"),
    )
    coins: dict[Script, list[Coin]] = {}
    for coin in statement.coins:
        if coin.wallet == wallet.id and coin.unspent:
            coins.setdefault(coin.script, []).append(coin)
    rows: list[Row] = []
    for script in wallet.scripts:
        name = script.address or short_script(script.script)
        these = coins.get(script.script, [])
        rows += _split(name, script.balance, these, statement)
        rows[-1] = Row(rows[-1].cells, ("; ".join(_script_notes(script)),))
    heading = paragraph(f"Scripts of {clean(wallet.id)}", style=STRONG)
    return [Text(), *heading, *table(columns, rows)]


def short_script(script: Script) -> str:
    """A script in hex, its middle left out where it is long."""
    text = script.hex()
    return text if len(text) <= 44 else f"{text[:28]}...{text[-12:]}"


def _script_notes(script: ScriptStatement) -> Iterator[str]:
    yield script.type.value
    if script.branch is not None and script.index is not None:
        yield f"branch {script.branch}, index {script.index}"
    yield _say_moved(script.first_height, script.last_height)
    if script.received_in > 1:
        yield f"reused: paid to in {script.received_in:,} transactions"
    if script.balance.exposed_by_proof_sats:
        yield "exposed by a control proof"
    elif script.balance.exposed_sats:
        yield "exposed"


def _type_lines(holder: HolderStatement) -> list[Text]:
    columns = (Column("output type", least=NAMES), COINS, BTC)
    return table(
        columns,
        (Row((kind.type.value, f"{kind.coins:,}", show_btc(kind.sats))) for kind in holder.types),
    )


def _fact_lines(holder: HolderStatement, statement: Statement) -> list[Text]:
    """What is shown of existence, of control, of exposure, and of completeness."""
    counted = _counted_scripts(holder)
    chain = statement.observed.chain
    facts = [("Existence", say_existence(statement.existence, statement.word, chain))]
    if not counted:
        # Every figure below is of counted wallets: there is nothing that it could be of.
        return labelled(*facts[0], width=LABEL)
    facts += [
        ("" if number else "Control", text)
        for number, text in enumerate(_say_control(holder, counted, statement.proofs_within_days))
    ]
    sources = statement.observed.sources
    # Lists of coins do not show what was spent, which is what reveals keys.
    least = " at least" if sources and not any(source.history for source in sources) else ""
    facts.append(("Exposed", _say_exposed(holder, least)))
    if holder.reused_scripts:
        reused = count(holder.reused_scripts, "script was", "scripts were")
        facts.append(("Reused", f"{reused} paid to in more than one transaction{least}"))
    if holder.largest_script is not None:
        name = _name_of(holder.largest_script, holder)
        facts.append(("Largest", f"{show_btc(holder.largest_sats)} BTC behind {name}"))
    facts.append(("Complete", _say_complete(holder)))
    lines: list[Text] = []
    for label, text in facts:
        lines += labelled(label, text, width=LABEL)
    return lines + labelled("Coins digest", holder.coins_digest.hex(), width=LABEL)


def _say_control(holder: HolderStatement, counted: int, within: int | None) -> Iterator[str]:
    """A line for each label but `none`, with the age of the oldest proof that it rests on; `within`
    is the age in days from which on none counts."""
    given = [
        found.proof
        for wallet in holder.wallets
        if wallet.role in _COUNTED_ROLES and wallet.attribution is not Attribution.INFERRED
        for found in wallet.scripts
        if found.proof is not None
    ]
    proofs = [proof for proof in given if not proof.too_old]
    yield f"{'none proved, 0' if not proofs else f'proved, {len(proofs):,}'} of " + count(
        counted, "script"
    )
    for line in holder.control:
        figures = f"{show_btc(line.sats)} BTC on {count(line.scripts, 'script')}"
        if line.control is Control.PROVED:
            oldest = min(proofs, key=lambda one: one.height)
            days = max(0, -(-oldest.age // 86_400))
            yield (
                f"{figures} proved as of block {oldest.height} or later: at the cut-off, at most "
                f"{count(days, 'day')} old"
            )
        elif line.too_old and within is not None:
            yield f"{figures} stale: proved more than {count(within, 'day')} before the cut-off"
        elif line.control is Control.STALE:
            yield f"{figures} stale: these coins came after their script was proved"
        elif given:
            yield f"{figures} not proved"


def _counted_scripts(holder: HolderStatement) -> int:
    return sum(
        wallet.watched
        for wallet in holder.wallets
        if wallet.role in _COUNTED_ROLES and wallet.attribution is not Attribution.INFERRED
    )


def _say_exposed(holder: HolderStatement, least: str) -> str:
    sats, by_proof = holder.exposed_sats, holder.exposed_by_proof_sats
    if not sats and least:
        return "not known: the source does not show which keys are visible already"
    if not sats:
        return "nothing behind a public key that is already visible"
    said = f"{show_btc(sats)} BTC{least} behind a public key that is already visible"
    if not by_proof:
        return said
    on_chain = show_btc(sats - by_proof)
    return f"{said}: {on_chain} on the chain, {show_btc(by_proof)} by a control proof alone"


def _say_complete(holder: HolderStatement) -> str:
    if holder.complete:
        return "said by the holder: these are all its wallets"
    return "not said: nothing shows that these are all the wallets"


def _name_of(script: Script, holder: HolderStatement) -> str:
    scripts: Iterable[ScriptStatement] = (
        found for wallet in holder.wallets for found in wallet.scripts if found.script == script
    )
    address = next((found.address for found in scripts if found.address), None)
    return address or short_script(script)
