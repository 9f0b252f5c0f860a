"""Text that people wrote, made safe to print.

Names, notes and titles come from files that anybody may have written. Every character that could
move a cursor, hide text or turn its direction is shown as its escape instead.
"""

from __future__ import annotations

import unicodedata
from typing import Final

LONGEST_TEXT: Final = 400
"""Characters of one text that somebody wrote, as shown; the rest is an ellipsis."""


def clean(text: str) -> str:
    """`text` on one line, with every unsafe character escaped and its length bounded."""
    if len(text) > LONGEST_TEXT:
        text = text[: LONGEST_TEXT - 3] + "..."
    return _safe(text)


def clean_lines(text: str) -> str:
    """`text` with its line breaks kept and every other unsafe character escaped."""
    return "\n".join(_safe(line) for line in text.split("\n"))


def _safe(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _shown(char) for char in text)


def _shown(char: str) -> str:
    """A blank for every kind of blank, an escape for what has no shape of its own."""
    if unicodedata.category(char) == "Zs":
        return " "
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
