"""`open_source`: which URLs name a source, and what is missing where one cannot be opened."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.strategies.chains import plain_folder
from tests.unit.chain.chains_check import quiet

from erario.bitcoin.network import NetworkName
from erario.chain.errors import ChainCode
from erario.chain.sources import open_source
from erario.errors import RequestError
from erario.statement.evidence import UnspentWord


def refusal(url: str) -> RequestError:
    with pytest.raises(RequestError) as refused:
        open_source(url, NetworkName.REGTEST)
    return refused.value


@pytest.mark.parametrize("url", ["", "blocks", "blocks:", "gopher:host", "/home/me/blocks"])
def test_urls_that_name_no_source(url: str) -> None:
    error = refusal(url)
    assert error.code is ChainCode.SCHEME_UNKNOWN
    assert "blocks:PATH" in error.remedy


def test_a_missing_path(tmp_path: Path) -> None:
    assert refusal(f"blocks:{tmp_path / 'absent'}").code is ChainCode.PATH_MISSING


def test_a_folder_and_its_word(tmp_path: Path) -> None:
    folder = plain_folder(tmp_path, [])
    source = open_source(f"blocks:{folder}", NetworkName.REGTEST, own=True)
    assert source.network is NetworkName.REGTEST
    assert source.notes()[0].word is UnspentWord.OWN_NODE
    assert source.chain(quiet).tip == 0


def test_a_path_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    plain_folder(tmp_path / "node" / "blocks", [])
    assert open_source("blocks:~/node", NetworkName.REGTEST).chain(quiet).tip == 0


@pytest.mark.parametrize("package", ["numpy", "numba"])
def test_without_the_extra_the_remedy_is_to_install_it(package: str, tmp_path: Path) -> None:
    script = f"""
import sys
sys.modules[{package!r}] = None
from erario.bitcoin.network import NetworkName
from erario.chain.sources import open_source
from erario.errors import RequestError
try:
    open_source({f"blocks:{tmp_path}"!r}, NetworkName.REGTEST)
except RequestError as error:
    print(error.code, error.remedy)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == 'source.extra-missing Install it with: pip install "erario[scan]"'


def test_importing_it_costs_no_numpy() -> None:
    script = "import erario.chain.sources, sys; print({'numpy', 'numba'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
