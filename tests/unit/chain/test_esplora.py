"""Esplora against a server that tells the truth, and against one that tells each lie in turn."""

# ruff: noqa: SIM117 - a source within its server reads better so

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from tests.hostile import electrum, esplora
from tests.hostile.electrum import ALICE, BOB, CAROL, Truth, bad_block, split_of, story
from tests.hostile.esplora import Esplora
from tests.hostile.http import HttpServer, Question, Transport
from tests.strategies.chains import GENESIS, OP_TRUE, SUBSIDY, Made, Tx, mine, mine_many

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Height, Script
from erario.chain import http, server_source
from erario.chain.access import Access
from erario.chain.errors import ChainCode, ServerCode
from erario.chain.esplora import EsploraServer, open_esplora
from erario.chain.source import ChainSource, Progress, Trace
from erario.chain.source_url import read_server_url
from erario.chain.sources import open_source
from erario.errors import RequestError, SourceError
from erario.statement.evidence import SourceKind, UnspentWord
from erario.statement.finding import FindingCode, Verdict

ALL = (Script(ALICE), Script(BOB), Script(CAROL))
BLOCKS = story()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_source, "PAUSES", ())
    monkeypatch.setattr(http, "_FIRST_WAIT", 0.001)


def quiet(_: Progress) -> None:
    """Nobody watches."""


@contextmanager
def opened(server: HttpServer, *, own: bool = False, timeout: float = 30) -> Iterator[ChainSource]:
    url = server.url.replace("http", "esplora+http", 1)
    source = open_source(
        url, NetworkName.REGTEST, own=own, access=Access(timeout=timeout)
    )  # fmt: skip
    try:
        yield source
    finally:
        source.close()


def traced(face: Esplora, upto: int | None = None) -> Trace:
    with HttpServer(face) as server, opened(server) as source:
        tip = source.chain(quiet).tip
        return source.trace(ALL, tip if upto is None else Height(upto), quiet)


def refused(face: Esplora) -> SourceError:
    with pytest.raises(SourceError) as caught:
        traced(face)
    assert "127.0.0.1:" in caught.value.what
    assert caught.value.remedy
    return caught.value


def shown(trace: Trace) -> list[tuple[int, bytes, list[bytes]]]:
    return [
        (block.height, block.header, [tx.raw for tx in block.transactions])
        for block in trace.blocks
    ]


def expected(blocks: list[Made], upto: int) -> list[tuple[int, bytes, list[bytes]]]:
    """What touches the scripts, found plainly."""
    coins: set[tuple[bytes, int]] = set()
    found = []
    for block in blocks[:upto]:
        some = []
        for tx in block.transactions:
            ours = {(tx.txid, n) for n, out in enumerate(tx.outputs) if out[1] in ALL}
            if ours or coins.intersection(tx.inputs):
                some.append(tx.raw)
            coins |= ours
        if some:
            found.append((block.height, block.header, some))
    return found


@pytest.mark.parametrize("face", [Esplora, esplora.Sparse])
@pytest.mark.parametrize("upto", [0, 2, 4, 9])
def test_the_truth(face: type[Esplora], upto: int) -> None:
    trace = traced(face(Truth(BLOCKS)), upto)
    assert shown(trace) == expected(BLOCKS, upto)
    assert trace.findings == ()
    assert trace.unseen == ()


@pytest.mark.parametrize("number", [24, 25, 26, 50, 51, 60])
def test_pages_of_any_length(number: int) -> None:
    blocks = [mine(GENESIS, pay=((SUBSIDY, ALICE),))]
    for n in range(number - 1):
        blocks.append(mine(blocks[-1], pay=((n, ALICE),)))
    for face in (Esplora, esplora.Sparse):
        assert shown(traced(face(Truth(blocks)))) == expected(blocks, number)


@pytest.mark.parametrize("face", [Esplora, esplora.Sparse])
@pytest.mark.parametrize(
    ("start", "count"),
    [(0, 1), (0, 3), (5, 1), (3, 17), (0, 31), (29, 2), (20, 500), (31, 1), (40, 7)],
)
def test_headers(face: type[Esplora], start: int, count: int) -> None:
    blocks = [GENESIS, *mine_many(GENESIS, 30)]
    with HttpServer(face(Truth(blocks[1:]))) as server:
        one = EsploraServer(server.url, "it", Access())
        try:
            got = one.headers(Height(start), count)
            assert one.tip() == (30, blocks[-1].block_hash)
        finally:
            one.close()
    assert got == b"".join(block.header for block in blocks[start : start + count])


