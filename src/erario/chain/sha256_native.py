"""SHA-256 by the processor's own instructions, emitted as LLVM code: x86-64 (SHA-NI) and Arm.

The intrinsics work on one or two messages at once: two keep the unit busy, since each
instruction waits for the one before. Registers: x86 keeps the state as (F, E, B, A) and
(H, G, D, C), lowest first; Arm as (a, b, c, d) and (e, f, g, h).

Invariant: code is emitted only where the processor that numba compiles for has the instructions
(LLVM would abort the process); elsewhere these functions do nothing and must not be called.
Sources of the instruction order: Intel SHA Extensions (2013), Arm ARM C7 (SHA256H, SHA256SU0).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.registry import cpu_target

from erario.chain.kernels import intrinsic

INITIAL: Final = (
    0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19,
)  # fmt: skip
CONSTANTS: Final = (
    0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5, 0x3956C25B, 0x59F111F1, 0x923F82A4, 0xAB1C5ED5,
    0xD807AA98, 0x12835B01, 0x243185BE, 0x550C7DC3, 0x72BE5D74, 0x80DEB1FE, 0x9BDC06A7, 0xC19BF174,
    0xE49B69C1, 0xEFBE4786, 0x0FC19DC6, 0x240CA1CC, 0x2DE92C6F, 0x4A7484AA, 0x5CB0A9DC, 0x76F988DA,
    0x983E5152, 0xA831C66D, 0xB00327C8, 0xBF597FC7, 0xC6E00BF3, 0xD5A79147, 0x06CA6351, 0x14292967,
    0x27B70A85, 0x2E1B2138, 0x4D2C6DFC, 0x53380D13, 0x650A7354, 0x766A0ABB, 0x81C2C92E, 0x92722C85,
    0xA2BFE8A1, 0xA81A664B, 0xC24B8B70, 0xC76C51A3, 0xD192E819, 0xD6990624, 0xF40E3585, 0x106AA070,
    0x19A4C116, 0x1E376C08, 0x2748774C, 0x34B0BCB5, 0x391C0CB3, 0x4ED8AA4A, 0x5B9CCA4F, 0x682E6FF3,
    0x748F82EE, 0x78A5636F, 0x84C87814, 0x8CC70208, 0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7, 0xC67178F2,
)  # fmt: skip

_proxy: Final[Any] = cgutils.create_struct_proxy
_declare: Final[Any] = cgutils.get_or_insert_function
_MASK: Final = 0xFFFFFFFF
_I32: Final = ir.IntType(32)
_I64: Final = ir.IntType(64)
_FOUR: Final = ir.VectorType(_I32, 4)
_SIXTEEN: Final = ir.VectorType(ir.IntType(8), 16)
_BIG_ENDIAN: Final = tuple(4 * (i // 4) + 3 - i % 4 for i in range(16))

State = tuple[Any, Any]


def _instructions(codegen: Any) -> str:
    """Which instructions numba's target has: "x86", "arm" or "" for none."""
    triple, processor, features = codegen.magic_tuple()
    have = features.split(",")
    if triple.startswith("x86_64") and {"+sha", "+sse4.1", "+ssse3"} <= set(have):
        return "x86"
    # LLVM lists no features of Apple's processors, all of which have these.
    has_sha2 = "+sha2" in have or processor.startswith("apple-")
    if triple.startswith(("aarch64", "arm64")) and has_sha2:
        return "arm"
    return ""


@functools.cache
def has_sha_instructions() -> bool:
    """Whether `native` code may run here."""
    return bool(_instructions(cpu_target.target_context.codegen()))


def _words(values: tuple[int, ...]) -> Any:
    return ir.Constant(_FOUR, [ir.Constant(_I32, v) for v in values])


