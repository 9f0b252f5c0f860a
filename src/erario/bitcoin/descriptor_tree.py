"""The text of a descriptor as a tree, and its checksum (BIP 380).

Nothing here recurses: text is hostile, and its depth is bounded as its length is. Errors name a
position in the text and never quote it, for what stands there may be a private key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from embit.descriptor.checksum import checksum
from embit.descriptor.errors import DescriptorError as EmbitDescriptorError

from erario.bitcoin.errors import BitcoinCode, DescriptorError

MAX_LENGTH: Final = 65_536
"""Characters of a descriptor; some 500 extended keys fit in."""
MAX_DEPTH: Final = 300
"""Nesting: 128 in a taproot tree (BIP 341), and what a script of 3,600 bytes can nest."""

_TOKEN = re.compile(r"[(){},]|[^(){},]+")
_CHECKSUM = re.compile(r"[qpzry9x8gf2tvdw0s3jn54khce6mua7l]{8}")
_AGAIN: Final = "Export the descriptor from the wallet again, or correct it there."


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A function with arguments, a pair of a taproot tree (`{`), or an atom (no arguments).

    `text` is the name before the bracket, wrappers included, or the atom itself; `start` its
    offset in the descriptor.
    """

    text: str
    start: int
    args: tuple[Node, ...] | None = field(default=None, repr=False)

    @property
    def is_atom(self) -> bool:
        """True where no brackets follow."""
        return self.args is None


@dataclass(slots=True)
class _Open:
    bracket: str
    name: str
    start: int
    args: list[Node]


def refusal(
    what: str, *, code: BitcoinCode = BitcoinCode.DESCRIPTOR_SYNTAX, remedy: str = _AGAIN
) -> DescriptorError:
    """The error that says `what`; it is raised where no other exception is being handled."""
    return DescriptorError(code, what, remedy=remedy)


def at(node: Node) -> str:
    """Where a node stands, for people."""
    return f"at character {node.start + 1}"


def split_checksum(text: str) -> tuple[str, str | None]:
    """The body of a descriptor and the checksum behind it, if one stands there."""
    if len(text) > MAX_LENGTH:
        raise refusal(f"the descriptor is longer than {MAX_LENGTH:,} characters")
    body, mark, given = text.partition("#")
    return body, given if mark else None


def checksum_of(body: str) -> str:
    """The eight characters that BIP 380 puts behind `#`.

    Raises:
        DescriptorError: a character that no descriptor can hold.
    """
    try:
        return str(checksum(body))
    except EmbitDescriptorError:
        pass
    raise refusal("a character that no descriptor can hold")


def check_checksum(body: str, given: str) -> None:
    """Check what stands behind `#`; the body is known to be good otherwise.

    Raises:
        DescriptorError: it is wrong. The right one is given: the body may still be mistyped, so
            the remedy asks for the wallet first.
    """
    right = checksum_of(body)
    if given == right:
        return
    what = "the checksum of the descriptor is wrong"
    if not _CHECKSUM.fullmatch(given):
        what = "the checksum of a descriptor has eight characters of the bech32 alphabet"
    raise refusal(
        what,
        code=BitcoinCode.DESCRIPTOR_CHECKSUM,
        remedy="Compare the descriptor with the wallet's own. "
        f"If every character before # is right, the checksum is #{right}.",
    )


def parse(body: str) -> Node:
    """The tree of a descriptor without its checksum.

    Raises:
        DescriptorError: brackets or commas are out of place, or nested too deeply.
    """
    stack: list[_Open] = []
    pending: Node | None = None
    for match in _TOKEN.finditer(body):
        token, start = match.group(), match.start()
        if token == "(":  # noqa: S105 - a bracket
            if pending is None or pending.args is not None:
                raise refusal(f"a bracket at character {start + 1} has no name before it")
            stack.append(_Open(token, pending.text, pending.start, []))
            pending = None
        elif token == "{":  # noqa: S105
            if pending is not None:
                raise refusal(f"a brace at character {start + 1} stands behind something")
            stack.append(_Open(token, token, start, []))
        elif token in {",", ")", "}"}:
            pending = _close(stack, pending, token, start)
        elif pending is not None:
            raise refusal(f"unexpected text at character {start + 1}")
        else:
            pending = Node(token, start)
        if len(stack) > MAX_DEPTH:
            raise refusal(f"the descriptor is nested more than {MAX_DEPTH} deep")
    if stack:
        raise refusal("a bracket is not closed")
    if pending is None or pending.is_atom:
        raise refusal("a descriptor is a function with its arguments in brackets")
    return pending


def _close(stack: list[_Open], pending: Node | None, token: str, start: int) -> Node | None:
    if not stack or pending is None:
        raise refusal(f"nothing stands before the {token!r} at character {start + 1}")
    frame = stack[-1]
    frame.args.append(pending)
    if token == ",":  # noqa: S105
        return None
    if (frame.bracket, token) not in {("(", ")"), ("{", "}")}:
        raise refusal(f"the {token!r} at character {start + 1} closes another bracket")
    if token == "}" and len(frame.args) != 2:  # noqa: S105
        raise refusal(f"the braces at character {frame.start + 1} hold other than two branches")
    stack.pop()
    return Node(frame.name, frame.start, tuple(frame.args))


def post_order(root: Node) -> Iterator[Node]:
    """Every node, arguments before their function."""
    todo = [(root, False)]
    while todo:
        node, is_ready = todo.pop()
        if is_ready or not node.args:
            yield node
            continue
        todo.append((node, True))
        todo.extend((arg, False) for arg in reversed(node.args))


def splice(body: str, changes: dict[int, tuple[int, str]]) -> str:
    """The body with pieces replaced: offset to (length, new text)."""
    parts, done = [], 0
    for start, (length, text) in sorted(changes.items()):
        parts += [body[done:start], text]
        done = start + length
    return "".join([*parts, body[done:]])
