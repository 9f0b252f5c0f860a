"""The configuration of sources: what it says, and every way in which it can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.bitcoin.network import NetworkName
from erario.chain.access import Access
from erario.cli.configuration import (
    ConfigurationCode,
    choose_sources,
    configuration_file,
    load_configuration,
)
from erario.errors import DeclarationError, ErarioError, RequestError

WHOLE = """\
use = ["mynode", "test"]

[sources.mynode]
url = "node://127.0.0.1:8332"
own = true
cookie = "~/.bitcoin/.cookie"

[sources.public]
url = "electrum+ssl://electrum.example.org:50002"
proxy = "socks5h://127.0.0.1:9050"
timeout = 60

[sources.test]
url = "blocks:~/testnet/blocks"
network = "testnet4"
"""


@pytest.fixture
def configure(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def write(text: str) -> None:
        file = configuration_file()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    return write


def choose(*given: str, network: NetworkName = NetworkName.MAIN, own: bool = False):
    return choose_sources(given, network, own=own, access=Access())


def test_it_lies_where_the_xdg_rules_say(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for passed_over in ("", "relative/folder"):
        monkeypatch.setenv("XDG_CONFIG_HOME", passed_over)
        assert configuration_file() == tmp_path / ".config/erario/sources.toml"
    monkeypatch.setenv("XDG_CONFIG_HOME", "/etc/mine")
    assert configuration_file() == Path("/etc/mine/erario/sources.toml")


def test_all_that_can_be_said(configure, tmp_path):
    configure(WHOLE)
    configuration = load_configuration()
    node, public, test = configuration.sources.values()
    assert (node.url, node.own, node.network) == ("node://127.0.0.1:8332", True, NetworkName.MAIN)
    assert node.access == Access(cookie=tmp_path / ".bitcoin/.cookie")
    assert public.access == Access(proxy="socks5h://127.0.0.1:9050", timeout=60.0)
    assert test.url == f"blocks:{tmp_path}/testnet/blocks"
    assert configuration.use == ("mynode", "test")


def test_what_is_asked_where_nothing_is_given_depends_on_the_network(configure):
    configure(WHOLE)
    assert [one.name for one in choose()] == ["mynode"]
    assert [one.name for one in choose(network=NetworkName.TESTNET4)] == ["test"]
    with pytest.raises(RequestError) as caught:
        choose(network=NetworkName.REGTEST)
    assert caught.value.code is ConfigurationCode.NO_SOURCE


def test_names_and_urls_can_be_mixed(configure, tmp_path):
    configure(WHOLE)
    named, given = choose("public", "blocks:~/blocks")
    assert named.name == "public"
    assert (given.name, given.url) == ("", f"blocks:{tmp_path}/blocks")


def test_a_name_that_is_not_there(configure):
    configure(WHOLE)
    with pytest.raises(RequestError) as caught:
        choose("publik")
    assert caught.value.code is ConfigurationCode.UNKNOWN_NAME
    assert "mynode, public, test" in caught.value.what


def test_nothing_is_configured(configure):
    assert load_configuration().sources == {}
    with pytest.raises(RequestError) as caught:
        choose()
    assert caught.value.code is ConfigurationCode.NO_SOURCE


def test_own_is_said_where_one_source_is_given(configure):
    (one,) = choose("blocks:x", own=True)
    assert one.own
    others = ("blocks:x", "snapshot:x", "electrum+ssl://public.example:50002")
    for urls in (("snapshot:x",), *(("node://h", other) for other in others), others[1:]):
        with pytest.raises(RequestError) as caught:
            choose(*urls, own=True)
        assert caught.value.code is ConfigurationCode.NOT_OWN
        assert "own = true" in caught.value.remedy


PROXY = "socks5h://127.0.0.1:9150"
OF_KINDS = """\
use = ["node", "public", "explorer", "files", "snapshot"]

[sources.node]
url = "node://localhost:8332"
login = "mine"

[sources.public]
url = "electrum+ssl://electrum.example.org:50002"
proxy = "socks5h://127.0.0.1:9050"
timeout = 60

[sources.explorer]
url = "esplora+http://explorer.example.org/api"

[sources.files]
url = "blocks:x"

