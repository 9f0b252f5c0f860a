"""What a verification came to, in words: what was checked, what is stated, what nobody looked at.

No line here decides anything: a bundle that contradicts itself is refused before. The lines tell a
reader how far that goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from erario.bundle.verifying import VerifiedBundle
from erario.statement.evidence import UnspentWord
from erario.statement.finding import FindingCode
from erario.statement.json_values import JsonObject
from erario.statement.model import Existence


class Standing(StrEnum):
    """How something stands after a verification."""

    CHECKED = "checked"
    STATED = "stated"
    """Somebody says so, and no file can show it."""
    NOT_CHECKED = "not checked"
    """It could be checked, with what is named."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line: what it is about, how it stands, and what was found or is missing. `facts` are the
    same for programs, of what lay beside the bundle."""

    about: str
    standing: Standing
    what: str
    facts: JsonObject | None = None


_WORDS = {
    UnspentWord.BLOCKS: "whoever made the bundle, who says to have checked every block",
    UnspentWord.SNAPSHOT: "whoever made the bundle, who says to have read a pinned snapshot",
    UnspentWord.OWN_NODE: "whoever made the bundle, and of their own node",
    UnspentWord.SERVERS: "whoever made the bundle, and of the servers asked",
}


def list_checks(found: VerifiedBundle) -> tuple[Check, ...]:
    """All lines, checked ones first."""
    lines = [
        *_shown(found),
        *_control(found),
        *_previous(found),
        *_stated(found),
        *_open(found),
    ]
    order = list(Standing)
    return tuple(sorted(lines, key=lambda one: order.index(one.standing)))


def _shown(found: VerifiedBundle) -> Iterator[Check]:
    evidence, headers = found.evidence, found.headers
    size = sum(size for size, _ in found.manifest.files.values())
    yield Check(
        "structure",
        Standing.CHECKED,
        f"{len(found.manifest.files) + 1} files, {size:,} bytes, each as the manifest lists it",
    )
    count = sum(len(run.headers) // 80 for run in headers.runs)
    where = (
        "linked to the pins that erario carries"
        if headers.tip is None
        else f"linked up to the tip at {headers.tip:,}, by every rule"
    )
    yield Check(
        "headers", Standing.CHECKED, f"{counted(count, 'header')} with proof of work, {where}"
    )
    shown = sum(len(block.transactions) for block in evidence.blocks)
    moments = 1 + (evidence.since is not None) + len(evidence.instants)
    yield Check(
        "moments",
        Standing.CHECKED,
        f"{counted(moments, 'moment')} looked up in the headers; it closes on block "
        f"{evidence.cutoff.height:,}",
    )
    yield Check(
        "inclusion",
        Standing.CHECKED,
        f"{counted(shown, 'transaction')}, each shown in its block; none spends a coin twice or "
        "pays out more than it takes",
    )
    yield Check(
        "statement",
        Standing.CHECKED,
        "assessed again from the evidence, and equal to the byte: sums, roll-forward, claims",
    )


def _control(found: VerifiedBundle) -> Iterator[Check]:
    proofs = found.evidence.proofs
    if proofs:
        proved = sum(
            one.proof is not None and not one.proof.too_old
            for holder in found.statement.holders
            for wallet in holder.wallets
            for one in wallet.scripts
        )
        within = found.evidence.proofs_within_days
        # How many hold is in no statement: one can be older than another, or add inputs to it.
        told = any(one.code is FindingCode.CONTROL_PROOF for one in found.statement.findings)
        yield Check(
            "control",
            Standing.CHECKED,
            f"{counted(len(proofs), 'proof')} judged by BIP-322: control is shown of "
            f"{counted(proved, 'script') if proved else 'no script'}"
            + (f", by proofs of {counted(within, 'day')} or less" if within is not None else "")
            + ("; what does not count, or differs, is in the findings" if told else ""),
        )
    elif found.sealed:
        yield Check(
            "control",
            Standing.NOT_CHECKED,
            f"{counted(len(found.sealed), 'sealed proof')}: give what was sealed with --proofs",
        )
    else:
        yield Check("control", Standing.NOT_CHECKED, "the bundle has no control proofs")


def _previous(found: VerifiedBundle) -> Iterator[Check]:
    previous = found.manifest.previous
    if previous is None:
        return
    yield Check(
        "opening",
        Standing.CHECKED,
        f"the roll-forward opens at block {previous.height:,} with what the bundle before is said "
        "to have closed with",
    )
    if found.is_previous_verified:
        what = f"the bundle before, {previous.digest.hex()}, is verified and closed with that"
        yield Check("previous", Standing.CHECKED, what)
    else:
        what = f"the bundle before, {previous.digest.hex()}: give it with --previous"
        yield Check("previous", Standing.NOT_CHECKED, what)


def _stated(found: VerifiedBundle) -> Iterator[Check]:
    statement = found.statement
    yield Check(
        "holders",
        Standing.STATED,
        "whose the wallets are, their roles and attributions, and what the holders say of "
        "themselves",
    )
    word = _WORDS[statement.word]
    if statement.existence is Existence.REPORTED:
        what = "nothing shows that this chain is the one with the most work"
        yield Check("chain", Standing.NOT_CHECKED, what)
    yield Check(
        "unspent",
        Standing.STATED,
        f"that nothing was left out, and no coin spent, up to the cut-off: the word of {word}",
    )
    if found.headers.tip is None:
        yield Check(
            "tip", Standing.STATED, f"that the tip was {statement.observed.chain.tip.height:,}"
        )
    if statement.observed.findings or statement.documents:
        yield Check(
            "said",
            Standing.STATED,
            "what sources are said to have seen, and what documents are said to be",
        )


def _open(found: VerifiedBundle) -> Iterator[Check]:
    yield Check(
        "still there",
        Standing.NOT_CHECKED,
        f"whether the coins are unspent today, {found.evidence.cutoff.time:%Y-%m-%d} being the "
        "cut-off's day: ask a chain with --source",
    )
    yield Check(
        "signature",
        Standing.NOT_CHECKED,
        "who issued it: hold it against their signature, with --signature and --allowed-signers",
    )
    yield Check(
        "timestamp",
        Standing.NOT_CHECKED,
        "how long after its last block it was made: an OpenTimestamps proof would say, with "
        "--timestamp",
    )


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 proof`, `1,019 proofs`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
