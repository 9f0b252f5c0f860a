"""Block folders as a source: the same answer however the files lie, and what is refused."""

from __future__ import annotations

import bz2
import os
import resource
import sys
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies.chains import (
    GENESIS,
    MAGIC,
    OP_TRUE,
    SCRIPTS,
    SUBSIDY,
    Made,
    Tx,
    arrangements,
    coinbase,
    histories,
    mine,
    mine_many,
    plain_folder,
    record,
    write_folder,
)
from tests.unit.chain.chains_check import expected, quiet, source, tip_of, traced

from erario.bitcoin.network import NetworkName
from erario.bitcoin.script import is_unspendable
from erario.bitcoin.transaction import read_transaction
from erario.bitcoin.values import Height, Script, show_hash
from erario.chain.blocks_source import BlocksSource
from erario.chain.errors import ChainCode
from erario.chain.source import Progress
from erario.errors import ErarioError, RequestError, SourceError
from erario.statement.evidence import UnspentWord
from erario.statement.finding import FindingCode, Severity, Verdict

WATCHED = SCRIPTS[2]


def code_of(path: Path, **options: bool) -> str:
    with pytest.raises(ErarioError) as refused:
        traced(path, SCRIPTS, **options)
    assert refused.value.remedy
    return refused.value.code


# The real chain ---------------------------------------------------------------------------------


@pytest.fixture
def first_blocks(shared_data: Path) -> BlocksSource:
    return BlocksSource(shared_data / "blocks" / "mainnet-1-256.bz2", NetworkName.MAIN)


@pytest.mark.shared
def test_the_first_coins_that_were_ever_paid(first_blocks: BlocksSource) -> None:
    script = Script(
        bytes.fromhex(
            "410411db93e1dcdb8a016b49840f8c53bc1eb68a382e97b1482ecad7b148a6909a5cb2e0eaddfb84ccf9"
            "744464f82e160bfa9b8b64f9d4c03f999b8643f656b412a3ac"
        )
    )
    chain = first_blocks.chain(quiet)
    assert (chain.tip, chain.enough_work) == (255, False)
    found = first_blocks.trace([script], chain.tip, quiet)
    assert [(block.height, [t.position for t in block.transactions]) for block in found.blocks] == [
        (9, [0]),
        (170, [1]),
        (181, [1]),
        (182, [1]),
        (183, [1]),
        (248, [1]),
    ]
    assert found.findings == ()


@pytest.mark.shared
def test_all_coins_of_the_first_blocks(first_blocks: BlocksSource, shared_data: Path) -> None:
    data = bz2.decompress((shared_data / "blocks" / "mainnet-1-256.bz2").read_bytes())
    scripts = {data[i + 1 : i + 68] for i in range(len(data)) if data[i : i + 2] == b"\x43\x41"}
    scripts |= {
        data[i + 1 : i + 26] for i in range(len(data)) if data[i : i + 3] == b"\x19\x76\xa9"
    }
    found = first_blocks.trace([Script(s) for s in sorted(scripts)], Height(255), quiet)
    coins: dict[tuple[bytes, int], int] = {}
    for block in found.blocks:
        for each in block.transactions:
            tx = read_transaction(each.raw)
            for spend in tx.inputs:
                coins.pop(tuple(spend.outpoint), None)
            for vout, output in enumerate(tx.outputs):
                coins[tx.txid, vout] = output.sats
    assert len(found.blocks) == 255
    assert (len(coins), sum(coins.values())) == (260, 12_750 * 100_000_000)


# However the files lie --------------------------------------------------------------------------


