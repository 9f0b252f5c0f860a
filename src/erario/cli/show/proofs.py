"""The control proofs of a bundle on a page and as JSON: alike ones in one line, however many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from rich.text import Text

from erario.bitcoin.address import show_address
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Script, show_hash
from erario.bundle.shown_proofs import ProofGroup, ProofStanding
from erario.cli.clean import clean
from erario.cli.show.layout import FAINT, STRONG, labelled
from erario.cli.show.words import count, show_utc
from erario.proof.result import Form
from erario.statement.json_values import Json, JsonObject, point_json

_LABEL: Final = 15
_MESSAGES: Final = 20
_LINES: Final = 20
"""Told one by one; more are counted. JSON has all."""
_NAMES: Final = 2
_LONGEST: Final = 400
"""Characters of a message that is shown; a control message has fewer."""

_STANDINGS: Final = {
    ProofStanding.COUNTED: "",
    ProofStanding.TOO_OLD: "; too old to count",
    ProofStanding.ANOTHER: "; another proof of the script counts in its place",
    ProofStanding.NOT_COUNTED: "; not counted, see the findings",
}


def proofs_lines(groups: Sequence[ProofGroup], network: NetworkName) -> list[Text]:
    """What was signed, message by message."""
    if not groups:
        return []
    messages = [list(same) for _, same in groupby(groups, key=lambda one: one.text)]
    lines = [Text(), Text("Control proofs: what was signed, and by how many keys", STRONG)]
    for same in messages[:_MESSAGES]:
        for label, text in _message(same, network):
            lines += labelled(f"  {label}", clean(text), width=_LABEL, style=FAINT)
    if len(messages) > _MESSAGES:
        more = f"and {count(len(messages) - _MESSAGES, 'message')} more: --json has all"
        lines += labelled("", more, width=_LABEL)
    return lines


def _message(groups: list[ProofGroup], network: NetworkName) -> Iterator[tuple[str, str]]:
    first = groups[0]
    cut = "..." if len(first.text) > _LONGEST else ""
    yield "message", first.text[:_LONGEST] + cut
    said, point = first.said, first.point
    if said is None:
        yield "block", "none: this is no message of a control proof, so it bounds no time"
    elif point is None:
        yield "block", f"{said.height:,}, not a block of this bundle's chain up to its cut-off"
    else:
        when = show_utc(point.time)
        yield "block", f"{said.height:,} of {when}: it was signed after that block was found"
    if said is not None:
        known = f"the holder {first.holder}" if first.holder else "which no holder here signs as"
        yield "holder", f"{said.holder}, {known}"
    for group in groups[:_LINES]:
        yield "signed", _group(group, network)
    if len(groups) > _LINES:
        rest = sum(len(one.scripts) for one in groups[_LINES:])
        yield "", f"and {count(rest, 'script')} more, otherwise signed: --json has all"


def _group(group: ProofGroup, network: NetworkName) -> str:
    what = f"{group.wallet or 'no wallet'}: {count(len(group.scripts), 'script')}"
    if group.form is Form.PROOF_OF_FUNDS:
        what += f" in {count(group.proofs, 'proof')} of funds"
    names = ", ".join(_name(one, network) for one in group.scripts[:_NAMES])
    more = f" and {len(group.scripts) - _NAMES:,} more" if len(group.scripts) > _NAMES else ""
    by = "each by" if len(group.scripts) > 1 else "by"
    return f"{what}, {by} {_keys(group)}{_STANDINGS[group.standing]}; {names}{more}"


def _keys(group: ProofGroup) -> str:
    if not group.keys:
        return "no key, as far as is shown"
    shown = count(group.keys, "distinct key")
    if group.quorum is None:
        return f"{shown} (needed: what the descriptor says, being no plain quorum)"
    needed, keys = group.quorum
    return f"{shown} (needed: {needed:,} of {keys:,})"


def _name(script: Script, network: NetworkName) -> str:
    return show_address(script, network) or script.hex()[:40]


def proofs_json(groups: Sequence[ProofGroup]) -> list[Json]:
    """The same for programs: every group, with all its scripts."""
    return [_group_json(one) for one in groups]


def _group_json(group: ProofGroup) -> JsonObject:
    said = group.said
    return {
        "message": group.text,
        "purpose": None if said is None else said.purpose,
        "signs_as": None if said is None else said.holder,
        "holder": group.holder,
        "names": None
        if said is None
        else {"height": said.height, "hash": show_hash(said.block_hash)},
        "block": None if group.point is None else point_json(group.point),
        "coins_digest": None if said is None else said.coins_digest.hex(),
        "wallet": group.wallet,
        "form": None if group.form is None else group.form.value,
        "keys": group.keys,
        "needed": None if group.quorum is None else group.quorum.needed,
        "of": None if group.quorum is None else group.quorum.keys,
        "standing": group.standing.value,
        "proofs": group.proofs,
        "scripts": [one.hex() for one in group.scripts],
    }
