"""Walking a script's operations without running them.

A walk knows pushes from other operations, and nothing of what they do. It ends where a push runs
past the end, as Bitcoin Core's `GetOp` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

OP_PUSHDATA1: Final = 0x4C
OP_PUSHDATA4: Final = 0x4E
OP_1NEGATE: Final = 0x4F
OP_1: Final = 0x51
OP_16: Final = 0x60
OP_CODESEPARATOR: Final = 0xAB
CHECKS: Final = frozenset(range(0xAC, 0xB0))
"""OP_CHECKSIG, OP_CHECKSIGVERIFY, OP_CHECKMULTISIG, OP_CHECKMULTISIGVERIFY."""
_SUCCESS: Final = frozenset((
    0x50, 0x62, *range(0x7E, 0x82), *range(0x83, 0x87), 0x89, 0x8A, 0x8D, 0x8E,
    *range(0x95, 0x9A), *range(0xBB, 0xFF),
))  # fmt: skip
"""BIP 342: with one of them anywhere a tapscript succeeds, whatever stands before it."""


def operations(script: bytes) -> Iterator[tuple[int, bytes | None]]:
    """Each operation's code, and the bytes that it pushes if it carries some.

    A push that runs past the end comes last, as a code without bytes.
    """
    position, end = 0, len(script)
    while position < end:
        code = script[position]
        position += 1
        if code > OP_PUSHDATA4 or code == 0:
            yield code, b"" if code == 0 else None
            continue
        size = code
        if code >= OP_PUSHDATA1:
            width = 1 << (code - OP_PUSHDATA1)
            size = int.from_bytes(script[position : position + width], "little")
            position += width
        if position + size > end:
            yield code, None
            return
        yield code, script[position : position + size]
        position += size


def read_pushes(script: bytes) -> tuple[list[bytes], bool] | None:
    """What a script of pushes alone leaves on the stack, and whether each push is the shortest.

    Small numbers count as the bytes that they leave. None where it is not pushes alone.
    """
    items: list[bytes] = []
    is_minimal = True
    for code, data in operations(script):
        if data is not None:
            items.append(data)
            is_minimal = is_minimal and code == shortest_push(data)
        elif code == OP_1NEGATE:
            items.append(b"\x81")
        elif OP_1 <= code <= OP_16:
            items.append(bytes((code - OP_1 + 1,)))
        else:
            return None
    return items, is_minimal


def shortest_push(data: bytes) -> int:
    """The code of the shortest push of these bytes (Bitcoin Core, CheckMinimalPush)."""
    size = len(data)
    if size == 1 and 1 <= data[0] <= 16:
        return OP_1 + data[0] - 1
    if data == b"\x81":
        return OP_1NEGATE
    if size < OP_PUSHDATA1:
        return size
    return OP_PUSHDATA1 + (size > 0xFF) + (size > 0xFFFF)


def write_push(data: bytes) -> bytes:
    """The shortest push of these bytes."""
    code = shortest_push(data)
    if code <= OP_PUSHDATA1 - 1:
        return bytes((code,)) + data
    if code > OP_PUSHDATA4:
        return bytes((code,))
    width = 1 << (code - OP_PUSHDATA1)
    return bytes((code,)) + len(data).to_bytes(width, "little") + data


def has_codeseparator(script: bytes, *, is_tapscript: bool) -> bool:
    """Whether an OP_CODESEPARATOR stands in the script, run or not.

    In a tapscript nothing is run that has an operation of those that always succeed.
    """
    codes = [code for code, _ in operations(script)]
    if is_tapscript and not _SUCCESS.isdisjoint(codes):
        return False
    return OP_CODESEPARATOR in codes
