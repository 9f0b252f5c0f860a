"""The type rules of miniscript (BIP 379, "Type system" and "Malleability"), as pure functions.

A type is a set of letters; see `descriptor_miniscript` for what they mean. A rule whose
conditions are not met gives a type without any of B, V, K and W, which no fragment takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

Type = frozenset[str]

NONE: Final[Type] = frozenset()
_LOCKS: Final = frozenset("ghij")

PK_K: Final = frozenset("Konudemsxk")
PK_H: Final = frozenset("Knudemsxk")
HASH: Final = frozenset("Bonudmk")
TRUE: Final = frozenset("Bzufmxk")
FALSE: Final = frozenset("Bzudemsxk")
MULTI: Final = frozenset("Bnudemsk")
MULTI_A: Final = frozenset("Budemsk")
_LOCK: Final = frozenset("Bzfmxk")


def lock(letter: str) -> Type:
    """`older` or `after` with the letter of its kind: g, h, i or j."""
    return _LOCK | {letter}


def _only(letters: str, *types: Type) -> Type:
    """Those of the letters that all the types have."""
    return frozenset(letters).intersection(*types)


def _when(condition: bool, letters: str) -> Type:  # noqa: FBT001
    return frozenset(letters) if condition else NONE


def _has(type_: Type, letters: str) -> bool:
    return type_.issuperset(letters)


def _mixes(left: Type, right: Type) -> bool:
    """Whether both being needed mixes times with heights, so that nothing can satisfy them."""
    return any(
        a in left and b in right for a, b in (("g", "h"), ("h", "g"), ("i", "j"), ("j", "i"))
    )


def _locks(*types: Type) -> Type:
    return frozenset().union(*types) & _LOCKS


def _no_mix_and(left: Type, right: Type, *others: Type) -> Type:
    unmixed = all(_has(each, "k") for each in (left, right, *others))
    return _when(unmixed and not _mixes(left, right), "k")


def wrap(letter: str, x: Type, *, is_taproot: bool) -> Type:
    """The type of a wrapped fragment, for the wrappers that are no shorthand."""
    # Only tapscript makes minimal IF arguments a consensus rule (BIP 342): u in d: rests on it.
    minimal_if = _when(is_taproot, "u")
    rules = {
        "a": lambda: _when(_has(x, "B"), "W") | _only("udfems", x) | {"x"},
        "s": lambda: _when(_has(x, "Bo"), "W") | _only("udfemsx", x),
        "c": lambda: _when(_has(x, "K"), "B") | _only("ondfem", x) | frozenset("us"),
        "d": lambda: (
            _when(_has(x, "Vz"), "B")
            | _when(_has(x, "z"), "o")
            | _when(_has(x, "f"), "e")
            | _only("ms", x)
            | minimal_if
            | frozenset("ndx")
        ),
        "v": lambda: _when(_has(x, "B"), "V") | _only("zonms", x) | frozenset("fx"),
        "j": lambda: (
            (_when(_has(x, "Bn"), "B") | _when(_has(x, "f"), "e") | _only("oums", x))
            | frozenset("ndx")
        ),
        "n": lambda: _only("Bzondfems", x) | frozenset("ux"),
    }
    return rules[letter]() | _only("ghijk", x)


def and_v(x: Type, y: Type) -> Type:
    """[X] [Y]"""
    either = x | y
    return (
        (_only("KVB", y) if _has(x, "V") else NONE)
        | _only("n", x)
        | (_only("n", y) if _has(x, "z") else NONE)
        | (_only("o", either) if _has(either, "z") else NONE)
        | _only("dmz", x, y)
        | _only("s", either)
        | _when(_has(y, "f") or _has(x, "s"), "f")
        | _only("ux", y)
        | _locks(x, y)
        | _no_mix_and(x, y)
    )


def and_b(x: Type, y: Type) -> Type:
    """[X] [Y] BOOLAND"""
    either, both = x | y, x & y
    return (
        (_only("B", x) if _has(y, "W") else NONE)
        | (_only("o", either) if _has(either, "z") else NONE)
        | _only("n", x)
        | (_only("n", y) if _has(x, "z") else NONE)
        | (_only("e", both) if _has(both, "s") else NONE)
        | _only("dzm", both)
        | _when(_has(both, "f") or _has(x, "sf") or _has(y, "sf"), "f")
        | _only("s", either)
        | frozenset("ux")
        | _locks(x, y)
        | _no_mix_and(x, y)
    )


def or_b(x: Type, z: Type) -> Type:
    """[X] [Z] BOOLOR"""
    either, both = x | z, x & z
    return (
        _when(_has(x, "Bd") and _has(z, "Wd"), "B")
        | (_only("o", either) if _has(either, "z") else NONE)
        | (_only("m", both) if _has(either, "s") and _has(both, "e") else NONE)
        | _only("zse", both)
        | frozenset("dux")
        | _locks(x, z)
        | _only("k", both)
    )


def or_d(x: Type, z: Type) -> Type:
    """[X] IFDUP NOTIF [Z] ENDIF"""
    return (
        (_only("B", z) if _has(x, "Bdu") else NONE)
        | _or_else(x, z)
        | _only("ufde", z)
        | frozenset("x")
    )


def or_c(x: Type, z: Type) -> Type:
    """[X] NOTIF [Z] ENDIF"""
    return (_only("V", z) if _has(x, "Bdu") else NONE) | _or_else(x, z) | frozenset("fx")


def _or_else(x: Type, z: Type) -> Type:
    """What `or_d` and `or_c` share."""
    both = x & z
    return (
        (_only("o", x) if _has(z, "z") else NONE)
        | (_only("m", both) if _has(x, "e") and _has(x | z, "s") else NONE)
        | _only("zs", both)
        | _locks(x, z)
        | _only("k", both)
    )


def or_i(x: Type, z: Type) -> Type:
    """IF [X] ELSE [Z] ENDIF"""
    either, both = x | z, x & z
    return (
        _only("VBKufs", both)
        | _when(_has(both, "z"), "o")
        | (_only("e", either) if _has(either, "f") else NONE)
        | (_only("m", both) if _has(either, "s") else NONE)
        | _only("d", either)
        | frozenset("x")
        | _locks(x, z)
        | _only("k", both)
    )


def andor(x: Type, y: Type, z: Type) -> Type:
    """[X] NOTIF [Z] ELSE [Y] ENDIF"""
    signed = _has(x, "s") or _has(y, "f")
    some_o = x | (y & z)
    return (
        (_only("BKV", y, z) if _has(x, "Bdu") else NONE)
        | _only("z", x, y, z)
        | (_only("o", some_o) if _has(some_o, "z") else NONE)
        | _only("u", y, z)
        | (_only("f", z) if signed else NONE)
        | _only("d", z)
        | (_only("e", z) if signed else NONE)
        | (_only("m", x, y, z) if _has(x, "e") and _has(x | y | z, "s") else NONE)
        | _only("s", z, x | y)
        | frozenset("x")
        | _locks(x, y, z)
        | _no_mix_and(x, y, z)
    )


def thresh(k: int, subs: Sequence[Type]) -> Type:
    """[X1] [X2] ADD ... [Xn] ADD k EQUAL"""
    locks: Type = frozenset("k")
    for number, sub in enumerate(subs):
        if not _has(sub, "Wdu" if number else "Bdu"):
            return NONE
        unmixed = _has(locks & sub, "k") and (k == 1 or not _mixes(locks, sub))
        locks = _locks(locks, sub) | _when(unmixed, "k")
    arguments = sum(0 if _has(sub, "z") else 1 if _has(sub, "o") else 2 for sub in subs)
    signed = sum(_has(sub, "s") for sub in subs)
    all_e = all(_has(sub, "e") for sub in subs)
    all_m = all(_has(sub, "m") for sub in subs)
    return (
        frozenset("Bdu")
        | _when(arguments == 0, "z")
        | _when(arguments == 1, "o")
        | _when(all_e and signed == len(subs), "e")
        | _when(all_e and all_m and signed >= len(subs) - k, "m")
        | _when(signed >= len(subs) - k + 1, "s")
        | locks
    )
