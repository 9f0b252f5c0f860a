from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from erario.cli.clean import clean
from erario.cli.show.layout import (
    BTC,
    COINS,
    WIDTH,
    Column,
    Row,
    ends,
    labelled,
    paragraph,
    table,
    wrap,
)

names = st.text(max_size=200).map(clean) | st.text("王国x ", max_size=200)


@given(names, st.integers(2, 80))
def test_wrapped_lines_fit_and_lose_nothing(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@given(names, names, names)
def test_nothing_is_wider_than_80_columns(name: str, other: str, note: str) -> None:
    columns = (Column("wallet", least=30), COINS, BTC, Column("existence"))
    rows = [
        Row((name, "2,100,000", "21,000,000.00000000", "unspent"), (note,)),
        Row((other, "1", "0.00000001", "reported")),
    ]
    lines = [
        *table(columns, rows),
        *ends(name, other),
        *labelled("UNKNOWN", name, width=9, right=other),
        *paragraph(note, indent=9),
    ]
    assert all(cell_len(line.plain) <= WIDTH for line in lines)


def test_figures_line_up_also_beside_wide_characters() -> None:
    rows = [Row(("王国", "1", "5.00000000")), Row(("vault", "12", "1,234.00000000"))]
    lines = [line.plain for line in table((Column("wallet"), COINS, BTC), rows)]
    assert lines == [
        "wallet    coins              BTC",
        "王国          1       5.00000000",
        "vault        12   1,234.00000000",
    ]


def test_a_name_that_is_too_long_stands_above_its_figures() -> None:
    rows = [Row(("x" * 90, "1", "5.00000000"), ("a note",)), Row(("vault", "2", "6.00000000"))]
    lines = [line.plain for line in table((Column("wallet"), COINS, BTC), rows)]
    assert lines == [
        "wallet    coins              BTC",
        "x" * 80,
        "x" * 10,
        "              1       5.00000000",
        "    a note",
        "vault         2       6.00000000",
    ]


def test_what_stands_right_takes_a_line_of_its_own_if_it_must() -> None:
    assert [line.plain for line in ends("left", "right")] == ["left" + " " * 71 + "right"]
    assert [line.plain for line in ends("l" * 78, "right")] == ["l" * 78, " " * 75 + "right"]
