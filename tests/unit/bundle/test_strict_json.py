"""JSON that is made to hold up its reader. With work that grows by the square of their length these
would not end."""

from __future__ import annotations

import pytest

from erario.bundle.errors import BundleCode, BundleError
from erario.bundle.strict_json import MAX_DEPTH, read_json

MILLION = 1_000_000


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'["' + rb"\"" * MILLION, BundleCode.JSON),
        (b'["' + b"\\" * (MILLION + 1), BundleCode.JSON),
        (b'"' * (2 * MILLION), BundleCode.JSON),
        (b'"a' * MILLION, BundleCode.JSON),
        (b"[" * MILLION, BundleCode.JSON_DEPTH),
        (b"]" * MILLION, BundleCode.JSON),
        (b'["]",' * MILLION, BundleCode.JSON_DEPTH),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), BundleCode.JSON_DEPTH),
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, None),
    ],
    ids=["quotes", "backslashes", "empty", "unended", "open", "close", "hidden", "deep", "good"],
)
def test_what_is_made_to_take_for_ever_is_refused(data, code):
    if code is None:
        read_json(data, "a file")
        return
    with pytest.raises(BundleError) as caught:
        read_json(data, "a file")
    assert caught.value.code is code
