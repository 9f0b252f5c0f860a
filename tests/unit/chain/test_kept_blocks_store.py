"""A source with a store gives the same answers, byte for byte, as one without."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies.chains import SCRIPTS
from tests.strategies.stores import TICK, World, answer

from erario.bitcoin.network import NetworkName
from erario.chain import block_batches, place_store
from erario.chain.kept_blocks import KeptBlocks
from erario.chain.state_folder import StateFolder

WATCHED = st.lists(st.sampled_from(SCRIPTS), min_size=1, max_size=5)


@pytest.fixture(autouse=True)
def _small_and_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of a few blocks, and files that count as settled after a tick of the world."""
    monkeypatch.setattr(block_batches, "FIRST_BYTES", 1500)
    monkeypatch.setattr(place_store, "_TICK_NS", int(0.8 * TICK * 1e9))


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.grow(20)
    made.write()
    return made


def scans(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int, bool]]:
    """Every scan from now on: scripts, first and last height, whether roots are checked."""
    seen: list[tuple[int, int, int, bool]] = []
    scan = block_batches.scan

    def noting(files, blocks, scripts, **named):
        heights = blocks["height"].tolist()
        seen.append((len(scripts), heights[0], heights[-1], named["check_roots"]))
        return scan(files, blocks, scripts, **named)

    monkeypatch.setattr(block_batches, "scan", noting)
    return seen


@given(data=st.data())
def test_whatever_happens_the_answer_is_the_same(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), seed=data.draw(st.integers(0, 2**32)))
        world.write()
        for _ in range(data.draw(st.integers(2, 6))):
            step = data.draw(
                st.sampled_from(
                    ("nothing", "append", "reorganise", "arrange", "damage", "touch", "forget")
                )
            )
            if step == "append":
                world.append(data.draw(st.integers(1, 6)))
            elif step == "reorganise":
                world.reorganise(data.draw(st.one_of(st.integers(1, 6), st.integers(1, 100))))
                world.write()
            elif step == "arrange":
                world.files = data.draw(st.integers(1, 3))
                world.key = data.draw(st.sampled_from((None, b"erario!!")))
                world.garbage = data.draw(st.sampled_from((b"", b"junk" * 5)))
                world.doubled = data.draw(st.booleans())
                world.write()
            elif step == "damage":
                world.damage(data.draw(st.integers(1, len(world.main))))
            elif step == "touch":
                os.utime(next(world.blocks.glob("blk*.dat")))
            elif step == "forget" and world.state.exists():
                shutil.rmtree(world.state)
            upto = data.draw(st.one_of(st.none(), st.integers(0, len(world.main))))
            own = data.draw(st.booleans())
            kept, plain, state = world.ask(data.draw(WATCHED), own=own, upto=upto)
            assert kept == plain
            assert state.troubles == ()


def test_nothing_is_read_where_nothing_is_new(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, plain, _ = world.ask(SCRIPTS[:4])
    assert kept == plain
    seen = scans(monkeypatch)
    monkeypatch.setattr("erario.chain.kept_index.read_block_index", None)
    assert world.ask(SCRIPTS[:4])[:2] == (plain, plain)
    assert world.ask(SCRIPTS[1:3])[0] == world.ask(SCRIPTS[1:3])[1]
    assert seen == []


def test_only_new_blocks_are_scanned(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_batches, "FIRST_BYTES", 1 << 20)
    world.files = 2
    world.write()
    world.ask(SCRIPTS[:4])
    seen = scans(monkeypatch)
    tip = len(world.main)
    world.append(2)
    kept, plain, _ = world.ask(SCRIPTS[:4])
    assert kept == plain
    # The rest of the file that changed is held against its headers, and no other file.
    (scripts, first, last, checked), read = seen
    assert (scripts, last, checked) == (0, tip, True)
    assert first > 5
    assert read == (4, tip + 1, tip + 2, True)


def test_new_blocks_on_the_old_tip_need_no_tree_of_all_headers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.reorganise(3)
    world.write()
    world.ask(SCRIPTS[:4])
    world.append(2)
    plain = world.ask(SCRIPTS[:4])[1]
    world.append(1)
    with monkeypatch.context() as patch:
        patch.setattr("erario.chain.kept_index.find_folder_chain", None)
        state = StateFolder(world.state, NetworkName.REGTEST)
        kept = answer(KeptBlocks(world.blocks, NetworkName.REGTEST, state=state), SCRIPTS[:4])
    assert kept != plain
    assert kept == world.ask(SCRIPTS[:4])[1]


def test_new_scripts_are_scanned_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_batches, "FIRST_BYTES", 1 << 20)
    world.ask(SCRIPTS[:4])
    seen = scans(monkeypatch)
    kept, plain, _ = world.ask(SCRIPTS[:6])
    assert kept == plain
    # Roots are not checked again: the files are the same.
    assert seen == [(2, 1, len(world.main), False)]
    seen.clear()
    world.ask(SCRIPTS[:6])
    world.ask(SCRIPTS[5:1:-1])
    assert seen == []


