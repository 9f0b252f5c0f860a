"""Sources as lines and as JSON: whether they answer, what they show, and what they learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.text import Text

from erario.bitcoin.values import BlockHash, Height, show_hash
from erario.chain.source_url import show_url
from erario.cli.clean import clean
from erario.cli.configuration import ChosenSource
from erario.cli.public_servers import PublicServer
from erario.cli.show.layout import BAD, GOOD, STRONG, ends, labelled, paragraph
from erario.cli.show.words import short_hash
from erario.errors import ErarioError
from erario.statement.evidence import SourceKind, SourceNote

_WIDTH: Final = 9
_SHOWS: Final = {
    SourceKind.BLOCKS: "every coin and every spend, at any height; checks every block itself",
    SourceKind.NODE: "every coin and every spend, at any height; with /coins what is unspent now",
    SourceKind.ELECTRUM: "every coin and every spend that it does not hide, at any height",
    SourceKind.ESPLORA: "every coin and every spend that it does not hide, at any height",
    SourceKind.SNAPSHOT: "what is unspent at its one height",
}
_LEARNS: Final = {
    SourceKind.BLOCKS: "nothing: files are read on this machine",
    SourceKind.NODE: "the scripts asked for; if the node is yours, nobody else does",
    SourceKind.ELECTRUM: "the scripts asked for, all at once, and from which address they are "
    "asked for unless --proxy hides it",
    SourceKind.ESPLORA: "the scripts asked for, all at once, and from which address they are "
    "asked for unless --proxy hides it",
    SourceKind.SNAPSHOT: "nothing: a file is read on this machine",
}
_REVEALS: Final = (
    "Whoever runs a server learns which addresses you ask about, that the same person asks about "
    "all of them, and your network address unless you use --proxy. Nobody vouches for these "
    "servers: what they prove is checked, what they leave out is not found; two that are run by "
    "different people find each other out."
)


@dataclass(frozen=True, slots=True)
class Probed:
    """A source, and what became of asking it: its note, its tip by its own word and the seconds
    that took, or an error."""

    chosen: ChosenSource
    note: SourceNote | None
    tip: tuple[Height, BlockHash] | None
    seconds: float | None
    error: ErarioError | None


def probed_lines(probed: Sequence[Probed]) -> list[Text]:
    """All sources, one below the other."""
    lines: list[Text] = []
    for one in probed:
        if lines:
            lines.append(Text())
        lines += _probed(one)
    return lines


def probed_json(probed: Sequence[Probed]) -> dict[str, object]:
    """The same as JSON."""
    return {"sources": [_probed_json(one) for one in probed]}


def suggested_lines(servers: Sequence[PublicServer]) -> list[Text]:
    """Public servers, ready for the configuration."""
    lines = paragraph(_REVEALS)
    for one in servers:
        lines += [Text(), *ends(one.operator, f"named by {one.named_by}", style=STRONG)]
        lines.append(Text(f"  --source {one.url}"))
    return lines


def suggested_json(servers: Sequence[PublicServer]) -> dict[str, object]:
    """The same as JSON."""
    return {
        "reveals": _REVEALS,
        "servers": [
            {
                "name": one.name,
                "url": one.url,
                "operator": one.operator,
                "named_by": one.named_by,
            }
            for one in servers
        ],
    }


def _probed(one: Probed) -> list[Text]:
    title = clean(one.chosen.name or show_url(one.chosen.url))
    if one.error is not None:
        lines = ends(title, "does not answer", style=BAD)
        lines += labelled("", clean(one.error.what), width=_WIDTH)
        return lines + labelled("", clean(one.error.remedy), width=_WIDTH)
    note = one.note
    assert note is not None
    said = "not asked" if one.seconds is None else f"answers in {one.seconds * 1000:,.0f} ms"
    lines = ends(title, said, style=GOOD)
    if one.tip is not None:
        height, block_hash = one.tip
        tip = f"block {height} {short_hash(block_hash)}, by its own word"
        lines += labelled("Tip", tip, width=_WIDTH)
    lines += labelled("Shows", _SHOWS[note.kind], width=_WIDTH)
    lines += labelled("But", clean(note.caveat), width=_WIDTH)
    return lines + labelled("Learns", _LEARNS[note.kind], width=_WIDTH)


def _probed_json(one: Probed) -> dict[str, object]:
    note = one.note
    return {
        "name": one.chosen.name,
        "url": show_url(one.chosen.url),
        "own": one.chosen.own,
        "answers": one.error is None,
        "milliseconds": None if one.seconds is None else round(one.seconds * 1000),
        "tip": None if one.tip is None else {"height": one.tip[0], "hash": show_hash(one.tip[1])},
        "shows": None if note is None else _SHOWS[note.kind],
        "caveat": None if note is None else note.caveat,
        "learns": None if note is None else _LEARNS[note.kind],
        "error": None
        if one.error is None
        else {"code": str(one.error.code), "what": one.error.what, "remedy": one.error.remedy},
    }
