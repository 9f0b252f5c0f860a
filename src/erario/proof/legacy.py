"""The legacy form: a compact ECDSA signature from which the public key is recovered.

It is older than BIP-322, which allows it for P2PKH alone. The digest is a double SHA-256 behind
the words `Bitcoin Signed Message:`; the first of 65 bytes is 27 to 30 for an uncompressed key, 31
to 34 for a compressed one. Two libraries recover the key, and must find the same.
"""

from __future__ import annotations

from typing import Final

from erario.bitcoin.encoding import write_compact_size
from erario.bitcoin.hashes import hash160
from erario.bitcoin.values import sha256d
from erario.proof.engines import has_btclib
from erario.proof.messages import LEGACY_SIZE
from erario.proof.result import Engine, Form, ProofCode, Result, Template

_MAGIC: Final = b"\x18Bitcoin Signed Message:\n"
_FIRST_COMPRESSED: Final = 31
_LAST: Final = 34


def check_legacy(script: bytes, message: bytes, signature: bytes) -> Result:
    """The result for 65 bytes and a P2PKH script."""
    head = signature[0]
    if len(signature) != LEGACY_SIZE or not 27 <= head <= _LAST:
        return Result(ProofCode.FORM, Form.LEGACY, Template.P2PKH)
    digest = sha256d(_MAGIC + write_compact_size(len(message)) + message)
    is_compressed = head >= _FIRST_COMPRESSED
    recovery = (head - 27) & 3
    key = _recover_by_embit(digest, signature[1:], recovery, is_compressed=is_compressed)
    engines = [Engine.EMBIT]
    if has_btclib():
        from erario.proof.policy_engine import recover_key  # noqa: PLC0415 - see `engines`

        engines.append(Engine.BTCLIB)
        if key != recover_key(digest, signature[1:], recovery, is_compressed=is_compressed):
            return Result(ProofCode.ENGINES_DISAGREE, Form.LEGACY, Template.P2PKH, tuple(engines))
    is_signer = key is not None and hash160(key) == script[3:23]
    code = ProofCode.VALID if is_signer else ProofCode.LEGACY_OTHER
    return Result(code, Form.LEGACY, Template.P2PKH, tuple(engines), keys=int(is_signer))


def _recover_by_embit(
    digest: bytes, compact: bytes, recovery: int, *, is_compressed: bool
) -> bytes | None:
    from embit.util import secp256k1  # noqa: PLC0415 - looks for C libraries

    try:
        parsed = secp256k1.ecdsa_recoverable_signature_parse_compact(compact, recovery)
        point = secp256k1.ecdsa_recover(parsed, digest)
    except (ValueError, RuntimeError):
        return None
    flag = secp256k1.EC_COMPRESSED if is_compressed else secp256k1.EC_UNCOMPRESSED
    return bytes(secp256k1.ec_pubkey_serialize(point, flag))
