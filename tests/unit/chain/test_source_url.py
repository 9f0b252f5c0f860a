"""URLs of sources: what is read, what is refused, and that nothing of a secret is ever shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.bitcoin.network import NetworkName
from erario.chain.errors import ChainCode
from erario.chain.source_url import read_server_url, show_url
from erario.chain.sources import open_source
from erario.errors import ErarioError, RequestError

SECRET = "hunterXX"

ODD_FORMS = [
    "electrum+ssl://me:{}@host:50002",
    "electrum+ssl:/me:{}@host:50002",
    "electrum+ssl:me:{}@host:50002",
    "electrum+ssl:///me:{}@host",
    "electrum+ssl://me:{}/@host:50002",
    "electrum+ssl://me:{}#@host:50002",
    "electrum+ssl://host:{}",
    "electrum+ssl://host?token={}",
    "esplora+https://host/api?token={}",
    "esplora+https://host/api#{}",
    "esplora+https:/{}/api",
    "node://{}@",
    "node://[{}]",
    "{}@host:50002",
    "me:{}@host:50002",
    "{}:me@host",
    "https://me:{}@host",
    "{}",
]


@pytest.mark.parametrize("form", ODD_FORMS)
def test_no_secret_is_ever_shown(form: str) -> None:
    url = form.format(SECRET)
    with pytest.raises(RequestError) as caught:
        open_source(url, NetworkName.MAIN)
    assert SECRET not in f"{caught.value} {caught.value.what} {caught.value.remedy}"
    assert SECRET not in show_url(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("electrum+ssl://host:50002", "electrum+ssl://host:50002"),
        ("electrum+ssl://me:pw@host:50002", "electrum+ssl://host:50002"),
        ("electrum+ssl://me:p@w/x@host:50002", "electrum+ssl://host:50002"),
        ("esplora+https://me@host/api", "esplora+https://host/api"),
        ("electrum+ssl:/me:pw@host", "electrum+ssl://host"),
        ("esplora+https://host/api?token=x", "esplora+https:(not shown)"),
        ("me:pw@host", "(not shown)"),
        ("blocks:/home/me@work/blocks", "blocks:/home/me@work/blocks"),
        ("snapshot:utxo.dat", "snapshot:utxo.dat"),
    ],
)
def test_what_is_shown(url: str, shown: str) -> None:
    assert show_url(url) == shown


def test_an_unknown_scheme_is_named_where_it_can_be_nothing_else() -> None:
    with pytest.raises(RequestError) as caught:
        open_source("http://host", NetworkName.MAIN)
    assert caught.value.code is ChainCode.SCHEME_UNKNOWN
    assert '"http:"' in caught.value.what


@given(st.text(max_size=40), st.text(max_size=40))
def test_junk_is_read_or_refused(scheme: str, rest: str) -> None:
    for text in (f"{scheme}:{rest}", f"electrum://{rest}", f"esplora+https://me:{SECRET}@{rest}"):
        assert SECRET not in show_url(text)
        try:
            read_server_url(text)
        except ErarioError as error:
            assert SECRET not in str(error)  # noqa: PT017
