"""Where a node is and with which credentials: files, the environment, and what is refused."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.bitcoin.network import NetworkName
from erario.chain.access import Access
from erario.chain.errors import ChainCode
from erario.chain.hosts import is_this_machine
from erario.chain.node_conf import NodeWay, find_way, read_conf
from erario.chain.source_url import read_server_url
from erario.errors import RequestError

SECRET = "correct horse:battery"


def way(
    url: str = "node://localhost",
    network: NetworkName = NetworkName.REGTEST,
    *,
    folder: Path,
    environment: dict[str, str] | None = None,
    **access: object,
) -> NodeWay:
    return find_way(
        read_server_url(url),
        network,
        Access(**access),  # type: ignore[arg-type]
        environment or {},
        folder,
    )


def refused(found: object) -> RequestError:
    with pytest.raises(RequestError) as caught:
        found()  # type: ignore[operator]
    error = caught.value
    assert error.code is ChainCode.ACCESS_BAD
    assert error.remedy
    assert "horse" not in f"{error} {error.remedy} {error!r}"
    return error


@pytest.mark.parametrize(
    ("network", "port"),
    [
        (NetworkName.MAIN, 8332),
        (NetworkName.TESTNET3, 18332),
        (NetworkName.TESTNET4, 48332),
        (NetworkName.SIGNET, 38332),
        (NetworkName.REGTEST, 18443),
    ],
)
def test_the_usual_port_of_each_network(tmp_path: Path, network: NetworkName, port: int) -> None:
    assert way(network=network, folder=tmp_path).port == port
    assert way("node://localhost:7", network, folder=tmp_path).port == 7


def test_a_cookie_file_is_read_anew_each_time(tmp_path: Path) -> None:
    cookie = tmp_path / "cookie"
    found = way(folder=tmp_path, cookie=cookie)
    refused(found.login)
    for secret in (b"__cookie__:aa", b"__cookie__:bb"):
        cookie.write_bytes(secret)
        assert found.login().reveal() == secret


def test_a_login_file(tmp_path: Path) -> None:
    path = tmp_path / "login"
    path.write_text(f"user:{SECRET}\r\nsomething else\n")
    login = way(folder=tmp_path, login=path).login()
    assert login.reveal() == f"user:{SECRET}".encode()
    assert "horse" not in repr(login)


@pytest.mark.parametrize("text", ["", "correct horse", "correct\x00horse:x"])
def test_a_file_that_is_no_login(tmp_path: Path, text: str) -> None:
    path = tmp_path / "login"
    path.write_text(text)
    refused(way(folder=tmp_path, login=path).login)


def test_a_login_file_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "login"
    path.write_bytes(b"a:" + bytes(2_000_000))
    refused(way(folder=tmp_path, login=path).login)


def test_the_environment(tmp_path: Path) -> None:
    environment = {"ERARIO_RPC_USER": "user", "ERARIO_RPC_PASSWORD": SECRET}
    found = way("node://10.0.0.1", folder=tmp_path, environment=environment, plain=True)
    assert found.login().reveal() == f"user:{SECRET}".encode()


def test_the_cookie_of_the_data_directory(tmp_path: Path) -> None:
    (tmp_path / "regtest").mkdir()
    (tmp_path / "regtest" / ".cookie").write_text("__cookie__:regtest")
    (tmp_path / ".cookie").write_text("__cookie__:main")
    assert way(folder=tmp_path).login().reveal() == b"__cookie__:regtest"
    found = way(folder=tmp_path, network=NetworkName.MAIN)
    assert found.login().reveal() == b"__cookie__:main"


def test_the_bitcoin_conf_of_the_data_directory(tmp_path: Path) -> None:
    (tmp_path / "bitcoin.conf").write_text("rpcuser=user\nrpcpassword=secret\n[regtest]\nrpcport=9")
    found = way(folder=tmp_path)
    assert (found.port, found.login().reveal()) == (9, b"user:secret")


def test_a_bitcoin_conf_that_was_named_stands_before_the_environment(tmp_path: Path) -> None:
    conf = tmp_path / "other.conf"
    conf.write_text("rpcuser=user\nrpcpassword=secret\n")
    environment = {"ERARIO_RPC_USER": "another", "ERARIO_RPC_PASSWORD": SECRET}
    found = way(folder=tmp_path, environment=environment, conf=conf)
    assert found.login().reveal() == b"user:secret"
    found = way(folder=tmp_path, environment=environment)
    assert found.login().reveal() == f"another:{SECRET}".encode()


def test_the_data_directory_and_the_cookie_that_a_bitcoin_conf_names(tmp_path: Path) -> None:
    data = tmp_path / "elsewhere"
    (data / "regtest").mkdir(parents=True)
    (data / "regtest" / ".cookie").write_text("__cookie__:1")
    (data / "regtest" / "biscuit").write_text("__cookie__:2")
    conf = tmp_path / "bitcoin.conf"
    conf.write_text(f"datadir={data}\n")
    assert way(folder=tmp_path).login().reveal() == b"__cookie__:1"
    conf.write_text(f"datadir={data}\nrpccookiefile=biscuit\n")
    assert way(folder=tmp_path).login().reveal() == b"__cookie__:2"
    conf.write_text(f"rpccookiefile={data / 'regtest' / 'biscuit'}\n")
    assert way(folder=tmp_path).login().reveal() == b"__cookie__:2"


CONF = """
# rpcuser=comment
rpcuser = first   # a comment
rpcuser=second
rpcport=1111
regtest.rpcpassword=of regtest
test.rpcport=3333
[regtest]
rpcport=2222
[signet]
rpcuser=of signet
rpcport=4444
no equals sign
"""


@pytest.mark.parametrize(
    ("network", "user", "password", "port"),
    [
        (NetworkName.MAIN, "first", None, 1111),
        (NetworkName.REGTEST, "first", "of regtest", 2222),
        (NetworkName.TESTNET3, "first", None, 3333),
        (NetworkName.SIGNET, "of signet", None, 4444),
        # Outside a section a port is the main network's.
        (NetworkName.TESTNET4, "first", None, None),
    ],
)
def test_sections_and_prefixes(
    tmp_path: Path, network: NetworkName, user: str, password: str | None, port: int | None
) -> None:
    path = tmp_path / "bitcoin.conf"
    path.write_text(CONF)
    conf = read_conf(path, network)
    assert (conf.user, conf.password, conf.port) == (user, password, port)
    assert "of regtest" not in repr(conf)


@pytest.mark.parametrize("port", ["0", "65536", "x", "-1", ""])
def test_a_port_that_is_none(tmp_path: Path, port: str) -> None:
    path = tmp_path / "bitcoin.conf"
    path.write_text(f"rpcport={port}\n")
    refused(lambda: read_conf(path, NetworkName.MAIN))


@given(st.text())
def test_any_bitcoin_conf_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.mktemp("conf") / "bitcoin.conf"
    path.write_text(text, encoding="utf-8", errors="replace")
    with contextlib.suppress(RequestError):
        read_conf(path, NetworkName.REGTEST)


def test_credentials_do_not_cross_a_network_in_the_clear(tmp_path: Path) -> None:
    cookie = tmp_path / "cookie"
    cookie.write_text("a:b")
    for url in ("node://10.0.0.1", "node://node.example:8332", "node://[2001:db8::1]"):
        error = refused(lambda url=url: way(url, folder=tmp_path, cookie=cookie))
        assert "in the clear" in error.what
        assert way(url, folder=tmp_path, cookie=cookie, plain=True).login().reveal() == b"a:b"


def test_a_hidden_service_behind_a_proxy_is_encrypted(tmp_path: Path) -> None:
    cookie = tmp_path / "cookie"
    cookie.write_text("a:b")
    url = f"node://{'a' * 56}.onion"
    for plain in (False, True):
        # Its look-up would tell the name server who is asked.
        refused(lambda plain=plain: way(url, folder=tmp_path, cookie=cookie, plain=plain))
    proxy = "socks5h://127.0.0.1:9050"
    assert way(url, folder=tmp_path, cookie=cookie, proxy=proxy).host.endswith(".onion")
    refused(lambda: way("node://10.0.0.1", folder=tmp_path, cookie=cookie, proxy=proxy))


def test_another_machine_never_gets_the_cookie_of_this_one(tmp_path: Path) -> None:
    (tmp_path / "regtest").mkdir()
    (tmp_path / "regtest" / ".cookie").write_text(SECRET)
    (tmp_path / "bitcoin.conf").write_text("rpcuser=user\nrpcpassword=correct horse\nrpcport=7")
    error = refused(lambda: way("node://10.0.0.1", folder=tmp_path, plain=True))
    assert "another machine" in error.what


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("LOCALHOST", True),
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
    ],
)
def test_this_machine(host: str, here: bool) -> None:
    assert is_this_machine(host) is here


def test_the_name_of_an_ipv6_node(tmp_path: Path) -> None:
    assert way("node://[::1]:7", folder=tmp_path).name == "[::1]:7"