[sources.snapshot]
url = "snapshot:x"
pin = "old"
"""


@pytest.mark.parametrize("given", [(), ("node", "public", "explorer", "files", "snapshot")])
def test_what_is_given_overrides_what_is_configured(configure, given):
    configure(OF_KINDS)
    access = Access(proxy=PROXY, cookie=Path("c"), pin="new", plain=True)
    found = {
        one.name: one.access
        for one in choose_sources(given, NetworkName.MAIN, own=False, access=access)
    }
    assert found["public"] == Access(proxy=PROXY, timeout=60)
    assert found["explorer"] == Access(proxy=PROXY, plain=True)
    assert found["snapshot"] == Access(pin="new")
    assert found["files"] == Access()
    # A login that was configured would be passed over for a cookie, and the other way round.
    assert found["node"] == Access(cookie=Path("c"), plain=True)


def test_what_is_not_given_stays(configure):
    configure(OF_KINDS)
    before = load_configuration().defaults(NetworkName.MAIN)
    assert choose_sources((), NetworkName.MAIN, own=False, access=Access()) == before


def test_one_command_for_an_own_node_and_a_server_by_tor(configure):
    access = Access(proxy=PROXY, cookie=Path("c"))
    for here in ("node://", "node://127.0.0.1", "node://[::1]:8332", "node://LocalHost/coins"):
        given = (here, "electrum+ssl://h:50002")
        node, server = choose_sources(given, NetworkName.MAIN, own=False, access=access)
        assert node.access == Access(cookie=Path("c"))
        assert server.access == Access(proxy=PROXY)


@pytest.mark.parametrize(
    ("given", "access", "code"),
    [
        (["node://a", "node://b"], Access(cookie=Path("c")), ConfigurationCode.NOT_ONE_NODE),
        (["node://a", "node://b/coins"], Access(login=Path("c")), ConfigurationCode.NOT_ONE_NODE),
        (["electrum://a:1"], Access(login=Path("c")), ConfigurationCode.NOT_ONE_NODE),
        (["node://a"], Access(pin="1:2:3"), ConfigurationCode.NO_SNAPSHOT),
    ],
)
def test_what_is_of_one_source_is_told_to_no_other(configure, given, access, code):
    with pytest.raises(RequestError) as caught:
        choose_sources(given, NetworkName.MAIN, own=False, access=access)
    assert caught.value.code is code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("use = [", (1, "reserve.syntax")),
        ("used = []", (1, "reserve.unknown-key")),
        ('use = ["a"]', (1, "reserve.unknown-id")),
        ("[sources.a]", (1, "reserve.missing-key")),
        ('[sources.a]\nurl = "node://h"\npassword = "x"', (3, "reserve.unknown-key")),
        ('[sources.a]\nurl = "node://h"\nown = "yes"', (3, "reserve.wrong-type")),
        ('[sources.a]\nurl = "snapshot:x"\nown = true', (3, "reserve.bad-value")),
        ('[sources.a]\nurl = "node://h"\ntimeout = 0', (3, "reserve.bad-value")),
        ('[sources.a]\nurl = "node://h"\ntimeout = 9999', (3, "reserve.bad-value")),
        ('[sources.a]\nurl = "node://h"\nnetwork = "mars"', (3, "reserve.bad-value")),
        (
            '[sources.a]\nurl = "x:y"\npin = "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ"',
            (3, "reserve.secret"),
        ),
    ],
)
def test_what_is_wrong_is_told_by_line(configure, text, expected):
    configure(text)
    with pytest.raises(DeclarationError) as caught:
        load_configuration()
    (problem,) = caught.value.problems
    assert (problem.place.line, problem.code) == expected
    assert "5HueCGU8" not in str(caught.value) + problem.what


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_junk_is_an_error_of_ours(tmp_path_factory, junk):
    folder = tmp_path_factory.mktemp("config")
    (folder / "erario").mkdir()
    data = junk if isinstance(junk, bytes) else junk.encode("utf-8", "surrogatepass")
    (folder / "erario" / "sources.toml").write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(folder))
        try:
            load_configuration()
        except ErarioError as error:
            assert error.remedy  # noqa: PT017
