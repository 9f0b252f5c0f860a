"""How many distinct keys a satisfied script that is no template needed signatures of.

The rules leave one digest for all signatures of an input: SIGHASH_ALL, no OP_CODESEPARATOR, no
FindAndDelete. So every item on the stack that is a signature of a key in the script, or of a key
on the stack whose hash the script names, is found by trying. Such a signature is then emptied, and
damaged: where the script is still satisfied it was not needed, and its key is not counted. What the
script could have done on another branch is not asked.

A key that only the stack names is whoever's who signed: any other would have done. It never counts.

Each trial and each run is paid for, since a few hundred signatures that run a few hundred checks
each would take minutes. A leaf of `pk` or `multi_a` needs none: no other execution is possible.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from erario.bitcoin.hashes import hash160
from erario.bitcoin.transaction import Transaction
from erario.bitcoin.values import sha256d
from erario.proof.messages import SignedInput, with_scripts
from erario.proof.policy_engine import PolicyEngine, ecdsa_holds, schnorr_holds
from erario.proof.scripts import operations
from erario.proof.templates import read_leaf
from erario.proof.unwrapping import Kind, Unwrapped
from erario.proof.work import Allowance, cost_to_run_again

IsSatisfied = Callable[[bytes, int, SignedInput], bool]
"""Whether an input is, in a transaction of these bytes; its number; the input as it now is."""


class Signed(NamedTuple):
    """A satisfied input: the engine over its transaction, that transaction, and its place."""

    engine: PolicyEngine
    transaction: Transaction
    number: int
    spend: SignedInput
    parts: Unwrapped


def count_keys(signed: Signed, is_satisfied: IsSatisfied, allowance: Allowance) -> int:
    """The distinct keys whose signatures the input needed.

    Raises:
        TooMuchWorkError: counting takes more than the allowance.
    """
    parts = signed.parts
    if parts.kind is Kind.TAPROOT_KEY:
        return 1
    if parts.kind is Kind.NO_RULES:
        return 0
    leaf = read_leaf(parts.script) if parts.kind is Kind.TAPSCRIPT else None
    if leaf is not None:
        # It takes as many items as it has keys, and fails by one that is neither empty nor signed.
        return leaf[0]
    cost = cost_to_run_again(parts, len(signed.transaction.inputs), len(signed.transaction.raw))

    def holds(stack: tuple[bytes, ...]) -> bool:
        allowance.take(cost)
        changed = parts.with_stack(signed.spend, stack)
        raw = with_scripts(signed.transaction, signed.number, changed.script_sig, changed.witness)
        return is_satisfied(raw, signed.number, changed)

    needed: set[bytes] = set()
    stack = parts.stack
    for position, key in _signatures(signed, allowance):
        without = (*stack[:position], b"", *stack[position + 1 :])
        if holds(without):
            stack = without
            continue
        damaged = (*stack[:position], _damage(stack[position]), *stack[position + 1 :])
        if not holds(damaged):
            needed.add(key)
    return len(needed)


def _signatures(signed: Signed, allowance: Allowance) -> Iterator[tuple[int, bytes]]:
    """Positions on the stack that are signatures, each with the x of its key."""
    parts = signed.parts
    keys = _bound_keys(parts)
    check = _checker(signed.engine, signed.number, parts)
    start = 0
    # From the top, as scripts take them; after a hit the next key is the likeliest.
    for position in range(len(parts.stack) - 1, -1, -1):
        for step in range(len(keys)):
            at = (start + step) % len(keys)
            if not _looks_signed(parts.stack[position], parts.kind):
                break
            allowance.take()
            if check(keys[at], parts.stack[position]):
                start = at + 1
                yield position, keys[at] if parts.kind is Kind.TAPSCRIPT else keys[at][1:33]
                break


def _bound_keys(parts: Unwrapped) -> list[bytes]:
    """Keys that the script names, by themselves or by a hash."""
    is_key = _is_x_only if parts.kind is Kind.TAPSCRIPT else _is_sec
    pushed = dict.fromkeys(data for _, data in operations(parts.script) if data)
    given = (
        item for item in parts.stack if is_key(item) and not pushed.keys().isdisjoint(_hashes(item))
    )
    return list(dict.fromkeys((*filter(is_key, pushed), *given)))


def _hashes(key: bytes) -> Iterator[bytes]:
    """By OP_HASH160, OP_SHA256 and OP_HASH256. Nobody binds keys by the weaker or the bare ones."""
    yield hash160(key)
    yield hashlib.sha256(key).digest()
    yield sha256d(key)


def _checker(engine: PolicyEngine, number: int, parts: Unwrapped) -> Callable[[bytes, bytes], bool]:
    if parts.kind is Kind.TAPSCRIPT:
        digests = {
            size: engine.leaf_digest(number, parts.leaf_hash, parts.annex, hash_type)
            for size, hash_type in ((64, 0), (65, 1))
        }
        return lambda key, item: schnorr_holds(digests[len(item)], key, item[:64])
    is_segwit = parts.kind is Kind.WITNESS_V0
    digest = engine.ecdsa_digest(number, parts.script, is_segwit=is_segwit)
    return lambda key, item: ecdsa_holds(digest, key, item[:-1])


def _looks_signed(item: bytes, kind: Kind) -> bool:
    if kind is Kind.TAPSCRIPT:
        return len(item) == 64 or (len(item) == 65 and item[64] == 1)
    return 9 <= len(item) <= 73 and item[0] == 0x30 and item[-1] == 1


def _is_x_only(item: bytes) -> bool:
    return len(item) == 32


def _is_sec(item: bytes) -> bool:
    return (len(item) == 33 and item[0] in {2, 3}) or (len(item) == 65 and item[0] == 4)


def _damage(signature: bytes) -> bytes:
    """The same with another s, of the same form: the last byte before the hash type flipped."""
    at = 63 if len(signature) in {64, 65} and signature[0] != 0x30 else len(signature) - 2
    return signature[:at] + bytes((signature[at] ^ 1,)) + signature[at + 1 :]
