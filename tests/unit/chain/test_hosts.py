"""Which hosts are this machine, and which can be reached by Tor only."""

from __future__ import annotations

import socket

import pytest

from erario.bitcoin.network import NetworkName
from erario.chain.access import Access
from erario.chain.errors import ChainCode
from erario.chain.hosts import is_onion, is_this_machine
from erario.chain.sources import open_source
from erario.errors import RequestError


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine(host: str) -> None:
    assert is_this_machine(host)


@pytest.mark.parametrize(
    "host", ["", "example.org", "127.0.0.1.example.org", "10.0.0.1", "0.0.0.0", "localhost.org"]
)
def test_other_machines(host: str) -> None:
    assert not is_this_machine(host)


def test_onions() -> None:
    assert is_onion("abc.onion")
    assert is_onion("ABC.Onion.")
    assert not is_onion("onion.example.org")


@pytest.mark.parametrize("scheme", ["electrum", "electrum+ssl", "esplora+http", "esplora+https"])
@pytest.mark.parametrize("host", ["abc.onion", "ABC.ONION.:110"])
def test_an_onion_is_never_looked_up_here(
    scheme: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_up(*args: object, **_: object) -> None:
        raise AssertionError(args)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(RequestError) as caught:
        open_source(f"{scheme}://{host}", NetworkName.MAIN)
    assert caught.value.code is ChainCode.ACCESS_BAD
    access = Access(proxy="socks5h://127.0.0.1:9050")
    open_source(f"{scheme}://{host}", NetworkName.MAIN, access=access).close()
