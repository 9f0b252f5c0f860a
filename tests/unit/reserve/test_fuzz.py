"""Damaged reserves end in a Reserve or in typed problems, and no secret is ever repeated."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.reserve.whole import FILES, WHOLE

from erario.errors import DeclarationError, RequestError
from erario.reserve.loader import load
from erario.reserve.model import Reserve
from erario.reserve.plain_list import reserve_from_list
from erario.reserve.wallet_exports import reserve_from_export

WIF = "L4rK1yDtCWekvXuE6oXD9jCYfFNV2cWRpVuPLBcCU2z8TrisoyY1"
XPRV = "xprvA1RpRA33e1JQ7ifknakTFpgNXPmW2YvmhqLQYMmrj4xJXXWYpDPS3xz7iAxn8L39njGVyuoseXzU6rcxFLJ8HFsTjSyQbLYnMpCqE2VbFWc"
PIECES = st.one_of(
    st.binary(max_size=6),
    st.sampled_from(
        [
            WIF.encode(), XPRV.encode(), b"[", b"]", b"{", b"}", b'"', b"'", b'"""', b"\n", b"\r",
            b"=", b"#", b"\\", b"\0", b"\xff", b"\xe2\x80\xae", b"1", b"-1", b"9" * 5000, b"true",
            b"2025-04-03", b"{ file = \"x\" }", b"[wallets.vault]", b"at = ", b"[[claims]]", b",",
        ]
    ),
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    data = whole
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 30)))
        data = data[:start] + draw(PIECES) + data[end:]
    return data


def is_quiet(error: Exception) -> bool:
    problems = getattr(error, "problems", ())
    said = f"{error} {error!r} {problems!r} {error.__cause__!r} {error.__context__!r}"
    return WIF not in said and XPRV not in said


@given(damaged(WHOLE.encode()), damaged(str(FILES["lists/addresses.csv"]).encode()))
def test_damaged_reserves(toml: bytes, rows: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "lists").mkdir()
        (folder / "lists" / "addresses.csv").write_bytes(rows)
        (folder / "gazette.html").write_bytes(bytes(FILES["gazette.html"]))
        (folder / "reserve.toml").write_bytes(toml)
        try:
            reserve = load(folder)
        except DeclarationError as error:
            assert is_quiet(error)  # noqa: PT017
            assert all(p.what.isprintable() for p in error.problems)  # noqa: PT017
        else:
            assert isinstance(reserve, Reserve)
            assert WIF not in repr(reserve)


LIST = (
    b"# a\n32ixEdVJWo3kmvJGMTZq5jAQVZZeuwnqzo # n\n0014751e76e8199196d454941c45d1b3a323f1433bd6\n"
)
EXPORT = (
    b'{"descriptors": [{"desc": "raw(deadbeef)#89f8spxm", "internal": false}], "xfp": "00000000"}'
)


@given(damaged(LIST), damaged(EXPORT))
def test_damaged_lists_and_exports(rows: bytes, export: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        for read, data in ((reserve_from_list, rows), (reserve_from_export, export)):
            path = Path(name) / "given"
            path.write_bytes(data)
            try:
                reserve, files = read(path, network="main")
            except (DeclarationError, RequestError) as error:
                assert is_quiet(error)  # noqa: PT017
            else:
                assert WIF not in repr(reserve)
                assert all(WIF.encode() not in each for each in files.values())