def test_notes() -> None:
    with HttpServer(Esplora(Truth(BLOCKS))) as server:
        with opened(server) as source:
            (note,) = source.notes()
            assert (note.kind, note.word) == (SourceKind.ESPLORA, UnspentWord.SERVERS)
            assert note.name == f"127.0.0.1:{server.port}"
            assert "IP address" in note.caveat
            assert source.only_height() is None
        with opened(server, own=True) as source:
            (note,) = source.notes()
            assert note.word == UnspentWord.OWN_NODE
            assert "IP address" not in note.caveat
    by_tor = open_esplora(
        read_server_url("esplora+http://abc.onion/api"), NetworkName.MAIN, False, None,
        Access(proxy="socks5h://127.0.0.1:9"),
    )  # fmt: skip
    assert "not, if the proxy keeps its word, who asks" in by_tor.notes()[0].caveat
    by_tor.close()


@pytest.mark.parametrize(
    ("url", "access", "code"),
    [
        ("esplora+http://example.org/api", Access(), ChainCode.ACCESS_BAD),
        ("esplora+http://127.0.0.1.example.org/", Access(), ChainCode.ACCESS_BAD),
        ("esplora+https://abc.onion/api", Access(), ChainCode.ACCESS_BAD),
        ("esplora+https://example.org", Access(proxy="http://127.0.0.1:1"), ChainCode.ACCESS_BAD),
        ("esplora+https://who:what@example.org", Access(), ChainCode.URL_SECRET),
    ],
)
def test_what_is_not_asked(url: str, access: Access, code: ChainCode) -> None:
    with pytest.raises(RequestError) as caught:
        open_source(url, NetworkName.MAIN, access=access)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("url", "access"),
    [
        ("esplora+https://example.org/api", Access()),
        ("esplora+http://localhost:3000", Access()),
        ("esplora+http://[::1]:3000/", Access()),
        ("esplora+http://127.8.8.8/", Access()),
        ("esplora+http://example.org/", Access(plain=True)),
    ],
)
def test_what_may_be_asked(url: str, access: Access) -> None:
    open_source(url, NetworkName.MAIN, access=access).close()


def _too_soon(previous: Made) -> Made:
    return bad_block(previous, time=GENESIS.time)


def _future(previous: Made) -> Made:
    later = datetime.now(UTC) + timedelta(hours=3)
    return bad_block(previous, time=int(later.timestamp()))


def _and(make: Callable[[Made], Made]) -> Truth:
    return Truth([*BLOCKS, make(BLOCKS[-1])])


