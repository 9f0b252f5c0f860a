from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.cli.clean import LONGEST_TEXT, clean, clean_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Treasury of Exampleland", "Treasury of Exampleland"),
        ("Königreich 王国", "Königreich 王国"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("two\nlines\tand a tab\r", "two\\nlines\\tand a tab\\r"),
        ("right\u202eleft", "right\\u202eleft"),
        ("no\u200bwidth", "no\\u200bwidth"),
        ("c1 \x9b31m", "c1 \\x9b31m"),
        ("lone \udcff surrogate", "lone \\udcff surrogate"),
        ("[bold red]not markup[/]", "[bold red]not markup[/]"),
    ],
)
def test_what_could_move_a_cursor_is_shown_as_its_escape(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text())
def test_nothing_unsafe_is_left(text: str) -> None:
    assert not any(unicodedata.category(char)[0] == "C" for char in clean(text))
    assert not any(
        unicodedata.category(char)[0] == "C" for char in clean_lines(text) if char != "\n"
    )


def test_a_long_text_ends_in_an_ellipsis() -> None:
    assert len(clean("x" * 100_000)) == LONGEST_TEXT
    assert clean("x" * 100_000).endswith("...")


def test_line_breaks_of_our_own_are_kept() -> None:
    assert clean_lines("what\n    remedy\x07") == "what\n    remedy\\x07"