class _X86:
    """Four rounds, the schedule and the state's layout with SHA-NI."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder
        two, three = [_FOUR] * 2, [_FOUR] * 3
        self._rounds = self._declare("llvm.x86.sha256rnds2", three)
        self._first = self._declare("llvm.x86.sha256msg1", two)
        self._second = self._declare("llvm.x86.sha256msg2", two)

    def _declare(self, name: str, arguments: list[Any]) -> Any:
        kind = ir.FunctionType(_FOUR, arguments)
        return _declare(self.builder.module, kind, name)

    def shuffle(self, a: Any, b: Any, order: tuple[int, ...]) -> Any:
        mask = ir.Constant(ir.VectorType(_I32, len(order)), [ir.Constant(_I32, i) for i in order])
        return self.builder.shuffle_vector(a, b, mask)

    def enter(self, low: Any, high: Any) -> State:
        """(a, b, c, d) and (e, f, g, h) into the registers' layout."""
        return self.shuffle(low, high, (5, 4, 1, 0)), self.shuffle(low, high, (7, 6, 3, 2))

    def leave(self, state: State) -> State:
        return self.shuffle(*state, (3, 2, 7, 6)), self.shuffle(*state, (1, 0, 5, 4))

    def rounds(self, state: State, words: Any) -> State:
        abef, cdgh = state
        call = self.builder.call
        cdgh = call(self._rounds, [cdgh, abef, words])
        rest = self.shuffle(words, words, (2, 3, 0, 1))
        return call(self._rounds, [abef, cdgh, rest]), cdgh

    def schedule(self, w: list[Any]) -> Any:
        """Four words from the sixteen before them."""
        call = self.builder.call
        part = call(self._first, [w[0], w[1]])
        part = self.builder.add(part, self.shuffle(w[2], w[3], (1, 2, 3, 4)))
        return call(self._second, [part, w[3]])


class _Arm(_X86):
    """The same with the Arm cryptographic extension."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder
        two, three = [_FOUR] * 2, [_FOUR] * 3
        self._low = self._declare("llvm.aarch64.crypto.sha256h", three)
        self._high = self._declare("llvm.aarch64.crypto.sha256h2", three)
        self._first = self._declare("llvm.aarch64.crypto.sha256su0", two)
        self._second = self._declare("llvm.aarch64.crypto.sha256su1", three)

    def enter(self, low: Any, high: Any) -> State:
        return low, high

    def leave(self, state: State) -> State:
        return state

    def rounds(self, state: State, words: Any) -> State:
        low, high = state
        call = self.builder.call
        return call(self._low, [low, high, words]), call(self._high, [high, low, words])

    def schedule(self, w: list[Any]) -> Any:
        call = self.builder.call
        return call(self._second, [call(self._first, [w[0], w[1]]), w[2], w[3]])


def _compress(unit: _X86, states: list[State], messages: list[list[Any]]) -> list[State]:
    """One block of each message: four vectors of four words, or plain numbers for all 64."""
    builder = unit.builder
    before = states
    for i in range(16):
        constants = _words(CONSTANTS[4 * i : 4 * i + 4])
        words = []
        for message in messages:
            if i >= 4:
                message.append(unit.schedule(message[i - 4 : i]))
            words.append(builder.add(message[i], constants))
        states = [unit.rounds(s, w) for s, w in zip(states, words, strict=True)]
    return _add(unit, states, before)


def _compress_constant(unit: _X86, states: list[State], block: tuple[int, ...]) -> list[State]:
    """One block that is known now: its schedule is computed here, once."""
    before = states
    w = _schedule(block)
    for i in range(16):
        sums = tuple((w[t] + CONSTANTS[t]) & _MASK for t in range(4 * i, 4 * i + 4))
        states = [unit.rounds(s, _words(sums)) for s in states]
    return _add(unit, states, before)


def _schedule(block: tuple[int, ...]) -> list[int]:
    def turn(x: int, n: int) -> int:
        return (x >> n | x << (32 - n)) & _MASK

    w = list(block)
    for t in range(16, 64):
        x, y = w[t - 15], w[t - 2]
        small = (turn(x, 7) ^ turn(x, 18) ^ x >> 3) + (turn(y, 17) ^ turn(y, 19) ^ y >> 10)
        w.append((w[t - 16] + w[t - 7] + small) & _MASK)
    return w


def _add(unit: _X86, states: list[State], before: list[State]) -> list[State]:
    add = unit.builder.add
    return [
        (add(new[0], old[0]), add(new[1], old[1])) for new, old in zip(states, before, strict=True)
    ]


def _load_words(unit: _X86, pointer: Any) -> list[Any]:
    """The 64 bytes at `pointer` as four vectors of big-endian words."""
    return [_load_four(unit, pointer, 16 * i) for i in range(4)]


def _load_four(unit: _X86, pointer: Any, offset: int) -> Any:
    builder = unit.builder
    at = builder.gep(pointer, [ir.Constant(_I64, offset)])
    raw = builder.load(builder.bitcast(at, _SIXTEEN.as_pointer()), align=1)
    return builder.bitcast(unit.shuffle(raw, raw, _BIG_ENDIAN), _FOUR)


def _store_digest(unit: _X86, state: State, pointer: Any) -> None:
    builder = unit.builder
    for i, words in enumerate(unit.leave(state)):
        raw = builder.bitcast(words, _SIXTEEN)
        at = builder.gep(pointer, [ir.Constant(_I64, 16 * i)])
        target = builder.bitcast(at, _SIXTEEN.as_pointer())
        builder.store(unit.shuffle(raw, raw, _BIG_ENDIAN), target, align=1)


def _initial(unit: _X86) -> State:
    return unit.enter(_words(INITIAL[:4]), _words(INITIAL[4:]))


def _load_state(unit: _X86, pointer: Any) -> State:
    builder = unit.builder
    vector = builder.bitcast(pointer, _FOUR.as_pointer())
    low = builder.load(vector, align=4)
    one = builder.gep(vector, [ir.Constant(_I64, 1)])
    return unit.enter(low, builder.load(one, align=4))


def _store_state(unit: _X86, state: State, pointer: Any) -> None:
    builder = unit.builder
    vector = builder.bitcast(pointer, _FOUR.as_pointer())
    low, high = unit.leave(state)
    builder.store(low, vector, align=4)
    builder.store(high, builder.gep(vector, [ir.Constant(_I64, 1)]), align=4)


def _second_hash(unit: _X86, states: list[State]) -> list[State]:
    """The SHA-256 of the digests that `states` stand for."""
    padding = [_words((0x80000000, 0, 0, 0)), _words((0, 0, 0, 256))]
    messages = [[*unit.leave(s), *padding] for s in states]
    return _compress(unit, [_initial(unit) for _ in states], messages)


def _generator(emit: Callable[..., None]) -> Callable[..., Any]:
    """Code generation for an intrinsic: a call of what `emit(unit, at, arguments)` emits, or
    nothing where there are no instructions. `at(array, index, more)` points to
    `array[index + more]`, both arguments by their number."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        have = _instructions(context.codegen())
        if have:
            plain = [
                _proxy(kind)(context, builder, value).data
                if isinstance(kind, types.Array)
                else value
                for kind, value in zip(signature.args, arguments, strict=True)
            ]
            builder.call(_function(builder.module, have, emit, plain), plain)
        return context.get_dummy_value()

    return generate


