"""Which scripts have a public key behind them that payments, spends and proofs show.

A key is visible where it stands in the output itself (P2PK, bare multisig, P2TR), or once a
script was spent from, since the spend shows what the script only hashed. A key shown under one
script is shown under all: P2PKH and P2WPKH name the same hash of it, and a P2WPKH inside P2SH is
the hash of that script. Only watched scripts are looked at, so this is a lower bound.
"""

from __future__ import annotations

from typing import Final

from erario.bitcoin.hashes import hash160
from erario.bitcoin.script import ScriptType, classify, is_key_visible

_P2WPKH_PREFIX: Final = b"\x00\x14"
_KEY_PUSHES: Final = (33, 65)


class Revealed:
    """What was shown so far."""

    def __init__(self) -> None:
        self._spent: set[bytes] = set()
        self._paid: set[bytes] = set()
        self._key_hashes: set[bytes] = set()
        self._nested: set[bytes] = set()

    def pay(self, script: bytes) -> None:
        """A watched script was paid: keys in the output itself are visible."""
        if script in self._paid:
            return
        self._paid.add(script)
        for key in _keys_in(script):
            self._reveal(hash160(key))

    def spend(self, script: bytes, script_sig: bytes) -> None:
        """A coin on a watched script was spent, or a message signed, with this input script."""
        if script in self._spent:
            return
        self._spent.add(script)
        hashed = _key_hash(script)
        if hashed is None and classify(script) is ScriptType.P2SH:
            # A P2WPKH inside P2SH: the input script is one push of it.
            hashed = _key_hash(script_sig[1:])
        if hashed is not None:
            self._reveal(hashed)

    def exposes(self, script: bytes) -> bool:
        """Whether the public key behind the script is visible."""
        if script in self._spent or is_key_visible(script):
            return True
        if _key_hash(script) in self._key_hashes:
            return True
        return classify(script) is ScriptType.P2SH and script[2:22] in self._nested

    def _reveal(self, key_hash: bytes) -> None:
        if key_hash not in self._key_hashes:
            self._key_hashes.add(key_hash)
            self._nested.add(hash160(_P2WPKH_PREFIX + key_hash))


def _key_hash(script: bytes) -> bytes | None:
    """The hash of one key that a script names, None where it names none."""
    kind = classify(script)
    if kind is ScriptType.P2PKH:
        return script[3:23]
    return script[2:22] if kind is ScriptType.P2WPKH else None


def _keys_in(script: bytes) -> list[bytes]:
    """The public keys that stand in a P2PK or a bare multisig script."""
    kind = classify(script)
    if kind is ScriptType.P2PK:
        return [script[1:-1]]
    if kind is not ScriptType.MULTISIG:
        return []
    keys = []
    position = 1
    if script[0] == 1:  # more than sixteen signatures: a push of one byte
        position = 2
    while script[position] in _KEY_PUSHES:
        keys.append(script[position + 1 : position + 1 + script[position]])
        position += 1 + script[position]
    return keys
