"""What goes by age and number, and that the file shrinks then; answers stay the same."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.strategies.chains import SCRIPTS
from tests.strategies.stores import TICK, World

from erario.chain import place_store, store_database, store_upkeep
from erario.chain.state_report import describe_state
from erario.chain.watch_list_store import today

DATABASE = "regtest/matches.sqlite"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world with a list for each of the first three scripts."""
    monkeypatch.setattr(place_store, "_TICK_NS", int(0.8 * TICK * 1e9))
    world = World(tmp_path)
    world.grow(20)
    world.write()
    for script in SCRIPTS[:3]:
        world.ask((script,))
    return world


def change(world: World, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(world.state / DATABASE)) as database:
        database.execute(statement, values)
        database.commit()


def count(world: World, table: str) -> int:
    with closing(sqlite3.connect(world.state / DATABASE)) as database:
        return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def ask(world: World, number: int) -> None:
    kept, plain, state = world.ask((SCRIPTS[number],))
    assert kept == plain
    assert state.troubles == ()


def lists(world: World) -> int:
    return len(describe_state(world.state)[0].lists)


def test_lists_of_this_year_stay(world: World) -> None:
    change(world, "UPDATE watch_lists SET used = ?", today() - store_upkeep.KEPT_DAYS)
    ask(world, 0)
    assert lists(world) == 3


def test_a_list_that_nobody_asked_for_in_a_year_goes(world: World) -> None:
    change(world, "UPDATE watch_lists SET used = ?", today() - store_upkeep.KEPT_DAYS - 1)
    ask(world, 0)
    assert lists(world) == 1
    assert count(world, "script_sets") == 1
    ask(world, 1)
    assert lists(world) == 2


def test_of_too_many_lists_those_go_that_were_not_used_for_longest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(world, "UPDATE watch_lists SET used = ? - number", today())
    monkeypatch.setattr(store_upkeep, "MOST_LISTS", 2)
    # The list of the first script is the third, since the one that is used comes before it.
    change(world, "UPDATE watch_lists SET used = used - 10 WHERE number = 1")
    ask(world, 2)
    assert lists(world) == 2
    with closing(sqlite3.connect(world.state / DATABASE)) as database:
        numbers = [n for (n,) in database.execute("SELECT number FROM watch_lists")]
    assert numbers == [2, 3]


def test_what_is_too_large_goes_but_not_what_is_in_use(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_upkeep, "MOST_BYTES", 1)
    ask(world, 1)
    assert lists(world) == 1
    ask(world, 1)


def test_a_day_set_forward_by_a_clock_costs_reading_only(world: World) -> None:
    change(world, "UPDATE watch_lists SET used = ?", today() + 1_000_000)
    ask(world, 0)
    assert lists(world) == 3


def test_a_folder_that_nobody_asked_for_in_a_year_goes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(world, "INSERT INTO visits VALUES (x'01', ?)", today() - store_upkeep.KEPT_DAYS - 1)
    change(world, "INSERT INTO visits VALUES (x'02', ?)", today() - 1)
    change(world, "INSERT INTO files VALUES (x'01', x'', x'', x'', x'', x'')")
    change(world, "INSERT INTO files VALUES (x'02', x'', x'', x'', x'', x'')")
    ask(world, 0)
    assert count(world, "visits") == 2
    own = count(world, "files") - 1
    monkeypatch.setattr(store_upkeep, "MOST_FOLDERS", 1)
    change(world, "UPDATE visits SET used = used - 1")
    ask(world, 0)
    assert count(world, "visits") == 1
    assert count(world, "files") == own


def test_the_file_shrinks_where_much_of_it_is_free(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = (world.state / DATABASE).stat().st_size
    change(world, "INSERT INTO script_sets VALUES (x'01', zeroblob(3000000))")
    change(
        world,
        "INSERT INTO watch_lists VALUES (NULL, x'01', x'', 0, zeroblob(32), x'', ?)",
        today() - store_upkeep.KEPT_DAYS - 1,
    )
    assert (world.state / DATABASE).stat().st_size > size + 2_000_000
    monkeypatch.setattr(store_database, "_LEAST_FREE", 100)
    ask(world, 0)
    assert (world.state / DATABASE).stat().st_size <= size + 20_000


def test_a_second_audit_on_a_day_writes_nothing(world: World) -> None:
    ask(world, 0)
    before = (world.state / DATABASE).stat().st_mtime_ns
    ask(world, 0)
    assert (world.state / DATABASE).stat().st_mtime_ns == before
