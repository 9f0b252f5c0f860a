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
from erario.errors import DeclarationError, Place, RequestError
from erario.reserve.problems import ProblemCode, Problems
from erario.reserve.tables import Table
from erario.reserve.text_files import read_bytes
from erario.reserve.toml_table import read_table

MAX_BYTES: Final = 1_000_000
LONGEST_WAIT: Final = 3_600
_NEVER_OWN: Final = ("snapshot",)
"""A snapshot is worth its hash, whoever made it."""
_KEYS: Final = (
    "url", "network", "own", "proxy", "cookie", "login", "conf", "pin", "plain", "timeout",
)  # fmt: skip


class ConfigurationCode(StrEnum):
    """Codes of the errors of this module."""

    NO_SOURCE = "sources.none"
    UNKNOWN_NAME = "sources.unknown-name"
    NOT_OWN = "sources.not-own"


@dataclass(frozen=True, slots=True)
class ChosenSource:
    """A source to ask: its name in the configuration ("" where it stood on the command line), its
    URL, whether it is the user's own, and how it is reached."""

    name: str
    url: str
    network: NetworkName | None
    own: bool
    access: Access


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
        own: the user says that the one source that is given is their own.
        access: how those given by URL are reached.

    Raises:
        RequestError: there is none, a name is not known, or nothing can be the user's own.
        DeclarationError: the configuration cannot be used.
    """
    configuration = load_configuration()
    chosen = [_choose(one, configuration, access) for one in given]
    chosen = chosen or configuration.defaults(network)
    if own:
        candidates = [n for n, one in enumerate(chosen) if _can_be_own(one)]
        if len(candidates) != 1:
            raise RequestError(
                ConfigurationCode.NOT_OWN,
                "--own says that one source is your own node, its blocks, or a server over it; "
                + ("several are given" if candidates else "none is given"),
                remedy=f"Say which: own = true in {configuration.file}.",
            )
        number = candidates[0]
        chosen[number] = replace(chosen[number], own=True)
    if not chosen:
        raise RequestError(
            ConfigurationCode.NO_SOURCE,
            "no source to ask was named",
            remedy="Give one with --source, such as blocks:DIR or electrum+ssl://HOST:PORT, or "
            f"configure one in {configuration.file}; erario sources --suggest names public ones.",
        )
    return chosen


def _choose(given: str, configuration: Configuration, access: Access) -> ChosenSource:
    if ":" in given:
        kind, _, path = given.partition(":")
        # No shell expands ~ behind the colon.
        url = f"{kind}:{Path(path).expanduser()}" if path.startswith("~") else given
        return ChosenSource("", url, None, own=False, access=access)
    known = configuration.sources.get(given)
    if known is None:
        names = ", ".join(configuration.sources) or "none"
        raise RequestError(
            ConfigurationCode.UNKNOWN_NAME,
            f"no source is called {given[:40]!r}; configured are: {names}",
            remedy=f"Give its URL, or configure it in {configuration.file}.",
        )
    return known


def _can_be_own(one: ChosenSource) -> bool:
    return one.url.partition(":")[0] not in _NEVER_OWN


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
        timeout=float(timeout or Access.timeout),
    )
    network = table.choice("network", NetworkName, NetworkName.MAIN)
    kind, colon, path = url.partition(":")
    if path.startswith("~"):
        url = f"{kind}{colon}{Path(path).expanduser()}"
    return ChosenSource(str(table.path[-1]), url, network, own=own, access=access)


def _path(table: Table, key: str) -> Path | None:
    text = table.text(key)
    return None if text is None else Path(text).expanduser()
