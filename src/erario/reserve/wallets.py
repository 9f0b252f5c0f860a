"""Wallets: every form in which their scripts can be written down.

Addresses, scripts and descriptors stand in lists; extended keys with a type become descriptors of
receive and change.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import partial
from typing import Final

from erario.bitcoin.address import read_address, show_address
from erario.bitcoin.descriptor import Descriptor, read_descriptor
from erario.bitcoin.descriptor_slip132 import KeyType, descriptor_of_key
from erario.bitcoin.errors import AddressError, BitcoinCode, DescriptorError
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Script
from erario.errors import Place, RequestError
from erario.reserve.cutoff import end_of_day, read_instant, start_of_day
from erario.reserve.documents import Mention
from erario.reserve.model import Attribution, DeclaredDescriptor, DeclaredScript, Role, Wallet
from erario.reserve.problems import ProblemCode, show
from erario.reserve.rows import Row, read_rows
from erario.reserve.tables import Table
from erario.reserve.text_files import Folder, report_secret

MAX_DERIVE: Final = 1_000_000
MAX_SCRIPT: Final = 10_000
"""Bytes; a longer script can never be spent."""

_KEYS: Final = (
    "holder", "role", "attribution", "document", "descriptors", "keys", "addresses", "scripts",
    "derive", "since", "until",
)  # fmt: skip
_HEX: Final = re.compile("(?:[0-9a-fA-F]{2})+")
_LONG_WORD: Final = re.compile("[0-9A-Za-z]{26,}")
_ADDRESS_FAULTS: Final[dict[StrEnum, str]] = {
    BitcoinCode.ADDRESS_CHECKSUM: "the checksum of the address is wrong",
    BitcoinCode.ADDRESS_CHARACTERS: "this has characters that no address has",
    BitcoinCode.ADDRESS_LENGTH: "this is too short or too long for an address",
    BitcoinCode.ADDRESS_PROGRAM: "this address cannot exist: its version or length is wrong",
}
_DESCRIPTOR_CODES: Final[dict[StrEnum, ProblemCode]] = {
    BitcoinCode.DESCRIPTOR_CHECKSUM: ProblemCode.CHECKSUM,
    BitcoinCode.DESCRIPTOR_NETWORK: ProblemCode.OTHER_NETWORK,
    BitcoinCode.DESCRIPTOR_PRIVATE_KEY: ProblemCode.SECRET,
    BitcoinCode.DESCRIPTOR_KEY: ProblemCode.KEY,
    BitcoinCode.DESCRIPTOR_RANGE: ProblemCode.RANGE,
}


@dataclass(frozen=True, slots=True)
class Scope:
    """What holds for the whole file."""

    network: NetworkName
    timezone: str
    holders: tuple[str, ...]
    documents: frozenset[str]
    folder: Folder


@dataclass(frozen=True, slots=True)
class WalletDraft:
    """A wallet, and what must occur in its document if it rests on one."""

    wallet: Wallet
    mentions: tuple[Mention, ...]


def read_wallet(table: Table, scope: Scope) -> WalletDraft:
    """The wallet that a table declares, of what could be read of it."""
    table.check_keys(*_KEYS)
    reader = _Reader(table, scope)
    descriptors = (*reader.descriptors(), *reader.keys())
    scripts = (*reader.addresses(), *reader.scripts())
    if not any(key in table.data for key in ("descriptors", "keys", "addresses", "scripts")):
        table.report(
            ProblemCode.MISSING_KEY,
            None,
            f"{table.label} has no scripts",
            "Add descriptors, keys, addresses or scripts.",
        )
    since, until = reader.bound("since", is_end=False), reader.bound("until", is_end=True)
    if since is not None and until is not None and since >= until:
        table.report(
            ProblemCode.REVERSED,
            "until",
            f"{table.label} counts until before it counts since",
            "Exchange the two, or correct the dates.",
        )
    attribution = table.choice("attribution", Attribution, None) or Attribution.DECLARED
    wallet = Wallet(
        id=str(table.path[-1]),
        holder=read_holder(table, scope),
        role=table.choice("role", Role, None) or Role.HOLDING,
        attribution=attribution,
        document=read_reference(table, "document", scope.documents),
        descriptors=descriptors,
        scripts=scripts,
        derive=reader.derive(),
        since=since,
        until=until,
        place=table.place,
    )
    if attribution is Attribution.DOCUMENTED and "document" not in table.data:
        table.report(
            ProblemCode.UNDOCUMENTED,
            "attribution",
            f"{table.label} is documented by no document",
            'Add document = "..." with the name of a document, or make it inferred.',
        )
    return WalletDraft(wallet, tuple(reader.mentions))


def read_holder(table: Table, scope: Scope) -> str:
    """The holder that a table names, or the only one; empty with a problem where there is none."""
    named = read_reference(table, "holder", frozenset(scope.holders))
    if named is not None or "holder" in table.data:
        return named or ""
    if len(scope.holders) == 1:
        return scope.holders[0]
    table.report(
        ProblemCode.MISSING_KEY,
        None,
        f"{table.label} does not say whose it is",
        'Add holder = "..."; with exactly one [holders.name] in the file it may be left out.',
    )
    return ""


def read_reference(table: Table, key: str, known: frozenset[str]) -> str | None:
    """The id at a key, if something has it."""
    named = table.text(key)
    if named is None or named in known:
        return named
    report_unknown(table, key, table.place_of(key), named, known)
    return None


def report_unknown(
    table: Table, kind: str, place: Place, named: str, known: frozenset[str]
) -> None:
    """Report an id that nothing has, with the nearest that something has."""
    near = difflib.get_close_matches(named[:100], sorted(known), n=1, cutoff=0.5)
    table.source.problems.add(
        ProblemCode.UNKNOWN_ID,
        place,
        f"there is no {kind} {show(named)}",
        f"Did you mean {show(near[0])}?"
        if near
        else f"Add [{kind}s.name] for it, or correct the name.",
    )


def read_bound(table: Table, key: str, timezone: str, *, is_end: bool) -> datetime | None:
    """An instant from a day or a time with its offset; a day's end or its start."""
    value = table.data.get(key)
    if value is None:
        return None
    try:
        if isinstance(value, datetime):
            return read_instant(value)
        if isinstance(value, date):
            return (end_of_day if is_end else start_of_day)(value, timezone)
    except RequestError as error:
        table.report(ProblemCode.MOMENT, key, error.what, error.remedy)
        return None
    table.wrong_type(key, "a day or a time with its offset, without quotes")
    return None


