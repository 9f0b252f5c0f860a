"""What all compiled kernels share: how they are compiled, kept, and how they read bytes.

    kernel       an entry that Python calls: compiled without the GIL, kept on disk
    part         a piece of kernels, compiled into each of them
    byte_at, word_at, half_at   little-endian reads at any position, through the obfuscation key
    mapped       an array over mapped memory, from its address

Invariant: no position is trusted. Kernels hold every position against the end of their block
before they read; under NUMBA_BOUNDSCHECK=1 the reads check once more and raise `IndexError`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic as _intrinsic

Bytes: TypeAlias = npt.NDArray[np.uint8]
Words: TypeAlias = npt.NDArray[np.uint64]
Halves: TypeAlias = npt.NDArray[np.uint32]
Integers: TypeAlias = npt.NDArray[np.int64]
Slots: TypeAlias = npt.NDArray[np.int32]

_F = TypeVar("_F", bound=Callable[..., Any])

# What numba makes of a function has no type that mypy could follow.
integer: Final = cast("Callable[[Any], int]", np.int64)
"""Turns a word or a byte into the signed 64-bit number that kernels count with."""
_njit: Final[Any] = numba.njit
_carray: Final[Any] = cast("Any", numba).carray
_proxy: Final[Any] = cgutils.create_struct_proxy
_insert: Final[Any] = cgutils.get_or_insert_function
_unliteral: Final[Any] = types.unliteral

_CHECKED: Final[Any] = cast("Any", numba).config.BOUNDSCHECK
_PART: Final = {
    "nogil": True,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "_nrt": True,
}
# Without reference counts: these are atomic, and threads that count references to the same tables
# slow each other down.
_LEAN: Final = _PART | {"_nrt": False}


def _stamp() -> str:
    """A name for the state of all kernels: numba keeps a compiled kernel until its own file
    changes, but it holds code of the other files too; and it does not ask whether indexes are
    checked."""
    digest = hashlib.sha256(b"checked" if _CHECKED else b"")
    for pattern in ("kernels*.py", "sha256*.py", "script_table.py"):
        for path in sorted(Path(__file__).parent.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


_STAMP: Final = _stamp()


def kernel(function: _F) -> _F:
    """Compile `function` at its first call, without the GIL; keep the code on disk if there is
    a place for it."""
    function.__qualname__ = f"{function.__name__}_{_STAMP}"
    try:
        compiled = _njit(nogil=True, cache=True)(function)
    except RuntimeError:
        # Neither the package's folder nor the user's cache can be written: compile each time.
        compiled = _njit(nogil=True)(function)
    return cast("_F", compiled)


def part(function: _F) -> _F:
    """Compile `function` into the kernels that call it. It makes no arrays."""
    return cast("_F", _once(_njit(**_LEAN)(function)))


def inlined(function: _F) -> _F:
    """As `part`, for what runs for each input and output: never a call."""
    return cast("_F", _once(_njit(**_LEAN, forceinline=True)(function)))


def merged(function: _F) -> _F:
    """Make `function` part of the one kernel that calls it, before that is compiled."""
    return cast("_F", _njit(nogil=True, inline="always")(function))


def making_arrays(function: _F) -> _F:
    """As `part`, for what runs once a block and makes arrays."""
    return cast("_F", _once(_njit(**_PART)(function)))


def intrinsic(function: Callable[..., Any]) -> Any:
    """Emit code by hand: `function` gives a call's types and its generator (numba.extending)."""
    return _intrinsic(function)


def _once(compiled: Any) -> Any:
    """Compile a part once for `int`, not again for each number that is written in a call: that
    took half of the time of the first run."""
    find = compiled.get_call_template

    def find_plain(arguments: Any, named: Any) -> Any:
        plain = {name: _unliteral(kind) for name, kind in named.items()}
        return find(tuple(map(_unliteral, arguments)), plain)

    compiled.get_call_template = find_plain
    return compiled


@intrinsic
def _load(_typing: Any, data: Any, _position: Any, sample: Any) -> Any:
    """The integer of the type of `sample` at a position in `data`, unaligned and unchecked."""
    bits = sample.bitwidth

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = _proxy(signature.args[0])(context, builder, arguments[0])
        at = builder.gep(array.data, [arguments[1]])
        typed = builder.bitcast(at, ir.IntType(bits).as_pointer())
        return builder.load(typed, align=1)

    return sample(data, types.int64, sample), generate