def test_scripts_on_a_nodes_word_are_no_answer_to_an_audit_with_roots(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.ask(SCRIPTS[:4], own=True)
    seen = scans(monkeypatch)
    kept, plain, _ = world.ask(SCRIPTS[:4])
    assert kept == plain
    assert seen
    assert all(checked for *_, checked in seen)
    seen.clear()
    kept, plain, _ = world.ask(SCRIPTS[:4], own=True)
    assert kept == plain
    assert seen == []


def test_a_file_that_changed_in_place_is_read_again(world: World) -> None:
    world.ask(SCRIPTS[:4])
    path = next(world.blocks.glob("blk*.dat"))
    before = path.stat()
    world.damage(10)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    kept, plain, _ = world.ask(SCRIPTS[:4])
    assert kept == plain
    assert kept[0] == "blocks.bad"


def test_a_bad_copy_is_told_by_every_run(world: World) -> None:
    world.doubled = True
    world.write()
    world.damage(2)
    for _ in range(3):
        kept, plain, _ = world.ask(SCRIPTS)
        assert kept == plain
        assert [finding.code for finding in kept[2].findings] == ["chain.bad-copy"]


def test_another_folder_with_the_same_chain_is_checked_but_not_scanned(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.ask(SCRIPTS[:4])
    shutil.copytree(world.blocks, world.folder / "copy")
    other = World(world.folder / "other")
    other.main, other.folder = world.main, world.folder / "second"
    other.write()
    shutil.copytree(world.state, other.state)
    seen = scans(monkeypatch)
    kept, plain, _ = other.ask(SCRIPTS[:4])
    assert kept == plain
    assert {scripts for scripts, *_ in seen} == {0}


@pytest.mark.parametrize("depth", [1, 2, 10, 100])
def test_a_reorganisation_is_unwound_to_the_fork(
    world: World, depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_batches, "FIRST_BYTES", 1 << 20)
    world.grow(85)
    world.write()
    world.ask(SCRIPTS[:4])
    seen = scans(monkeypatch)
    world.reorganise(depth)
    world.write()
    kept, plain, _ = world.ask(SCRIPTS[:4])
    assert kept == plain
    tip = len(world.main)
    assert [scan for scan in seen if scan[0]] == [(4, tip - depth, tip, True)]


def test_a_shorter_chain_keeps_what_the_longer_one_showed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.ask(SCRIPTS[:4])
    longer = list(world.main)
    del world.main[-5:]
    world.write()
    seen = scans(monkeypatch)
    kept, plain, _ = world.ask(SCRIPTS[:4])
    assert kept == plain
    world.main = longer
    world.write()
    kept, plain, _ = world.ask(SCRIPTS[:4])
    assert kept == plain
    assert {scripts for scripts, *_ in seen} == {0}


def test_a_warm_answer_needs_neither_numba_nor_numpy(world: World) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from erario.chain import place_store; place_store._TICK_NS = 0\n"
        "from erario.chain.sources import open_source\n"
        f"source = open_source('blocks:{world.blocks}', 'regtest', state={str(world.state)!r})\n"
        "tip = source.chain(lambda _: None).tip\n"
        f"source.trace({list(SCRIPTS[:4])!r}, tip, lambda _: None)\n"
        "print([name for name in ('numba', 'numpy') if name in sys.modules])"
    )
    for expected in ("['numba', 'numpy']", "[]"):
        done = subprocess.run(
            [sys.executable, "-c", code], check=False, capture_output=True, text=True
        )
        assert (done.stdout.strip(), done.stderr) == (expected, "")
