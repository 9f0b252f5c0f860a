"""What is kept, and what was removed, as lines and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.text import Text

from erario.chain.state_report import Cleared, KeptList, KeptNetwork
from erario.cli.clean import clean
from erario.cli.show.layout import STRONG, ends, paragraph

_UNITS = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"))


def store_lines(base: Path, kept: Sequence[KeptNetwork]) -> list[Text]:
    """What is kept beneath a folder."""
    if not kept:
        return paragraph(f"Nothing is kept in {clean(str(base))}")
    lines = paragraph(f"Kept in {clean(str(base))}")
    for one in kept:
        lines.append(Text())
        lines += ends(one.network.value, say_size(one.size), style=STRONG)
        for text in _sentences(one):
            lines += paragraph(text, indent=2)
    return lines


def cleared_lines(base: Path, removed: Sequence[Cleared]) -> list[Text]:
    """What was removed."""
    if not removed:
        return paragraph(f"Nothing was kept in {clean(str(base))}")
    lines = []
    for one in removed:
        lines += ends(f"Removed {clean(str(one.path))}", say_size(one.size))
    return lines


def store_json(base: Path, kept: Sequence[KeptNetwork]) -> dict[str, object]:
    """What is kept, as JSON."""
    return {
        "folder": str(base),
        "networks": [
            {
                "network": one.network.value,
                "size": one.size,
                "headers": one.headers,
                "block_files": one.files,
                "lists": [
                    {
                        "scripts": listed.scripts,
                        "height": listed.height,
                        "blocks": listed.blocks,
                        "transactions": listed.transactions,
                        "own": listed.own,
                    }
                    for listed in one.lists
                ],
            }
            for one in kept
        ],
    }


def cleared_json(removed: Sequence[Cleared]) -> dict[str, object]:
    """What was removed, as JSON."""
    return {"removed": [{"file": str(one.path), "size": one.size} for one in removed]}


def say_size(size: int) -> str:
    """A number of bytes for people: `78.1 MB`."""
    for unit, name in _UNITS:
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} bytes"


def _sentences(one: KeptNetwork) -> Iterator[str]:
    if one.headers:
        yield f"headers of blocks 0 to {one.headers - 1:,}"
    if one.files:
        yield f"where blocks lie in {_count(one.files, 'block file')}"
    yield from map(_say_list, one.lists)


def _say_list(listed: KeptList) -> str:
    word = ", on the word of your node" if listed.own else ""
    return (
        f"{_count(listed.scripts, 'script')} to block {listed.height:,}{word}: "
        f"{_count(listed.transactions, 'transaction')} in {_count(listed.blocks, 'block')}"
    )


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"
