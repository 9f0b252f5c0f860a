"""Output descriptors (BIP 380 to 386, 389): a text in, the scripts of its branches out.

    pk pkh wpkh combo multi sortedmulti addr raw rawtr        alone
    sh(pk pkh wpkh multi sortedmulti wsh)   wsh(pk pkh multi sortedmulti, miniscript)
    tr(KEY) tr(KEY,TREE) with leaves pk pkh multi_a sortedmulti_a, miniscript

A multipath descriptor (`<0;1>`) has one branch for each of its paths. Everything is checked when
the text is read: checksum, key networks, nesting, limits, types. Private keys are refused in every
form and are never part of an error, nor is anything else of the text.

Keys, base58 and curve come from embit; its own parser is not used, for it takes much that no
wallet makes (wrong checksums, hardened steps, ill-typed miniscript) and lacks half of the above.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from embit import hashes

from erario.bitcoin.address import read_address
from erario.bitcoin.descriptor_keys import (
    LEGACY,
    MAX_INDEX,
    SEGWIT,
    TAPROOT,
    Key,
    KeyRules,
    read_key,
    tweak_taproot,
)
from erario.bitcoin.descriptor_miniscript import MAX_WSH_SCRIPT, MiniscriptReader, read_multi
from erario.bitcoin.descriptor_script import Piece, Push, PushHash, push, render, size_of
from erario.bitcoin.descriptor_secrets import find_secrets
from erario.bitcoin.descriptor_tree import (
    Node,
    at,
    check_checksum,
    checksum_of,
    parse,
    refusal,
    splice,
    split_checksum,
)
from erario.bitcoin.encoding import write_compact_size
from erario.bitcoin.errors import AddressError, BitcoinCode, DescriptorError
from erario.bitcoin.hashes import hash160
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Script

MAX_SH_SCRIPT: Final = 520
"""A redeem script is pushed as one element (Bitcoin Core, MAX_SCRIPT_ELEMENT_SIZE)."""
MAX_BARE_KEYS: Final = 3
"""Bare multisig with more keys is not relayed (Bitcoin Core, policy/policy.cpp)."""
MAX_RAW_SCRIPT: Final = 10_000
"""A longer script can never be spent (Bitcoin Core, MAX_SCRIPT_SIZE)."""
MAX_TREE_DEPTH: Final = 128
"""Of a taproot tree (BIP 341)."""

Build = Callable[[list[bytes]], tuple[Script, ...]]
"""From the serialized keys of one index to its scripts."""


@dataclass(frozen=True, slots=True)
class Branch:
    """The scripts of one path of a descriptor, by index if it is ranged."""

    number: int
    is_ranged: bool
    _keys: tuple[Callable[[int], bytes], ...] = field(repr=False, compare=False)
    _build: Build = field(repr=False, compare=False)

    def scripts(self, start: int, count: int) -> list[tuple[int, Script]]:
        """Pairs of index and script for `count` indexes from `start` on.

        A branch without range has index 0 alone; `combo` has several scripts an index.

        Raises:
            DescriptorError: an index below 0, or from 2^31 on.
        """
        if start < 0 or count < 0 or start + count > MAX_INDEX:
            raise refusal(
                "an index of a descriptor lies between 0 and 2147483647",
                code=BitcoinCode.DESCRIPTOR_RANGE,
                remedy="Ask for fewer indexes.",
            )
        end = start + count if self.is_ranged else min(start + count, 1)
        return [
            (index, script)
            for index in range(start, end)
            for script in self._build([key(index) for key in self._keys])
        ]


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A descriptor: its canonical text with checksum, and its branches."""

    text: str
    network: NetworkName
    branches: tuple[Branch, ...] = field(repr=False, compare=False)


def read_descriptor(text: str, network: NetworkName) -> Descriptor:
    """The descriptor that a text names, with or without its checksum.

    Raises:
        DescriptorError: it cannot be parsed, is not for this network, or holds a private key.
    """
    text = text.strip()
    body, given = split_checksum(text)
    secrets = find_secrets(text)
    if secrets:
        raise refusal(
            f"{secrets[0].kind} stands in the descriptor",
            code=BitcoinCode.DESCRIPTOR_PRIVATE_KEY,
            remedy="Export the public descriptor, and treat the private key as leaked.",
        )
    reader = _Reader(network)
    build = reader.top(parse(body))
    if given is not None:
        check_checksum(body, given)
    canonical = splice(body, {key.start: (key.length, key.text) for key in reader.keys})
    return Descriptor(
        f"{canonical}#{checksum_of(canonical)}", network, _branches(reader.keys, build)
    )


