"""Starting a ceremony: which scripts are asked, for which message, in which PSBTs.

Asked are the scripts of a holder that hold coins at the cut-off, in wallets that count: declared or
documented, of the roles holding, custody and transit. The message names the cut-off block and the
digest of all the holder's coins there, whatever part of the wallets is asked.

The block must stay: one that a reorganisation removes makes every signature worthless.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from erario.bitcoin.descriptor import Descriptor
from erario.bitcoin.script import ScriptType, classify, witness_program
from erario.bitcoin.transaction import TxOutput, read_transaction
from erario.bitcoin.values import Outpoint, Script, Txid
from erario.ceremony.errors import CeremonyCode, CeremonyError
from erario.ceremony.locks import Locks, needed_locks
from erario.ceremony.plan import MAX_ALONE, MAX_INPUTS, Ask, Ceremony, Signer
from erario.ceremony.wallet_keys import wallet_keys
from erario.proof.control_message import ControlMessage, write_control_message
from erario.proof.descriptor_fields import script_fields
from erario.proof.making import CoinToSign, start_message
from erario.proof.messages import to_spend
from erario.proof.psbt import NON_WITNESS_UTXO, REDEEM_SCRIPT, Fields
from erario.reserve.model import Attribution, Reserve, Role, Wallet
from erario.statement.evidence import Evidence
from erario.statement.finding import Verdict
from erario.statement.model import (
    Coin,
    HolderStatement,
    Statement,
    WalletStatement,
)

LEAST_DEPTH: Final = 5
"""Blocks on top of the cut-off: reorganisations of more are not what anybody plans for."""
MAX_WHOLE: Final = 100_000
"""Bytes of a transaction that is given to signers with one of its coins: a proof of funds carries
those of legacy scripts, and must stay readable."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the asker chose.

    Attributes:
        purpose: what the signatures are for.
        holder: id; None where the reserve has one holder.
        wallets: ids; empty for all of the holder's.
        in_batches: proofs of funds, or one proof a script; None for what the number suggests.
    """

    purpose: str
    holder: str | None = None
    wallets: tuple[str, ...] = ()
    in_batches: bool | None = None


def start_ceremony(
    reserve: Reserve, evidence: Evidence, statement: Statement, wanted: Wanted
) -> Ceremony:
    """The ceremony for a statement of the reserve.

    Raises:
        CeremonyError: the cut-off may still change, the sources contradict themselves, there is no
            such holder or wallet, or no script with a coin.
        ProofError: the message would not be one that devices show.
    """
    holder = _find_holder(statement, wanted.holder)
    _check_wallets(holder, wanted.wallets)
    _check_ground(statement)
    signs_as = next(one.signs_as for one in reserve.holders if one.id == holder.id)
    cutoff = statement.cutoff
    message = write_control_message(
        wanted.purpose,
        signs_as or holder.name,
        cutoff.height,
        cutoff.block_hash,
        holder.coins_digest,
    )
    places = [
        place
        for wallet in holder.wallets
        if is_asked(wallet) and (not wanted.wallets or wallet.id in wanted.wallets)
        for place in _places(wallet, next(one for one in reserve.wallets if one.id == wallet.id))
    ]
    if not places:
        raise CeremonyError(
            CeremonyCode.NOTHING,
            f"no script of {holder.id} that is asked about holds a coin at block {cutoff.height:,}",
            remedy="Ask about a cut-off with coins, and wallets that are declared or documented: "
            "inferred ones and origins are nobody's to prove.",
        )
    in_batches = len(places) > MAX_ALONE if wanted.in_batches is None else wanted.in_batches
    maker = _Maker(message, evidence, statement.coins)
    groups = _groups(places, maker.can_batch) if in_batches else [[place] for place in places]
    signers = {
        one.fingerprint: Signer(one.fingerprint, one.name, one.site) for one in reserve.cosigners
    }
    return Ceremony(reserve.network, holder.id, message, signers, tuple(_asks(maker, groups)))


def is_asked(wallet: WalletStatement) -> bool:
    """Whether a wallet's coins are in the digest that is signed."""
    return (
        wallet.counts
        and wallet.role is not Role.ORIGIN
        and wallet.attribution is not Attribution.INFERRED
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """A script, and where a descriptor has it; no descriptor where only an address is known."""

    wallet: str
    script: Script
    descriptor: Descriptor | None
    branch: int
    index: int


class _Maker:
    """Makes PSBTs for one message."""

    def __init__(self, message: ControlMessage, evidence: Evidence, coins: Sequence[Coin]) -> None:
        self._message = message
        self._evidence = evidence
        self._coins: dict[Script, list[Coin]] = {}
        for coin in coins:
            if coin.unspent:
                self._coins.setdefault(coin.script, []).append(coin)
        self._transactions: dict[Txid, bytes] | None = None

    def ask(self, name: str, group: Sequence[_Place]) -> Ask:
        """The PSBT of a group: its first script signs the message, the others with a coin each."""
        first = group[0]
        fields, locks = self._fields(first)
        if classify(first.script) is not ScriptType.P2TR:
            # Devices that distrust bare amounts want the transaction, virtual as it is.
            spent = to_spend(first.script, self._message.text.encode())
            fields = {**fields, NON_WITNESS_UTXO: spent}
        coins, locktime = [], locks.locktime
        for place in group[1:]:
            more, wanted = self._fields(place)
            locktime = max(locktime, wanted.locktime)
            coins.append(self._coin(place.script, more, wanted.sequence))
        psbt = start_message(
            first.script,
            self._message.text,
            fields=fields,
            coins=coins,
            locktime=locktime,
            sequence=locks.sequence,
        )
        if first.descriptor is not None:
            psbt = replace(psbt, fields={**psbt.fields, **wallet_keys(first.descriptor)})
        return Ask(name, first.wallet, tuple(place.script for place in group), psbt)

    def can_batch(self, place: _Place) -> bool:
        """Whether signers can be given what they need of a coin on the script: where no witness
        signs its amount, that is the transaction that made it."""
        if witness_program(place.script) is not None:
            return True
        redeem = self._fields(place)[0].get(REDEEM_SCRIPT)
        if redeem is not None and witness_program(redeem) is not None:
            return True
        whole = self._whole(self._smallest(place.script).outpoint.txid)
        return whole is not None and len(whole) <= MAX_WHOLE

    def _fields(self, place: _Place) -> tuple[Fields, Locks]:
        described = place.descriptor
        # Of combo's four scripts an index names none: whoever signs knows its own.
        if described is None or described.text.startswith("combo("):
            return {}, Locks()
        script, fields = script_fields(described, place.branch, place.index)
        assert script == place.script, "the statement numbers its branches as the reserve does"
        return fields, needed_locks(described.text)

    def _coin(self, script: Script, fields: Fields, sequence: int) -> CoinToSign:
        coin = self._smallest(script)
        whole = self._whole(coin.outpoint.txid)
        if whole is not None and len(whole) > MAX_WHOLE:
            # `can_batch` let only scripts pass that do without.
            whole = None
        if whole is not None and classify(script) in {ScriptType.P2WPKH, ScriptType.P2WSH}:
            fields = {**fields, NON_WITNESS_UTXO: whole}
        outpoint = Outpoint(coin.outpoint.txid, coin.outpoint.vout)
        return CoinToSign(outpoint, TxOutput(coin.sats, script), whole, fields, sequence)

    def _smallest(self, script: Script) -> Coin:
        """The coin of a script whose transaction is the smallest; the first one of equals."""
        coins = self._coins[script]
        return min(
            coins, key=lambda one: (len(self._whole(one.outpoint.txid) or b""), one.outpoint)
        )

    def _whole(self, txid: Txid) -> bytes | None:
        if self._transactions is None:
            wanted = {coin.outpoint.txid for coins in self._coins.values() for coin in coins}
            found = {
                read_transaction(one.raw).txid: one.raw
                for block in self._evidence.blocks
                for one in (block.coinbase, *block.transactions)
            }
            self._transactions = {one: found[one] for one in wanted & found.keys()}
        return self._transactions.get(txid)


def _find_holder(statement: Statement, wanted: str | None) -> HolderStatement:
    found = [one for one in statement.holders if wanted is None or one.id == wanted]
    if len(found) == 1:
        return found[0]
    names = ", ".join(one.id for one in statement.holders)
    raise CeremonyError(
        CeremonyCode.HOLDER,
        f"there are several holders: {names}" if wanted is None else f"no holder is {wanted!r}",
        remedy=f"Give --holder one of: {names}.",
    )


def _check_wallets(holder: HolderStatement, wanted: Sequence[str]) -> None:
    asked = [wallet.id for wallet in holder.wallets if is_asked(wallet)]
    for name in wanted:
        if name not in asked:
            raise CeremonyError(
                CeremonyCode.WALLET,
                f"{name!r} is no wallet of {holder.id} that counts at the cut-off",
                remedy=f"Give --wallet one of: {', '.join(asked) or 'none'}.",
            )


def _check_ground(statement: Statement) -> None:
    """Refuse a cut-off that may change, and evidence that contradicts itself."""
    observed = statement.observed
    if observed.settled is False or observed.depth < LEAST_DEPTH:
        raise CeremonyError(
            CeremonyCode.NOT_SETTLED,
            f"the cut-off, block {statement.cutoff.height:,}, may still change: "
            f"the blocks on top of it are {observed.depth:,}",
            remedy=f"Give --at an earlier block, with {LEAST_DEPTH} or more on it, or wait.",
        )
    failed = [one for one in statement.all_findings if one.verdict is Verdict.FAIL]
    if failed:
        raise CeremonyError(
            CeremonyCode.CONTRADICTED,
            f"people would sign for coins that are in doubt: {failed[0].what}",
            remedy="Let erario audit come out without a failed check first.",
        )


def _places(wallet: WalletStatement, declared: Wallet) -> Iterator[_Place]:
    ranged: list[tuple[Descriptor, int]] = []
    alone: dict[Script, tuple[Descriptor, int]] = {}
    for described in declared.descriptors:
        for branch in described.descriptor.branches:
            if branch.is_ranged:
                ranged.append((described.descriptor, branch.number))
                continue
            for _, script in branch.scripts(0, 1):
                alone.setdefault(script, (described.descriptor, branch.number))
    for one in wallet.scripts:
        if not one.balance.coins:
            continue
        descriptor, number = alone.get(one.script, (None, 0))
        if one.branch is not None:
            descriptor, number = ranged[one.branch]
        yield _Place(wallet.id, one.script, descriptor, number, one.index or 0)


def _groups(places: Sequence[_Place], can_batch: Callable[[_Place], bool]) -> list[list[_Place]]:
    """Groups of one wallet and one descriptor: what one quorum signs on its devices."""
    groups: list[list[_Place]] = []
    for place in places:
        last = groups[-1] if groups else []
        fits = last and (last[0].wallet, last[0].descriptor) == (place.wallet, place.descriptor)
        if fits and len(last) < MAX_INPUTS and can_batch(place):
            last.append(place)
        else:
            groups.append([place])
    return groups


def _asks(maker: _Maker, groups: Sequence[Sequence[_Place]]) -> Iterator[Ask]:
    counts: dict[str, int] = {}
    width = len(str(len(groups)))
    for group in groups:
        wallet = group[0].wallet
        counts[wallet] = counts.get(wallet, 0) + 1
        yield maker.ask(f"{wallet}-{counts[wallet]:0{max(width, 3)}}", group)