LIES: list[tuple[Callable[[], Esplora], ServerCode]] = [
    (lambda: Esplora(electrum.AmountChanged(BLOCKS)), ServerCode.LIED_TRANSACTION),
    (lambda: Esplora(electrum.LeftOutOfOne(BLOCKS)), ServerCode.LIED_HISTORY),
    (lambda: Esplora(electrum.FundingLeftOut(BLOCKS)), ServerCode.LIED_HISTORY),
    (lambda: Esplora(electrum.Foreign(BLOCKS)), ServerCode.LIED_HISTORY),
    (lambda: Esplora(electrum.ListedTwice(BLOCKS)), ServerCode.LIED_HISTORY),
    (lambda: esplora.SaidElsewhere(Truth(BLOCKS)), ServerCode.LIED_BRANCH_LENGTH),
    (lambda: Esplora(electrum.OtherBranch(BLOCKS)), ServerCode.LIED_BRANCH),
    (lambda: Esplora(electrum.PositionOutOfRange(BLOCKS)), ServerCode.LIED_BRANCH),
    (lambda: Esplora(electrum.LongerBranch(BLOCKS)), ServerCode.LIED_BRANCH),
    (lambda: Esplora(electrum.NoCoinbase(BLOCKS)), ServerCode.LIED_COINBASE),
    (lambda: Esplora(electrum.BelowALeaf(BLOCKS)), ServerCode.LIED_BRANCH_LENGTH),
    (lambda: Esplora(electrum.NodeAsTransaction(BLOCKS, 1)), ServerCode.LIED_BRANCH_LENGTH),
    (lambda: Esplora(electrum.NodeAsTransaction(BLOCKS, 2)), ServerCode.LIED_BRANCH_LENGTH),
    (lambda: Esplora(electrum.NodeAsCoinbaseToo(BLOCKS, 1)), ServerCode.LIED_TRANSACTION),
    (lambda: Esplora(_and(lambda last: bad_block(last, weak=True))), ServerCode.LIED_WORK),
    (lambda: Esplora(_and(lambda last: bad_block(last, bits=0x207FFFFE))), ServerCode.LIED_DIFFICULTY),
    (lambda: Esplora(_and(_too_soon)), ServerCode.LIED_TIME),
    (lambda: Esplora(_and(_future)), ServerCode.LIED_TIME),
    (lambda: Esplora(electrum.OtherTip(BLOCKS)), ServerCode.LIED_TIP),
    (lambda: Esplora(electrum.HeaderCut(BLOCKS)), ServerCode.LIED_LINK),
    (lambda: Esplora(electrum.OtherNetworkInHeaders(BLOCKS)), ServerCode.OTHER_NETWORK),
    (lambda: esplora.CutInSilence(Truth(BLOCKS)), ServerCode.LIED_HISTORY),
    (lambda: esplora.EndlessPages(Truth(BLOCKS)), ServerCode.LIED_HISTORY),
    (lambda: esplora.MoreThanSaid(Truth(BLOCKS)), ServerCode.ENDLESS),
    (lambda: esplora.NeverTheSame(Truth(BLOCKS)), ServerCode.UNSETTLED),
    (lambda: esplora.Unconfirmed(Truth(BLOCKS)), ServerCode.REFUSED),
    (lambda: esplora.OtherHeaderInPages(Truth(BLOCKS)), ServerCode.LIED_BLOCK),
    (lambda: esplora.OtherHeights(Truth(BLOCKS)), ServerCode.LIED_BLOCK),
    (lambda: esplora.NoBlocks(Truth(BLOCKS)), ServerCode.REFUSED),
    (lambda: esplora.HeaderOfAnother(Truth(BLOCKS)), ServerCode.LIED_BLOCK),
    (lambda: esplora.ProofElsewhere(Truth(BLOCKS)), ServerCode.LIED_BRANCH),
    (lambda: esplora.WrongTypes(Truth(BLOCKS)), ServerCode.GARBAGE),
    (lambda: esplora.ServerError(Truth(BLOCKS)), ServerCode.REFUSED),
]  # fmt: skip


@pytest.mark.parametrize(("face", "code"), LIES, ids=range(len(LIES)))
def test_each_lie(face: Callable[[], Esplora], code: ServerCode) -> None:
    error = refused(face())
    assert error.code == code, error
    assert error.what.isprintable()


def test_sixty_four_bytes_need_the_whole_block() -> None:
    face = Esplora(electrum.SixtyFourBytes(BLOCKS))
    with HttpServer(face) as server, opened(server) as source:
        tip = source.chain(quiet).tip
        with pytest.raises(SourceError) as caught:
            source.trace((Script(OP_TRUE),), tip, quiet)
    assert caught.value.code == ServerCode.LACKS


def test_a_transaction_left_out_is_not_found_with_one_server() -> None:
    face = Esplora(electrum.LeftOut(BLOCKS))
    with HttpServer(face) as server, opened(server) as source:
        trace = source.trace(ALL, source.chain(quiet).tip, quiet)
        (note,) = source.notes()
    assert shown(trace) != expected(BLOCKS, 9)
    assert split_of(BLOCKS).raw in [raw for _, _, some in shown(trace) for raw in some]
    assert note.word == UnspentWord.SERVERS
    assert "leaves out is not found" in note.caveat


@pytest.mark.parametrize("face", [esplora.TooLong, esplora.TooLongOnPages, esplora.CountOfAges])
def test_a_history_that_is_not_shown(face: type[Esplora]) -> None:
    truth = Truth(BLOCKS)
    with HttpServer(face(truth)) as server, opened(server) as source:
        trace = source.trace((Script(BOB),), source.chain(quiet).tip, quiet)
    assert trace.unseen == (BOB,)
    (finding,) = trace.findings
    assert (finding.code, finding.verdict) == (FindingCode.SOURCE_UNSEEN, Verdict.UNKNOWN)


def test_a_history_that_grows_while_it_is_read() -> None:
    face = esplora.GrowsWhileRead(Truth(BLOCKS))
    assert shown(traced(face, 9)) == expected(BLOCKS, 9)


def asks_for_history(question: Question) -> bool:
    return question.path.startswith("/scripthash")


