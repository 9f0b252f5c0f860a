"""The one caller of btclib: the script engine that knows the rules beyond consensus.

It judges whatever is no template. Its flags are named as Bitcoin Core names them; which rule a
script breaks is found by asking with one flag after the other, never by reading its messages. It
reports what it took for a signature, which only whoever runs a script can tell.

The version is pinned exactly: btclib moves its modules from month to month.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from btclib.curves import bytes_from_point
from btclib.ecc.dsa import Sig, recover_pub_key_
from btclib.exceptions import BTClibRuntimeError, BTClibValueError
from btclib.script import sig_hash
from btclib.script.engine import ALL_FLAGS, ScriptFlag, verify_input
from btclib.script.engine.script import dsa_verify
from btclib.script.engine.tapscript import ssa_verify
from btclib.script.sig_hash import PrecomputedTxData
from btclib.tx.tx import Tx
from btclib.tx.tx_out import TxOut

from erario.proof.messages import SignedInput
from erario.proof.result import ProofCode

_REQUIRED: Final = (
    ("LOW_S", ProofCode.LOW_S),
    ("STRICTENC", ProofCode.STRICTENC),
    ("NULLFAIL", ProofCode.NULLFAIL),
    ("MINIMALDATA", ProofCode.MINIMALDATA),
    ("CLEANSTACK", ProofCode.CLEANSTACK),
    ("MINIMALIF", ProofCode.MINIMALIF),
    ("CONST_SCRIPTCODE", ProofCode.FIND_AND_DELETE),
)
_UPGRADEABLE: Final = (
    ("DISCOURAGE_UPGRADABLE_NOPS", ProofCode.NOP),
    ("DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM", ProofCode.WITNESS_VERSION),
    ("DISCOURAGE_UPGRADABLE_TAPROOT_VERSION", ProofCode.LEAF_VERSION),
    ("DISCOURAGE_OP_SUCCESS", ProofCode.OP_SUCCESS),
    ("DISCOURAGE_UPGRADABLE_PUBKEYTYPE", ProofCode.KEY_TYPE),
)


class Ruling(NamedTuple):
    """What the engine found.

    Attributes:
        is_satisfied: by consensus alone.
        required: the required rule that is broken.
        upgradeable: the upgradeable rule that is broken.
        hash_types: of each non-empty signature that was checked.
    """

    is_satisfied: bool
    required: ProofCode | None = None
    upgradeable: ProofCode | None = None
    hash_types: tuple[int, ...] = ()


class PolicyEngine:
    """The engine over one signed transaction."""

    def __init__(self, raw: bytes, inputs: Iterable[SignedInput]) -> None:
        self._spent = [TxOut(one.sats, one.script, check_validity=False) for one in inputs]
        self._transaction = Tx.parse(raw, check_validity=False)
        self._known = PrecomputedTxData(self._transaction, self._spent)

    def is_satisfied(self, number: int) -> bool:
        """Whether consensus holds for an input."""
        return self._run(number, ALL_FLAGS) is not None

    def judge(self, number: int) -> Ruling:
        """What holds for an input: consensus, the required rules, the upgradeable ones."""
        required = _with_flags(ALL_FLAGS, _REQUIRED)
        hash_types = self._run(number, required)
        if hash_types is None:
            if not self.is_satisfied(number):
                return Ruling(is_satisfied=False)
            broken = self._broken(number, ALL_FLAGS, _REQUIRED) or ProofCode.REQUIRED
            return Ruling(is_satisfied=True, required=broken)
        if self._run(number, _with_flags(required, _UPGRADEABLE)) is None:
            broken = self._broken(number, required, _UPGRADEABLE) or ProofCode.UPGRADEABLE
            return Ruling(is_satisfied=True, upgradeable=broken, hash_types=tuple(hash_types))
        return Ruling(is_satisfied=True, hash_types=tuple(hash_types))

    def ecdsa_digest(self, number: int, code: bytes, *, is_segwit: bool) -> bytes:
        """What an ECDSA signature over the whole transaction signs (BIP 143 or before it)."""
        if is_segwit:
            sats = self._spent[number].value
            return bytes(sig_hash.segwit_v0(code, self._transaction, number, 1, sats, self._known))
        return bytes(sig_hash.legacy(code, self._transaction, number, 1))

    def leaf_digest(self, number: int, leaf: bytes, annex: bytes, hash_type: int) -> bytes:
        """What a signature in a script path signs (BIP 342), without OP_CODESEPARATOR."""
        extension = leaf + b"\x00" + b"\xff\xff\xff\xff"
        return bytes(
            sig_hash.taproot(
                self._transaction, number, self._spent, hash_type, 1, annex, extension, self._known
            )
        )

    def key_path_digest(self, number: int, hash_type: int) -> bytes:
        """What a signature in a key path signs (BIP 341), without annex."""
        return bytes(
            sig_hash.taproot(
                self._transaction, number, self._spent, hash_type, 0, b"", b"", self._known
            )
        )

    def _run(self, number: int, flags: ScriptFlag) -> list[int] | None:
        """The hash types of an input that passes, else None."""
        hash_types: list[int] = []
        try:
            verify_input(self._spent, self._transaction, number, flags, self._known, hash_types)
        except Exception:  # noqa: BLE001 - on hostile scripts its own exceptions are not all it raises
            return None
        return hash_types

    def _broken(
        self, number: int, base: ScriptFlag, rules: tuple[tuple[str, ProofCode], ...]
    ) -> ProofCode | None:
        for name, code in rules:
            if self._run(number, base | ScriptFlag[name]) is None:
                return code
        return None


def open_engine(raw: bytes, inputs: Iterable[SignedInput]) -> PolicyEngine | None:
    """The engine, or None where it can't read what it is given (then it does not agree)."""
    try:
        return PolicyEngine(raw, inputs)
    except Exception:  # noqa: BLE001 - see `PolicyEngine._run`
        return None


def ecdsa_holds(digest: bytes, key: bytes, signature: bytes) -> bool:
    """Whether a DER signature, without its hash type, is one of this key over the digest."""
    try:
        return bool(dsa_verify(digest, key, signature))
    except (BTClibValueError, BTClibRuntimeError):
        return False


def schnorr_holds(digest: bytes, key: bytes, signature: bytes) -> bool:
    """Whether 64 bytes are a signature of this 32-byte key over the digest (BIP 340)."""
    try:
        return bool(ssa_verify(digest, key, signature))
    except (BTClibValueError, BTClibRuntimeError):
        return False


def recover_key(
    digest: bytes, compact: bytes, recovery: int, *, is_compressed: bool
) -> bytes | None:
    """The key that 64 bytes, r and s, and a number of 0 to 3 stand for; None if there is none."""
    try:
        signature = Sig(int.from_bytes(compact[:32], "big"), int.from_bytes(compact[32:], "big"))
        point = recover_pub_key_(recovery, digest, signature)
        return bytes(bytes_from_point(point, compressed=is_compressed))
    except (BTClibValueError, BTClibRuntimeError):
        return None


def _with_flags(base: ScriptFlag, rules: tuple[tuple[str, ProofCode], ...]) -> ScriptFlag:
    for name, _ in rules:
        base |= ScriptFlag[name]
    return base
