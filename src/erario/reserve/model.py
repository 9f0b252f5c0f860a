"""What people declare: the values that a `reserve.toml` becomes once it is loaded.

Everything here was checked by the loader: ids resolve, amounts are satoshis, days are instants,
descriptors parse. Each declaration remembers its `Place`, which takes no part in equality.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path

from erario.bitcoin.descriptor import Descriptor
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Sats, Script
from erario.errors import Place
from erario.reserve.moment import ClaimMoment


class Role(StrEnum):
    """What a wallet is for. Origin wallets are watched, never summed."""

    HOLDING = "holding"
    CUSTODY = "custody"
    TRANSIT = "transit"
    ORIGIN = "origin"


class Attribution(StrEnum):
    """Who says that a wallet is the holder's. Inferred wallets are shown apart, never summed."""

    DECLARED = "declared"
    DOCUMENTED = "documented"
    INFERRED = "inferred"


class Comparator(StrEnum):
    """How a claim compares what is held with its amount."""

    MORE = ">"
    AT_LEAST = ">="
    LESS = "<"
    AT_MOST = "<="
    EQUAL = "="
    ABOUT = "~"


@dataclass(frozen=True, slots=True)
class Holder:
    """A state, an agency, an institution.

    `complete` is true where the holder says that the file lists all that it has; `signs_as` is
    its name in printable ASCII, for messages that devices show.
    """

    id: str
    name: str
    complete: bool
    signs_as: str | None
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A signer, by the fingerprint of its master key (8 hex digits)."""

    fingerprint: str
    name: str
    site: str | None
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class Document:
    """Something published; `sha256` is of the archived `file`, a path as resolved on disk."""

    id: str
    title: str
    issuer: str | None
    date: date | None
    url: str | None
    sha256: str | None
    file: Path | None = field(compare=False)
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class DeclaredScript:
    """A scriptPubKey that was written down, as itself or as an address."""

    script: Script
    address: str | None
    page: str | None
    note: str | None
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class DeclaredDescriptor:
    """An output descriptor, or an extended key with its type turned into one."""

    descriptor: Descriptor
    note: str | None
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class Wallet:
    """A set of scriptPubKeys with one role and one attribution.

    `since` is the first instant at which it counts, `until` the first at which it no longer does.
    `derive` is the least number of indexes to derive on each branch.
    """

    id: str
    holder: str
    role: Role
    attribution: Attribution
    document: str | None
    descriptors: tuple[DeclaredDescriptor, ...]
    scripts: tuple[DeclaredScript, ...]
    derive: int | None
    since: datetime | None
    until: datetime | None
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """A public statement about a holder, or about the wallets that it names.

    `holds` is the text as written. `holder` is always set; `wallets` is empty where the claim is
    about all that the holder holds. `within` is nonzero only for `~`.
    """

    id: str
    holds: str
    comparator: Comparator
    amount: Sats
    within: Sats
    moment: ClaimMoment
    holder: str
    wallets: tuple[str, ...]
    document: str | None
    place: Place = field(compare=False)


@dataclass(frozen=True, slots=True)
class Reserve:
    """What one or more holders declare that they hold, in one file.

    `path` is the file as the user named it; `timezone` an IANA name, of dates.
    """

    network: NetworkName
    timezone: str
    holders: tuple[Holder, ...]
    cosigners: tuple[Cosigner, ...]
    wallets: tuple[Wallet, ...]
    documents: tuple[Document, ...]
    claims: tuple[Claim, ...]
    path: str = field(compare=False)
