"""Every bundle of the conformance kit gets the verdict that is due."""

from __future__ import annotations

import pytest
from tests.unit.bundle import kit

from erario.bundle.archive import read_archive, write_archive
from erario.bundle.container import read_container
from erario.bundle.errors import BundleError
from erario.bundle.verifying import verify_bundle, verify_files


@pytest.mark.parametrize("name", list(kit.GOOD))
def test_good_bundles_are_valid(name):
    files = kit.GOOD[name]()
    assert read_archive(write_archive(files)) == files
    found = verify_files(files)
    assert found.manifest.digest


@pytest.mark.parametrize("lie", kit.LIES, ids=lambda lie: lie.name)
def test_lies_are_refused_by_name(lie, tmp_path):
    path = tmp_path / "lie.erario"
    path.write_bytes(lie.data())
    with pytest.raises(BundleError) as refused:
        verify_bundle(path)
    assert refused.value.code == lie.code, refused.value
    assert refused.value.remedy


def test_names_are_told_once():
    names = [lie.name for lie in kit.LIES]
    assert len(set(names)) == len(names) >= 50


def test_the_kit_is_the_same_twice_and_small(tmp_path):
    count = kit.write_kit(tmp_path / "one")
    kit.write_kit(tmp_path / "two")
    one = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    two = {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    assert one == two
    assert len(one) == count + 1


def test_a_folder_is_the_same_bundle(tmp_path):
    files = kit.GOOD["good_document"]()
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    assert read_container(tmp_path) == files