@intrinsic
def _store(_typing: Any, data: Any, _position: Any, word: Any) -> Any:
    """Write the integer `word` at a position in `data`, unaligned and unchecked."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = _proxy(signature.args[0])(context, builder, arguments[0])
        at = builder.gep(array.data, [arguments[1]])
        typed = builder.bitcast(at, arguments[2].type.as_pointer())
        builder.store(arguments[2], typed, align=1)

    return types.void(data, types.int64, word), generate


@intrinsic
def prefetch(_typing: Any, data: Any, index: Any) -> Any:
    """Ask the memory for `data[index]`, and do not wait."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = _proxy(signature.args[0])(context, builder, arguments[0])
        at = builder.bitcast(builder.gep(array.data, [arguments[1]]), cgutils.voidptr_t)
        i32 = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, i32, i32, i32])
        ask = _insert(builder.module, kind, "llvm.prefetch.p0")
        # To read, into the second cache, data.
        builder.call(ask, [at, i32(0), i32(2), i32(1)])
        return context.get_dummy_value()

    return types.void(data, index), generate


@intrinsic
def _pointer(_typing: Any, address: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), generate


@making_arrays
def mapped(address: int, size: int) -> Bytes:
    """The `size` bytes at `address` as an array. The caller keeps the mapping alive."""
    data: Bytes = _carray(_pointer(address), (size,), np.uint8)
    return data


@inlined
def check_room(data: Bytes, position: int, size: int) -> None:
    """Under NUMBA_BOUNDSCHECK=1: refuse an access outside `data`."""
    if _CHECKED and (position < 0 or size < 0 or position + size > data.size):
        raise IndexError("a kernel reads outside its array")


@inlined
def byte_at(data: Bytes, position: int, key: np.uint64) -> int:
    """The byte at `position`, de-obfuscated."""
    check_room(data, position, 1)
    shift = np.uint64((position & 7) << 3)
    word = np.uint64(_load(data, position, np.uint8(0))) ^ (key >> shift)
    return integer(word & np.uint64(0xFF))


@inlined
def turned(key: np.uint64, position: int) -> np.uint64:
    """The key as a word for the eight bytes from `position` on."""
    shift = np.uint64((position & 7) << 3)
    return (key >> shift) | (key << ((np.uint64(64) - shift) & np.uint64(63)))


@inlined
def half_at(data: Bytes, position: int, key: np.uint64) -> np.uint64:
    """The four bytes at `position` as a little-endian number, de-obfuscated."""
    check_room(data, position, 4)
    word = np.uint64(_load(data, position, np.uint32(0))) ^ turned(key, position)
    return word & np.uint64(0xFFFFFFFF)


@inlined
def word_at(data: Bytes, position: int, key: np.uint64) -> np.uint64:
    """The eight bytes at `position` as a little-endian number, de-obfuscated."""
    check_room(data, position, 8)
    return np.uint64(_load(data, position, np.uint64(0))) ^ turned(key, position)


@inlined
def put_word(data: Bytes, position: int, word: np.uint64) -> None:
    """Write `word` at `position`, little-endian."""
    check_room(data, position, 8)
    _store(data, position, word)


@inlined
def put_half(data: Bytes, position: int, word: np.uint64) -> None:
    """Write the lower four bytes of `word` at `position`, little-endian."""
    check_room(data, position, 4)
    _store(data, position, np.uint32(word))


@part
def copy_bytes(data: Bytes, start: int, size: int, key: np.uint64, target: Bytes, at: int) -> None:
    """Copy `size` bytes from `start` to `target[at:]`, de-obfuscated."""
    check_room(data, start, size)
    check_room(target, at, size)
    if size >= 8:
        word = turned(key, start)
        for done in range(0, size - 7, 8):
            _store(target, at + done, np.uint64(_load(data, start + done, np.uint64(0))) ^ word)
        # The last word overlaps the one before: no bytes are left over.
        put_word(target, at + size - 8, word_at(data, start + size - 8, key))
    elif size >= 4:
        put_half(target, at, half_at(data, start, key))
        put_half(target, at + size - 4, half_at(data, start + size - 4, key))
    else:
        for i in range(size):
            target[at + i] = byte_at(data, start + i, key)


@inlined
def copy_hash(data: Bytes, start: int, target: Bytes, at: int) -> None:
    """Copy 32 plain bytes from `start` to `target[at:]`; both may be one array."""
    check_room(data, start, 32)
    check_room(target, at, 32)
    for done in range(0, 32, 8):
        _store(target, at + done, _load(data, start + done, np.uint64(0)))