WIRE = {
    Transport.HANG: ServerCode.TIMEOUT,
    Transport.DRIP_BODY: ServerCode.TIMEOUT,
    Transport.DRIP_STATUS: ServerCode.TIMEOUT,
    Transport.GIGABYTES: ServerCode.TOO_LARGE,
    Transport.BOMB: ServerCode.TOO_LARGE,
    Transport.GARBAGE: ServerCode.GARBAGE,
    Transport.GARBAGE_BODY: ServerCode.GARBAGE,
    Transport.DEEP_JSON: ServerCode.TOO_LARGE,
    Transport.CUT: ServerCode.UNREACHABLE,
    Transport.REDIRECT: ServerCode.REDIRECT,
    Transport.CREDENTIALS: ServerCode.CREDENTIALS,
    Transport.TOO_MANY: ServerCode.RATE_LIMITED,
    Transport.TOO_MANY_FOR_AGES: ServerCode.RATE_LIMITED,
}


@pytest.mark.parametrize("lie", WIRE, ids=str)
@pytest.mark.parametrize("late", [False, True])
def test_each_lie_about_the_wire(lie: Transport, late: bool) -> None:
    when = asks_for_history if late else (lambda _: True)
    patience = 0.4 if WIRE[lie] == ServerCode.TIMEOUT else 30
    with HttpServer(Esplora(Truth(BLOCKS)), lie, when=when) as server:
        with opened(server, timeout=patience) as source, pytest.raises(SourceError) as caught:
            source.trace(ALL, source.chain(quiet).tip, quiet)
    assert caught.value.code == WIRE[lie]
    assert f"127.0.0.1:{server.port}" in caught.value.what
    assert all(question.path != server.elsewhere for question in server.questions)


def test_deep_json_on_a_large_page() -> None:
    on_pages = lambda question: "/txs/" in question.path  # noqa: E731
    with HttpServer(Esplora(Truth(BLOCKS)), Transport.DEEP_JSON, when=on_pages) as server:
        with opened(server) as source, pytest.raises(SourceError) as caught:
            source.trace(ALL, source.chain(quiet).tip, quiet)
    assert caught.value.code == ServerCode.GARBAGE


def test_many_questions_are_under_way_at_once() -> None:
    """As many as there are connections, all the time: they wait for each other."""
    together = threading.Barrier(8)
    face = Esplora(Truth(BLOCKS))

    def answer(question: Question) -> object:
        if asks_for_history(question):
            together.wait(30)
        return face(question)

    scripts = [Script(b"\x00\x14" + bytes([n]) * 20) for n in range(64)]
    seen: list[Progress] = []
    with HttpServer(answer) as server, opened(server, timeout=30) as source:  # type: ignore[arg-type]
        trace = source.trace(scripts, source.chain(quiet).tip, seen.append)
    assert trace.blocks == ()
    assert server.most_under_way == 8
    assert seen[-1].done == seen[-1].total or seen
    assert sum(asks_for_history(question) for question in server.questions) == 64


def test_no_amount_of_the_servers_is_believed() -> None:
    # Every amount and script in its JSON is wrong, and the answer is right.
    assert shown(traced(Esplora(Truth(BLOCKS)))) == expected(BLOCKS, 9)


def test_a_witness_is_kept() -> None:
    first = mine(GENESIS, pay=((SUBSIDY, ALICE),))
    spend = Tx(
        inputs=((first.transactions[0].txid, 0),), outputs=((1, BOB),), witnesses=((b"w" * 70,),)
    )
    blocks = [first, mine(first, [spend])]
    assert shown(traced(Esplora(Truth(blocks)))) == expected(blocks, 2)


def test_closing_ends_what_is_under_way_and_what_waits() -> None:
    """More questions than connections, none of which is answered; another thread closes it."""
    under_way = threading.Event()
    scripts = [Script(b"\x00\x14" + bytes([n]) * 20) for n in range(64)]

    def hangs(question: Question) -> bool:
        if asks_for_history(question):
            under_way.set()
        return asks_for_history(question)

    with HttpServer(Esplora(Truth(BLOCKS)), Transport.HANG, when=hangs) as server:
        with opened(server, timeout=500) as source, ThreadPoolExecutor(1) as pool:
            tip = source.chain(quiet).tip
            asked = pool.submit(source.trace, scripts, tip, quiet)
            assert under_way.wait(30)
            source.close()
            with pytest.raises(SourceError) as caught:
                asked.result(30)
            assert caught.value.code == ServerCode.CLOSED
            before = len(server.questions)
            with pytest.raises(SourceError) as caught:
                source.trace(scripts, tip, quiet)
            assert caught.value.code == ServerCode.CLOSED
            assert len(server.questions) == before
