"""Where a node's RPC is, and with which credentials: what `node://` leaves open.

The first of these that there is counts; where it cannot be used, that is an error:

    cookie file        `Access.cookie`
    login file         `Access.login`, whose first line is "user:password"
    bitcoin.conf       `Access.conf`: rpcuser and rpcpassword, else the cookie of its datadir
    environment        ERARIO_RPC_USER and ERARIO_RPC_PASSWORD
    this machine's     the bitcoin.conf of the default data directory, else the cookie there; never
                       for a node on another machine

Of bitcoin.conf: sections and prefixes per network, and the first of several values, as Bitcoin Core
reads it (common/config.cpp); `includeconf` is not followed. Invariant: a `Login` shows no secret,
and no error here holds a word of these files.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from erario.bitcoin.network import NetworkName
from erario.chain.access import Access
from erario.chain.errors import ChainCode
from erario.chain.hosts import check_way, is_onion, is_this_machine
from erario.chain.source_url import SourceUrl, show_authority
from erario.errors import RequestError

USER_VARIABLE: Final = "ERARIO_RPC_USER"
PASSWORD_VARIABLE: Final = "ERARIO_RPC_PASSWORD"  # noqa: S105 - a name, not a secret

_MOST_BYTES: Final = 1_000_000
_COOKIE: Final = ".cookie"
_CONF: Final = "bitcoin.conf"

# Bitcoin Core 31.0, chainparamsbase.cpp: port, section and folder of each network.
_PORTS: Final = {
    NetworkName.MAIN: 8332,
    NetworkName.TESTNET3: 18332,
    NetworkName.TESTNET4: 48332,
    NetworkName.SIGNET: 38332,
    NetworkName.REGTEST: 18443,
}
_SECTIONS: Final = {
    NetworkName.MAIN: "main",
    NetworkName.TESTNET3: "test",
    NetworkName.TESTNET4: "testnet4",
    NetworkName.SIGNET: "signet",
    NetworkName.REGTEST: "regtest",
}
_FOLDERS: Final = {
    NetworkName.MAIN: "",
    NetworkName.TESTNET3: "testnet3",
    NetworkName.TESTNET4: "testnet4",
    NetworkName.SIGNET: "signet",
    NetworkName.REGTEST: "regtest",
}
_FOR_MAIN_ALONE: Final = frozenset({"rpcport"})
"""Outside a section these are the main network's (Bitcoin Core, common/args.h, NETWORK_ONLY)."""


@dataclass(frozen=True, slots=True)
class Login:
    """Credentials, which only `reveal` shows."""

    _secret: bytes = field(repr=False)

    def reveal(self) -> bytes:
        """User and password with a colon between, for the header of a request and nothing else."""
        return self._secret


@dataclass(frozen=True, slots=True)
class NodeWay:
    """How a node is reached.

    Attributes:
        login: reads the credentials: a node writes a new cookie each time that it starts. Raises
            `RequestError` where they cannot be read.
    """

    host: str
    port: int
    login: Callable[[], Login]

    @property
    def name(self) -> str:
        """Host and port, for people."""
        return show_authority(self.host, self.port)


@dataclass(frozen=True, slots=True)
class NodeConf:
    """What a bitcoin.conf says about the RPC of one network; None where it says nothing."""

    folder: Path
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    port: int | None = None
    cookie: str | None = None

    @property
    def cookie_path(self) -> Path:
        """Where the node keeps its cookie; `folder` is its data directory for the network."""
        return self.folder / (self.cookie or _COOKIE)


def find_way(
    url: SourceUrl,
    network: NetworkName,
    access: Access,
    environment: Mapping[str, str] | None = None,
    data_folder: Path | None = None,
) -> NodeWay:
    """How the node that `url` names is reached.

    Args:
        url: its host, and its port where that is not the usual one.
        network: the network asked about.
        access: what the user's configuration says of it.
        environment: the process's own, unless a test gives one.
        data_folder: the default data directory, likewise.

    Raises:
        RequestError: the credentials would cross a network in the clear, there are none, a file
            that was named cannot be used, or it is an onion address without a proxy.
    """
    environment = os.environ if environment is None else environment
    check_way(url, access)
    here = is_this_machine(url.host)
    if not (here or access.plain or is_onion(url.host)):
        raise RequestError(
            ChainCode.ACCESS_BAD,
            f"the credentials of {url.authority} would cross the network in the clear",
            remedy="Make a tunnel (ssh -L) and ask node://localhost; or allow it (plain) where the "
            "way is safe by itself, such as within a VPN.",
        )
    conf = None
    folder = default_data_folder(environment) if data_folder is None else data_folder
    if access.conf is not None:
        conf = read_conf(access.conf, network)
    elif here:
        usual = folder / _CONF
        conf = (
            read_conf(usual, network)
            if usual.is_file()
            else NodeConf(folder=folder / _FOLDERS[network])
        )
    port = url.port or (conf and conf.port) or _PORTS[network]
    return NodeWay(url.host, port, _choose_login(access, conf, environment))


