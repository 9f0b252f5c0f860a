"""How well something is shown to exist, in words: the label, and on whose word."""

from __future__ import annotations

from typing import Final

from erario.statement.evidence import ChainNote, UnspentWord
from erario.statement.model import Existence

_WORDS: Final = {
    UnspentWord.BLOCKS: "every block up to the cut-off",
    UnspentWord.SNAPSHOT: "a pinned snapshot",
    UnspentWord.OWN_NODE: "the user's own node",
    UnspentWord.SERVERS: "the servers",
}


def say_existence(existence: Existence, word: UnspentWord, chain: ChainNote) -> str:
    """How well something is shown to exist, and on whose word it is unspent."""
    if existence is Existence.UNSPENT:
        return f"unspent, on the word of {_WORDS[word]}"
    if existence is Existence.INCLUDED:
        return f"included; unspent on the word of {_WORDS[word]}"
    if not chain.authenticated:
        return "reported: on this network proof of work alone proves nothing"
    if not chain.enough_work:
        return "reported: the chain has less than the network's minimum work"
    return "reported: not all of what was read is proved, see the findings"
