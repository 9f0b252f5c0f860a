"""The lines of keys: beside tomllib, on every kind of document that it takes."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.reserve.toml_places import MAX_DEPTH, KeyPath, find_places

DOCUMENT = '''\
title = "x"                    # 1
"quoted key" = 'a # b'
'lit.eral'."dot.ted".bare = 1
[table]                        # 4
multi = """
[not.a.table]
key = "no"
"""                            # 8
after = 9
array = [                      # 10
  1, "]", # ] comment
  [ 2, 3 ],
  { a = 4, b.c = [ 5,
    6 ] },                     # 14
]
literal = \'\'\'
\'\' = 1
\'\'\'\'\'
quotes = """a""\\
  """""                        # 20
empty = []
inline = {}
time = 1979-05-27 07:32:00Z
[[list]]                       # 24
name = 1
[[list]]
name = 2
[list.sub]                     # 28
deep.er = true
[[list.rows]]
x = 1
[[list.rows]]                  # 32
x = 2
[a.b.c]
[a]                            # 35
"esc\\u0061ped" = 1
'''

LINES: dict[KeyPath, int] = {
    ("title",): 1,
    ("quoted key",): 2,
    ("lit.eral",): 3,
    ("lit.eral", "dot.ted", "bare"): 3,
    ("table",): 4,
    ("table", "multi"): 5,
    ("table", "after"): 9,
    ("table", "array"): 10,
    ("table", "array", 0): 11,
    ("table", "array", 1): 11,
    ("table", "array", 2): 12,
    ("table", "array", 2, 1): 12,
    ("table", "array", 3): 13,
    ("table", "array", 3, "a"): 13,
    ("table", "array", 3, "b", "c"): 13,
    ("table", "array", 3, "b", "c", 1): 14,
    ("table", "literal"): 16,
    ("table", "quotes"): 19,
    ("table", "empty"): 21,
    ("table", "inline"): 22,
    ("table", "time"): 23,
    ("list",): 24,
    ("list", 0): 24,
    ("list", 0, "name"): 25,
    ("list", 1): 26,
    ("list", 1, "name"): 27,
    ("list", 1, "sub"): 28,
    ("list", 1, "sub", "deep", "er"): 29,
    ("list", 1, "rows", 0, "x"): 31,
    ("list", 1, "rows", 1): 32,
    ("list", 1, "rows", 1, "x"): 33,
    ("a", "b", "c"): 34,
    ("a",): 35,
    ("a", "escaped"): 36,
}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_lines_of_a_document(newline: str) -> None:
    text = DOCUMENT.replace("\n", newline)
    places = find_places(text)
    assert paths_of(tomllib.loads(text)) == set(places.lines)
    assert {path: places.lines[path] for path in LINES} == LINES


def paths_of(value: Any, path: KeyPath = ()) -> set[KeyPath]:
    found = {path} if path else set()
    children = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        children = enumerate(value)
    for key, inner in children:
        found |= paths_of(inner, (*path, key))
    return found


# A small writer of TOML in all its spellings; each value knows the line breaks that it holds.
NAMES = st.sampled_from(["a", "b", "c-d", "1", "_", "a b", "x.y", "é", "#", "]", "=", '"', "'"])


def spell(name: str) -> st.SearchStrategy[str]:
    choices = ['"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"']
    if (name.isascii() and name.replace("-", "").replace("_", "").isalnum()) or name == "_":
        choices.append(name)
    if "'" not in name:
        choices.append(f"'{name}'")
    if name == "a":
        choices.append('"\\u0061"')
    return st.sampled_from(choices)


SCALARS = st.sampled_from(
    [
        "1", "-1.5e3", "0x1f", "true", "inf", "1979-05-27", "07:32:00", "1979-05-27T07:32:00Z",
        '"x"', '"[{,#}]\\"\\\\"', "'\\'", '"""a\nb"""', "'''\n]\n'''", '""""x""""', '"""\\\n  """',
        '""', "''", '""""""', "''''''",
    ]
)  # fmt: skip
GAPS = st.sampled_from(["", " ", "\n", " # , ] } [x]\n", "\n\n\t"])


@st.composite
def arrays(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    parts = draw(st.lists(inner, max_size=3))
    text = "["
    for number, part in enumerate(parts):
        text += draw(GAPS) + part + draw(GAPS)
        text += "," if number < len(parts) - 1 or draw(st.booleans()) else ""
    return text + draw(GAPS) + "]"


@st.composite
def inline_tables(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    names = draw(st.lists(NAMES, max_size=3, unique=True))
    pairs = [f"{draw(spell(name))} = {draw(inner)}" for name in names]
    return "{ " + " , ".join(pairs) + " }"


VALUES = st.recursive(
    SCALARS, lambda inner: st.one_of(arrays(inner), inline_tables(inner)), max_leaves=6
)


@st.composite
def documents(draw: st.DrawFn) -> str:
    lines = []
    for _ in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(["pair", "pair", "table", "list", "comment"]))
        name = draw(NAMES.flatmap(spell))
        dotted = ".".join(
            [name, *(draw(NAMES.flatmap(spell)) for _ in range(draw(st.integers(0, 2))))]
        )
        if kind == "pair":
            lines.append(f"{dotted} = {draw(VALUES)}{draw(st.sampled_from(['', ' # c']))}")
        elif kind == "table":
            lines.append(f"[{dotted}]")
        elif kind == "list":
            lines.append(f"[[ {dotted} ]]")
        else:
            lines.append("  # a = [1, 2")
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    return "\n".join(lines).replace("\n", newline) + draw(st.sampled_from(["", newline]))


@given(documents())
def test_every_path_of_a_valid_document_is_found(text: str) -> None:
    places = find_places(text)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # a key twice, or a table that closed: the walk need only end
    assert paths_of(values) == set(places.lines)


@given(documents(), st.integers(0, 30))
def test_lines_move_with_the_text(text: str, count: int) -> None:
    before, after = find_places(text), find_places("# c\n" * count + text)
    assert after.lines == {path: line + count for path, line in before.lines.items()}


@given(documents())
def test_a_line_holds_its_key(text: str) -> None:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = text.replace("\r\n", "\n").split("\n")
    for path, line in find_places(text).lines.items():
        key = path[-1]
        if isinstance(key, str):
            spellings = {key, key.replace('"', '\\"'), key.replace("a", "\\u0061")}
            assert any(each in lines[line - 1] for each in spellings)


@given(st.text(alphabet="a=[]{}\"'\n,.#\\ 1", max_size=80))
def test_junk_ends(text: str) -> None:
    places = find_places(text)
    assert all(1 <= line <= text.count("\n") + 1 for line in places.lines.values())


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 100_000,
        "x = " + "{a=" * 100_000,
        "x = [\n" + "[\n" * MAX_DEPTH,
        ".".join("a" * 100) + " = 1",
        "[" + ".".join("a" * 100) + "]",
    ],
)
def test_depth_is_measured_before_tomllib_recurses(text: str) -> None:
    assert find_places(text).too_deep is not None


@pytest.mark.parametrize("opening", ['"', "'", '"""', "'''", '"\\'])
def test_an_open_string_costs_no_time(opening: str) -> None:
    assert find_places("x = " + opening + "a" * 1_000_000).lines
