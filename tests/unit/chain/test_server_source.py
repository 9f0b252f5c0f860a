"""The source over any server of histories, with a server that is a value: no sockets here.

`Answers` gives what the true server of tests/hostile/electrum.py knows, in the words of
`HistoryServer`; a test may have it damage one answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.hostile.electrum import ALICE, BOB, CAROL, Truth, scripthash, story
from tests.strategies.chains import (
    GENESIS,
    SCRIPTS,
    SUBSIDY,
    History,
    Made,
    Tx,
    histories,
    mine,
)

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import BlockHash, Height, Script, Txid
from erario.chain import server_proofs, server_source
from erario.chain.certificate_pins import CertificatePins
from erario.chain.electrum import ElectrumServer
from erario.chain.electrum_session import Answer, Call, Refusal
from erario.chain.electrum_wire import Address
from erario.chain.errors import ServerCode
from erario.chain.history_server import Branch, HistoryEntry
from erario.chain.json_answers import read_json
from erario.chain.server_source import ServerSource
from erario.chain.source import Progress, Trace
from erario.errors import ErarioError, SourceError
from erario.statement.evidence import SourceKind

_STORY = story()
_ALL = tuple(map(Script, (ALICE, BOB, CAROL)))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_source, "PAUSES", (0.0,))


class Answers:
    """The truth about `blocks`; `damage` may change what is given, by the name of the method."""

    name = "server.example:1"
    kind = SourceKind.ELECTRUM

    def __init__(
        self, blocks: Sequence[Made], damage: Callable[[str, Any], Any] = lambda _, answer: answer
    ) -> None:
        self.truth = Truth(blocks)
        self.damage = damage
        self.asked: list[str] = []

    def tip(self) -> tuple[Height, BlockHash]:
        last = self.truth.blocks[-1]
        return Height(last.height), BlockHash(last.block_hash)

    def headers(self, start: Height, count: int) -> bytes:
        return b"".join(block.header for block in self.truth.blocks[start : start + count])

    def histories(self, scripts: Sequence[Script], _counted: object) -> list[Any]:
        return [
            self._given(
                "history",
                tuple(
                    HistoryEntry(Txid(txid), Height(height))
                    for txid, height in self.truth.history(scripthash(script))
                ),
            )
            for script in scripts
        ]

    def transactions(self, wanted: Sequence[tuple[Txid, Height]], _counted: object) -> list[bytes]:
        return [self._given("transaction", self.truth.transaction(txid)) for txid, _ in wanted]

    def branches(self, wanted: Sequence[tuple[Txid, Height]], _counted: object) -> list[Branch]:
        found = [self.truth.branch(txid, height) for txid, height in wanted]
        return [self._given("branch", Branch(place, tuple(nodes))) for place, nodes in found]

    def coinbases(self, heights: Sequence[tuple[Height, BlockHash]]) -> list[tuple[Txid, Branch]]:
        found = [self.truth.first(height) for height, _ in heights]
        return [
            (self._given("coinbase", Txid(txid)), self._given("branch", Branch(0, tuple(nodes))))
            for txid, nodes in found
        ]

    def close(self) -> None:
        """Nothing is open."""

    def _given(self, method: str, answer: Any) -> Any:
        self.asked.append(method)
        return self.damage(method, answer)


def quiet(_: Progress) -> None:
    """Nobody looks."""


def trace(server: Answers, scripts: Sequence[Script] = _ALL, upto: int | None = None) -> Trace:
    source = ServerSource(server, NetworkName.REGTEST, None)
    tip = source.chain(quiet).tip
    return source.trace(scripts, tip if upto is None else Height(upto), quiet)


def fate(ask: Callable[[], object]) -> str:
    """The code of the error that a question ends with; "" where it is answered."""
    try:
        ask()
    except ErarioError as error:
        return str(error.code)
    return ""


def naive(blocks: Sequence[Made], scripts: Sequence[bytes], upto: int) -> list[tuple[int, int]]:
    """Height and position of every transaction that touches the scripts."""
    coins: set[tuple[bytes, int]] = set()
    found = []
    for block in blocks[:upto]:
        for position, tx in enumerate(block.transactions):
            mine = {(tx.txid, n) for n, (_, script) in enumerate(tx.outputs) if script in scripts}
            if mine or coins.intersection(tx.inputs):
                found.append((block.height, position))
            coins |= mine
    return found


@given(histories(), st.sets(st.sampled_from(SCRIPTS), min_size=1), st.data())
def test_a_true_server_shows_what_a_plain_reading_shows(
    history: History, scripts: set[bytes], data: st.DataObject
) -> None:
    # Transactions of 64 bytes are refused; that has its own test.
    assume(all(len(tx.stripped) != 64 for block in history.main for tx in block.transactions))
    upto = data.draw(st.integers(0, len(history.main)))
    found = trace(Answers(history.main), [Script(each) for each in sorted(scripts)], upto)
    places = [(b.height, one.position) for b in found.blocks for one in b.transactions]
    assert places == naive(history.main, sorted(scripts), upto)


@given(st.sampled_from(["transaction", "branch", "coinbase"]), st.data())
def test_one_damaged_answer_is_found(method: str, data: st.DataObject) -> None:
    """Whatever bit is wrong in whichever answer: a lie, or evidence that is the true one."""
    honest = Answers(_STORY)
    expected = trace(honest)
    chosen = data.draw(st.integers(0, honest.asked.count(method) - 1))
    seen = 0

    def damage(name: str, answer: Any) -> Any:
        nonlocal seen
        if name != method:
            return answer
        seen += 1
        return answer if seen - 1 != chosen else damaged(answer, data)

    found: list[Trace] = []
    code = fate(lambda: found.append(trace(Answers(_STORY, damage))))
    # Asked again, it told the truth.
    assert code.startswith("lied.") or found == [expected], code


def damaged(answer: Any, data: st.DataObject) -> Any:
    if isinstance(answer, Branch):
        position = data.draw(st.integers(0, 3))
        nodes = [bytes(32) for _ in range(data.draw(st.integers(0, 3)))]
        return Branch(position, tuple(nodes))
    place = data.draw(st.integers(0, 8 * len(answer) - 1))
    flipped = bytearray(answer)
    flipped[place // 8] ^= 1 << place % 8
    return bytes(flipped)


@given(st.integers(0, 2), st.integers(0, 2))
def test_a_history_that_lacks_one_is_found_where_another_shows_it(script: int, place: int) -> None:
    """What every script that a transaction touches leaves out is hidden; all else is found."""

    class Leaves(Answers):
        def histories(self, scripts: Sequence[Script], counted: object) -> list[Any]:
            found = super().histories(scripts, counted)
            found[script] = found[script][:place] + found[script][place + 1 :]
            return found

    whole = trace(Answers(_STORY))
    found: list[Trace] = []
    code = fate(lambda: found.append(trace(Leaves(_STORY))))
    # The first coin, whose spend pays the same script again, and the last spend: what each
    # touches is seen nowhere else.
    hidden = {(1, 0), (5, 2)}
    assert code == ServerCode.LIED_HISTORY or places(whole) - places(found[0]) <= hidden


def places(trace: Trace) -> set[tuple[int, int]]:
    return {(block.height, one.position) for block in trace.blocks for one in block.transactions}


def test_branches_are_proved_before_any_bytes_are_asked_for() -> None:
    server = Answers(_STORY)
    trace(server)
    first = server.asked.index("transaction")
    assert "coinbase" in server.asked[:first]

    def damage(method: str, answer: Any) -> Any:
        return Branch(0, (bytes(32),)) if method == "branch" else answer

    liar = Answers(_STORY, damage)
    with pytest.raises(SourceError):
        trace(liar)
    assert "transaction" not in liar.asked


def test_what_is_proved_is_not_asked_for_again() -> None:
    server = Answers(_STORY)
    source = ServerSource(server, NetworkName.REGTEST, None)
    tip = source.chain(quiet).tip
    first = source.trace(_ALL, tip, quiet)
    server.asked.clear()
    assert source.trace(_ALL, tip, quiet) == first
    assert set(server.asked) == {"history"}


def test_what_touches_nothing_is_found_before_much_is_fetched() -> None:
    """A history of true transactions that are somebody else's: the first portion ends it."""
    blocks = list(_STORY)
    foreign = []
    for number in range(40):
        others = [
            Tx(inputs=((bytes([number, n]) * 16, 0),), outputs=((0, b"\x6a" + b"x" * 1_000),))
            for n in range(10)
        ]
        blocks.append(mine(blocks[-1], others, tag=b"some tag %d" % number))
        foreign += [HistoryEntry(Txid(tx.txid), Height(blocks[-1].height)) for tx in others]

    def damage(method: str, answer: Any) -> Any:
        return (*answer, *foreign) if method == "history" else answer

    server = Answers(blocks, damage)
    source = ServerSource(server, NetworkName.REGTEST, None)
    tip = source.chain(quiet).tip
    with pytest.raises(SourceError) as caught:
        source.trace(_ALL, tip, quiet)
    assert caught.value.code == ServerCode.LIED_HISTORY
    # In each of the two tries: 64, the rest of a block, and coinbases.
    assert server.asked.count("transaction") < 200
    assert source._proofs is not None
    assert source._proofs.upto(tip) == []


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_portions_of_any_size_show_the_same(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A spend may stand in the block of its funding, in whichever order their hashes are."""
    first = mine(GENESIS, pay=((SUBSIDY, ALICE),))
    spends, coin = [], (first.transactions[0].txid, 0)
    for n in range(8):
        spends.append(Tx(inputs=(coin,), outputs=((SUBSIDY - n, (BOB, ALICE)[n % 2]),)))
        coin = (spends[-1].txid, 0)
    blocks = [first, mine(first, spends)]
    expected = naive(blocks, _ALL, 2)
    for name in ("_FIRST", "_BRANCHES_AT_ONCE", "_TRANSACTIONS_AT_ONCE"):
        monkeypatch.setattr(server_proofs, name, size)
    found = trace(Answers(blocks))
    assert [(b.height, one.position) for b in found.blocks for one in b.transactions] == expected


def test_histories_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_source, "_MOST_ENTRIES", 3)
    with pytest.raises(SourceError) as caught:
        trace(Answers(_STORY))
    assert caught.value.code == ServerCode.ENDLESS


# What Electrum's words may hold -----------------------------------------------------------------

_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=70) | st.sampled_from(["00" * 32]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["hex", "height", "headers", "max", "merkle", "pos", "tx_hash"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=8,
)


@given(_JUNK, st.booleans())
def test_junk_is_never_more_than_an_error_of_ours(junk: Any, refused: bool) -> None:
    address = Address("server.example", 1, tls=False, proxy=None, timeout=1.0)
    server = ElectrumServer(address, NetworkName.REGTEST, CertificatePins(None))
    answer: Answer = read_json(json.dumps(junk).encode(), "junk")
    if refused:
        answer = Refusal(1, "words")

    def ask(calls: Sequence[Call], **_: object) -> list[Answer]:
        return [answer for _ in calls]

    server._session.ask = ask  # type: ignore[assignment, method-assign]
    script, txid = Script(ALICE), Txid(bytes(32))
    for question in (
        server.tip,
        lambda: server.headers(Height(0), 5),
        lambda: server.histories([script], quiet_number),
        lambda: server.transactions([(txid, Height(1))], quiet_number),
        lambda: server.branches([(txid, Height(1))], quiet_number),
        lambda: server.coinbases([(Height(1), BlockHash(bytes(32)))]),
    ):
        assert fate(question) in {"", ServerCode.GARBAGE, ServerCode.REFUSED}


def quiet_number(_: int) -> None:
    """Nobody counts."""
