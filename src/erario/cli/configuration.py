"""The user's own configuration of sources: which there are, how they are reached, which are own.

    ~/.config/erario/sources.toml     or $XDG_CONFIG_HOME/erario/sources.toml

    use = ["mynode", "public"]        # asked where no --source is given

    [sources.mynode]
    url = "node://127.0.0.1:8332"
    own = true
    cookie = "~/.bitcoin/.cookie"

    [sources.public]
    url = "electrum+ssl://electrum.example.org:50002"
    proxy = "socks5h://127.0.0.1:9050"

It names files that hold secrets, and holds none: what looks like a private key is refused as in a
reserve file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from erario.bitcoin.network import NetworkName
from erario.chain.access import Access
from erario.chain.hosts import is_this_machine
from erario.chain.source_url import read_server_url
from erario.errors import DeclarationError, Place, RequestError
from erario.reserve.problems import ProblemCode, Problems
from erario.reserve.tables import Table
from erario.reserve.text_files import read_bytes
from erario.reserve.toml_table import read_table

MAX_BYTES: Final = 1_000_000
LONGEST_WAIT: Final = 3_600
_NEVER_OWN: Final = ("snapshot",)
"""A snapshot is worth its hash, whoever made it."""
_IN_FILES: Final = ("blocks", "snapshot")
"""Kinds of sources that nobody is asked for."""
_PLAIN_HTTP: Final = ("node", "esplora+http")
_KEYS: Final = (
    "url", "network", "own", "proxy", "cookie", "login", "conf", "pin", "plain", "timeout",
)  # fmt: skip


class ConfigurationCode(StrEnum):
    """Codes of the errors of this module."""

    NO_SOURCE = "sources.none"
    UNKNOWN_NAME = "sources.unknown-name"
    NOT_OWN = "sources.not-own"
    NOT_ONE_NODE = "sources.not-one-node"
    NO_SNAPSHOT = "sources.no-snapshot"


@dataclass(frozen=True, slots=True)
class ChosenSource:
    """A source to ask: its name in the configuration ("" where it stood on the command line), its
    URL, whether it is the user's own, and how it is reached."""

    name: str
    url: str
    network: NetworkName | None
    own: bool
    access: Access

    @property
    def kind(self) -> str:
        """The scheme of its URL."""
        return self.url.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Configuration:
    """All that the user configured; `file` is where, whether it is there or not."""

    file: Path
    sources: Mapping[str, ChosenSource]
    use: tuple[str, ...]

    def defaults(self, network: NetworkName) -> list[ChosenSource]:
        """What is asked of a network where nothing is said."""
        return [self.sources[name] for name in self.use if self.sources[name].network is network]


def configuration_file() -> Path:
    """Where the configuration lies (XDG Base Directory, 0.8)."""
    given = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    # The specification has relative paths passed over.
    base = given if given.is_absolute() else Path("~/.config").expanduser()
    return base / "erario" / "sources.toml"


def load_configuration() -> Configuration:
    """What the user configured; nothing where there is no such file.

    Raises:
        DeclarationError: it cannot be used; carries every problem, in order of place.
    """
    file = configuration_file()
    if not file.exists():
        return Configuration(file, {}, ())
    problems = Problems()
    data = read_bytes(file, MAX_BYTES, Place(str(file)), problems)
    table = None if data is None else read_table(data, str(file), problems)
    configuration = Configuration(file, {}, ())
    if table is not None:
        configuration = _read(table, file)
    found = problems.all()
    if found:
        raise DeclarationError(found[0].code, found)
    return configuration


def choose_sources(
    given: Sequence[str], network: NetworkName, *, own: bool, access: Access
) -> list[ChosenSource]:
    """The sources to ask: those given, by URL or by name, or the configured ones.

    Args:
        given: what stood behind `--source`.
        network: of the reserve.
        own: the user says that the one source that is asked is their own.
        access: what stood on the command line of how they are reached. Of each source that it
            concerns it overrides what is configured.

    Raises:
        RequestError: there is none, a name is not known, or what was said of one source could be
            meant of several or of none.
        DeclarationError: the configuration cannot be used.
    """
    configuration = load_configuration()
    chosen = [_choose(one, configuration) for one in given]
    chosen = chosen or configuration.defaults(network)
    if own:
        # Said beside others it could make somebody else's word count as the user's own.
        if len(chosen) != 1 or not _can_be_own(chosen[0]):
            raise RequestError(
                ConfigurationCode.NOT_OWN,
                "--own says that the one source given is your own node, its blocks, or a server "
                f"over it; {_how_many(chosen)}",
                remedy=f"Say which: own = true in {configuration.file}.",
            )
        chosen = [replace(chosen[0], own=True)]
    if not chosen:
        raise RequestError(
            ConfigurationCode.NO_SOURCE,
            "no source to ask was named",
            remedy="Give one with --source, such as blocks:DIR or electrum+ssl://HOST:PORT, or "
            f"configure one in {configuration.file}; erario sources --suggest names public ones.",
        )
    return reach_with(chosen, access, configuration.file)