class _Reader:
    """Reads the lists of one wallet, and remembers what its document must name."""

    def __init__(self, table: Table, scope: Scope) -> None:
        self._table = table
        self._scope = scope
        self._problems = table.source.problems
        self._has_document = "document" in table.data
        self.mentions: list[Mention] = []

    def addresses(self) -> Iterator[DeclaredScript]:
        for row in read_rows(self._table, "addresses", "address", self._scope.folder):
            try:
                script = read_address(row.text, self._scope.network)
            except AddressError as error:
                self._bad_address(row, error)
                continue
            is_bech32 = row.text[:3].lower() in {"bc1", "tb1", "bcr"}
            address = row.text.lower() if is_bech32 else row.text
            self.mentions.append(Mention((address,), row.place))
            yield DeclaredScript(script, address, row.page, row.note, row.place)

    def scripts(self) -> Iterator[DeclaredScript]:
        for row in read_rows(self._table, "scripts", "script", self._scope.folder):
            if len(row.text) == 64 and _HEX.fullmatch(row.text):
                # No output type has 32 bytes; private keys have.
                report_secret("what may be a private key", row.place, self._problems)
            elif not _HEX.fullmatch(row.text) or len(row.text) > 2 * MAX_SCRIPT:
                self._problems.add(
                    ProblemCode.SCRIPT,
                    row.place,
                    "this is no script in hex, of up to 10,000 bytes",
                    "Write the scriptPubKey in hex; addresses go into `addresses`.",
                )
            else:
                script = Script(bytes.fromhex(row.text))
                if self._has_document:
                    self.mentions.append(self._mention_script(script, row.place))
                yield DeclaredScript(script, None, row.page, row.note, row.place)

    def descriptors(self) -> Iterator[DeclaredDescriptor]:
        for row in read_rows(self._table, "descriptors", "descriptor", self._scope.folder):
            text, network = row.text, self._scope.network
            descriptor = self._read(partial(read_descriptor, text, network), row.place)
            if descriptor is not None:
                self.mentions.append(Mention(_words(row.text), row.place))
                yield DeclaredDescriptor(descriptor, row.note, row.place)

    def keys(self) -> Iterator[DeclaredDescriptor]:
        for row in self._table.rows("keys", '{ key = "xpub...", type = "wpkh" }'):
            row.check_keys("key", "type", "note")
            text, note = row.text("key"), row.text("note")
            kind = row.choice("type", KeyType, None)
            if text is None:
                row.require("key", 'key = "xpub..."')
            elif kind is not None or "type" not in row.data:
                place = row.place_of("key")
                descriptor = self._read(partial(self._of_key, text, kind), place)
                if descriptor is not None:
                    self.mentions.append(
                        Mention(_words(text), place, instead=_words(descriptor.text)[-1])
                    )
                    yield DeclaredDescriptor(descriptor, note, place)

    def derive(self) -> int | None:
        number = self._table.whole("derive")
        if number is None or 1 <= number <= MAX_DERIVE:
            return number
        self._table.report(
            ProblemCode.RANGE,
            "derive",
            f'"derive" is not between 1 and {MAX_DERIVE:,}',
            "Write the least number of indexes to derive on each branch.",
        )
        return None

    def bound(self, key: str, *, is_end: bool) -> datetime | None:
        return read_bound(self._table, key, self._scope.timezone, is_end=is_end)

    def _of_key(self, text: str, kind: KeyType | None) -> Descriptor:
        network = self._scope.network
        return read_descriptor(descriptor_of_key(text, kind, network), network)

    def _read(self, read: Callable[[], Descriptor], place: Place) -> Descriptor | None:
        try:
            return read()
        except DescriptorError as error:
            code = _DESCRIPTOR_CODES.get(error.code, ProblemCode.DESCRIPTOR)
            self._problems.add(code, place, error.what, error.remedy)
            return None

    def _mention_script(self, script: Script, place: Place) -> Mention:
        return Mention((script.hex(),), place, instead=show_address(script, self._scope.network))

    def _bad_address(self, row: Row, error: AddressError) -> None:
        if error.code is BitcoinCode.ADDRESS_NETWORK:
            # The sentence quotes the address, which is one: nothing secret.
            self._problems.add(ProblemCode.OTHER_NETWORK, row.place, error.what, error.remedy)
            return
        if error.code is BitcoinCode.ADDRESS_PRIVATE_KEY:
            report_secret("a private key", row.place, self._problems)
            return
        is_checksum = error.code is BitcoinCode.ADDRESS_CHECKSUM
        self._problems.add(
            ProblemCode.CHECKSUM if is_checksum else ProblemCode.ADDRESS,
            row.place,
            _ADDRESS_FAULTS.get(error.code, "this is no address"),
            "Copy the address again, whole; extended keys go into `keys`, scripts into `scripts`.",
        )


def _words(text: str) -> tuple[str, ...]:
    """The keys and addresses in a descriptor: what a document that names it must hold."""
    return tuple(_LONG_WORD.findall(text)) or (text,)
