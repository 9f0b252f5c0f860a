"""Electrum servers: every lie of tests/hostile/electrum.py, one test each, and the honest roads."""

from __future__ import annotations

from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.hostile import electrum as hostile
from tests.hostile.electrum import ALICE, BOB, CAROL, Truth, serving, split_of, story
from tests.strategies.chains import OP_TRUE, SCRIPTS, SUBSIDY, Made, Tx, mine, plain_folder

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Height, Script, show_hash
from erario.chain import electrum_session, server_source
from erario.chain.access import Access
from erario.chain.blocks_source import BlocksSource
from erario.chain.ending import Ending
from erario.chain.errors import ChainCode, ServerCode
from erario.chain.source import ChainSource, Progress, Trace
from erario.chain.sources import open_source
from erario.errors import RequestError, SourceError
from erario.statement.evidence import UnspentWord
from erario.statement.finding import FindingCode, Verdict

_STORY = story()
_ALL = (ALICE, BOB, CAROL)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not hold is asked again at once."""
    monkeypatch.setattr(server_source, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(electrum_session, "PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setattr(electrum_session, "LIMIT_PAUSE", 0.0)


def quiet(_: Progress) -> None:
    """Nobody looks."""


def source(port: int, *, timeout: float = 20.0, own: bool = False) -> ChainSource:
    access = Access(timeout=timeout)
    return open_source(f"electrum://127.0.0.1:{port}", NetworkName.REGTEST, own=own, access=access)


def ask(
    truth: Truth, scripts: Sequence[bytes] = _ALL, *, upto: int | None = None, timeout: float = 20.0
) -> Trace:
    with serving(truth) as port:
        asked = source(port, timeout=timeout)
        try:
            chain = asked.chain(quiet)
            height = chain.tip if upto is None else Height(upto)
            return asked.trace([Script(each) for each in scripts], height, quiet)
        finally:
            asked.close()


def code_of(truth: Truth, scripts: Sequence[bytes] = _ALL, *, timeout: float = 20.0) -> str:
    """The code of the error that a lie ends with; the server is named in its sentence."""
    with pytest.raises(SourceError) as caught:
        ask(truth, scripts, timeout=timeout)
    assert "127.0.0.1:" in caught.value.what
    assert caught.value.remedy
    return str(caught.value.code)


# The truth --------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["1.4", "1.4.2", "1.5", "1.6"])
def test_the_truth_is_the_same_evidence_as_of_block_files(tmp_path: Path, protocol: str) -> None:
    blocks = BlocksSource(plain_folder(tmp_path / "blocks", _STORY), NetworkName.REGTEST)
    scripts = [Script(each) for each in (*_ALL, *SCRIPTS)]
    for upto in (1, 3, 5, 9):
        blocks.chain(quiet)
        expected = blocks.trace(scripts, Height(upto), quiet)
        assert ask(Truth(_STORY, protocol=protocol), scripts, upto=upto).blocks == expected.blocks


def test_further_scripts_are_held_against_what_is_known() -> None:
    with serving(Truth(_STORY)) as port:
        asked = source(port)
        chain = asked.chain(quiet)
        first = asked.trace([Script(ALICE)], chain.tip, quiet)
        second = asked.trace([Script(BOB)], chain.tip, quiet)
        asked.close()
    assert [block.height for block in first.blocks] == [1, 3]
    assert [block.height for block in second.blocks] == [3, 5]


def test_nothing_is_said_of_a_height_that_it_does_not_have() -> None:
    with pytest.raises(RequestError) as caught:
        ask(Truth(_STORY), upto=10)
    assert caught.value.code == ChainCode.HEIGHT_UNKNOWN


def test_many_questions_are_under_way_at_once() -> None:
    truth = Truth(_STORY, delay=0.05)
    scripts = [b"\x00\x14" + n.to_bytes(20, "big") for n in range(1_000)]
    assert ask(truth, [*_ALL, *scripts]).blocks
    assert truth.at_once >= 50
    assert truth.asked.count("blockchain.scripthash.get_history") == 1_003


def test_the_note_says_what_one_server_can_hide() -> None:
    with serving(Truth(_STORY)) as port:
        (note,) = source(port).notes()
        (own,) = source(port, own=True).notes()
    assert note.word is UnspentWord.SERVERS
    assert note.name == f"127.0.0.1:{port}"
    assert "leaves out is not found" in note.caveat
    assert "00 6a" in note.caveat
    assert own.word is UnspentWord.OWN_NODE


def test_padding_and_chatter_are_passed_over() -> None:
    expected = ask(Truth(_STORY))
    assert ask(hostile.Padded(_STORY)) == expected
    assert ask(hostile.Chatty(_STORY)) == expected


def test_a_history_that_is_too_long_is_unseen_and_said() -> None:
    trace = ask(hostile.HistoryTooLarge(_STORY))
    assert trace.unseen == (BOB,)
    (finding,) = trace.findings
    assert (finding.code, finding.verdict) == (FindingCode.SOURCE_UNSEEN, Verdict.UNKNOWN)
    assert [block.height for block in trace.blocks] == [1, 3]


def test_scripts_that_electrumx_drops_are_unseen() -> None:
    trace = ask(Truth(_STORY), [ALICE, b"\x00\x6a\x01"])
    assert trace.unseen == (b"\x00\x6a\x01",)


def test_unspendable_scripts_are_not_asked_for() -> None:
    truth = Truth(_STORY)
    assert ask(truth, [b"\x6a\x01\x01"]).unseen == ()
    assert "blockchain.scripthash.get_history" not in truth.asked


# Limits and cuts --------------------------------------------------------------------------------


def test_a_server_with_limits_is_asked_on_many_connections() -> None:
    truth = hostile.Excessive(_STORY, 4)
    assert ask(truth) == ask(Truth(_STORY))
    assert truth.connections > 3


def test_limits_without_end_are_told() -> None:
    assert code_of(hostile.Excessive(_STORY, 2)) == ServerCode.RATE_LIMITED


def test_a_cut_connection_is_opened_again() -> None:
    truth = hostile.CutsAfter(_STORY, 5)
    assert ask(truth) == ask(Truth(_STORY))
    assert truth.connections > 3


def test_half_an_answer_each_time_is_given_up() -> None:
    assert code_of(hostile.CutsInTheMiddle(_STORY)) == ServerCode.UNREACHABLE


def test_nobody_there() -> None:
    with serving(Truth(_STORY)) as port:
        pass
    with pytest.raises(SourceError) as caught:
        source(port).chain(quiet)
    assert caught.value.code == ServerCode.UNREACHABLE


# Lies about transactions ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        (hostile.AmountChanged, ServerCode.LIED_TRANSACTION),
        (hostile.LeftOutOfOne, ServerCode.LIED_HISTORY),
        (hostile.FundingLeftOut, ServerCode.LIED_HISTORY),
        (hostile.Foreign, ServerCode.LIED_HISTORY),
        (hostile.ListedTwice, ServerCode.LIED_HISTORY),
        (hostile.OtherHeight, ServerCode.LIED_BRANCH),
        (hostile.OtherBranch, ServerCode.LIED_BRANCH),
        (hostile.PositionOutOfRange, ServerCode.LIED_BRANCH),
        (hostile.LongerBranch, ServerCode.LIED_BRANCH_LENGTH),
        (hostile.NoCoinbase, ServerCode.LIED_COINBASE),
        (hostile.BelowALeaf, ServerCode.LIED_BRANCH_LENGTH),
    ],
)
def test_a_lie_about_transactions(lie: Callable[[Sequence[Made]], Truth], code: str) -> None:
    assert code_of(lie(_STORY)) == code


@pytest.mark.parametrize("depth", [1, 2])
def test_a_node_of_the_tree_as_a_transaction(depth: int) -> None:
    assert code_of(hostile.NodeAsTransaction(_STORY, depth)) == ServerCode.LIED_BRANCH_LENGTH


@pytest.mark.parametrize("depth", [1, 2])
def test_a_node_of_the_tree_as_the_coinbase_too(depth: int) -> None:
    assert code_of(hostile.NodeAsCoinbaseToo(_STORY, depth)) == ServerCode.LIED_TRANSACTION


def test_a_transaction_of_64_bytes() -> None:
    assert code_of(hostile.SixtyFourBytes(_STORY), [OP_TRUE]) == ServerCode.LACKS


def test_a_transaction_left_out_is_not_found_with_one_server() -> None:
    trace = ask(hostile.LeftOut(_STORY))
    shown = [one.raw for block in trace.blocks for one in block.transactions]
    assert split_of(_STORY).raw in shown
    assert [block.height for block in trace.blocks] == [1, 3]


@pytest.mark.parametrize("own", [False, True])
def test_a_coinbase_of_64_bytes_is_no_lie(own: bool) -> None:
    """An honest block may have one: it cannot be shown by a branch, and that is said."""
    paid = Tx(
        inputs=((bytes(32), 0xFFFFFFFF),), outputs=((5, OP_TRUE),), signatures=(b"\x01\x0a\x00",)
    )
    assert len(paid.raw) == 64
    other = Tx(inputs=((b"\x33" * 32, 0),), outputs=((5, ALICE),))
    blocks = [*_STORY, mine(_STORY[-1], [] if own else [other], first=paid)]
    with pytest.raises(SourceError) as caught:
        ask(Truth(blocks), [OP_TRUE] if own else [ALICE])
    assert caught.value.code == ServerCode.LACKS
    assert "64 bytes" in caught.value.what
    assert "whole block" in caught.value.remedy


# A liar that was found --------------------------------------------------------------------------


class _TurnsAway(hostile.LeftOutOfOne):
    """Refuses everything once it has told its lie."""

    has_lied = False

    def history(self, wanted: str) -> list[tuple[bytes, int]]:
        self.has_lied = True
        return super().history(wanted)

    def blockchain_headers_subscribe(self) -> object:
        if self.has_lied:
            raise hostile.Refused("busy")
        return super().blockchain_headers_subscribe()


class _HangsUp(_TurnsAway):
    """Cuts the connection instead."""

    async def talk(self, reader: StreamReader, writer: StreamWriter) -> None:
        if not self.has_lied:
            await super().talk(reader, writer)

    async def send(self, request: Any, message: Any, writer: StreamWriter) -> None:
        if request["method"] == "blockchain.headers.subscribe" and self.has_lied:
            writer.close()
        else:
            await super().send(request, message, writer)


class _Sways(hostile.LeftOutOfOne):
    """Names its tip and the block before it by turns; its headers are the same all the while."""

    turn = 0

    def blockchain_headers_subscribe(self) -> object:
        self.turn += 1
        height = len(self.blocks) - (2 if self.turn % 2 else 1)
        return {"height": height, "hex": self.blocks[height].header.hex()}


class _SwaysToABlockWithoutWork(_Sways):
    """And its last header is one that nobody has worked for, or a true one of another height."""

    def header(self, height: int) -> bytes:
        if self.turn > 3 and height == len(self.blocks) - 1:
            return hostile.bad_block(self.blocks[-2], weak=True).header
        return super().header(height)


class _SwaysToAnOldBlock(_Sways):
    def header(self, height: int) -> bytes:
        return super().header(2 if self.turn > 3 and height == len(self.blocks) - 1 else height)


@pytest.mark.parametrize(
    "lie", [_TurnsAway, _HangsUp, _Sways, _SwaysToABlockWithoutWork, _SwaysToAnOldBlock]
)
def test_a_liar_that_was_found_does_not_get_away(lie: Callable[[Sequence[Made]], Truth]) -> None:
    assert code_of(lie(_STORY)) == ServerCode.LIED_HISTORY


def test_bytes_of_another_transaction_are_a_lie_at_once() -> None:
    """Whatever the tip is: no change of the chain changes a hash, so it is not asked again."""
    truth = hostile.AmountChanged(_STORY)
    assert code_of(truth) == ServerCode.LIED_TRANSACTION
    assert truth.asked.count("blockchain.scripthash.get_history") == len(_ALL)


def test_proofs_from_another_branch_are_no_lie() -> None:
    """The block that was verified is gone, and the one in its place pays too."""
    truth = Truth(_STORY)
    with serving(truth) as port:
        asked = source(port)
        chain = asked.chain(quiet)
        other = mine(_STORY[7], pay=((SUBSIDY, BOB),), tag=b"other")
        truth.blocks[9:] = [other, mine(other)]
        with pytest.raises(SourceError) as caught:
            asked.trace([Script(BOB)], chain.tip, quiet)
        asked.close()
    assert caught.value.code == ServerCode.UNSETTLED


# Lies about headers -----------------------------------------------------------------------------


def headers_code(blocks: Sequence[Made]) -> str:
    return code_of(Truth(blocks))


def test_headers_without_work() -> None:
    bad = hostile.bad_block(_STORY[-1], weak=True)
    assert headers_code([*_STORY, bad]) == ServerCode.LIED_WORK


def test_headers_of_another_difficulty() -> None:
    bad = hostile.bad_block(_STORY[-1], bits=0x207FFFFE)
    assert headers_code([*_STORY, bad]) == ServerCode.LIED_DIFFICULTY


def test_headers_of_the_past() -> None:
    bad = hostile.bad_block(_STORY[-1], time=_STORY[0].time)
    assert headers_code([*_STORY, bad]) == ServerCode.LIED_TIME


def test_headers_of_the_future() -> None:
    late = int(datetime.now(UTC).timestamp()) + 3 * 3600
    bad = hostile.bad_block(_STORY[-1], time=late)
    assert headers_code([*_STORY, bad]) == ServerCode.LIED_TIME


def test_headers_that_do_not_follow() -> None:
    assert code_of(hostile.HeaderCut(_STORY)) == ServerCode.LIED_LINK


def test_a_tip_that_is_not_the_end_of_the_headers() -> None:
    assert code_of(hostile.OtherTip(_STORY)) in {ServerCode.LIED_TIP, ServerCode.LIED_LINK}


def test_a_stale_tip_claims_nothing_above_itself() -> None:
    with serving(Truth(_STORY[:4])) as port:
        asked = source(port)
        chain = asked.chain(quiet)
        assert chain.tip == 4
        trace = asked.trace([Script(BOB)], chain.tip, quiet)
        asked.close()
    assert [block.height for block in trace.blocks] == [3]


@pytest.mark.parametrize("lie", [hostile.OtherNetwork, hostile.OtherNetworkInHeaders])
def test_another_network(lie: Callable[[Sequence[Made]], Truth]) -> None:
    assert code_of(lie(_STORY)) == ServerCode.OTHER_NETWORK


# A chain that changes ---------------------------------------------------------------------------


def test_a_chain_that_changes_all_the_time_is_unsettled() -> None:
    assert code_of(hostile.Swaying(_STORY)) == ServerCode.UNSETTLED


def test_blocks_that_come_meanwhile_change_nothing() -> None:
    truth = Truth(_STORY)
    with serving(truth) as port:
        asked = source(port)
        chain = asked.chain(quiet)
        truth.blocks.append(mine(_STORY[-1], pay=((SUBSIDY, BOB),)))
        trace = asked.trace([Script(BOB)], chain.tip, quiet)
        asked.close()
    assert [block.height for block in trace.blocks] == [3, 5]


def test_a_reorganisation_below_the_height_is_never_mixed() -> None:
    truth = Truth(_STORY)
    with serving(truth) as port:
        asked = source(port)
        chain = asked.chain(quiet)
        truth.blocks[9:] = hostile_branch(_STORY[7])
        with pytest.raises(SourceError) as caught:
            asked.trace([Script(BOB)], chain.tip, quiet)
        assert [b.height for b in asked.trace([Script(BOB)], Height(8), quiet).blocks] == [3, 5]
        asked.close()
    assert caught.value.code == ServerCode.UNSETTLED


def hostile_branch(previous: Made) -> list[Made]:
    first = mine(previous, tag=b"other")
    return [first, mine(first)]


def test_a_mixed_state_is_asked_again() -> None:
    class Mixed(Truth):
        """Branches fail twice, as while ElectrumX goes over to another branch."""

        troubles = 2

        def branch(self, txid: bytes, height: int) -> tuple[int, list[bytes]]:
            if self.troubles:
                self.troubles -= 1
                raise hostile.Refused("tx not in block")
            return super().branch(txid, height)

    assert ask(Mixed(_STORY)) == ask(Truth(_STORY))


# Lies about the protocol ------------------------------------------------------------------------


@pytest.mark.parametrize("lie", [hostile.OldProtocol, hostile.NewProtocol])
def test_a_protocol_that_nobody_speaks(lie: Callable[[Sequence[Made]], Truth]) -> None:
    assert code_of(lie(_STORY)) == ServerCode.PROTOCOL


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        (hostile.HistoryGarbage, ServerCode.GARBAGE),
        (hostile.Noise, ServerCode.GARBAGE),
        (hostile.Deep, ServerCode.GARBAGE),
        (hostile.NoMessage, ServerCode.GARBAGE),
        (hostile.Endless, ServerCode.ENDLESS),
        (hostile.Gigabytes, ServerCode.TOO_LARGE),
    ],
)
def test_a_lie_about_the_protocol(lie: Callable[[Sequence[Made]], Truth], code: str) -> None:
    assert code_of(lie(_STORY)) == code


@pytest.mark.parametrize("lie", [hostile.Hang, hostile.Drip])
def test_who_never_answers_is_given_up(lie: Callable[[Sequence[Made]], Truth]) -> None:
    assert code_of(lie(_STORY), timeout=0.5) == ServerCode.TIMEOUT


def test_hashes_are_shown_in_the_error() -> None:
    with pytest.raises(SourceError) as caught:
        ask(hostile.AmountChanged(_STORY))
    assert show_hash(split_of(_STORY).txid) in caught.value.what


def test_a_lie_is_not_believed_before_it_was_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(server_source, "PAUSES", (1.0, 2.0))
    monkeypatch.setattr(Ending, "pause", lambda _, seconds: waited.append(seconds))
    assert code_of(hostile.Foreign(_STORY)) == ServerCode.LIED_HISTORY
    assert waited == [1.0, 2.0]