def _function(module: Any, have: str, emit: Callable[..., None], arguments: list[Any]) -> Any:
    """The function of the module that `emit` fills. It is never inlined: copies in every caller
    would take most of the time that the kernels need to compile."""
    name = f"erario.{emit.__qualname__}"
    if name in module.globals:
        return module.globals[name]
    kind = ir.FunctionType(ir.VoidType(), [value.type for value in arguments])
    function = ir.Function(module, kind, name)
    function.linkage = "linkonce_odr"
    function.attributes.add("noinline")
    builder = ir.IRBuilder(function.append_basic_block("entry"))

    def at(array: int, index: int, more: int = 0) -> Any:
        start = builder.gep(function.args[array], [function.args[index]])
        return builder.gep(start, [ir.Constant(_I64, more)])

    emit(_X86(builder) if have == "x86" else _Arm(builder), at, function.args)
    builder.ret_void()
    return function


def _emit_compress(unit: _X86, states: list[Any], messages: list[Any], blocks: Any) -> None:
    """Take in `blocks` blocks of each message, the states in registers meanwhile."""
    builder = unit.builder
    start = [words for pointer in states for words in _load_state(unit, pointer)]
    before, loop = builder.block, builder.append_basic_block("blocks")
    after = builder.append_basic_block("done")
    zero, one = ir.Constant(_I64, 0), ir.Constant(_I64, 1)
    builder.cbranch(builder.icmp_signed(">", blocks, zero), loop, after)

    builder.position_at_end(loop)
    done, *current = _phis(builder, before, [zero, *start])
    offset = builder.shl(done, ir.Constant(_I64, 6))
    words = [_load_words(unit, builder.gep(pointer, [offset])) for pointer in messages]
    pairs = list(zip(current[::2], current[1::2], strict=True))
    new = [half for state in _compress(unit, pairs, words) for half in state]
    following = builder.add(done, one)
    for phi, value in zip([done, *current], [following, *new], strict=True):
        phi.add_incoming(value, loop)
    builder.cbranch(builder.icmp_signed("<", following, blocks), loop, after)

    builder.position_at_end(after)
    final = _phis(builder, before, start)
    for phi, value in zip(final, new, strict=True):
        phi.add_incoming(value, loop)
    for low, high, pointer in zip(final[::2], final[1::2], states, strict=True):
        _store_state(unit, (low, high), pointer)


