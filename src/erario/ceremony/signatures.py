"""Which signatures of a returned PSBT hold, each by itself.

A signature counts once it holds for a key of a way, over this very transaction. So who signed is
known before a quorum is complete, and nothing that a stranger adds is ever merged. Where a wallet
has finalised an input, its signatures are found among what it pushes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from erario.bitcoin.errors import DecodeError
from erario.bitcoin.values import Script
from erario.ceremony.quorum import Kind, Way
from erario.proof.engines import has_btclib, no_engine
from erario.proof.messages import SignedInput, read_witness, with_scripts
from erario.proof.psbt import (
    FINAL_SCRIPT_SIG,
    FINAL_WITNESS,
    PARTIAL_SIG,
    TAP_KEY_SIG,
    TAP_SCRIPT_SIG,
    Fields,
    Psbt,
)
from erario.proof.scripts import read_pushes
from erario.proof.templates import ecdsa_fault

_MAX_ITEMS: Final = 200

Slot = tuple[bytes, bytes]
"""What a signature is for: the hash of a leaf (empty elsewhere), and a key."""


class Checker:
    """Checks signatures over one unsigned to_sign."""

    def __init__(self, psbt: Psbt, scripts: Sequence[Script]) -> None:
        """Open an engine over the PSBT that was given out.

        Raises:
            ProofError: what checks signatures is not installed.
        """
        if not has_btclib():
            raise no_engine("which signatures hold is checked by btclib, which is not installed")
        from erario.proof import policy_engine  # noqa: PLC0415 - see `engines`

        self._module = policy_engine
        self._psbt = psbt
        self._inputs = [
            SignedInput(script, 0 if spent is None else spent.sats, b"", ())
            for number, script in enumerate(scripts)
            for spent in [psbt.spent(number)]
        ]
        self._engine = policy_engine.PolicyEngine(psbt.transaction.raw, self._inputs)

    def holding(self, number: int, found: Sequence[Way], fields: Fields) -> dict[Slot, bytes]:
        """The signatures in `fields` that hold for input `number`."""
        holding: dict[Slot, bytes] = {}
        finals: list[bytes] | None = None
        for way in found:
            for key in way.keys:
                given = _given(way, key, fields)
                if given is not None and self._holds(number, way, key, given):
                    holding[way.leaf, key] = given
                    continue
                if finals is None:
                    finals = list(_final_items(fields))
                for item in finals:
                    if self._holds(number, way, key, item):
                        holding[way.leaf, key] = item
                        break
        return holding

    def is_satisfied(self, number: int, final: Fields) -> bool:
        """Whether what a wallet finalised satisfies the script of an input."""
        try:
            witness = read_witness(final[FINAL_WITNESS]) if FINAL_WITNESS in final else ()
        except DecodeError:
            return False
        script_sig = final.get(FINAL_SCRIPT_SIG, b"")
        raw = with_scripts(self._psbt.transaction, number, script_sig, witness)
        engine = self._module.open_engine(raw, self._inputs)
        return engine is not None and engine.is_satisfied(number)

    def _holds(self, number: int, way: Way, key: bytes, signature: bytes) -> bool:
        if way.kind in {Kind.KEY_PATH, Kind.LEAF}:
            return self._schnorr_holds(number, way, key, signature)
        if ecdsa_fault(signature) is not None:
            # It might satisfy the script, and would spoil the proof in the place of a good one.
            return False
        is_segwit = way.kind is Kind.WITNESS_V0
        digest = self._engine.ecdsa_digest(number, way.code, is_segwit=is_segwit)
        return self._module.ecdsa_holds(digest, key, signature[:-1])

    def _schnorr_holds(self, number: int, way: Way, key: bytes, signature: bytes) -> bool:
        hash_type = 1 if len(signature) == 65 and signature[64] == 1 else 0
        if len(signature) != 64 + hash_type:
            return False
        if way.kind is Kind.LEAF:
            digest = self._engine.leaf_digest(number, way.leaf, b"", hash_type)
            return self._module.schnorr_holds(digest, key, signature[:64])
        digest = self._engine.key_path_digest(number, hash_type)
        return self._module.schnorr_holds(digest, way.code[2:34], signature[:64])


def has_signature(fields: Fields) -> bool:
    """Whether an input carries anything that a signer adds."""
    signed = {PARTIAL_SIG, TAP_KEY_SIG, TAP_SCRIPT_SIG, FINAL_SCRIPT_SIG, FINAL_WITNESS}
    return any(key[:1] in signed for key in fields)


def _given(way: Way, key: bytes, fields: Mapping[bytes, bytes]) -> bytes | None:
    if way.kind is Kind.KEY_PATH:
        return fields.get(TAP_KEY_SIG)
    if way.kind is Kind.LEAF:
        return fields.get(TAP_SCRIPT_SIG + key + way.leaf)
    return fields.get(PARTIAL_SIG + key)


def _final_items(fields: Fields) -> Iterator[bytes]:
    """What a finalised input pushes."""
    try:
        witness = read_witness(fields[FINAL_WITNESS]) if FINAL_WITNESS in fields else ()
    except DecodeError:
        witness = ()
    pushes = read_pushes(fields.get(FINAL_SCRIPT_SIG, b""))
    items = [*witness, *(pushes[0] if pushes else ())]
    yield from (item for item in items[:_MAX_ITEMS] if 9 <= len(item) <= 73)