def reach_with(chosen: Sequence[ChosenSource], access: Access, file: Path) -> list[ChosenSource]:
    """The same sources, reached as the command line says wherever that concerns them.

    Args:
        chosen: what is asked.
        access: a proxy is for all that are not on this machine, a cookie or a login for the one
            node, a pin for snapshots, plain HTTP for nodes and explorers.
        file: where the configuration lies, for the remedy.

    Raises:
        RequestError: credentials are given and not exactly one node, or a pin and no snapshot.
    """
    nodes = sum(one.kind == "node" for one in chosen)
    if (access.cookie is not None or access.login is not None) and nodes != 1:
        raise RequestError(
            ConfigurationCode.NOT_ONE_NODE,
            "--cookie and --login are of one node; "
            + (f"{nodes} are asked, and each would be told" if nodes else "none is asked"),
            remedy=f"Say of each node what is its own: cookie or login in {file}.",
        )
    if access.pin is not None and not any(one.kind == "snapshot" for one in chosen):
        raise RequestError(
            ConfigurationCode.NO_SNAPSHOT,
            "--pin is of a snapshot; none is asked",
            remedy="Leave it out, or give the snapshot with --source snapshot:FILE.",
        )
    return [_reach(one, access) for one in chosen]


def _reach(one: ChosenSource, access: Access) -> ChosenSource:
    own = one.access
    if access.proxy is not None and _is_elsewhere(one):
        own = replace(own, proxy=access.proxy)
    if one.kind == "node" and (access.cookie is not None or access.login is not None):
        # Not beside what is configured: of a cookie and a login only one counts.
        own = replace(own, cookie=access.cookie, login=access.login)
    if one.kind == "snapshot" and access.pin is not None:
        own = replace(own, pin=access.pin)
    if one.kind in _PLAIN_HTTP and access.plain:
        own = replace(own, plain=True)
    return replace(one, access=own)


def _is_elsewhere(one: ChosenSource) -> bool:
    if one.kind in _IN_FILES:
        return False
    try:
        return not is_this_machine(read_server_url(one.url).host)
    except RequestError:
        # Told when it is opened.
        return True


def _choose(given: str, configuration: Configuration) -> ChosenSource:
    if ":" in given:
        kind, _, path = given.partition(":")
        # No shell expands ~ behind the colon.
        url = f"{kind}:{Path(path).expanduser()}" if path.startswith("~") else given
        return ChosenSource("", url, None, own=False, access=Access())
    known = configuration.sources.get(given)
    if known is None:
        names = ", ".join(configuration.sources) or "none"
        raise RequestError(
            ConfigurationCode.UNKNOWN_NAME,
            f"no source is called {given[:40]!r}; configured are: {names}",
            remedy=f"Give its URL, or configure it in {configuration.file}.",
        )
    return known


def _how_many(chosen: Sequence[ChosenSource]) -> str:
    if len(chosen) == 1:
        return "a snapshot is nobody's own: it is worth its hash"
    return f"{len(chosen)} are given" if chosen else "none is given"


def _can_be_own(one: ChosenSource) -> bool:
    return one.kind not in _NEVER_OWN


def _read(table: Table, file: Path) -> Configuration:
    table.check_keys("use", "sources")
    sources = {str(one.path[-1]): _read_source(one) for one in table.tables("sources")}
    use = []
    for name, place in table.texts("use"):
        if name in sources:
            use.append(name)
        else:
            table.source.problems.add(
                ProblemCode.UNKNOWN_ID,
                place,
                f'"use" names {name[:40]!r}, which is no source here',
                "Write a table [sources.NAME] for it, or leave it out.",
            )
    return Configuration(file, sources, tuple(use))


def _read_source(table: Table) -> ChosenSource:
    table.check_keys(*_KEYS)
    table.require("url", 'url = "node://127.0.0.1:8332"')
    url = table.text("url") or ""
    timeout = table.whole("timeout")
    if timeout is not None and not 0 < timeout <= LONGEST_WAIT:
        table.report(
            ProblemCode.BAD_VALUE,
            "timeout",
            f'"timeout" is not between 1 and {LONGEST_WAIT:,} seconds',
            "Write how many seconds an answer may take.",
        )
        timeout = None
    own = table.flag("own", default=False)
    if own and url.partition(":")[0] in _NEVER_OWN:
        table.report(
            ProblemCode.BAD_VALUE,
            "own",
            "a snapshot cannot be own: it is worth its hash, whoever made it",
            "Leave it out.",
        )
    access = Access(
        proxy=table.text("proxy"),
        cookie=_path(table, "cookie"),
        login=_path(table, "login"),
        conf=_path(table, "conf"),
        pin=table.text("pin"),
        plain=table.flag("plain", default=False),
        timeout=float(timeout or Access().timeout),
    )
    network = table.choice("network", NetworkName, NetworkName.MAIN)
    kind, colon, path = url.partition(":")
    if path.startswith("~"):
        url = f"{kind}{colon}{Path(path).expanduser()}"
    return ChosenSource(str(table.path[-1]), url, network, own=own, access=access)


def _path(table: Table, key: str) -> Path | None:
    text = table.text(key)
    return None if text is None else Path(text).expanduser()
