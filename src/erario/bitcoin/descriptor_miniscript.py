"""Miniscript (BIP 379): correct types, no malleability, and the script with holes for its keys.

A script is compiled once into pieces; filling in the keys of an index is a join. The type of a
fragment is a set of letters, as in BIP 379 and Bitcoin Core's miniscript.h:

    B V K W     what it leaves on the stack
    z o n d u   correctness: inputs, dissatisfaction, unit
    e f s m     malleability: unique dissatisfaction, forced, signature, non-malleable
    x           VERIFY costs an opcode of its own
    g h i j k   locks: relative time and height, absolute time and height, none mixed

Only sane scripts pass: top level B, non-malleable, signed, time locks not mixed, no key twice,
within the limits of consensus and relay.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from erario.bitcoin import descriptor_satisfaction as satisfaction
from erario.bitcoin import descriptor_types as types
from erario.bitcoin.descriptor_keys import Key, KeyRules, read_key
from erario.bitcoin.descriptor_satisfaction import Cost, combine
from erario.bitcoin.descriptor_script import (
    Piece,
    Push,
    PushHash,
    PushSorted,
    merged,
    push,
    push_number,
)
from erario.bitcoin.descriptor_tree import Node, at, post_order, refusal
from erario.bitcoin.descriptor_types import Type
from erario.bitcoin.errors import BitcoinCode, DescriptorError
from erario.bitcoin.network import NetworkName

MAX_OPS: Final = 201
"""Bitcoin Core, script/script.h, MAX_OPS_PER_SCRIPT; not in taproot."""
MAX_WITNESS_ITEMS: Final = 100
"""Bitcoin Core, policy/policy.h, MAX_STANDARD_P2WSH_STACK_ITEMS."""
MAX_STACK: Final = 1000
"""Bitcoin Core, script/script.h, MAX_STACK_SIZE; the limit in taproot."""
MAX_WSH_SCRIPT: Final = 3600
"""Bitcoin Core, policy/policy.h, MAX_STANDARD_P2WSH_SCRIPT_SIZE."""
MAX_MULTI_KEYS: Final = 20
"""Bitcoin Core, script/script.h, MAX_PUBKEYS_PER_MULTISIG."""
MAX_MULTI_A_KEYS: Final = 999
"""Bitcoin Core, script/script.h, MAX_PUBKEYS_PER_MULTI_A."""

_NUMBER = re.compile(r"[1-9][0-9]{0,9}")
_HEX = re.compile(r"[0-9a-fA-F]+")
_TIME_FLAG: Final = 1 << 22
"""Relative locks with this bit count time (BIP 68)."""
_TIME_THRESHOLD: Final = 500_000_000
"""Absolute locks from here on are times (BIP 65)."""
_UNTYPED: Final = (
    "Export the descriptor from the wallet again; erario takes only sane miniscript (BIP 379)."
)


@dataclass(frozen=True, slots=True)
class Fragment:
    """A typed piece of a script."""

    type: Type
    pieces: tuple[Piece, ...]
    cost: Cost

    def has(self, letters: str) -> bool:
        """Whether the type has all these letters."""
        return self.type.issuperset(letters)


def read_number(node: Node) -> int:
    """A count or lock: a plain number from 1 to 2^31 - 1."""
    if not node.is_atom or not _NUMBER.fullmatch(node.text) or int(node.text) >= 2**31:
        raise refusal(
            f"a number from 1 to 2147483647 is missing {at(node)}",
            code=BitcoinCode.DESCRIPTOR_RANGE,
        )
    return int(node.text)


class MiniscriptReader:
    """Reads miniscript in one context; `keys` grows with each key, by which holes are numbered."""

    def __init__(self, rules: KeyRules, network: NetworkName, keys: list[Key]) -> None:
        self._rules = rules
        self._network = network
        self._keys = keys
        self._done: dict[Node, Fragment] = {}

    def read(self, root: Node) -> tuple[Piece, ...]:
        """The pieces of a script that may stand alone.

        Raises:
            DescriptorError: it is not correct, or not sane.
        """
        first_key = len(self._keys)
        for node in post_order(root):
            if not node.is_atom:
                self._done[node] = self._wrapped(node)
        fragment = self._sub(root)
        self._check_sane(root, fragment, self._keys[first_key:])
        return merged(fragment.pieces)

    def _sub(self, node: Node) -> Fragment:
        return self._wrapped(node) if node.is_atom else self._done[node]

    def _wrapped(self, node: Node) -> Fragment:
        wrappers, mark, name = node.text.rpartition(":")
        if mark and not wrappers:
            raise refusal(f"a colon without wrappers {at(node)}")
        fragment = self._bare(name, node)
        for letter in reversed(wrappers):
            fragment = self._wrap(letter, fragment, node)
        return fragment

    def _bare(self, name: str, node: Node) -> Fragment:
        if node.is_atom:
            if name in CONSTANTS:
                return CONSTANTS[name]
            raise refusal(f"a miniscript expression is missing {at(node)}")
        if name in COMBINATIONS:
            kind = COMBINATIONS[name]
            self._expect(kind.arguments, node)
            return self._combine(kind, [self._sub(arg) for arg in node.args or ()], node)
        if name == "thresh":
            return self._thresh(node)
        if name in {"multi", "multi_a"}:
            return self._multi(name, node)
        return self._leaf(name, node)

    def _leaf(self, name: str, node: Node) -> Fragment:
        self._expect(1, node)
        (arg,) = node.args or ()
        if name in {"pk_k", "pk_h", "pk", "pkh"}:
            return self._key(name, arg, node)
        if name in {"older", "after"}:
            return _lock(name, read_number(arg))
        if name in HASHES:
            return _hash(name, arg)
        raise refusal(f"an unknown function {at(node)}", code=BitcoinCode.DESCRIPTOR_UNSUPPORTED)

    def _expect(self, count: int, node: Node) -> None:
        given = len(node.args or ())
        if given != count:
            raise refusal(f"the function {at(node)} is unknown, or takes other than {given}")

    def _key(self, name: str, arg: Node, node: Node) -> Fragment:
        number = self._add_key(arg)
        if name in {"pk_k", "pk"}:
            fragment = Fragment(types.PK_K, (Push(number),), satisfaction.PK_K)
        else:
            pieces = (b"\x76\xa9", PushHash(number), b"\x88")
            fragment = Fragment(types.PK_H, pieces, satisfaction.PK_H)
        return fragment if "_" in name else self._wrap("c", fragment, node)

    def _add_key(self, node: Node) -> int:
        self._keys.append(read_key(node, self._rules, self._network))
        return len(self._keys) - 1

    def _multi(self, name: str, node: Node) -> Fragment:
        if (name == "multi_a") != self._rules.taproot:
            raise refusal(f"multi is for scripts before taproot, multi_a for taproot: {at(node)}")
        pieces, k, n = read_multi(node, name, self._add_key)
        if name == "multi":
            return Fragment(types.MULTI, pieces, satisfaction.multi(k, n))
        return Fragment(types.MULTI_A, pieces, satisfaction.multi_a(n))

    def _thresh(self, node: Node) -> Fragment:
        args = node.args or ()
        subs = [self._sub(arg) for arg in args[1:]]
        k = read_number(args[0])
        if k > len(subs):
            raise refusal(f"the threshold {at(node)} is larger than what it chooses from")
        pieces = list(subs[0].pieces)
        for sub in subs[1:]:
            pieces += [*sub.pieces, b"\x93"]
        pieces += [push_number(k), b"\x87"]
        type_ = _typed(types.thresh(k, [sub.type for sub in subs]), node)
        costs = [sub.cost for sub in subs]
        return Fragment(type_, tuple(pieces), combine(satisfaction.thresh(k), len(subs), *costs))

    def _combine(self, kind: Combination, subs: list[Fragment], node: Node) -> Fragment:
        if kind.last_is_false:
            subs.append(CONSTANTS["0"])
        type_ = _typed(kind.type(*(sub.type for sub in subs)), node)
        pieces: list[Piece] = []
        for part in kind.layout:
            pieces += [part] if isinstance(part, bytes) else subs[part].pieces
        cost = combine(kind.cost, kind.ops, *(sub.cost for sub in subs), items=kind.items)
        return Fragment(type_, tuple(pieces), cost)

    def _wrap(self, letter: str, x: Fragment, node: Node) -> Fragment:
        if letter == "t":
            return self._combine(COMBINATIONS["and_v"], [x, CONSTANTS["1"]], node)
        if letter == "l":
            return self._combine(COMBINATIONS["or_i"], [CONSTANTS["0"], x], node)
        if letter == "u":
            return self._combine(COMBINATIONS["or_i"], [x, CONSTANTS["0"]], node)
        if letter not in WRAPPERS:
            raise refusal(f"an unknown wrapper {at(node)}", code=BitcoinCode.DESCRIPTOR_UNSUPPORTED)
        type_ = _typed(types.wrap(letter, x.type, is_taproot=self._rules.taproot), node)
        if letter == "v":
            pieces = (*x.pieces, b"\x69") if x.has("x") else _verified(x.pieces)
        else:
            before, after = WRAPPERS[letter]
            pieces = (before, *x.pieces, after)
        cost = satisfaction.wrap(letter, x.cost, is_expensive=x.has("x"))
        return Fragment(type_, pieces, cost)

    def _check_sane(self, root: Node, fragment: Fragment, keys: list[Key]) -> None:
        if not fragment.has("B"):
            raise _insane("the script leaves nothing to decide on", root)
        if not fragment.has("s"):
            raise _insane("somebody can spend without any signature", root)
        if not fragment.has("m"):
            raise _insane("third parties can change how it is spent (malleability)", root)
        if not fragment.has("k"):
            raise _insane("time locks of heights and of times are needed together", root)
        if len({key.identity for key in keys}) != len(keys):
            raise _insane("a key stands twice", root)
        cost = fragment.cost
        if not cost.is_possible:
            raise _insane("nothing can satisfy it", root)
        if self._rules.taproot:
            if cost.most_items > MAX_STACK:
                raise _insane("it needs more witness items than can be", root)
        elif cost.most_ops > MAX_OPS or cost.most_items > MAX_WITNESS_ITEMS:
            raise _insane("it needs more operations or witness items than can be", root)


def read_multi(
    node: Node, name: str, add_key: Callable[[Node], int]
) -> tuple[tuple[Piece, ...], int, int]:
    """The pieces, the threshold and the number of keys of any of the four kinds of multisig.

    Raises:
        DescriptorError: no such threshold, or too many keys.
    """
    args = node.args or ()
    k, n = read_number(args[0]), len(args) - 1
    most = MAX_MULTI_A_KEYS if name.endswith("_a") else MAX_MULTI_KEYS
    if not 1 <= k <= n <= most:
        raise refusal(
            f"a multisig {at(node)} of {k} of {n}: at least one and at most all sign, "
            f"of at most {most} keys",
            code=BitcoinCode.DESCRIPTOR_RANGE,
        )
    keys = tuple(add_key(arg) for arg in args[1:])
    is_sorted = name.startswith("sorted")
    if not name.endswith("_a"):
        holes = (PushSorted(keys),) if is_sorted else tuple(Push(key) for key in keys)
        return (push_number(k), *holes, push_number(n), b"\xae"), k, n
    end = (push_number(k), b"\x9c")
    if is_sorted:
        return (PushSorted(keys, between=b"\xba", after_first=b"\xac"), *end), k, n
    pieces: list[Piece] = [Push(keys[0]), b"\xac"]
    for key in keys[1:]:
        pieces += [Push(key), b"\xba"]
    return (*pieces, *end), k, n


def _typed(type_: Type, node: Node) -> Type:
    if len(type_ & frozenset("BVKW")) != 1:
        raise refusal(f"the miniscript {at(node)} is not correctly typed", remedy=_UNTYPED)
    return type_


def _insane(what: str, node: Node) -> DescriptorError:
    return refusal(
        f"the miniscript {at(node)} is not sane: {what}",
        code=BitcoinCode.DESCRIPTOR_UNSUPPORTED,
        remedy=_UNTYPED,
    )


def _verified(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """The last opcode turned into its VERIFY form, which is the next number."""
    last = pieces[-1]
    assert isinstance(last, bytes)
    return (*pieces[:-1], last[:-1] + bytes([last[-1] + 1]))


def _lock(name: str, number: int) -> Fragment:
    if name == "older":
        letter = "g" if number & _TIME_FLAG else "h"
    else:
        letter = "i" if number >= _TIME_THRESHOLD else "j"
    pieces = (push_number(number) + (b"\xb2" if name == "older" else b"\xb1"),)
    return Fragment(types.lock(letter), pieces, satisfaction.LOCK)


def _hash(name: str, arg: Node) -> Fragment:
    opcode, size = HASHES[name]
    if not arg.is_atom or len(arg.text) != 2 * size or not _HEX.fullmatch(arg.text):
        raise refusal(f"{2 * size} hex digits are missing {at(arg)}")
    head = b"\x82\x01\x20\x88" + bytes([opcode])
    return Fragment(types.HASH, (head + push(bytes.fromhex(arg.text)), b"\x87"), satisfaction.HASH)


@dataclass(frozen=True, slots=True)
class Combination:
    """A fragment of fragments: how it is laid out, typed and counted.

    `layout` mixes opcodes with the numbers of arguments. `ops` and `items` are its own.
    """

    arguments: int
    layout: tuple[bytes | int, ...]
    type: Callable[..., Type]
    cost: satisfaction.Rule
    ops: int
    items: int = 0
    last_is_false: bool = False


_ANDOR: Final = (0, b"\x64", 2, b"\x67", 1, b"\x68")
COMBINATIONS: Final = {
    "and_v": Combination(2, (0, 1), types.and_v, satisfaction.and_v, 0),
    "and_b": Combination(2, (0, 1, b"\x9a"), types.and_b, satisfaction.and_b, 1),
    "or_b": Combination(2, (0, 1, b"\x9b"), types.or_b, satisfaction.or_b, 1),
    "or_c": Combination(2, (0, b"\x64", 1, b"\x68"), types.or_c, satisfaction.or_c, 2),
    "or_d": Combination(2, (0, b"\x73\x64", 1, b"\x68"), types.or_d, satisfaction.or_d, 3),
    "or_i": Combination(
        2, (b"\x63", 0, b"\x67", 1, b"\x68"), types.or_i, satisfaction.or_i, 3, items=1
    ),
    "andor": Combination(3, _ANDOR, types.andor, satisfaction.andor, 3),
    "and_n": Combination(2, _ANDOR, types.andor, satisfaction.andor, 3, last_is_false=True),
}
CONSTANTS: Final = {
    "0": Fragment(types.FALSE, (b"\x00",), satisfaction.FALSE),
    "1": Fragment(types.TRUE, (b"\x51",), satisfaction.TRUE),
}
HASHES: Final = {
    "sha256": (0xA8, 32),
    "hash256": (0xAA, 32),
    "ripemd160": (0xA6, 20),
    "hash160": (0xA9, 20),
}
WRAPPERS: Final = {
    "a": (b"\x6b", b"\x6c"),
    "s": (b"\x7c", b""),
    "c": (b"", b"\xac"),
    "d": (b"\x76\x63", b"\x68"),
    "j": (b"\x82\x92\x63", b"\x68"),
    "n": (b"", b"\x92"),
    "v": (b"", b""),
}
