"""Walking scripts, beside btclib's walk."""

from __future__ import annotations

import pytest
from btclib.script.script import op_code_spans
from hypothesis import given
from hypothesis import strategies as st

from erario.proof.scripts import has_codeseparator, operations, read_pushes, write_push


@given(st.binary(max_size=600))
def test_walk_is_btclib_s(script: bytes) -> None:
    ours = [code for code, _ in operations(script)]
    theirs = [code for code, _, _ in op_code_spans(script)]
    # Ours ends with the code of a push that runs past the end, theirs before it.
    assert ours[: len(theirs)] == theirs
    assert len(ours) - len(theirs) in {0, 1}


@given(st.lists(st.binary(max_size=600), max_size=5))
def test_pushes_come_back(items: list[bytes]) -> None:
    assert read_pushes(b"".join(map(write_push, items))) == (items, True)


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("", ([], True)),
        ("00", ([b""], True)),
        ("4f", ([b"\x81"], True)),
        ("51", ([b"\x01"], True)),
        ("60", ([b"\x10"], True)),
        ("0101", ([b"\x01"], False)),
        ("0181", ([b"\x81"], False)),
        ("0111", ([b"\x11"], True)),
        ("0100", ([b"\x00"], True)),
        ("4c0111", ([b"\x11"], False)),
        ("4c00", ([b""], False)),
        ("4d0100aa", ([b"\xaa"], False)),
        ("4e01000000aa", ([b"\xaa"], False)),
        ("50", None),
        ("61", None),
        ("02aa", None),
        ("4c", None),
        ("4cff", None),
        ("4effffffff", None),
    ],
)
def test_pushes(script: str, found: tuple | None) -> None:
    assert read_pushes(bytes.fromhex(script)) == found


@pytest.mark.parametrize(
    ("script", "legacy", "tapscript"),
    [
        ("ab", True, True),
        ("01ab", False, False),
        ("51ab", True, True),
        ("50ab", True, False),
        ("ab7e", True, False),
        ("ab01", True, True),
        ("4cab", False, False),
    ],
)
def test_codeseparator(script: str, legacy: bool, tapscript: bool) -> None:
    raw = bytes.fromhex(script)
    assert has_codeseparator(raw, is_tapscript=False) is legacy
    assert has_codeseparator(raw, is_tapscript=True) is tapscript
