"""Small chains and reserves as text, so that a test shows its input beside its expectation.

A chain is lines of three kinds; heights that are left out are empty blocks, ten minutes apart:

    3 at 2011-02-03T01:00              block 3 has this header time (UTC)
    3 coinbase > 50 vault              what the coinbase of block 3 pays; its name is "3"
    9 coinbase = 3                     the same coinbase again (before BIP 30)
    5 pay = 3.0, ? > 30 shop, 19 x     a transaction: inputs by name and output, "?" from elsewhere

Scripts are named; a name is a P2WPKH script of its hash unless `scripts` says otherwise, so that
wallets can watch some and the rest are strangers'. Amounts are in BTC.

    MemorySource(blocks)               a chain source over such blocks
    wallet, claim, reserve             declarations, with `place` left out
    statement_of(chain, ...)           the audit of all that
    show_movements, show_claims        answers as text
    chains()                           random chains of a few scripts, for Hypothesis
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from hypothesis import strategies as st
from tests.strategies.chains import GENESIS, Made, Tx, coinbase, mine

from erario.auditing import audit
from erario.auditing.moments import Moment
from erario.bitcoin.merkle import merkle_branch
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import (
    COIN,
    Height,
    Outpoint,
    Sats,
    Script,
    Txid,
    read_btc,
    show_btc,
)
from erario.chain.best_chain import BestChain
from erario.chain.source import ProgressCallback, Trace
from erario.errors import Place
from erario.reserve.cutoff import end_of_day, start_of_day
from erario.reserve.model import (
    Attribution,
    Claim,
    Comparator,
    DeclaredDescriptor,
    DeclaredScript,
    Holder,
    Reserve,
    Role,
    Wallet,
)
from erario.reserve.moment import AtHeight, AtInstant, ClaimMoment, Interval
from erario.statement.evidence import (
    BlockEvidence,
    ListedCoin,
    SourceKind,
    SourceNote,
    TransactionEvidence,
    UnspentWord,
)
from erario.statement.finding import Finding
from erario.statement.model import Book, ClaimStatement, MovementKind, Statement

PLACE = Place("reserve.toml", 1)
_LINE = re.compile(r"(\d+) (?:at (\S+)|coinbase ([>=]) (.+)|(\w+) = (.+?) > (.+))")


# Chains ------------------------------------------------------------------------------------------


def script(name: str) -> bytes:
    """The script that a name stands for unless a test says otherwise."""
    return b"\x00\x14" + hashlib.sha256(name.encode()).digest()[:20]


@dataclass
class Chain:
    """Blocks from genesis on, and the transactions by name."""

    blocks: list[Made]
    scripts: Mapping[str, bytes]
    txs: dict[str, Tx] = field(default_factory=dict)

    def script(self, name: str) -> Script:
        return Script(self.scripts.get(name, script(name)))

    def name_of(self, txid: bytes | None) -> str:
        return next((name for name, tx in self.txs.items() if tx.txid == txid), "-")


def read_chain(text: str, scripts: Mapping[str, bytes] | None = None, length: int = 0) -> Chain:
    """The chain that a text describes, at least up to height `length`."""
    times: dict[int, int] = {}
    heads: dict[int, str] = {}
    bodies: dict[int, list[tuple[str, str, str]]] = {}
    for line in text.strip().splitlines():
        match = _LINE.fullmatch(line.split("#")[0].strip())
        assert match, f"not a line of a chain: {line!r}"
        height = int(match[1])
        bodies.setdefault(height, [])
        if match[2]:
            times[height] = int(datetime.fromisoformat(match[2]).replace(tzinfo=UTC).timestamp())
        elif match[3]:
            heads[height] = match[4] if match[3] == ">" else f"= {match[4]}"
        else:
            bodies[height].append((match[5], match[6], match[7]))
    chain = Chain([GENESIS], scripts or {})
    for height in range(1, max([length, *bodies]) + 1):
        body = [_add_tx(chain, *one) for one in bodies.get(height, ())]
        pays = heads.get(height, "50 nobody")
        same = chain.txs[pays[2:]] if pays.startswith("=") else None
        head = same or coinbase(height, _outputs(chain, pays))
        chain.txs[str(height)] = head
        chain.blocks.append(mine(chain.blocks[-1], body, first=head, time=times.get(height)))
    return chain


def _add_tx(chain: Chain, name: str, inputs: str, outputs: str) -> Tx:
    made = []
    for number, one in enumerate(inputs.split(",")):
        source, _, vout = one.strip().partition(".")
        if source == "?":
            made.append((hashlib.sha256(f"{name} {number}".encode()).digest(), 0))
        else:
            made.append((chain.txs[source].txid, int(vout)))
    chain.txs[name] = Tx(inputs=tuple(made), outputs=_outputs(chain, outputs))
    return chain.txs[name]


def _outputs(chain: Chain, text: str) -> tuple[tuple[int, bytes], ...]:
    pairs = [one.split() for one in text.split(",")]
    return tuple((read_btc(amount), chain.script(name)) for amount, name in pairs)


# Sources -----------------------------------------------------------------------------------------


def best_chain(blocks: Sequence[Made], *, work: int | None = None) -> BestChain:
    """The headers of blocks as a best chain."""
    return BestChain(
        NetworkName.REGTEST,
        headers=b"".join(block.header for block in blocks),
        work=2 * len(blocks) if work is None else work,
    )


def evidence_of(block: Made, positions: Iterable[int]) -> BlockEvidence:
    """What a block shows of its transactions at some positions."""
    txids = [tx.txid for tx in block.transactions]
    found = [
        TransactionEvidence(p, block.transactions[p].raw, merkle_branch(txids, p))
        for p in (0, *positions)
    ]
    return BlockEvidence(Height(block.height), block.header, found[0], tuple(found[1:]))


@dataclass
class MemorySource:
    """A source over blocks that were made here; `passes` are the scripts it was asked for, and it
    hides the transactions with the txids `hidden`."""

    blocks: Sequence[Made]
    network: NetworkName = NetworkName.REGTEST
    word: UnspentWord = UnspentWord.BLOCKS
    findings: tuple[Finding, ...] = ()
    name: str = ""
    hidden: Sequence[bytes] = ()
    passes: list[int] = field(default_factory=list)

    def chain(self, progress: ProgressCallback) -> BestChain:
        return best_chain(self.blocks)

    def trace(self, scripts: Sequence[Script], upto: Height, progress: ProgressCallback) -> Trace:
        self.passes.append(len(scripts))
        wanted: set[bytes] = set(scripts)
        coins: set[tuple[bytes, int]] = set()
        blocks = []
        for block in self.blocks[: upto + 1]:
            hits = []
            for position, tx in enumerate(block.transactions):
                paid = {(tx.txid, n) for n, (_, s) in enumerate(tx.outputs) if s in wanted}
                if paid or coins.intersection(tx.inputs):
                    hits.append(position)
                coins |= paid
            hits = [one for one in hits if block.transactions[one].txid not in self.hidden]
            if hits:
                blocks.append(evidence_of(block, hits))
        return Trace(tuple(blocks), self.findings)

    def only_height(self) -> Height | None:
        return None

    def notes(self) -> tuple[SourceNote, ...]:
        return (SourceNote(SourceKind.BLOCKS, False, self.word, "", self.name),)

    def close(self) -> None:
        pass


@dataclass
class ListSource(MemorySource):
    """A source that only lists what is unspent after the block at `height`."""

    height: int = 0

    def only_height(self) -> Height | None:
        return Height(self.height)

    def trace(self, scripts: Sequence[Script], upto: Height, progress: ProgressCallback) -> Trace:
        assert upto == self.height
        self.passes.append(len(scripts))
        wanted: set[bytes] = set(scripts)
        coins: dict[Outpoint, ListedCoin] = {}
        for block in self.blocks[: upto + 1]:
            for position, tx in enumerate(block.transactions):
                for txid, vout in tx.inputs:
                    coins.pop(Outpoint(Txid(txid), vout), None)
                for vout, (sats, paid) in enumerate(tx.outputs):
                    outpoint = Outpoint(Txid(tx.txid), vout)
                    if paid in wanted and tx.txid not in self.hidden:
                        coins[outpoint] = ListedCoin(
                            outpoint, Sats(sats), Script(paid), Height(block.height), position == 0
                        )
        return Trace((), self.findings, tuple(coins[one] for one in sorted(coins)))

    def notes(self) -> tuple[SourceNote, ...]:
        return (SourceNote(SourceKind.SNAPSHOT, False, self.word, "", self.name, history=False),)


# Declarations ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Named:
    """A wallet with its scripts still as names."""

    wallet: Wallet
    names: tuple[str, ...]


def wallet(
    name: str,
    scripts: str = "",
    *,
    holder: str = "treasury",
    role: str = "holding",
    attribution: str = "declared",
    since: str | None = None,
    until: str | None = None,
    descriptors: Sequence[DeclaredDescriptor] = (),
    derive: int | None = None,
    timezone: str = "UTC",
) -> Named:
    """A wallet of named scripts, by default its own name; `since` and `until` are days."""
    names = tuple(scripts.split()) if scripts or descriptors else (name,)
    value = Wallet(
        id=name,
        holder=holder,
        role=Role(role),
        attribution=Attribution(attribution),
        document=None,
        descriptors=tuple(descriptors),
        scripts=(),
        derive=derive,
        since=start_of_day(date.fromisoformat(since), timezone) if since else None,
        until=end_of_day(date.fromisoformat(until), timezone) if until else None,
        place=PLACE,
    )
    return Named(value, names)


def claim(
    holds: str,
    at: int | str | tuple[int, int] | tuple[str, str],
    *,
    wallets: str = "",
    holder: str = "treasury",
    timezone: str = "UTC",
) -> Claim:
    """A claim such as `> 50` or `~ 50 within 1`, at a height, a day, an instant or an interval."""
    comparator, amount, *rest = holds.split()
    return Claim(
        id="claim",
        holds=holds,
        comparator=Comparator(comparator),
        amount=read_btc(amount),
        within=read_btc(rest[1]) if rest else Sats(0),
        moment=moment(at, timezone),
        holder=holder,
        wallets=tuple(wallets.split()),
        document=None,
        place=PLACE,
    )


def moment(at: int | str | tuple[int, int] | tuple[str, str], timezone: str) -> ClaimMoment:
    """A height, a day (ten characters), an instant in UTC, or a pair of heights or of days."""
    if isinstance(at, int):
        return AtHeight(Height(at))
    if isinstance(at, str) and len(at) > 10:
        return AtInstant(datetime.fromisoformat(at).replace(tzinfo=UTC), at)
    first, last = (at, at) if isinstance(at, str) else at
    if isinstance(first, int) and isinstance(last, int):
        return Interval(AtHeight(Height(first)), AtHeight(Height(last)), f"{first} to {last}")
    start = start_of_day(date.fromisoformat(str(first)), timezone)
    end = end_of_day(date.fromisoformat(str(last)), timezone)
    return Interval(AtInstant(start, str(first)), AtInstant(end, str(last)), f"{first} to {last}")


def reserve(
    chain: Chain,
    wallets: Sequence[Named],
    claims: Sequence[Claim] = (),
    *,
    complete: bool = True,
    holders: str = "treasury",
) -> Reserve:
    """A reserve of wallets whose names are scripts of the chain."""
    return Reserve(
        network=NetworkName.REGTEST,
        timezone="UTC",
        holders=tuple(Holder(one, one, complete, None, PLACE) for one in holders.split()),
        cosigners=(),
        wallets=tuple(
            replace(
                named.wallet,
                scripts=tuple(
                    DeclaredScript(chain.script(name), None, None, None, PLACE)
                    for name in named.names
                ),
            )
            for named in wallets
        ),
        documents=(),
        claims=tuple(claims),
        path="reserve.toml",
    )


def statement_of(
    text: str,
    *wallets: Named,
    claims: Sequence[Claim] = (),
    at: Moment = None,
    since: Moment = None,
    complete: bool = True,
    holders: str = "treasury",
    scripts: Mapping[str, bytes] | None = None,
    length: int = 0,
) -> tuple[Statement, Chain]:
    """The audit of wallets on a chain of text, and that chain."""
    chain = read_chain(text, scripts, length)
    declared = reserve(chain, wallets, claims, complete=complete, holders=holders)
    return audit(declared, MemorySource(chain.blocks), at=at, since=since), chain


# Answers -----------------------------------------------------------------------------------------


def show_movements(statement: Statement, chain: Chain) -> str:
    """A line for each movement: height, transaction, book, fee, and what each wallet was booked.

    5 pay fee 0.1: vault out 30 to 10 fee 0.1, shop from 10
    """
    lines = []
    for one in statement.movements:
        plain = one.kind is MovementKind.TRANSACTION
        what = [str(one.height), chain.name_of(one.txid) if plain else one.kind.value]
        what += [one.holder] if len(statement.holders) > 1 else []
        what += [] if one.book is Book.COUNTED else [one.book.value]
        what += ["mined"] if one.coinbase and plain else []
        what += [] if one.fee is None else ["fee", _btc(one.fee)]
        entries = []
        for entry in one.entries:
            words = [entry.wallet]
            for word, sats in (
                ("in", entry.received),
                ("from", entry.between_in),
                ("out", entry.sent),
                ("to", entry.between_out),
                ("fee", entry.fee),
            ):
                words += [word, _btc(sats)] if sats else []
            entries.append(" ".join(words))
        lines.append(f"{' '.join(what)}: {', '.join(entries)}")
    return "\n".join(lines)


def show_claim(one: ClaimStatement) -> str:
    """`kept 10 to 50 margin 5 [1, 7]`: outcome, what it would be, balances, margin, blocks."""
    words = [one.outcome.value]
    words += [f"({one.would_be.value})"] if one.would_be else []
    if one.lowest is not None and one.highest is not None:
        words.append(_btc(one.lowest))
        words += ["to", _btc(one.highest)] if one.highest != one.lowest else []
    words += [] if one.margin is None else ["margin", _btc(one.margin)]
    if one.to_height is not None:
        words.append(f"[{one.from_height}, {one.to_height}]")
    return " ".join(words)


def _btc(sats: int) -> str:
    whole = show_btc(sats).replace(",", "")
    return whole.rstrip("0").rstrip(".")


# Random chains -----------------------------------------------------------------------------------

NAMES = ("a", "b", "c", "x", "y")
"""Scripts of random chains; wallets watch the first three."""


@st.composite
def chains(draw: st.DrawFn, max_height: int = 12) -> Chain:
    """A chain whose transactions spend what is there, split it among `NAMES`, and pay fees.

    Some inputs are from elsewhere, some transactions spend outputs of their own block, and header
    times jump about within what median time past allows.
    """
    chain = Chain([GENESIS], {})
    unspent: list[tuple[bytes, int, int]] = []
    for height in range(1, draw(st.integers(1, max_height)) + 1):
        head = coinbase(height, ((50 * COIN, chain.script(draw(st.sampled_from(NAMES)))),))
        body = []
        for _ in range(draw(st.integers(0, 3))):
            tx = _random_tx(draw, chain, unspent)
            if tx is not None:
                body.append(tx)
                unspent += [(tx.txid, n, sats) for n, (sats, _) in enumerate(tx.outputs)]
        unspent.append((head.txid, 0, 50 * COIN))
        recent = sorted(block.time for block in chain.blocks[-11:])
        time = recent[len(recent) // 2] + draw(st.integers(1, 20_000))
        chain.blocks.append(mine(chain.blocks[-1], body, first=head, time=time))
    return chain


def _random_tx(draw: st.DrawFn, chain: Chain, unspent: list[tuple[bytes, int, int]]) -> Tx | None:
    if not unspent:
        return None
    chosen = draw(st.lists(st.integers(0, len(unspent) - 1), min_size=1, max_size=3, unique=True))
    spent = [unspent[i] for i in chosen]
    for one in spent:
        unspent.remove(one)
    total = sum(sats for _, _, sats in spent)
    inputs = [(txid, vout) for txid, vout, _ in spent]
    if draw(st.booleans()):
        inputs.append((draw(st.binary(min_size=32, max_size=32)), 0))
    shares = draw(st.lists(st.integers(0, 10), min_size=1, max_size=4))
    fee = draw(st.integers(0, 1))
    parts = [total * share // (sum(shares) + fee or 1) for share in shares]
    outputs = [(sats, chain.script(draw(st.sampled_from(NAMES)))) for sats in parts]
    return Tx(inputs=tuple(inputs), outputs=tuple(outputs))
