"""Codes of the errors of the observation room."""

from __future__ import annotations

from enum import StrEnum


class ChainCode(StrEnum):
    """JSON and tests use these, never the wording."""

    SCHEME_UNKNOWN = "source.scheme-unknown"
    URL_BAD = "source.url-bad"
    URL_SECRET = "source.url-secret"  # noqa: S105 - a code, not a secret
    ACCESS_BAD = "source.access-bad"
    ONE_HEIGHT = "source.one-height"
    NO_HEADERS = "source.no-headers"
    NONE_ANSWERED = "source.none-answered"
    CONTRADICTING_PASSES = "source.contradicting-passes"
    EXTRA_MISSING = "source.extra-missing"
    PATH_MISSING = "source.path-missing"
    UNREADABLE = "source.unreadable"
    TOO_MANY_FILES = "source.too-many-files"
    HEIGHT_UNKNOWN = "source.height-unknown"

    NO_BLOCK_FILES = "blocks.no-files"
    NO_BLOCKS = "blocks.none"
    OTHER_NETWORK = "blocks.other-network"
    BAD_KEY = "blocks.bad-key"
    DAMAGED = "blocks.damaged"
    UNPACKS_TOO_LARGE = "blocks.unpacks-too-large"
    TOO_MUCH_GARBAGE = "blocks.too-much-garbage"
    FILE_CHANGED = "blocks.file-changed"
    BLOCK_MISSING = "blocks.missing"
    BLOCK_BAD = "blocks.bad"


class ServerCode(StrEnum):
    """What nodes and servers do wrong. Those from `LIED_TRANSACTION` on are lies: what the server
    said is refuted by what it showed. JSON and tests use these, never the wording."""

    UNREACHABLE = "server.unreachable"
    TIMEOUT = "server.timeout"
    """It hung, or was so slow that the whole answer would never have come."""
    TOO_LARGE = "server.too-large"
    """More bytes than any true answer has."""
    GARBAGE = "server.garbage"
    """Not what the protocol says: bytes, nesting, types or ranges."""
    REDIRECT = "server.redirect"
    CREDENTIALS = "server.credentials"
    """It asks for credentials, or refuses those that it was given."""
    REFUSED = "server.refused"
    """It answered with an error of its own."""
    RATE_LIMITED = "server.rate-limited"
    CERTIFICATE = "server.certificate"
    """Another certificate than the one it was known by."""
    PROTOCOL = "server.protocol"
    """It speaks no version of the protocol that erario speaks."""
    OTHER_NETWORK = "server.other-network"
    UNSETTLED = "server.unsettled"
    """Its chain changed so often while it was asked that no one answer could be had."""
    ENDLESS = "server.endless"
    """It gives pages without end."""
    LACKS = "server.lacks"
    """It does not have what is needed, as a pruned node, or cannot show it."""
    CLOSED = "server.closed"
    """Somebody closed the source while it was asked."""

    LIED_TRANSACTION = "lied.transaction"
    """The bytes are not of the transaction that was asked for."""
    LIED_BRANCH = "lied.branch"
    """The Merkle branch does not lead from the transaction to the header."""
    LIED_BRANCH_LENGTH = "lied.branch-length"
    """The branches of one block have different lengths (CVE-2017-12842)."""
    LIED_COINBASE = "lied.coinbase"
    """The first transaction of a block is no coinbase."""
    LIED_HISTORY = "lied.history"
    """A transaction does not touch the script in whose history it stands, or stands there twice,
    or an entry contradicts the proved transactions."""
    LIED_COIN = "lied.coin"
    """A coin that it lists contradicts the transaction, or an amount is impossible."""
    LIED_BLOCK = "lied.block"
    """A block that is not the one asked for, or whose Merkle root is not its header's."""
    LIED_LINK = "lied.header-link"
    """A header does not name the one before, or does not lead to a pin."""
    LIED_WORK = "lied.header-work"
    """A header's hash is above its target, or its target above the network's limit."""
    LIED_DIFFICULTY = "lied.header-difficulty"
    LIED_TIME = "lied.header-time"
    """A header's time is not above the median of those before, or too far ahead of the clock."""
    LIED_VERSION = "lied.header-version"
    LIED_TIP = "lied.tip"
    """The tip that it named is not the end of the headers that it gave."""
    LIED_SUPPLY = "lied.supply"
    """More coins than the subsidy schedule has paid out."""
    LIED_SNAPSHOT = "lied.snapshot"
    """The hash of a snapshot is not the pinned one."""


def is_lie(code: StrEnum) -> bool:
    """Whether a code says that what was said is refuted by what was shown."""
    return code.startswith("lied.")