def _branches(keys: list[Key], build: Build) -> tuple[Branch, ...]:
    counts = {len(key.paths) for key in keys if len(key.paths) > 1}
    if len(counts) > 1:
        raise refusal(
            "the sets of paths of a descriptor have different sizes",
            code=BitcoinCode.DESCRIPTOR_KEY,
        )
    is_ranged = any(key.is_ranged for key in keys)
    return tuple(
        Branch(number, is_ranged, tuple(key.branch(number) for key in keys), build)
        for number in range(max(counts, default=1))
    )


class _Reader:
    """Reads one descriptor and collects its keys."""

    def __init__(self, network: NetworkName) -> None:
        self._network = network
        self.keys: list[Key] = []

    def top(self, node: Node) -> Build:
        """What stands at the outside."""
        readers: dict[str, Callable[[Node], Build]] = {
            "sh": self._sh,
            "wsh": self._top_wsh,
            "tr": self._tr,
            "rawtr": self._rawtr,
            "combo": self._combo,
            "addr": self._fixed,
            "raw": self._fixed,
        }
        return readers.get(node.text, self._bare)(node)

    def _bare(self, node: Node) -> Build:
        if node.text in {"multi", "sortedmulti"} and len(node.args or ()) - 1 > MAX_BARE_KEYS:
            raise refusal(
                f"a bare multisig has at most {MAX_BARE_KEYS} keys",
                code=BitcoinCode.DESCRIPTOR_RANGE,
            )
        pieces = self._simple(node, LEGACY) or self._wpkh(node)
        return lambda keys: (Script(render(pieces, keys)),)

    def _top_wsh(self, node: Node) -> Build:
        pieces = self._wsh(self._only(node))
        return lambda keys: (_p2wsh(render(pieces, keys)),)

    def _rawtr(self, node: Node) -> Build:
        self._key(self._only(node), TAPROOT)
        return lambda keys: (_p2tr(keys[0]),)

    def _only(self, node: Node) -> Node:
        args = node.args or ()
        if len(args) != 1:
            raise refusal(f"the function {at(node)} takes one argument, not {len(args)}")
        return args[0]

    def _key(self, node: Node, rules: KeyRules) -> int:
        self.keys.append(read_key(node, rules, self._network))
        return len(self.keys) - 1

    def _simple(self, node: Node, rules: KeyRules) -> tuple[Piece, ...] | None:
        """`pk`, `pkh` and plain multisig; None for anything else."""
        if node.text == "pk":
            return (Push(self._key(self._only(node), rules)), b"\xac")
        if node.text == "pkh":
            key = self._key(self._only(node), rules)
            return (b"\x76\xa9", PushHash(key), b"\x88\xac")
        if node.text in {"multi", "sortedmulti"}:
            return read_multi(node, node.text, lambda arg: self._key(arg, rules))[0]
        return None

    def _wpkh(self, node: Node) -> tuple[Piece, ...]:
        if node.text != "wpkh":
            raise refusal(
                f"the function {at(node)} is unknown, or may not stand here",
                code=BitcoinCode.DESCRIPTOR_UNSUPPORTED,
            )
        return (b"\x00", PushHash(self._key(self._only(node), SEGWIT)))

    def _sh(self, outer: Node) -> Build:
        node = self._only(outer)
        if node.text == "wsh" and not node.is_atom:
            inner = self._wsh(self._only(node))
            return lambda keys: (_p2sh(_p2wsh(render(inner, keys))),)
        pieces = self._simple(node, LEGACY) or self._wpkh(node)
        if size_of(pieces, self.keys) > MAX_SH_SCRIPT:
            raise refusal(
                f"the script in sh has more than {MAX_SH_SCRIPT} bytes: nobody could spend it",
                code=BitcoinCode.DESCRIPTOR_RANGE,
            )
        return lambda keys: (_p2sh(render(pieces, keys)),)

    def _wsh(self, node: Node) -> tuple[Piece, ...]:
        if node.is_atom:
            raise refusal(f"a function is missing {at(node)}")
        pieces = self._simple(node, SEGWIT)
        if pieces is None:
            pieces = MiniscriptReader(SEGWIT, self._network, self.keys).read(node)
        if size_of(pieces, self.keys) > MAX_WSH_SCRIPT:
            raise refusal(
                f"the script in wsh has more than {MAX_WSH_SCRIPT} bytes",
                code=BitcoinCode.DESCRIPTOR_RANGE,
            )
        return pieces

    def _combo(self, node: Node) -> Build:
        is_compressed = self.keys[self._key(self._only(node), LEGACY)].size == 33

        def build(keys: list[bytes]) -> tuple[Script, ...]:
            key = keys[0]
            hashed = hash160(key)
            scripts = [push(key) + b"\xac", b"\x76\xa9" + push(hashed) + b"\x88\xac"]
            if is_compressed:
                witness = b"\x00" + push(hashed)
                scripts += [witness, _p2sh(witness)]
            return tuple(Script(script) for script in scripts)

        return build

    def _tr(self, node: Node) -> Build:
        args = node.args or ()
        if len(args) not in {1, 2}:
            raise refusal(f"the function {at(node)} takes a key and a tree")
        self._key(args[0], TAPROOT)
        if len(args) == 1:
            return lambda keys: (_p2tr(tweak_taproot(keys[0], b"")),)
        leaves = tuple(self._tree(args[1]))

        def build(keys: list[bytes]) -> tuple[Script, ...]:
            stack: list[bytes] = []
            for leaf in leaves:
                if leaf is not None:
                    stack.append(_leaf_hash(render(leaf, keys)))
                    continue
                right, left = stack.pop(), stack.pop()
                stack.append(hashes.tagged_hash("TapBranch", b"".join(sorted((left, right)))))
            return (_p2tr(tweak_taproot(keys[0], stack[0])),)

        return build

    def _tree(self, root: Node) -> Iterator[tuple[Piece, ...] | None]:
        """The leaves' pieces, and None where the two before it meet: a tree in post-order."""
        todo: list[tuple[Node | None, int]] = [(root, 0)]
        while todo:
            node, depth = todo.pop()
            if node is None:
                yield None
            elif node.text == "{":
                if depth >= MAX_TREE_DEPTH:
                    raise refusal(f"the tree is more than {MAX_TREE_DEPTH} deep")
                left, right = node.args or ()
                todo += [(None, 0), (right, depth + 1), (left, depth + 1)]
            elif node.text == "sortedmulti_a":
                add = lambda arg: self._key(arg, TAPROOT)  # noqa: E731
                yield read_multi(node, node.text, add)[0]
            else:
                yield MiniscriptReader(TAPROOT, self._network, self.keys).read(node)

    def _fixed(self, outer: Node) -> Build:
        node = self._only(outer)
        if not node.is_atom:
            raise refusal(f"an argument is missing {at(node)}")
        read = self._addr if outer.text == "addr" else self._raw
        script = read(node)
        return lambda _: (script,)

    def _addr(self, node: Node) -> Script:
        return _read_address(node.text, self._network, at(node))

    def _raw(self, node: Node) -> Script:
        if not re.fullmatch(r"(?:[0-9a-fA-F]{2})+", node.text):
            raise refusal(f"raw takes the hex of a script {at(node)}")
        if len(node.text) > 2 * MAX_RAW_SCRIPT:
            raise refusal("a script of more than 10,000 bytes can never be spent")
        return Script(bytes.fromhex(node.text))


def _read_address(text: str, network: NetworkName, where: str) -> Script:
    try:
        return read_address(text, network)
    except AddressError as error:
        what, remedy, code = error.what, error.remedy, error.code
    if code is BitcoinCode.ADDRESS_NETWORK:
        # The sentence quotes the address, which is one: nothing secret.
        raise DescriptorError(BitcoinCode.DESCRIPTOR_NETWORK, what, remedy=remedy)
    raise refusal(f"what stands {where} is no address", remedy="Copy the address again, whole.")


def _p2sh(redeem: bytes) -> Script:
    return Script(b"\xa9" + push(hash160(redeem)) + b"\x87")


def _p2wsh(witness: bytes) -> Script:
    return Script(b"\x00" + push(hashes.sha256(witness)))


def _p2tr(output: bytes) -> Script:
    return Script(b"\x51" + push(output))


def _leaf_hash(script: bytes) -> bytes:
    """BIP 341, leaf version c0."""
    data = b"\xc0" + write_compact_size(len(script)) + script
    return bytes(hashes.tagged_hash("TapLeaf", data))
