"""The sentences of verdicts: why a claim came to what it did, and what would settle it.

They stand in the statement, under its digest: no clock, no tip, no path, nothing of the asker.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from erario.statement.model import Outcome


class Words(NamedTuple):
    """A reason, and what would settle it or ""."""

    reason: str
    settle: str


NOTHING_CONCERNED: Final = Words(
    "The file names no wallet that this claim speaks of.",
    "Declare the holder's wallets, or name in the claim the wallets that it is about.",
)
AFTER_CUTOFF: Final = Words(
    "The chain up to the cut-off has not passed its moment.",
    "Audit at a cut-off that is later than the claim's moment, once the chain has passed it.",
)
NO_HISTORY: Final = Words(
    "The source lists the coins of one block and shows no history; the coins listed that were "
    "there before leave the answer open.",
    "Audit with a source that shows the history: a node, its block files, or servers.",
)

_SHOWN: Final = {
    Outcome.KEPT: "every balance found satisfies the claim",
    Outcome.BROKEN: "no balance between the lowest and the highest found satisfies the claim",
    Outcome.UNCLEAR: "some balances between the lowest and the highest found satisfy the claim, "
    "others do not",
}
_SHOWN_BY_ONE: Final = {
    Outcome.KEPT: "the balance found satisfies the claim",
    Outcome.BROKEN: "the balance found does not satisfy the claim",
}
_SHORTER: Final = "A claim that names one block or one instant has one balance."
_DECLARE: Final = "The holder's own list of addresses, or a document that names each address."
_COMPLETE: Final = "The holder's word that the file lists all that it has (complete = true)."


def decided(outcome: Outcome, *, one: bool) -> Words:
    """For a verdict that stands; `one`: the balance did not change over the claim's moment."""
    settle = _SHORTER if outcome is Outcome.UNCLEAR else ""
    return Words(_sentence(_shown(outcome, one=one)), settle)


def lower_bound(shown: Outcome, *, one: bool, inferred: bool) -> Words:
    """For a verdict that more coins could change: because of wallets that are only inferred, or
    because nobody says that the file is complete."""
    found = _shown(shown, one=one)
    if inferred:
        why = "one or more of the wallets that the claim names are only inferred to be the holder's"
        return Words(_sentence(f"{found}, but {why}"), _DECLARE)
    why = "nothing shows that these are all the holder's coins, and more could change the answer"
    return Words(_sentence(f"{found}, but {why}"), _COMPLETE)


def unseen(shown: Outcome, *, one: bool) -> Words:
    """For a verdict that scripts could change of which no source could show anything."""
    why = "no source could show one or more of the scripts that the claim is about"
    return Words(
        _sentence(f"{_shown(shown, one=one)}, but {why}"),
        "A source that can show them: a node, or its block files.",
    )


def decided_by_later(outcome: Outcome) -> Words:
    """For a verdict over an earlier moment, from the coins of then that are still there."""
    if outcome is Outcome.KEPT:
        return Words(
            "The coins of then that were still there at the cut-off alone satisfy the claim.", ""
        )
    return Words("The coins of then that were still there at the cut-off are already too many.", "")


def only_inferred(would_be: Outcome) -> Words:
    """For a claim about wallets that somebody concludes to be the holder's."""
    if would_be is Outcome.UNKNOWN:
        then = "even if they are, more coins could change the answer"
    else:
        then = f"if they are, the claim is {would_be.value}"
    return Words(f"These wallets are only inferred to be the holder's; {then}.", _DECLARE)


def _shown(outcome: Outcome, *, one: bool) -> str:
    return _SHOWN_BY_ONE[outcome] if one else _SHOWN[outcome]


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
