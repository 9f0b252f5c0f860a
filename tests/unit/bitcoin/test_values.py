"""Hashes as text: exactly 64 hex digits, in display order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.bitcoin.values import read_hash, show_hash


@given(st.binary(min_size=32, max_size=32))
def test_what_is_shown_is_read_back(value):
    assert read_hash(show_hash(value)) == value
    assert read_hash(show_hash(value).upper()) == value


@pytest.mark.parametrize(
    "text",
    ["", "0" * 63, "0" * 65, "g" * 64, "00 " * 21 + "0", " " * 64, "0" * 63 + "\n", "٠" * 64],
)
def test_what_is_no_hash(text):
    with pytest.raises(ValueError, match="64 hex digits"):
        read_hash(text)
