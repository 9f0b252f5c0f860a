"""JSON from servers: what is read, what is refused."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.chain import json_answers
from erario.chain.errors import ServerCode
from erario.chain.json_answers import (
    MAX_DEPTH,
    hash_of,
    hex_of,
    member,
    of_kind,
    quote,
    read_json,
    sats_of,
    whole,
)
from erario.errors import SourceError

NAME = "example.org"

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(plain)
def test_reads_what_python_writes(value: object) -> None:
    assert read_json(json.dumps(value).encode(), NAME) == value
    assert read_json(json.dumps(value, ensure_ascii=False).encode(), NAME) == value


@given(
    st.binary(max_size=60)
    | st.text(alphabet='[]{}",:0123456789eE+-.\\u nulltrefas').map(str.encode)
)
def test_junk_is_refused_or_read(junk: bytes) -> None:
    try:
        read_json(junk, NAME)
    except SourceError as error:
        assert (error.code == ServerCode.GARBAGE) and (NAME in error.what)  # noqa: PT017, PT018


@pytest.mark.parametrize(
    "body",
    [
        b"", b"nothing", b"{", b'{"a":1}}', b"NaN", b"Infinity", b"-Infinity", b"[1,]", b"01",
        b'{"a":1,"a":1}', b'{"a":{"b":1,"b":2}}', b"1e101", b"1e-101", b"1e99999999999999999999",
        b"9" * 101, b"-" + b"9" * 5000, b"0." + b"1" * 200, b'"\xff"', b'"\xed\xa0\x80"',
        "1".encode("utf-16"), "1".encode("utf-32"), b"\xef\xbb\xbf1",
        b"[" * 100_000, b"[" * 33 + b"]" * 33, b'{"a":' * 33 + b"1" + b"}" * 33,
        b'["]",' * 40 + b"1" + b"]" * 40,
    ],
    ids=range(26),
)  # fmt: skip
def test_refused(body: bytes) -> None:
    with pytest.raises(SourceError) as caught:
        read_json(body, NAME)
    assert caught.value.code == ServerCode.GARBAGE
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"0.00000001", Decimal("0.00000001")),
        (b"1.10", Decimal("1.10")),
        (b"1e2", Decimal(100)),
        (b"21000000.00000000", Decimal(21_000_000)),
        (b'["]]]]", "[[[["]', ["]]]]", "[[[["]),
        (b'"\\"[[[["', '"[[[['),
        (b'["\\\\", [1]]', ["\\", [1]]),
        (json.dumps("[" * 1000).encode(), "[" * 1000),
    ],
)
def test_read_exactly(body: bytes, value: object) -> None:
    got = read_json(body, NAME)
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize("kinds", ["[]", "{}", "[}"])
def test_brackets_in_strings_hide_no_depth(kinds: str) -> None:
    opening, closing = kinds
    body = f'{opening}"{closing}",' * 20_000
    with pytest.raises(SourceError) as caught:
        read_json(body.encode(), NAME)
    assert caught.value.code == ServerCode.GARBAGE


def test_a_reader_without_room_is_garbage_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def recurse(*_: object, **__: object) -> object:
        raise RecursionError

    monkeypatch.setattr(json, "loads", recurse)
    with pytest.raises(SourceError):
        read_json(b"[1]", NAME)


@given(plain, st.text(alphabet='[]{}"\\\\ '), st.integers(25, 34))
def test_depth_is_counted_outside_strings(value: object, text: str, levels: int) -> None:
    """What nests by the slow way of walking through it is what is refused."""
    deep = nested(value, text, levels)
    body = json.dumps(deep).encode()
    if depth_of(deep) <= MAX_DEPTH:
        assert read_json(body, NAME) == deep
    else:
        with pytest.raises(SourceError):
            read_json(body, NAME)


def nested(value: object, text: str, levels: int) -> object:
    """`value` with a text deep within lists instead of each null."""
    if isinstance(value, dict):
        return {key: nested(each, text, levels) for key, each in value.items()}
    if isinstance(value, list):
        return [nested(each, text, levels) for each in value]
    inner: object = text
    for _ in range(levels if value is None else 0):
        inner = [inner]
    return inner if value is None else value


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


@pytest.mark.parametrize(
    "body",
    [
        b'["' + rb"\"" * 1_000_000,
        b'["' + rb"\\" * 1_000_000,
        b'["' + b"\\" * 1_000_001,
        b'"' * 2_000_000,
        b'"a' * 1_000_000,
        b'"[' * 1_000_000,
        b'"]' * 1_000_000,
    ],
    ids=range(7),
)
def test_strings_without_end_are_looked_at_once(body: bytes) -> None:
    """Each of these took hours where the search began anew at every quote."""
    with pytest.raises(SourceError) as caught:
        read_json(body, NAME)
    assert caught.value.code == ServerCode.GARBAGE


def test_depth_to_the_limit() -> None:
    read_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, NAME)
    mixed = b'[{"a":' * (MAX_DEPTH // 2) + b"1" + b"}]" * (MAX_DEPTH // 2)
    read_json(mixed, NAME)
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        with pytest.raises(SourceError):
            read_json(opening + mixed + closing, NAME)


def test_items_and_bytes_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_json(b"[1,2,3]", NAME, items=3) == [1, 2, 3]
    with pytest.raises(SourceError):
        read_json(b"[1,2,3]", NAME, items=2)
    monkeypatch.setattr(json_answers, "MAX_BYTES", 3)
    assert read_json(b"[1]", NAME) == [1]
    with pytest.raises(SourceError):
        read_json(b"[12]", NAME)


@pytest.mark.parametrize(
    ("value", "key", "kind"),
    [
        ({"a": 1}, "b", int), ([1], "a", int), (None, "a", int), ({"a": True}, "a", int),
        ({"a": 1}, "a", bool), ({"a": "1"}, "a", int), ({"a": Decimal(1)}, "a", int),
        ({"a": None}, "a", str), ({"a": []}, "a", dict), ({"a": {}}, "a", list),
    ],
)  # fmt: skip
def test_members_of_another_type(value: object, key: str, kind: type) -> None:
    with pytest.raises(SourceError) as caught:
        member(value, key, kind, NAME)  # type: ignore[arg-type, type-var]
    assert caught.value.code == ServerCode.GARBAGE
    assert f'"{key}"' in caught.value.what


def test_members() -> None:
    assert member({"a": 0}, "a", int, NAME) == 0
    assert member({"a": False}, "a", bool, NAME) is False
    assert of_kind([1], list, NAME) == [1]


def test_whole() -> None:
    assert whole(5, NAME, most=5) == 5
    for value in (-1, 6, True, "5", Decimal(5), None):
        with pytest.raises(SourceError):
            whole(value, NAME, most=5)


def test_hashes_and_hex() -> None:
    assert hash_of("00" * 31 + "ff", NAME) == b"\xff" + bytes(31)
    for text in ("00" * 31, "00" * 33, "0" * 63 + " ", "  " + "00" * 31, "g" * 64, "٠" * 64, 5):
        with pytest.raises(SourceError):
            hash_of(text, NAME)
    assert hex_of("aB00", NAME, most=2) == b"\xab\x00"
    assert hex_of("", NAME, most=2) == b""
    for text in ("0", "0 0", "000000", "0x00", "zz"):
        with pytest.raises(SourceError):
            hex_of(text, NAME, most=2)


@given(st.integers(0, 21 * 10**14))
def test_amounts(sats: int) -> None:
    text = f"{sats // 10**8}.{sats % 10**8:08d}"
    assert sats_of(read_json(text.encode(), NAME), NAME) == sats


@pytest.mark.parametrize(
    "body",
    [
        b"-1",
        b"-0.00000001",
        b"0.000000001",
        b"21000001",
        b"1e90",
        b"1e-90",
        b"0.00000001" + b"0" * 40 + b"1",
        b'"1"',
        b"true",
    ],
)
def test_amounts_that_cannot_be(body: bytes) -> None:
    with pytest.raises(SourceError) as caught:
        sats_of(read_json(body, NAME), NAME)
    assert caught.value.code == ServerCode.GARBAGE


def test_amounts_that_are_whole() -> None:
    assert sats_of(5, NAME) == 500_000_000
    assert sats_of(Decimal("1e-8"), NAME) == 1
    assert sats_of(Decimal("-0.0"), NAME) == 0


@given(st.text())
def test_quotes_are_one_safe_line(text: str) -> None:
    said = quote(text)
    assert said.isascii()
    assert said.isprintable()
    assert len(said) <= 123
