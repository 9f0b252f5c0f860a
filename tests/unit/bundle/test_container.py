"""Folders as bundles, and zips as the rest of the world reads them."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.unit.bundle import kit

from erario.bundle import container
from erario.bundle.archive import write_archive
from erario.bundle.errors import BundleCode, BundleError, ReadingCode
from erario.bundle.making import save_bundle
from erario.bundle.verifying import verify_bundle
from erario.errors import RequestError


@pytest.fixture
def folder(tmp_path):
    save_bundle(kit.plain(), tmp_path / "bundle", folder=True)
    return tmp_path / "bundle"


def code_of(path):
    with pytest.raises(BundleError) as refused:
        verify_bundle(path)
    return refused.value.code


def test_a_folder_and_its_zip_have_one_digest(folder, tmp_path):
    save_bundle(kit.plain(), tmp_path / "bundle.erario")
    one, other = verify_bundle(folder), verify_bundle(tmp_path / "bundle.erario")
    assert one.manifest == other.manifest
    assert one.evidence == other.evidence


def test_a_link_in_a_folder_is_not_followed(folder):
    target = folder.parent / "elsewhere.json"
    (folder / "evidence.json").rename(target)
    (folder / "evidence.json").symlink_to(target)
    assert code_of(folder) is BundleCode.LINK


def test_a_linked_folder_is_not_entered(folder):
    (folder / "documents").symlink_to(folder.parent)
    assert code_of(folder) is BundleCode.LINK


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_a_pipe_is_not_waited_for(folder):
    (folder / "evidence.json").unlink()
    os.mkfifo(folder / "evidence.json")
    assert code_of(folder) is BundleCode.LINK


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_a_pipe_in_the_place_of_a_bundle_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.erario")
    with pytest.raises(RequestError) as refused:
        verify_bundle(tmp_path / "pipe.erario")
    assert "it is no file" in refused.value.what


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="no /dev/fd")
def test_what_is_handed_over_is_read():
    reader, writer = os.pipe()
    with os.fdopen(reader), os.fdopen(writer, "wb", buffering=0) as end:
        end.write(b"bytes")
        end.close()
        assert container.read_bounded(Path(f"/dev/fd/{reader}")) == b"bytes"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("notes.txt", BundleCode.UNKNOWN_FILE),
        (".hidden", BundleCode.PATH),
        ("a b", BundleCode.PATH),
    ],
)
def test_a_strange_file_in_a_folder(folder, name, code):
    (folder / name).write_bytes(b"")
    assert code_of(folder) is code


def test_folders_in_folders_without_end(folder):
    deep = folder / "declared" / "a" / "b" / "c" / "d" / "e" / "f"
    deep.mkdir(parents=True)
    assert code_of(folder) is BundleCode.LINK


def test_a_file_that_is_missing_in_a_folder(folder):
    (folder / "headers.bin").unlink()
    assert code_of(folder) is BundleCode.MISSING_FILE


def test_what_is_too_large_is_not_read(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(container, "MAX_BYTES", 10_000)
    assert code_of(folder) is BundleCode.TOO_LARGE
    with pytest.raises(BundleError) as refused:
        container.read_bounded(folder / "statement.json", 100)
    assert refused.value.code is BundleCode.TOO_LARGE


def test_what_is_not_there_is_no_refusal(tmp_path):
    with pytest.raises(RequestError):
        verify_bundle(tmp_path / "nothing.erario")


def test_other_readers_of_zips_read_it(tmp_path):
    files = kit.GOOD["good_document"]()
    with zipfile.ZipFile(io.BytesIO(write_archive(files))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == files


def test_a_folder_within_that_may_not_be_read_is_named(folder, monkeypatch):
    (folder / "documents").mkdir(exist_ok=True)
    real = os.scandir

    def scandir(path):
        if Path(path).name == "documents":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(RequestError) as failed:
        container.read_container(folder)
    assert failed.value.code is ReadingCode.NOT_READ
    assert str(failed.value.place) == f"{folder / 'documents'}"
    assert "Permission denied" in failed.value.what


_IMPORTS = """
import sys
from pathlib import Path
from erario.bundle import verify_bundle
verify_bundle(Path(sys.argv[1]))
print(*sorted(sys.modules))
"""


def test_the_verifier_is_a_small_import_path(tmp_path):
    save_bundle(kit.plain(), tmp_path / "bundle.erario")
    command = [sys.executable, "-c", _IMPORTS, str(tmp_path / "bundle.erario")]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    tops = {name.partition(".")[0] for name in loaded}
    foreign = tops - set(sys.stdlib_module_names) - {"erario", "__main__"}
    ours = {one for one in foreign if not one.startswith(("_", "sitecustomize"))}
    assert ours <= {"embit"}
    assert not tops & {"socket", "ssl", "urllib3", "numpy", "numba", "sqlite3", "click", "rich"}
    assert not any(name.startswith(("erario.auditing", "erario.cli")) for name in loaded)
    alone = [name for name in loaded if name.startswith("erario.bundle")]
    assert sum(_lines_of_code(name) for name in alone) < 1_500


def _lines_of_code(module: str) -> int:
    """Lines that are neither blank, comment nor docstring."""
    import ast  # noqa: PLC0415
    import importlib.util  # noqa: PLC0415
    import tokenize  # noqa: PLC0415

    found = importlib.util.find_spec(module)
    assert found is not None
    assert found.origin is not None
    text = Path(found.origin).read_text(encoding="utf-8")
    told: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            told.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    skipped = {
        tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
        tokenize.ENDMARKER,
    }  # fmt: skip
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skipped:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - told)