def default_data_folder(environment: Mapping[str, str]) -> Path:
    """Where a node keeps its data unless told otherwise (Bitcoin Core, doc/files.md)."""
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "Bitcoin"
    if sys.platform == "win32":
        return Path(environment.get("LOCALAPPDATA", home)) / "Bitcoin"
    return home / ".bitcoin"


def read_conf(path: Path, network: NetworkName) -> NodeConf:
    """What the bitcoin.conf at `path` says of a network's RPC.

    Raises:
        RequestError: it cannot be read, or names no port that can be.
    """
    found = _settings(_read_file(path, "bitcoin.conf"), network)
    port = found.get("rpcport")
    if port is not None and not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise RequestError(
            ChainCode.ACCESS_BAD,
            f"rpcport in {path.name} is no port",
            remedy="Correct it, or give the port in the URL: node://HOST:PORT.",
        )
    folder = Path(found["datadir"]) if "datadir" in found else path.parent
    return NodeConf(
        folder=folder / _FOLDERS[network],
        user=found.get("rpcuser"),
        password=found.get("rpcpassword"),
        port=None if port is None else int(port),
        cookie=found.get("rpccookiefile"),
    )


def _settings(text: str, network: NetworkName) -> dict[str, str]:
    """The settings of a network: those of its own section before those of none."""
    mine: dict[str, str] = {}
    common: dict[str, str] = {}
    section = ""
    for row in text.splitlines():
        line = row.partition("#")[0].strip()
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            continue
        prefix, dot, rest = key.rpartition(".")
        place, key = (prefix, rest) if dot and not section else (section, key)
        if place == _SECTIONS[network]:
            mine.setdefault(key, value)
        elif not place and (network is NetworkName.MAIN or key not in _FOR_MAIN_ALONE):
            common.setdefault(key, value)
    return common | mine


def _choose_login(
    access: Access, conf: NodeConf | None, environment: Mapping[str, str]
) -> Callable[[], Login]:
    if access.cookie is not None:
        cookie = access.cookie
        return lambda: _login_in(cookie, "cookie file")
    if access.login is not None:
        named = access.login
        return lambda: _login_in(named, "login file")
    user, password = environment.get(USER_VARIABLE), environment.get(PASSWORD_VARIABLE)
    if access.conf is None and user and password:
        login = _made_login(user, password)
        return lambda: login
    if conf is None:
        raise _no_login("it is on another machine, and no credentials were named")
    if conf.user is not None and conf.password is not None:
        login = _made_login(conf.user, conf.password)
        return lambda: login
    found = conf.cookie_path
    return lambda: _login_in(found, "cookie file")


def _login_in(path: Path, what: str) -> Login:
    line = _read_file(path, what).partition("\n")[0].rstrip("\r")
    user, colon, password = line.partition(":")
    if not colon:
        raise _no_login(f"the first line of the {what} has no colon between user and password")
    return _made_login(user, password)


def _made_login(user: str, password: str) -> Login:
    if not (user + password).isprintable():
        raise _no_login("user or password holds signs that cannot be sent")
    return Login(f"{user}:{password}".encode())


def _read_file(path: Path, what: str) -> str:
    try:
        with path.expanduser().open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise _no_login(f"the {what} cannot be read: {error.strerror}") from None
    if len(data) > _MOST_BYTES:
        raise _no_login(f"the {what} is too large to be one")
    return data.decode("utf-8", errors="replace")


def _no_login(why: str) -> RequestError:
    return RequestError(
        ChainCode.ACCESS_BAD,
        f"the node's credentials cannot be had: {why}",
        remedy="Start the node, or name its cookie file (--cookie), a file with user:password "
        f"(--login) or its bitcoin.conf; or set {USER_VARIABLE} and {PASSWORD_VARIABLE}.",
    )
