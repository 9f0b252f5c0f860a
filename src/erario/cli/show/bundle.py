"""A verification as text and as JSON: what was checked, stated, signed, and what is open."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from rich.text import Text

from erario.bundle.against_chain import ChainAnswer
from erario.bundle.checks import Check, Standing, list_checks
from erario.bundle.errors import BundleError
from erario.bundle.shown_proofs import ProofGroup
from erario.bundle.verifying import VerifiedBundle
from erario.cli.clean import clean
from erario.cli.show.layout import BAD, DOUBT, FAINT, GOOD, STRONG, labelled, paragraph
from erario.cli.show.proofs import proofs_json, proofs_lines
from erario.cli.show.statement import View, statement_lines
from erario.statement.codec import canonical_json, statement_json
from erario.statement.finding import Verdict
from erario.statement.json_values import Json

_LABEL: Final = 13
_NAMES: Final = {
    Standing.CHECKED: "Checked",
    Standing.STATED: "Stated: somebody says so, and no file can show it",
    Standing.NOT_CHECKED: "Not checked",
}
_STYLES: Final = {Verdict.PASS: GOOD, Verdict.FAIL: BAD, Verdict.UNKNOWN: DOUBT}


@dataclass(frozen=True, slots=True)
class Verification:
    """A bundle that holds, and what was asked beside it."""

    found: VerifiedBundle
    beside: tuple[Check, ...] = ()
    chain: tuple[ChainAnswer, ...] = field(default=())
    proofs: tuple[ProofGroup, ...] = ()

    @property
    def checks(self) -> tuple[Check, ...]:
        """All lines; what was asked of a chain, or is looked at beside, is no longer open."""
        answered = {one.about for one in self.beside} | ({"still there"} if self.chain else set())
        own = [one for one in list_checks(self.found) if one.about not in answered]
        order = list(Standing)
        return tuple(sorted((*own, *self.beside), key=lambda one: order.index(one.standing)))


def verification_lines(done: Verification) -> list[Text]:
    """The page: the verdict, the lines by how they stand, the chain's answers, the statement."""
    lines = labelled("VERIFIED", done.found.manifest.digest.hex(), width=_LABEL, style=GOOD)
    for standing, title in _NAMES.items():
        chosen = [one for one in done.checks if one.standing is standing]
        if chosen:
            lines += [Text(), Text(title, STRONG)]
        for one in chosen:
            lines += labelled(f"  {one.about}", clean(one.what), width=_LABEL + 2, style=FAINT)
    lines += proofs_lines(done.proofs, done.found.evidence.network)
    if done.chain:
        lines += [Text(), Text("Asked of a chain", STRONG)]
    for answer in done.chain:
        label = f"  {answer.verdict.value.upper()}"
        lines += labelled(
            label, clean(answer.what), width=_LABEL + 2, style=_STYLES[answer.verdict]
        )
    return [*lines, Text(), *statement_lines(done.found.statement, View({}))]


def refusal_lines(error: BundleError) -> list[Text]:
    """The page of a bundle that is refused."""
    lines = labelled("REFUSED", str(error.code), width=_LABEL, style=BAD)
    where = f"{error.place}: " if error.place else ""
    lines += paragraph(clean(where + error.what), indent=_LABEL)
    return lines + paragraph(clean(error.remedy), indent=_LABEL)


def verification_json(done: Verification) -> bytes:
    """The same as one JSON object, with the statement in it."""
    statement: Json = json.loads(statement_json(done.found.statement))
    return canonical_json(
        {
            "verdict": "valid",
            "bundle": done.found.manifest.digest.hex(),
            "checks": [
                {
                    "about": one.about,
                    "standing": one.standing.value,
                    "what": one.what,
                    "facts": one.facts,
                }
                for one in done.checks
            ],
            "proofs": proofs_json(done.proofs),
            "sealed": [one.hex() for one in done.found.sealed],
            "chain": [
                {"question": one.question.value, "verdict": one.verdict.value, "what": one.what}
                for one in done.chain
            ],
            "statement": statement,
        }
    )


def refusal_json(error: BundleError) -> bytes:
    """A refusal as one JSON object."""
    return canonical_json(
        {
            "verdict": "refused",
            "code": str(error.code),
            "file": error.place.file if error.place else None,
            "what": error.what,
            "remedy": error.remedy,
        }
    )


def chain_code(answers: Sequence[ChainAnswer]) -> int:
    """1 where a chain contradicts, or coins are gone; 3 where it leaves something open; else 0."""
    verdicts = {answer.verdict for answer in answers}
    if Verdict.FAIL in verdicts:
        return 1
    return 3 if Verdict.UNKNOWN in verdicts else 0