@given(data=st.data())
def test_any_arrangement_gives_the_same_answer(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    history = data.draw(histories())
    scripts = data.draw(st.lists(st.sampled_from(SCRIPTS), min_size=1, max_size=4, unique=True))
    folder = data.draw(arrangements(history)).write(tmp_path_factory.getbasetemp() / "any")
    own = data.draw(st.booleans())
    assert tip_of(folder) == len(history.main)
    found = traced(folder, scripts, own=own)
    assert found.blocks == expected(history.main, scripts)
    # A copy that is cut inside its last witness, with zeros behind it, is whole but for that.
    told = {finding.code for finding in found.findings}
    assert told <= {FindingCode.CHAIN_GARBAGE, FindingCode.CHAIN_BAD_COPY}


@given(data=st.data())
def test_an_early_height_is_answered_as_if_later_blocks_were_not_there(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    history = data.draw(histories())
    upto = data.draw(st.integers(0, len(history.main)))
    folder = plain_folder(tmp_path_factory.getbasetemp() / "early", history.main)
    assert traced(folder, SCRIPTS, upto=upto).blocks == expected(history.main[:upto], SCRIPTS)


@pytest.mark.parametrize("pack", [bz2.compress, zstandard.compress, bytes])
def test_a_single_file_packed_or_not(tmp_path: Path, pack: object) -> None:
    blocks = mine_many(GENESIS, 5)
    path = tmp_path / "some-blocks"
    path.write_bytes(pack(b"".join(record(block.raw) for block in blocks)))  # type: ignore[operator]
    assert traced(path, [OP_TRUE]).blocks == expected(blocks, [OP_TRUE])


def test_no_block_but_genesis(tmp_path: Path) -> None:
    folder = plain_folder(tmp_path, [])
    assert (tip_of(folder), traced(folder, SCRIPTS).blocks) == (0, ())


def test_the_genesis_output_is_no_coin(tmp_path: Path) -> None:
    script = GENESIS.transactions[0].outputs[0][1]
    block = mine(GENESIS, pay=((SUBSIDY, script),))
    after = mine(block, [Tx(((GENESIS.transactions[0].txid, 0),), ((1, OP_TRUE),), (b"\x51",))])
    folder = plain_folder(tmp_path, [block, after])
    assert [each.height for each in traced(folder, [script]).blocks] == [1]


def test_both_coinbases_of_the_same_txid_are_shown(tmp_path: Path) -> None:
    # BIP 30: before heights stood in coinbases, two of them could be the same transaction.
    twin = coinbase(1, ((SUBSIDY, WATCHED),), script=b"\x51\x01\x02")
    first = mine(GENESIS, first=twin)
    second = mine(first, first=twin)
    folder = plain_folder(tmp_path, [first, second])
    found = traced(folder, [WATCHED]).blocks
    assert [block.height for block in found] == [1, 2]
    assert found[0].transactions[0].raw == found[1].transactions[0].raw


def test_unspendable_scripts_are_not_watched(tmp_path: Path) -> None:
    script = b"\x6a\x01\x01"
    assert is_unspendable(Script(script))
    folder = plain_folder(tmp_path, [mine(GENESIS, pay=((1, script),))])
    assert traced(folder, [script]).blocks == ()


def test_equal_work_is_told(tmp_path: Path) -> None:
    left, right = mine(GENESIS, tag=b"l"), mine(GENESIS, tag=b"r")
    folder = plain_folder(tmp_path, [left, right])
    chain = source(folder).chain(quiet)
    lower = min(left.block_hash[::-1], right.block_hash[::-1])[::-1]
    assert chain.block_hash(Height(1)) == lower
    assert [f.code for f in traced(folder, SCRIPTS).findings] == [FindingCode.CHAIN_EQUAL_WORK]


# Holes ------------------------------------------------------------------------------------------


@given(data=st.data())
def test_a_block_that_is_missing_is_named(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    history = data.draw(histories(least=3))
    missing = data.draw(st.integers(1, len(history.main) - 1))
    whole = [GENESIS, *history.main, *history.stale]
    rest = [block for block in whole if block is not history.main[missing - 1]]
    order = data.draw(st.permutations(rest))
    folder = write_folder(
        tmp_path_factory.getbasetemp() / "hole", [b"".join(record(b.raw) for b in order)]
    )
    with pytest.raises(SourceError) as refused:
        source(folder).chain(quiet)
    assert refused.value.code is ChainCode.BLOCK_MISSING
    assert f"block {missing} is not in" in refused.value.what


def test_a_pruned_folder_names_its_first_missing_block(tmp_path: Path) -> None:
    blocks = mine_many(GENESIS, 30)
    folder = write_folder(tmp_path, [b"".join(record(b.raw) for b in blocks[20:])])
    with pytest.raises(SourceError) as refused:
        source(folder).chain(quiet)
    assert "block 1 is not in" in refused.value.what
    assert "prune=0" in refused.value.remedy


def test_a_stale_block_whose_parent_was_never_fetched_is_no_hole(tmp_path: Path) -> None:
    blocks = mine_many(GENESIS, 6)
    stale = mine_many(blocks[1], 3, tag=b"stale")
    folder = plain_folder(tmp_path, [*blocks, *stale[1:]])
    assert tip_of(folder) == 6
    longer = mine_many(blocks[1], 6, tag=b"longer")
    assert code_of(plain_folder(tmp_path, [*blocks, *longer[1:]])) == ChainCode.BLOCK_MISSING


# Bad copies -------------------------------------------------------------------------------------


def flipped(block: Made, at: int) -> bytes:
    raw = bytearray(block.raw)
    raw[at] ^= 1
    return bytes(raw)


PAID = [mine(GENESIS, pay=((SUBSIDY, WATCHED),))]
PAID += mine_many(PAID[0], 2)


@pytest.mark.parametrize("own", [False, True])
def test_a_bad_copy_beside_a_good_one_is_a_finding(tmp_path: Path, own: bool) -> None:
    first, *rest = PAID
    # The flipped byte is in the amount: the script still matches.
    bad = flipped(first, len(first.raw) - 4 - len(WATCHED) - 1 - 8)
    folder = write_folder(
        tmp_path, [record(bad) + b"".join(record(b.raw) for b in rest), record(first.raw)]
    )
    found = traced(folder, [WATCHED], own=own)
    assert found.blocks == expected(PAID, [WATCHED])
    (finding,) = found.findings
    assert (finding.code, finding.verdict, finding.severity) == (
        FindingCode.CHAIN_BAD_COPY,
        Verdict.FAIL,
        Severity.WARNING,
    )
    assert "blk00000.dat at offset 8" in finding.what
    assert finding.subject == first.block_hash[::-1].hex()


def test_a_coin_in_a_bad_copy_is_followed_to_its_spend(tmp_path: Path) -> None:
    first = mine(GENESIS, pay=((SUBSIDY, WATCHED),))
    spend = Tx(((first.transactions[0].txid, 0),), ((1, OP_TRUE),), (b"\x51",))
    main = [first, mine(first, [spend])]
    bad = flipped(first, len(first.raw) - 5)
    folder = write_folder(tmp_path, [record(bad), *(record(b.raw) for b in main)])
    assert traced(folder, [WATCHED]).blocks == expected(main, [WATCHED])


def test_a_bad_block_without_a_good_copy_ends_the_audit(tmp_path: Path) -> None:
    first, *rest = PAID
    bad = flipped(first, len(first.raw) - 5)
    folder = write_folder(tmp_path, [record(bad) + b"".join(record(b.raw) for b in rest)])
    with pytest.raises(SourceError) as refused:
        traced(folder, [WATCHED])
    assert refused.value.code is ChainCode.BLOCK_BAD
    for part in ("block 1 ", first.block_hash[::-1].hex(), "blk00000.dat at offset 8"):
        assert part in refused.value.what


def test_own_checks_only_blocks_that_matter(tmp_path: Path) -> None:
    first, second, third = PAID
    bad = flipped(second, len(second.raw) - 14)
    folder = write_folder(tmp_path, [record(first.raw) + record(bad) + record(third.raw)])
    assert traced(folder, [WATCHED], own=True).blocks == expected(PAID, [WATCHED])
    assert code_of(folder) == ChainCode.BLOCK_BAD


def test_a_bad_block_above_the_height_asked_for_does_not_matter(tmp_path: Path) -> None:
    first, second, third = PAID
    bad = flipped(second, len(second.raw) - 14)
    folder = write_folder(tmp_path, [record(first.raw) + record(bad) + record(third.raw)])
    assert traced(folder, [WATCHED], upto=1).blocks == expected(PAID[:1], [WATCHED])


def test_a_block_with_impossible_amounts_is_refused(tmp_path: Path) -> None:
    block = mine(GENESIS, pay=((21_000_001 * 100_000_000, WATCHED),))
    assert code_of(plain_folder(tmp_path, [block])) == ChainCode.BLOCK_BAD


@given(data=st.data())
def test_a_flipped_byte_never_changes_the_answer(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    history = data.draw(histories(most=6))
    arranged = data.draw(arrangements(history, tidy=True))
    folder = arranged.write(tmp_path_factory.getbasetemp() / "flipped")
    path = data.draw(st.sampled_from(sorted(folder.glob("blk*.dat"))))
    content = bytearray(path.read_bytes() or b"\0")
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    scripts = SCRIPTS[:4]
    try:
        chain = source(folder).chain(quiet)
        found = traced(folder, scripts)
    except SourceError:
        return
    # What was damaged is a stale block or a copy; or the last block, and then it is no longer the
    # last, and a stale branch may be as long.
    known = {block.block_hash: block for block in (*history.main, *history.stale)}
    if chain.block_hash(chain.tip) not in {GENESIS.block_hash, *known}:
        return  # another time or nonce makes another block, whose proof of work costs nothing here
    branch = [known[chain.block_hash(Height(height))] for height in range(1, chain.tip + 1)]
    assert found.blocks == expected(branch, scripts)
    if branch != list(history.main):
        assert chain.tip == len(history.main) - 1
        codes = {finding.code for finding in found.findings}
        assert branch == list(history.main[:-1]) or FindingCode.CHAIN_EQUAL_WORK in codes


# A node that runs -------------------------------------------------------------------------------


@pytest.mark.parametrize("reserve", [0, 4096])
def test_the_block_that_is_being_written_is_left_out(tmp_path: Path, reserve: int) -> None:
    first, second, last = PAID
    whole = b"".join(record(b.raw) for b in (GENESIS, first, second))
    written = record(last.raw)
    for length in range(len(written)):
        folder = write_folder(tmp_path, [whole + written[:length]], zeros=[reserve])
        # With zeros behind it a block that ends in zeros may be whole before all is written.
        tip = tip_of(folder)
        assert tip == 2 or (reserve and tip == 3 and not any(written[length:]))
        assert traced(folder, [WATCHED]).findings == ()


def test_a_half_written_tip_whose_transactions_are_whole_is_left_out(tmp_path: Path) -> None:
    # Only the witness is cut, and zeros stand in for it: the Merkle root does not tell.
    tx = Tx(
        ((PAID[0].transactions[0].txid, 0),),
        ((1, OP_TRUE),),
        (b"",),
        ((b"\x01" * 72,),),
    )
    last = mine(PAID[2], [tx])
    whole = b"".join(record(b.raw) for b in (GENESIS, *PAID))
    folder = write_folder(tmp_path, [whole + record(last.raw)[:-20]], zeros=[4096])
    assert tip_of(folder) == 3
    (told,) = traced(folder, [WATCHED]).findings
    assert (told.code, told.verdict) == (FindingCode.CHAIN_UNFINISHED, Verdict.PASS)
    assert told.subject == show_hash(last.block_hash)
    assert "blk00000.dat" in told.what


def test_a_folder_that_grows_is_read_as_it_was(tmp_path: Path) -> None:
    folder = plain_folder(tmp_path, PAID[:2])
    blocks = source(folder)
    assert blocks.chain(quiet).tip == 2
    with (folder / "blk00000.dat").open("ab") as file:
        file.write(record(PAID[2].raw))
    assert blocks.trace([Script(WATCHED)], Height(2), quiet).blocks == expected(PAID[:2], [WATCHED])
    assert tip_of(folder) == 3


def test_zeros_in_reserve_may_go_while_it_is_read(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, [b"".join(record(b.raw) for b in PAID)], zeros=[100_000])
    path = folder / "blk00000.dat"
    blocks = source(folder)
    assert blocks.chain(quiet).tip == 3
    os.truncate(path, path.stat().st_size - 100_000)
    assert blocks.trace([Script(WATCHED)], Height(3), quiet).blocks == expected(PAID, [WATCHED])


def test_a_file_that_loses_blocks_while_it_is_read_is_refused(tmp_path: Path) -> None:
    folder = plain_folder(tmp_path, PAID)
    blocks = source(folder)
    blocks.chain(quiet)
    os.truncate(folder / "blk00000.dat", 300)
    with pytest.raises(SourceError) as refused:
        blocks.trace([Script(WATCHED)], Height(3), quiet)
    assert refused.value.code is ChainCode.FILE_CHANGED


def test_a_block_that_becomes_another_while_it_is_read_is_refused(tmp_path: Path) -> None:
    folder = plain_folder(tmp_path, PAID)
    blocks = source(folder)
    blocks.chain(quiet)
    path = folder / "blk00000.dat"
    other = mine(PAID[1], time=PAID[2].time + 7)
    content = path.read_bytes().replace(PAID[2].raw, other.raw)
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(1, 1))
    with pytest.raises(SourceError) as refused:
        blocks.trace([Script(WATCHED)], Height(3), quiet)
    assert refused.value.code is ChainCode.BLOCK_BAD


# What is asked ----------------------------------------------------------------------------------


def test_garbage_is_a_finding(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, [record(PAID[0].raw), b"??" + record(PAID[1].raw)])
    (finding,) = traced(folder, SCRIPTS).findings
    assert (finding.code, finding.verdict, finding.severity) == (
        FindingCode.CHAIN_GARBAGE,
        Verdict.PASS,
        Severity.INFO,
    )
    assert "blk00001.dat" in finding.what
    assert "offset 0" in finding.what


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", ChainCode.NO_BLOCKS),
        (record(PAID[0].raw, bytes.fromhex("1c163f28")) + MAGIC, ChainCode.OTHER_NETWORK),
        (b"hello world", ChainCode.NO_BLOCKS),
        (record(PAID[0].raw, bytes.fromhex("0a03cf40")), ChainCode.OTHER_NETWORK),
        (record(PAID[0].raw, bytes.fromhex("f9beb4d9")), ChainCode.OTHER_NETWORK),
    ],
)
def test_files_without_blocks_of_the_network(tmp_path: Path, content: bytes, code: str) -> None:
    assert code_of(write_folder(tmp_path, [content])) == code


def test_a_height_above_the_tip_is_refused(tmp_path: Path) -> None:
    blocks = source(plain_folder(tmp_path, PAID))
    for height in (4, -1):
        with pytest.raises(RequestError) as refused:
            blocks.trace([], Height(height), quiet)
        assert refused.value.code is ChainCode.HEIGHT_UNKNOWN


@pytest.mark.parametrize(
    ("own", "word"), [(False, UnspentWord.BLOCKS), (True, UnspentWord.OWN_NODE)]
)
def test_what_it_vouches_for(tmp_path: Path, own: bool, word: UnspentWord) -> None:
    folder = plain_folder(tmp_path, PAID)
    note = source(folder, own=own).notes()[0]
    assert (note.own, note.word) == (own, word)
    assert str(folder) not in note.caveat


def test_progress_runs_to_its_end_in_order(tmp_path: Path) -> None:
    steps: list[Progress] = []
    blocks = source(plain_folder(tmp_path, PAID))
    chain = blocks.chain(steps.append)
    blocks.trace([Script(WATCHED)], chain.tip, steps.append)
    names = list(dict.fromkeys(step.step for step in steps))
    assert names == [
        "Preparing the scanner",
        "Reading block headers",
        "Verifying headers",
        "Scanning blocks",
        "Collecting evidence",
    ]
    for name in names:
        last = [step for step in steps if step.step == name][-1]
        assert last.done == last.total > 0


@given(data=st.data())
def test_any_bytes_end_in_an_answer_or_a_typed_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    pieces = st.one_of(
        st.binary(max_size=50),
        st.just(MAGIC),
        st.sampled_from([record(block.raw) for block in (GENESIS, *PAID)]),
        st.integers(81, 400).map(lambda n: MAGIC + n.to_bytes(4, "little") + PAID[1].raw),
        st.integers(0, 300).map(lambda n: record(PAID[2].raw)[:n]),
    )
    files = data.draw(st.lists(st.lists(pieces, max_size=6).map(b"".join), min_size=1, max_size=3))
    folder = write_folder(tmp_path_factory.getbasetemp() / "fuzz", files)
    try:
        tip = tip_of(folder)
        found = traced(folder, SCRIPTS)
    except ErarioError as error:
        assert error.remedy  # noqa: PT017
        return
    assert found.blocks == expected(PAID[:tip], SCRIPTS)


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="mapped files are not kept open")
def test_a_folder_of_more_files_than_may_be_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_folder(tmp_path, [record(block.raw) for block in PAID])
    limits = [(100, 1000)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, limit: limits.append(limit))
    assert tip_of(folder) == 3
    assert limits[-1] == (131, 1000)
    limits.append((100, 130))
    with pytest.raises(RequestError) as refused:
        tip_of(folder)
    assert refused.value.code is ChainCode.TOO_MANY_FILES
    assert "ulimit -n 131" in refused.value.remedy
