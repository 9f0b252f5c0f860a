"""The file that a new reserve starts from."""

from __future__ import annotations

from pathlib import Path

from erario.reserve.loader import check, load
from erario.reserve.starter import starter


def test_the_starter_can_be_checked_and_loaded_as_it_is(tmp_path: Path) -> None:
    for name, data in starter().items():
        (tmp_path / name).write_bytes(data)
    assert check(tmp_path) == ()
    reserve = load(tmp_path)
    assert reserve.holders[0].name == "Treasury of Exampleland"
    assert not reserve.holders[0].complete
    assert {wallet.id for wallet in reserve.wallets} == {"vault", "published"}