def _phis(builder: Any, before: Any, values: list[Any]) -> list[Any]:
    """A phi for each of `values`, which come from the block `before`."""
    phis = [builder.phi(value.type) for value in values]
    for phi, value in zip(phis, values, strict=True):
        phi.add_incoming(value, before)
    return phis


def _emit_finish(unit: _X86, states: list[Any], targets: list[Any]) -> None:
    done = _second_hash(unit, [_load_state(unit, pointer) for pointer in states])
    for state, pointer in zip(done, targets, strict=True):
        _store_digest(unit, state, pointer)


def _emit_double(unit: _X86, messages: list[Any], targets: list[Any]) -> None:
    words = [_load_words(unit, pointer) for pointer in messages]
    states = _compress(unit, [_initial(unit) for _ in messages], words)
    states = _compress_constant(unit, states, (0x80000000, *[0] * 14, 512))
    for state, pointer in zip(_second_hash(unit, states), targets, strict=True):
        _store_digest(unit, state, pointer)


@intrinsic
def compress_native(
    _typing: Any, state: Any, at: Any, data: Any, position: Any, blocks: Any
) -> Any:
    """Take `blocks` blocks from `data[position:]` into `state[at:at + 8]`."""

    def emit(unit: _X86, point: Any, arguments: Any) -> None:
        _emit_compress(unit, [point(0, 1)], [point(2, 3)], arguments[4])

    return types.void(state, at, data, position, blocks), _generator(emit)


@intrinsic
def compress_two_native(
    _typing: Any,
    state: Any,
    at: Any,
    data: Any,
    position: Any,
    other_at: Any,
    other_position: Any,
    blocks: Any,
) -> Any:
    """`compress_native` for two messages at once."""

    def emit(unit: _X86, point: Any, arguments: Any) -> None:
        states, messages = [point(0, 1), point(0, 4)], [point(2, 3), point(2, 5)]
        _emit_compress(unit, states, messages, arguments[6])

    kinds = (state, at, data, position, other_at, other_position, blocks)
    return types.void(*kinds), _generator(emit)


@intrinsic
def finish_native(_typing: Any, state: Any, at: Any, out: Any, to: Any) -> Any:
    """Write the SHA-256 of the digest in `state[at:at + 8]` to `out[to:]`."""

    def emit(unit: _X86, point: Any, _arguments: Any) -> None:
        _emit_finish(unit, [point(0, 1)], [point(2, 3)])

    return types.void(state, at, out, to), _generator(emit)


@intrinsic
def finish_two_native(_typing: Any, state: Any, at: Any, out: Any, to: Any) -> Any:
    """`finish_native` for the states at `at` and `at + 8`, to `to` and `to + 32`."""

    def emit(unit: _X86, point: Any, _arguments: Any) -> None:
        _emit_finish(unit, [point(0, 1), point(0, 1, 8)], [point(2, 3), point(2, 3, 32)])

    return types.void(state, at, out, to), _generator(emit)


@intrinsic
def double_native(_typing: Any, data: Any, position: Any, out: Any, to: Any) -> Any:
    """Write the double SHA-256 of the 64 bytes at `data[position:]` to `out[to:]`."""

    def emit(unit: _X86, point: Any, _arguments: Any) -> None:
        _emit_double(unit, [point(0, 1)], [point(2, 3)])

    return types.void(data, position, out, to), _generator(emit)


@intrinsic
def double_two_native(_typing: Any, data: Any, position: Any, out: Any, to: Any) -> Any:
    """`double_native` for 128 bytes, to `to` and `to + 32`."""

    def emit(unit: _X86, point: Any, _arguments: Any) -> None:
        _emit_double(unit, [point(0, 1), point(0, 1, 64)], [point(2, 3), point(2, 3, 32)])

    return types.void(data, position, out, to), _generator(emit)
