"""Software signers for PSBTs, in the place of devices: they sign what they have keys of.

embit's own PSBT cannot carry a to_sign: it turns version 0 into 2 and sequence 0 into the final
one. So only its keys sign here, found by the key origins that the PSBT names.
"""

from __future__ import annotations

from dataclasses import replace

from embit import bip32, ec
from tests.unit.proof.maker import Signing, p2pkh

from erario.bitcoin.hashes import hash160
from erario.proof.psbt import (
    DERIVATION,
    PARTIAL_SIG,
    REDEEM_SCRIPT,
    TAP_DERIVATION,
    TAP_INTERNAL_KEY,
    TAP_KEY_SIG,
    TAP_LEAF_SCRIPT,
    TAP_MERKLE_ROOT,
    TAP_SCRIPT_SIG,
    WITNESS_SCRIPT,
    Psbt,
    read_psbt,
)
from erario.proof.unwrapping import hash_leaf

ROOTS = tuple(bip32.HDKey.from_seed(bytes((number,)) * 32) for number in range(1, 8))
ORIGIN = "48h/0h/0h/2h"


def account(number: int) -> str:
    """An extended public key with its origin, of two branches."""
    root = ROOTS[number]
    key = root.derive(f"m/{ORIGIN}").to_public().to_base58()
    return f"[{root.my_fingerprint.hex()}/{ORIGIN}]{key}/<0;1>/*"


def sign(psbt: Psbt, *numbers: int) -> list[bytes]:
    """What each signer sends back."""
    return [_sign(read_psbt(psbt.to_bytes()), ROOTS[number]).to_bytes() for number in numbers]


def _sign(psbt: Psbt, root: bip32.HDKey) -> Psbt:
    outputs = [psbt.spent(number) for number in range(len(psbt.inputs))]
    spent = tuple((output.script, output.sats) for output in outputs)
    inputs = tuple(
        {**fields, **_signatures(fields, Signing(psbt.transaction.raw, spent, number), root)}
        for number, fields in enumerate(psbt.inputs)
    )
    return replace(psbt, inputs=inputs)


def _signatures(fields, signing: Signing, root: bip32.HDKey) -> dict[bytes, bytes]:
    made = {}
    script = signing.spent[signing.number][0]
    for field, value in fields.items():
        if field[:1] == DERIVATION and value[:4] == root.my_fingerprint:
            secret = _derive(root, value[4:])
            code, segwit = _code(script, fields, field[1:])
            made[PARTIAL_SIG + field[1:]] = signing.ecdsa(secret, code, segwit=segwit)
        if field == TAP_DERIVATION + fields.get(TAP_INTERNAL_KEY, b"x") and (
            value[1:5] == root.my_fingerprint
        ):
            secret = _derive(root, value[5:])
            root_hash = fields.get(TAP_MERKLE_ROOT, b"")
            made[TAP_KEY_SIG] = signing.key_path(secret, tweak=root_hash)
        count = value[0] if field[:1] == TAP_DERIVATION else 0
        if count and value[1 + 32 * count : 5 + 32 * count] == root.my_fingerprint:
            secret = _derive(root, value[5 + 32 * count :])
            for leaf in (kept for name, kept in fields.items() if name[:1] == TAP_LEAF_SCRIPT):
                hashed = hash_leaf(leaf[-1:], leaf[:-1])
                if hashed in value:
                    signature = signing.leaf(secret, leaf[:-1])
                    made[TAP_SCRIPT_SIG + field[1:] + hashed] = signature
    return made


def _derive(root: bip32.HDKey, path: bytes) -> ec.PrivateKey:
    steps = [int.from_bytes(path[at : at + 4], "little") for at in range(0, len(path), 4)]
    return root.derive(steps).key


def _code(script: bytes, fields, key: bytes) -> tuple[bytes, bool]:
    if WITNESS_SCRIPT in fields:
        return fields[WITNESS_SCRIPT], True
    redeem = fields.get(REDEEM_SCRIPT, b"")
    if script[:2] == b"\x00\x14" or redeem[:2] == b"\x00\x14":
        assert hash160(key) in {script[2:], redeem[2:]}
        return p2pkh(key), True
    return redeem or script, False
