"""The folder of a ceremony: whole or not at all, believed only after checks."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.ceremony.kit import VAULT, A, Treasury, build, signed

from erario.ceremony import folder as folder_module
from erario.ceremony.errors import CeremonyCode, CeremonyError
from erario.ceremony.folder import read_folder, returned_files, write_folder
from erario.ceremony.state_file import ceremony_json, read_ceremony
from erario.errors import ErarioError, OutputError


@pytest.fixture
def world(tmp_path: Path) -> Treasury:
    return build(tmp_path, {"hot": (f"wpkh({A})", 1), "vault": (VAULT, 1)})


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_what_is_written_is_read(world: Treasury) -> None:
    ceremony, folder = world.start(), world.folder / "c"
    assert write_folder(ceremony, folder)
    assert read_folder(folder) == ceremony
    assert sorted(files_in(folder)) == [
        "README.txt", "ceremony.json", "message.txt", "scripts.csv",
        "to-sign/hot-001.psbt", "to-sign/vault-001.psbt",
    ]  # fmt: skip
    assert ceremony.message.text in (folder / "README.txt").read_text()
    rows = list(csv.DictReader((folder / "scripts.csv").read_text().splitlines()))
    assert [(row["proof"], row["script"]) for row in rows] == [
        ("hot-001", world.scripts[0].hex()), ("vault-001", world.scripts[1].hex()),
    ]  # fmt: skip
    assert rows[0]["address"].startswith("bcrt1q")
    assert folder.stat().st_mode & 0o700 == 0o700


def test_the_same_question_again_puts_back_what_is_gone(world: Treasury) -> None:
    ceremony, folder = world.start(), world.folder / "c"
    write_folder(ceremony, folder)
    before = files_in(folder)
    (folder / "to-sign" / "hot-001.psbt").unlink()
    (folder / "message.txt").write_text("another")
    (folder / "signed").rmdir()
    assert not write_folder(ceremony, folder)
    assert files_in(folder) == before
    assert (folder / "signed").is_dir()


def test_another_question_is_refused(world: Treasury) -> None:
    folder = world.folder / "c"
    write_folder(world.start(), folder)
    before = files_in(folder)
    with pytest.raises(CeremonyError) as caught:
        write_folder(world.start(purpose="Another"), folder)
    assert caught.value.code is CeremonyCode.FOLDER_OTHER
    assert files_in(folder) == before


def test_what_is_there_is_not_written_over(world: Treasury) -> None:
    folder = world.folder / "c"
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(CeremonyError) as caught:
        write_folder(world.start(), folder)
    assert caught.value.code is CeremonyCode.FOLDER_BUSY
    (folder / "thesis.txt").unlink()
    assert write_folder(world.start(), folder)


@pytest.mark.parametrize("after", range(6))
def test_an_interrupted_start_leaves_nothing(
    world: Treasury, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    ceremony, left = world.start(), [after]
    whole = folder_module.write_whole

    def interrupted(path: Path, data: bytes) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        whole(path, data)

    before = sorted(world.folder.iterdir())
    monkeypatch.setattr(folder_module, "write_whole", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_folder(ceremony, world.folder / "c")
    assert sorted(world.folder.iterdir()) == before
    monkeypatch.undo()
    assert write_folder(ceremony, world.folder / "c")


def test_a_place_that_is_none(world: Treasury) -> None:
    with pytest.raises(OutputError):
        write_folder(world.start(), world.folder / "nowhere" / "c")


def test_no_ceremony(tmp_path: Path) -> None:
    with pytest.raises(CeremonyError) as caught:
        read_folder(tmp_path)
    assert caught.value.code is CeremonyCode.FOLDER_NONE


def _version(value: Any) -> None:
    value["version"] = 2


def _other_message(value: Any) -> None:
    value["message"] = value["message"].replace("2026", "2027")


def _no_message(value: Any) -> None:
    value["message"] = "Hello"


def _name(value: Any) -> None:
    value["asks"][0]["name"] = "../../etc/passwd"


def _twice(value: Any) -> None:
    value["asks"][1]["name"] = value["asks"][0]["name"]


def _more(value: Any) -> None:
    value["more"] = 1


def _psbt(value: Any) -> None:
    value["asks"][0]["psbt"] = value["asks"][0]["psbt"][:-8]


@pytest.mark.parametrize(
    "change", [_version, _other_message, _no_message, _name, _twice, _more, _psbt]
)
def test_a_state_that_is_not_ours(world: Treasury, change: Callable[[Any], None]) -> None:
    value = json.loads(ceremony_json(world.start()))
    change(value)
    with pytest.raises(CeremonyError) as caught:
        read_ceremony(json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n", "x")
    assert caught.value.code.value.startswith("ceremony.state")


@pytest.mark.parametrize("wrong", [None, 5, [1], {}, "\ud800"])
@pytest.mark.parametrize("key", ["holder", "fingerprint", "name", "site"])
def test_a_text_that_is_none(world: Treasury, key: str, wrong: object) -> None:
    value = json.loads(ceremony_json(world.start()))
    value["cosigners"] = [{"fingerprint": "00" * 4, "name": "A", "site": "B"}]
    if key == "holder":
        value["holder"] = wrong
    else:
        value["cosigners"][0][key] = wrong
    is_half = wrong == "\ud800"
    written = json.dumps(value, ensure_ascii=is_half, indent=1).encode() + b"\n"
    if wrong is None and key in {"name", "site"}:
        assert read_ceremony(written, "x").signers
        return
    with pytest.raises(CeremonyError) as caught:
        read_ceremony(written, "x")
    assert caught.value.code is CeremonyCode.STATE


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(max_examples=50)
@given(st.data())
def test_a_state_with_any_member_replaced(data: st.DataObject) -> None:
    value: Any = {
        "format": "erario-ceremony", "version": 1, "network": "main", "holder": "x",
        "message": f"a | b | block 1 {'0' * 64} | coins {'0' * 64}", "cosigners": [], "asks": [],
    }  # fmt: skip
    value[data.draw(st.sampled_from(sorted(value)))] = data.draw(_JSON)
    written = json.dumps(value, ensure_ascii=False, indent=1).encode(errors="replace") + b"\n"
    with suppress(ErarioError):
        read_ceremony(written, "x")


def test_which_files_are_read(world: Treasury, tmp_path: Path) -> None:
    ceremony, folder = world.start(), world.folder / "c"
    write_folder(ceremony, folder)
    (folder / "signed" / "usb").mkdir()
    for name in ("signed/b.psbt", "signed/.hidden", "signed/usb/c.psbt"):
        (folder / name).write_bytes(b"x")
    other = tmp_path / "a.psbt"
    other.write_bytes(b"y")
    found = [Path(name).name for name, _ in returned_files(ceremony, folder, [other, other])]
    assert found == ["b.psbt", "c.psbt", "a.psbt"]
    with pytest.raises(CeremonyError):
        list(returned_files(ceremony, folder, [tmp_path / "none.psbt"]))


def test_what_was_signed_in_its_place(world: Treasury) -> None:
    """A wallet that saves the signed PSBT over the one that it was given."""
    ceremony, folder = world.start(), world.folder / "c"
    write_folder(ceremony, folder)
    given = ceremony.asks[0].psbt
    (psbt,) = signed(given, 0)
    path = folder / "to-sign" / "hot-001.psbt"
    path.write_bytes(psbt.to_bytes())
    assert [data for _, data in returned_files(ceremony, folder, ())] == [psbt.to_bytes()]
    assert not write_folder(ceremony, folder)
    assert path.read_bytes() == given.to_bytes()
    assert [data for _, data in returned_files(ceremony, folder, ())] == [psbt.to_bytes()]
