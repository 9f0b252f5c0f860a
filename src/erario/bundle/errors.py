"""Why a bundle is refused: one code for each lie, and the error that carries it.

A refusal says that the file is not what it claims to be; that a bundle could not be read at all (no
such file, no script engine) is another error, of another kind. Codes are what the conformance kit
names as verdicts, so that they only ever grow.
"""

from __future__ import annotations

from enum import StrEnum

from erario.errors import ErarioError, Place


class BundleCode(StrEnum):
    """Codes of refusals, in the order in which things are looked at."""

    # The container.
    NOT_A_BUNDLE = "bundle.not-a-bundle"
    TRUNCATED = "bundle.truncated"
    TRAILING = "bundle.trailing"
    ENCRYPTED = "bundle.encrypted"
    COMPRESSED = "bundle.compressed"
    LAYOUT = "bundle.layout"
    """A zip that unpacks, but is not the one zip that these files make."""
    CHECKSUM = "bundle.checksum"
    PATH = "bundle.path"
    LINK = "bundle.link"
    DUPLICATE_NAME = "bundle.duplicate-name"
    UNKNOWN_FILE = "bundle.unknown-file"
    MISSING_FILE = "bundle.missing-file"
    TOO_MANY_FILES = "bundle.too-many-files"
    TOO_LARGE = "bundle.too-large"

    # The manifest.
    VERSION = "manifest.version"
    DIGEST = "manifest.digest"
    SIZE = "manifest.size"
    UNLISTED = "manifest.unlisted"
    NETWORK = "manifest.network"
    STATEMENT_DIGEST = "manifest.statement-digest"

    # JSON, in whichever file.
    JSON = "json.not-json"
    JSON_DUPLICATE = "json.duplicate-key"
    JSON_DEPTH = "json.depth"
    JSON_NUMBER = "json.number"
    JSON_ITEMS = "json.items"
    JSON_CANONICAL = "json.not-canonical"
    FIELD = "json.field"
    """A member is missing, unknown, or of another type or range."""

    # What was declared.
    DUPLICATE_ID = "declaration.duplicate-id"
    UNKNOWN_HOLDER = "declaration.unknown-holder"
    UNKNOWN_WALLET = "declaration.unknown-wallet"
    UNKNOWN_DOCUMENT = "declaration.unknown-document"
    SCRIPT_TWICE = "declaration.script-twice"
    DERIVATION = "declaration.derivation"
    CLAIM = "declaration.claim"
    WINDOW = "declaration.window"
    DOCUMENT_FILE = "declaration.document-file"

    # Headers.
    HEADERS_FORM = "headers.form"
    HEADERS_LINK = "headers.link"
    HEADERS_GENESIS = "headers.genesis"
    HEADERS_PIN = "headers.pin"
    HEADERS_RULE = "headers.rule"
    HEADERS_END = "headers.end"
    """A run ends neither at a pin nor at the tip."""
    HEADERS_MISSING = "headers.missing"
    """A block or a moment lies where no header is."""
    CHAIN_WORK = "chain.work"
    CHAIN_TIP = "chain.tip"

    # Moments.
    CUTOFF = "moment.cutoff"
    SINCE = "moment.since"
    INSTANT = "moment.instant"
    INSTANTS = "moment.instants"
    SETTLED = "moment.settled"

    # Transactions.
    BINARY = "transactions.form"
    BINARY_ORDER = "transactions.order"
    NOT_CANONICAL = "transactions.not-canonical"
    IRRELEVANT = "transactions.irrelevant"
    NO_HISTORY = "transactions.no-history"
    LISTED = "transactions.listed"
    INCLUSION = "transactions.inclusion"
    DOUBLE_SPEND = "transactions.double-spend"
    INFLATION = "transactions.inflation"
    SUPPLY = "transactions.supply"

    # Control.
    PROOF = "proofs.invalid"
    PROOF_TWICE = "proofs.twice"
    SEAL = "proofs.seal"

    # The statement.
    STATEMENT = "statement.differs"
    FINDINGS = "statement.findings"
    """The sources' own findings contradict themselves or ours."""
    PREVIOUS = "previous.other"
    PREVIOUS_CUTOFF = "previous.cutoff"
    PREVIOUS_SATS = "previous.sats"


class BundleError(ErarioError):
    """A bundle, or what was given beside it, that contradicts itself: refused."""

    def __init__(
        self,
        code: StrEnum,
        what: str,
        *,
        remedy: str = "Do not rely on it; ask whoever published it for the bundle again.",
        place: Place | None = None,
    ) -> None:
        super().__init__(code, what, remedy=remedy, place=place)


class ReadingCode(StrEnum):
    """Codes of errors that say nothing about a bundle: it could not be verified."""

    NOT_READ = "bundle.not-read"
    NOTHING_SEALED = "bundle.nothing-sealed"
    """Proofs were given beside a bundle that has sealed none."""
    NO_ENGINE = "bundle.no-engine"
