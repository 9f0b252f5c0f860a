"""Stores that are damaged, foreign, locked, read-only or full: told, and never believed."""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies.chains import SCRIPTS
from tests.strategies.stores import TICK, World

from erario.bitcoin.network import NetworkName
from erario.chain import block_batches, place_store, state_folder, store_database
from erario.chain.state_folder import StateFolder, default_state_folder
from erario.chain.state_report import clear_state, describe_state
from erario.chain.store_errors import StoreCode, StoreError, not_written

WATCHED = SCRIPTS[:5]
DATABASE = "regtest/matches.sqlite"
HEADERS = "regtest/headers.dat"


@pytest.fixture(autouse=True)
def _prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_batches, "FIRST_BYTES", 3000)
    monkeypatch.setattr(place_store, "_TICK_NS", int(0.8 * TICK * 1e9))
    monkeypatch.setattr(state_folder, "LOCK_SECONDS", 0.1)


def new_world(folder: Path) -> World:
    world = World(folder)
    world.grow(20)
    world.write()
    world.ask(WATCHED)
    return world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return new_world(tmp_path)


@pytest.fixture(scope="module")
def kept_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world with a store, to be copied."""
    return new_world(tmp_path_factory.mktemp("kept"))


@contextmanager
def copied(world: World) -> Iterator[World]:
    """The same world with a state folder of its own."""
    before, world.folder = world.folder, Path(tempfile.mkdtemp())
    try:
        (world.folder / "blocks").symlink_to(before / "blocks")
        shutil.copytree(before / "state", world.folder / "state")
        yield world
    finally:
        shutil.rmtree(world.folder)
        world.folder = before


def same_answer(world: World, scripts: tuple[bytes, ...] = WATCHED) -> list[str]:
    """The codes of what is told beside an answer that is the same as without the store."""
    kept, plain, state = world.ask(scripts)
    assert kept == plain
    assert all(trouble.remedy for trouble in state.troubles)
    return [trouble.code for trouble in state.troubles]


def change(world: World, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(world.state / DATABASE)) as database:
        database.execute(statement, values)
        database.commit()


def test_the_folder_and_its_files_are_for_one_person_only(world: World) -> None:
    assert stat.S_IMODE(world.state.stat().st_mode) == 0o700
    assert stat.S_IMODE((world.state / "regtest").stat().st_mode) == 0o700
    names = {path.name for path in (world.state / "regtest").iterdir()}
    assert names == {"headers.dat", "lock", "matches.sqlite"}
    for path in (world.state / "regtest").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@given(
    name=st.sampled_from((DATABASE, HEADERS)),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), min_size=1),
    wanted=st.sampled_from((WATCHED, WATCHED[1:3], SCRIPTS)),
)
def test_flipped_bits_change_no_answer(
    kept_world: World, name: str, flips: list[tuple[float, int]], wanted: tuple[bytes, ...]
) -> None:
    with copied(kept_world) as world:
        path = world.state / name
        data = bytearray(path.read_bytes())
        for place, bit in flips:
            data[int(place * len(data))] ^= 1 << bit
        path.write_bytes(data)
        told = same_answer(world, wanted)
        assert set(told) <= {
            StoreCode.DAMAGED,
            StoreCode.FOREIGN,
            StoreCode.OTHER_VERSION,
            StoreCode.UNREADABLE,
        }
        assert set(same_answer(world, wanted)) <= set(told)


@given(name=st.sampled_from((DATABASE, HEADERS)), share=st.floats(0, 1, exclude_max=True))
def test_a_file_that_is_cut_changes_no_answer(kept_world: World, name: str, share: float) -> None:
    with copied(kept_world) as world:
        path = world.state / name
        os.truncate(path, int(share * path.stat().st_size))
        same_answer(world)
        assert same_answer(world) == []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM matches WHERE height = (SELECT min(height) FROM matches)",
        "DELETE FROM matches WHERE height = (SELECT max(height) FROM matches)",
        "DELETE FROM matches",
        "UPDATE matches SET height = height + 1 WHERE height = (SELECT max(height) FROM matches)",
        "UPDATE matches SET evidence = x'00'",
        "UPDATE matches SET seal = 7",
        "UPDATE watch_lists SET height = height + 1",
        "UPDATE watch_lists SET height = 'far'",
        "UPDATE watch_lists SET height = -5",
        "UPDATE watch_lists SET height = 9000000000000",
        "UPDATE watch_lists SET folder = x'01'",
        "UPDATE watch_lists SET block_hash = x'00'",
        "DELETE FROM script_sets",
        "UPDATE script_sets SET scripts = x'0151'",
        "UPDATE folders SET content = zeroblob(80)",
        "UPDATE files SET known = zeroblob(3)",
        "UPDATE files SET records = zeroblob(30)",
        "DROP TABLE matches",
        "DROP TABLE files",
    ],
)
@pytest.mark.parametrize("wanted", [WATCHED, WATCHED[1:3], SCRIPTS])
def test_rows_that_are_lost_or_changed_are_not_believed(
    kept_world: World, statement: str, wanted: tuple[bytes, ...]
) -> None:
    with copied(kept_world) as world:
        change(world, statement)
        assert set(same_answer(world, wanted)) <= {StoreCode.DAMAGED}
        same_answer(world, wanted)
        assert same_answer(world, wanted) == []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM matches WHERE height = (SELECT max(height) FROM matches WHERE height < 20)",
        "DELETE FROM matches WHERE height = (SELECT max(height) FROM matches)",
        "UPDATE watch_lists SET height = height + 1",
    ],
)
def test_a_reorganisation_covers_no_damage(kept_world: World, statement: str) -> None:
    main, others = list(kept_world.main), list(kept_world.others)
    with copied(kept_world) as world:
        change(world, statement)
        (world.folder / "blocks").unlink()
        world.reorganise(4)
        world.write()
        assert same_answer(world) == [StoreCode.DAMAGED]
        assert same_answer(world) == []
    kept_world.main, kept_world.others = main, others


def test_lost_matches_are_told(world: World) -> None:
    change(world, "DELETE FROM matches")
    assert same_answer(world) == [StoreCode.DAMAGED]
    assert (world.state / f"{DATABASE}.aside").exists()
    assert same_answer(world) == []


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"not a database, but somebody's notes" * 40, StoreCode.FOREIGN), (None, StoreCode.FOREIGN)],
)
def test_a_foreign_file_is_moved_aside(
    world: World, content: bytes | None, code: StoreCode
) -> None:
    path = world.state / DATABASE
    path.unlink()
    if content is None:
        with closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE other (one)")
        content = path.read_bytes()
    path.write_bytes(content)
    assert same_answer(world) == [code]
    assert path.with_name("matches.sqlite.aside").read_bytes() == content
    assert same_answer(world) == []


def test_another_version_is_moved_aside(world: World) -> None:
    change(world, "PRAGMA user_version = 99")
    assert same_answer(world) == [StoreCode.OTHER_VERSION]
    assert same_answer(world) == []


def test_foreign_headers_are_moved_aside(world: World) -> None:
    (world.state / HEADERS).write_bytes(b"my own notes about headers")
    assert same_answer(world) == [StoreCode.FOREIGN]
    assert (world.state / f"{HEADERS}.aside").read_bytes() == b"my own notes about headers"
    assert same_answer(world) == []


def test_another_run_that_writes_is_waited_for_then_worked_around(world: World) -> None:
    world.append(2)
    with (world.state / "regtest/lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = (world.state / DATABASE).read_bytes()
        assert same_answer(world) == [StoreCode.BUSY]
        assert (world.state / DATABASE).read_bytes() == before
    assert same_answer(world) == []


def test_a_database_that_somebody_else_has_locked(world: World) -> None:
    with closing(sqlite3.connect(world.state / DATABASE)) as database:
        database.execute("BEGIN EXCLUSIVE")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store_database, "_WAIT_SECONDS", 0.1)
            assert same_answer(world) == [StoreCode.BUSY]
    assert same_answer(world) == []


@contextmanager
def somebody_else() -> Iterator[None]:
    """Without the right to write everywhere that root has."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def readable(world: World, mode: int) -> Iterator[None]:
    """The state of a world in a folder that others may read, with this mode."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        world.folder.joinpath("blocks").rename(Path(folder) / "blocks")
        shutil.copytree(world.state, Path(folder) / "state")
        for path in (Path(folder) / "state").rglob("*"):
            path.chmod(mode if path.is_dir() else 0o444)
        (Path(folder) / "state").chmod(mode)
        world.folder = Path(folder)
        yield
        for path in (Path(folder) / "state", Path(folder) / "state/regtest"):
            path.chmod(0o755)


def test_a_folder_that_may_only_be_read(world: World) -> None:
    with readable(world, 0o555), somebody_else():
        # The move has changed its status, so the file is looked through once more.
        assert same_answer(world) == [StoreCode.NOT_WRITTEN]
        assert same_answer(world, SCRIPTS) == [StoreCode.NOT_WRITTEN]


def test_a_folder_that_may_only_be_read_serves_what_it_holds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = world.folder / "state/regtest"
    monkeypatch.setattr(
        state_folder.StateFolder,
        "_enter_folder",
        lambda self, stack: state_folder.not_written(self.path, "read-only"),
    )
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert same_answer(world) == []
    assert same_answer(world, SCRIPTS) == [StoreCode.NOT_WRITTEN]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_folder_that_cannot_be_made(world: World) -> None:
    shutil.rmtree(world.state)
    world.state.write_bytes(b"")
    assert same_answer(world) == [StoreCode.NOT_WRITTEN]


@pytest.mark.parametrize("room", [0, 100, 1000, 4096, 20000, 40000])
def test_a_disk_that_is_full(world: World, room: int) -> None:
    shutil.rmtree(world.state)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        told = same_answer(world, SCRIPTS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert told == [StoreCode.NOT_WRITTEN]
    assert same_answer(world, SCRIPTS) == []
    assert same_answer(world, SCRIPTS) == []


def test_what_is_kept_is_described_and_cleared(world: World) -> None:
    (kept,) = describe_state(world.state)
    assert (kept.network, kept.headers, kept.files) == ("regtest", len(world.main) + 1, 1)
    (listed,) = kept.lists
    answer = world.ask(WATCHED)[1]
    assert (listed.scripts, listed.height, listed.own) == (5, len(world.main), False)
    assert listed.blocks == len(answer[2].blocks)
    assert listed.transactions == sum(len(block.transactions) for block in answer[2].blocks)
    removed = clear_state(world.state, tuple(NetworkName))
    assert {one.path.name for one in removed} == {"headers.dat", "lock", "matches.sqlite"}
    assert sum(one.size for one in removed) == kept.size
    assert not world.state.exists()
    assert describe_state(world.state) == clear_state(world.state, tuple(NetworkName)) == ()
    assert same_answer(world) == []


def test_clearing_leaves_what_is_not_ours_and_waits_for_who_writes(world: World) -> None:
    (world.state / "regtest/mine.txt").write_bytes(b"mine")
    with (world.state / "regtest/lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StoreError) as caught:
            clear_state(world.state, (NetworkName.REGTEST,))
        assert caught.value.code == StoreCode.BUSY
    clear_state(world.state, (NetworkName.REGTEST,))
    assert [path.name for path in (world.state / "regtest").iterdir()] == ["mine.txt"]


def test_where_state_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/var/own")
    assert default_state_folder() == Path("/var/own/erario")
    monkeypatch.setenv("HOME", "/home/somebody")
    for passed_over in ("", "relative/path"):
        monkeypatch.setenv("XDG_STATE_HOME", passed_over)
        assert default_state_folder() == Path("/home/somebody/.local/state/erario")
    monkeypatch.delenv("XDG_STATE_HOME")
    assert default_state_folder() == Path("/home/somebody/.local/state/erario")
    path = StateFolder(default_state_folder(), NetworkName.MAIN).path
    assert path == Path("/home/somebody/.local/state/erario/main")


def test_a_folder_beside_another_tells_by_it_but_not_that_it_waited(tmp_path):
    first = StateFolder(tmp_path, NetworkName.REGTEST)
    beside = first.beside()
    assert beside.path == first.path
    with first.session(), beside.session():
        pass
    assert first.troubles == ()
    beside.note(not_written(tmp_path, "no room"))
    assert [one.code for one in first.troubles] == [StoreCode.NOT_WRITTEN]
