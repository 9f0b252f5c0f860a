"""The judgement of every input of a to_sign: consensus first, then the rules of BIP-322.

With the kernel an input has two judges: the kernel, and the byte rules of its template or btclib.
Without it btclib alone judges, and the result says that it was one engine. Where two say different
things about consensus, nobody here knows better, and the proof is inconclusive.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

from erario.bitcoin.hashes import hash160
from erario.bitcoin.transaction import Transaction, read_transaction
from erario.bitcoin.values import Sats, Script
from erario.proof import templates
from erario.proof.engines import has_btclib, load_kernel, no_engine
from erario.proof.messages import SignedInput, ToSign
from erario.proof.result import (
    ClaimedCoin,
    Engine,
    Form,
    ProofCode,
    Result,
    State,
    Template,
    state_of,
)
from erario.proof.scripts import CHECKS, has_codeseparator, operations
from erario.proof.unwrapping import Kind, Unwrapped, unwrap
from erario.proof.work import (
    MOST_RUN,
    Allowance,
    TooMuchWorkError,
    cost_to_run,
    is_too_much_to_hash,
)

if TYPE_CHECKING:
    from erario.proof.policy_engine import PolicyEngine, Ruling

_ENGINES: Final = {
    (False, False): (Engine.KERNEL,),
    (True, False): (Engine.KERNEL, Engine.RULES),
    (False, True): (Engine.KERNEL, Engine.BTCLIB),
    (True, True): (Engine.KERNEL, Engine.RULES, Engine.BTCLIB),
}
"""With the kernel, by the use of rules and of btclib."""
_VERSIONS: Final = {0, 2}
_SIGHASH_ALL: Final = frozenset({1})
_TAPROOT_SIGHASHES: Final = frozenset({0, 1})


class Judged(NamedTuple):
    """One input: the reason of its state, the keys that it needed, and the kind of its script."""

    code: ProofCode
    keys: int = 0
    template: Template | None = None


def judge_all(
    form: Form, to_sign: ToSign, transaction: Transaction | None, *, thorough: bool
) -> Result:
    """The result for a to_sign of the right shape.

    Args:
        form: how it was written.
        to_sign: the signed transaction and what it spends.
        transaction: the same as read; None if it was not needed yet.
        thorough: have btclib judge templates too.

    Raises:
        ProofError: an engine that is needed is not installed.
    """
    check_engines(thorough=thorough)
    if is_too_much_to_hash(to_sign.inputs):
        return Result(ProofCode.TOO_LARGE, form)
    fails = load_kernel()
    if fails is not None:
        failing = fails(to_sign.raw, to_sign.inputs)
        if failing is not None:
            code = _explain(to_sign.inputs[failing])
            return Result(code, form, None, (Engine.KERNEL,), input=failing)
    bench = _Bench(to_sign, transaction, thorough=thorough)
    judged = [bench.judge(number) for number in range(len(to_sign.inputs))]
    return _sum_up(form, to_sign, judged, bench)


def check_engines(*, thorough: bool) -> None:
    """Check that there is an engine to judge.

    Raises:
        ProofError: there is none, or not the one that a thorough check runs.
    """
    if load_kernel() is None and not has_btclib():
        raise no_engine("no script engine is installed")
    if thorough and not has_btclib():
        raise no_engine("btclib is not installed, which a thorough check runs")


def _sum_up(form: Form, to_sign: ToSign, judged: list[Judged], bench: _Bench) -> Result:
    first = judged[0]
    worst = _worst(judged)
    if worst is not None:
        one = judged[worst]
        return Result(one.code, form, one.template, bench.engines, input=worst)
    if to_sign.version not in _VERSIONS:
        return Result(ProofCode.VERSION, form, first.template, bench.engines)
    return Result(
        ProofCode.VALID if first.keys else ProofCode.NO_KEY,
        form,
        first.template,
        bench.engines,
        first.keys,
        to_sign.locktime,
        to_sign.sequence,
        coins=bench.coins(judged) if len(judged) > 1 else (),
    )


def _worst(judged: list[Judged]) -> int | None:
    """The first input that is invalid, else the first that is inconclusive."""
    doubtful = None
    for number, one in enumerate(judged):
        if one.code is ProofCode.VALID:
            continue
        if state_of(one.code) is State.INVALID:
            return number
        if doubtful is None:
            doubtful = number
    return doubtful


class _Bench:
    """The judges of one to_sign, whose consensus the kernel has found to hold if it is here."""

    def __init__(self, to_sign: ToSign, transaction: Transaction | None, *, thorough: bool) -> None:
        self._to_sign = to_sign
        self._transaction = transaction
        self._fails = load_kernel()
        self._asks_btclib = thorough or self._fails is None
        self._engine: PolicyEngine | None = None
        self._used_rules = False
        self._used_btclib = False
        self._run = 0
        self._allowance = Allowance()

    @property
    def engines(self) -> tuple[Engine, ...]:
        """Who judged. The byte rules rest on the kernel, and are no judge without it."""
        if self._fails is None:
            return (Engine.BTCLIB,) if self._used_btclib else ()
        return _ENGINES[self._used_rules, self._used_btclib]

    def judge(self, number: int) -> Judged:
        """The judgement of one input."""
        spend = self._to_sign.inputs[number]
        judgement = templates.judge(spend)
        if judgement is None:
            return self._judge_other(number, spend)
        self._used_rules = True
        code = judgement.broken or ProofCode.VALID
        if self._asks_btclib:
            code = self._compare(number, judgement)
        return Judged(code, judgement.keys, judgement.template)

    def coins(self, judged: list[Judged]) -> tuple[ClaimedCoin, ...]:
        """What the inputs after the first claim."""
        inputs = self._read().inputs
        return tuple(
            ClaimedCoin(
                inputs[number].outpoint,
                Script(self._to_sign.inputs[number].script),
                Sats(self._to_sign.inputs[number].sats),
                judged[number].keys,
                inputs[number].sequence,
            )
            for number in range(1, len(judged))
        )

    def _compare(self, number: int, judgement: templates.Judgement) -> ProofCode:
        """What btclib says of a template, beside what its bytes say."""
        engine = self._open()
        if engine is None:
            return ProofCode.ENGINES_DISAGREE
        ruling = engine.judge(number)
        if not ruling.is_satisfied:
            return ProofCode.CONSENSUS if self._fails is None else ProofCode.ENGINES_DISAGREE
        allowed = _TAPROOT_SIGHASHES if judgement.template is Template.P2TR_KEY else _SIGHASH_ALL
        broken = ruling.required or _sighash_fault(ruling.hash_types, allowed)
        if (broken is None) != (judgement.broken is None):
            return ProofCode.ENGINES_DISAGREE
        return judgement.broken or ProofCode.VALID

    def _judge_other(self, number: int, spend: SignedInput) -> Judged:
        """The judgement of an input whose script is no template."""
        parts = unwrap(spend)
        if parts is None:
            return Judged(ProofCode.NOT_PUSH_ONLY)
        self._run += cost_to_run(parts, len(self._to_sign.inputs))
        code = ProofCode.TOO_LARGE if self._run > MOST_RUN else _bars(spend, parts)
        if code is not None:
            return Judged(code)
        engine = self._open()
        if engine is None:
            return Judged(ProofCode.ENGINES_DISAGREE)
        ruling = engine.judge(number)
        code = self._fault_of(ruling, parts)
        if code is not None:
            return Judged(code)
        if not ruling.hash_types:
            return Judged(ProofCode.VALID, 0)
        return self._count(number, spend, parts, engine)

    def _count(
        self, number: int, spend: SignedInput, parts: Unwrapped, engine: PolicyEngine
    ) -> Judged:
        """The judgement of an input that is valid, with the keys that it needed."""
        from erario.proof.keys import Signed, count_keys  # noqa: PLC0415 - imports btclib

        signed = Signed(engine, self._read(), number, spend, parts)
        try:
            return Judged(ProofCode.VALID, count_keys(signed, self._is_satisfied, self._allowance))
        except TooMuchWorkError:
            return Judged(ProofCode.TOO_LARGE)

    def _fault_of(self, ruling: Ruling, parts: Unwrapped) -> ProofCode | None:
        if not ruling.is_satisfied:
            return ProofCode.CONSENSUS if self._fails is None else ProofCode.ENGINES_DISAGREE
        is_taproot = parts.kind in {Kind.TAPROOT_KEY, Kind.TAPSCRIPT}
        allowed = _TAPROOT_SIGHASHES if is_taproot else _SIGHASH_ALL
        broken = ruling.required or _sighash_fault(ruling.hash_types, allowed)
        if broken is None and _may_find_and_delete(parts):
            return ProofCode.MAYBE_FIND_AND_DELETE
        return broken or ruling.upgradeable

    def _is_satisfied(self, raw: bytes, number: int, spend: SignedInput) -> bool:
        """Whether a changed input still holds, by the kernel if it is here."""
        inputs = list(self._to_sign.inputs)
        inputs[number] = spend
        if self._fails is not None:
            return self._fails(raw, inputs, number) is None
        from erario.proof.policy_engine import open_engine  # noqa: PLC0415 - see `engines`

        engine = open_engine(raw, inputs)
        return engine is not None and engine.is_satisfied(number)

    def _open(self) -> PolicyEngine | None:
        """btclib over this transaction; None where it cannot read what the kernel could."""
        if not self._used_btclib:
            from erario.proof.policy_engine import open_engine  # noqa: PLC0415 - see `engines`

            self._used_btclib = True
            self._engine = open_engine(self._to_sign.raw, self._to_sign.inputs)
        return self._engine

    def _read(self) -> Transaction:
        if self._transaction is None:
            self._transaction = read_transaction(self._to_sign.raw)
        return self._transaction


def _bars(spend: SignedInput, parts: Unwrapped) -> ProofCode | None:
    """What keeps btclib from being asked."""
    if _has_codeseparator(spend, parts):
        return ProofCode.CODESEPARATOR
    return None if has_btclib() else ProofCode.NO_POLICY_ENGINE


def _sighash_fault(hash_types: tuple[int, ...], allowed: frozenset[int]) -> ProofCode | None:
    return None if allowed.issuperset(hash_types) else ProofCode.SIGHASH


def _has_codeseparator(spend: SignedInput, parts: Unwrapped) -> bool:
    if parts.kind is Kind.TAPSCRIPT:
        return has_codeseparator(parts.script, is_tapscript=True)
    return any(has_codeseparator(one, is_tapscript=False) for one in (parts.script, spend.script))


def _may_find_and_delete(parts: Unwrapped) -> bool:
    """Whether an empty signature could be looked for and found in its own script.

    btclib does not look for one that is empty; Bitcoin Core does, and finds every OP_0.
    """
    if parts.kind is not Kind.LEGACY or b"" not in parts.stack:
        return False
    codes = {code for code, _ in operations(parts.script)}
    return 0 in codes and not CHECKS.isdisjoint(codes)


def _explain(spend: SignedInput) -> ProofCode:
    """Why an input is not satisfied, where the bytes tell."""
    script, witness = spend.script, spend.witness
    if len(script) == 22 and len(witness) == 2 and hash160(witness[1]) != script[2:]:
        return ProofCode.OTHER_KEY
    if len(script) == 34 and script[:1] == b"\x00" and witness:
        is_other = sha256(witness[-1]).digest() != script[2:]
        return ProofCode.OTHER_SCRIPT if is_other else ProofCode.CONSENSUS
    parts = unwrap(spend)
    if parts is None or parts.kind is not Kind.LEGACY:
        return ProofCode.CONSENSUS
    if len(script) == 25 and len(parts.stack) == 2 and hash160(parts.stack[1]) != script[3:23]:
        return ProofCode.OTHER_KEY
    if len(script) == 23 and parts.tail and hash160(parts.tail[0]) != script[2:22]:
        return ProofCode.OTHER_SCRIPT
    return ProofCode.CONSENSUS
