"""Statements made by hand: what renderers are shown, with a default for whatever does not matter."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from erario.bitcoin.network import NetworkName
from erario.bitcoin.script import ScriptType
from erario.bitcoin.values import BlockHash, Height, Outpoint, Sats, Script, Txid
from erario.reserve.model import Attribution, Comparator, Role
from erario.reserve.moment import AtHeight, AtInstant, Interval
from erario.statement.evidence import (
    BlockPoint,
    ChainNote,
    DeclaredClaim,
    SourceKind,
    SourceNote,
    UnspentWord,
)
from erario.statement.finding import Finding, FindingCode, Severity, Verdict
from erario.statement.model import (
    Balance,
    ClaimStatement,
    Coin,
    Existence,
    HolderStatement,
    Observed,
    Outcome,
    ScriptStatement,
    Statement,
    Total,
    TypeTotal,
    WalletStatement,
)

BTC = 100_000_000
GENESIS = datetime(2009, 1, 3, 18, 15, 5, tzinfo=UTC)
SCRIPT = Script(b"\x00\x14" + bytes(range(20)))
ADDRESS = "bc1qqqqsyqcyq5rqwzqfpg9scrgwpugpzysn4v0345"


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def point(height: int) -> BlockPoint:
    time = GENESIS + timedelta(minutes=10 * height)
    block_hash = BlockHash(height.to_bytes(28, "little") + bytes(4))
    return BlockPoint(Height(height), block_hash, time, time)


def balance(sats: int = 0, coins: int = 0, **changes: Any) -> Balance:
    return replace(Balance(Sats(sats), coins, Sats(0), Sats(0), Sats(0)), **changes)


def script(**changes: Any) -> ScriptStatement:
    default = ScriptStatement(
        script=SCRIPT,
        address=ADDRESS,
        type=ScriptType.P2WPKH,
        branch=None,
        index=None,
        balance=balance(5 * BTC, 1),
        first_height=Height(10),
        last_height=Height(20),
        received_in=1,
        spent_from=False,
    )
    return replace(default, **changes)


def wallet(**changes: Any) -> WalletStatement:
    default = WalletStatement(
        id="vault",
        role=Role.HOLDING,
        attribution=Attribution.DECLARED,
        document=None,
        since=None,
        until=None,
        counts=True,
        balance=balance(5 * BTC, 1),
        first_height=Height(10),
        last_height=Height(20),
        roll_forward=None,
        watched=1,
        branches=(),
        scripts=(script(),),
    )
    return replace(default, **changes)


def holder(**changes: Any) -> HolderStatement:
    total = Total(Role.HOLDING, Attribution.DECLARED, Existence.UNSPENT, balance(5 * BTC, 1))
    default = HolderStatement(
        id="treasury",
        name="Treasury of Exampleland",
        complete=False,
        totals=(total,),
        roll_forward=None,
        types=(TypeTotal(ScriptType.P2WPKH, Sats(5 * BTC), 1),),
        exposed_sats=Sats(0),
        exposed_by_proof_sats=Sats(0),
        reused_scripts=0,
        largest_script=SCRIPT,
        largest_sats=Sats(5 * BTC),
        coins_digest=bytes(32),
        digest_coins=1,
        first_height=Height(10),
        last_height=Height(20),
        wallets=(wallet(),),
    )
    return replace(default, **changes)


def coin(**changes: Any) -> Coin:
    default = Coin(
        outpoint=Outpoint(Txid(b"\x11" * 32), 0),
        sats=Sats(5 * BTC),
        script=SCRIPT,
        wallet="vault",
        height=Height(10),
        position=1,
        coinbase=False,
        immature=False,
        spent=None,
        lost=False,
        exposed=None,
        existence=Existence.UNSPENT,
    )
    return replace(default, **changes)


def day(text: str, start: str, end: str) -> Interval:
    return Interval(AtInstant(instant(start), text), AtInstant(instant(end), text), text)


def claim(holds: str = "> 4 BTC", **changes: Any) -> ClaimStatement:
    declared = DeclaredClaim(
        id="minister",
        holds=holds,
        comparator=Comparator.MORE,
        amount=Sats(4 * BTC),
        within=Sats(0),
        moment=AtHeight(Height(25)),
        holder="treasury",
        wallets=(),
        document=None,
    )
    declared = replace(
        declared, **{key: changes.pop(key) for key in list(changes) if hasattr(declared, key)}
    )
    default = ClaimStatement(
        claim=declared,
        outcome=Outcome.KEPT,
        would_be=None,
        lowest=Sats(5 * BTC),
        highest=Sats(5 * BTC),
        from_height=Height(25),
        to_height=Height(25),
        margin=None,
        existence=Existence.UNSPENT,
        reason="Every balance found satisfies the claim.",
        settle="",
    )
    return replace(default, **changes)


def finding(**changes: Any) -> Finding:
    default = Finding(
        FindingCode.CHAIN_WORK,
        Verdict.UNKNOWN,
        Severity.WARNING,
        "",
        "The chain has less than the minimum work.",
        "Read a chain with more work.",
    )
    return replace(default, **changes)


def observed(**changes: Any) -> Observed:
    default = Observed(
        chain=ChainNote(point(30), 1 << 90, enough_work=True, authenticated=True),
        depth=5,
        settled=None,
        sources=(SourceNote(SourceKind.BLOCKS, own=False, word=UnspentWord.BLOCKS, caveat="none"),),
        findings=(),
    )
    return replace(default, **changes)


def statement(**changes: Any) -> Statement:
    default = Statement(
        network=NetworkName.MAIN,
        timezone="America/El_Salvador",
        asked=AtHeight(Height(25)),
        cutoff=point(25),
        asked_since=None,
        since=None,
        existence=Existence.UNSPENT,
        word=UnspentWord.BLOCKS,
        findings=(),
        claims=(),
        holders=(holder(),),
        documents=(),
        coins=(coin(),),
        movements=(),
        observed=observed(),
    )
    return replace(default, **changes)
