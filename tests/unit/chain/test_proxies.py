"""Proxies, read alike by all who use them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.bitcoin.network import NetworkName
from erario.chain.access import Access
from erario.chain.errors import ChainCode
from erario.chain.http import HttpClient
from erario.chain.proxies import Proxy, read_proxy
from erario.chain.sources import open_source
from erario.errors import RequestError

NONE = [
    "socks5h://me:hunter2@127.0.0.1:9050",
    "socks5h://127.0.0.1",
    "socks5h://127.0.0.1:0",
    "socks5h://:9050",
    "socks5h://",
    "socks5h://127.0.0.1:9050/path",
    "socks5h://127.0.0.1:9050?who=me",
    "socks5://127.0.0.1:9050",
    "http://127.0.0.1:9050",
    "127.0.0.1:9050",
    "nonsense",
    "",
]


@pytest.mark.parametrize("text", NONE)
def test_forms_that_are_none(text: str) -> None:
    access = Access(proxy=text)
    asks = (
        lambda: read_proxy(text),
        lambda: HttpClient("http://h/", name="h", proxy=text, timeout=1),
        lambda: open_source("electrum+ssl://h", NetworkName.MAIN, access=access),
        lambda: open_source("esplora+https://h", NetworkName.MAIN, access=access),
    )
    for ask in asks:
        with pytest.raises(RequestError) as caught:
            ask()
        assert caught.value.code is ChainCode.ACCESS_BAD
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("socks5h://127.0.0.1:9050", Proxy("127.0.0.1", 9050)),
        ("socks5h://[::1]:9050/", Proxy("::1", 9050)),
    ],
)
def test_the_form_that_is_one(text: str, proxy: Proxy) -> None:
    assert read_proxy(text) == proxy
    assert read_proxy(proxy.url) == proxy
    HttpClient("http://h/", name="h", proxy=text, timeout=1).close()


@given(st.text(max_size=30))
def test_junk_is_refused(text: str) -> None:
    for each in (text, f"socks5h://{text}"):
        try:
            read_proxy(each)
        except RequestError as error:
            assert error.code is ChainCode.ACCESS_BAD  # noqa: PT017
