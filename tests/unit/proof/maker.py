"""Proofs made with keys of our own, whole or with one thing wrong. Only tests hold keys.

embit signs and hashes, so that nothing is checked by the code that made it.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass

from btclib.script import sig_hash
from btclib.tx.tx import Tx
from btclib.tx.tx_out import TxOut
from embit import ec, hashes
from embit.script import Script as EmbitScript
from embit.transaction import Transaction as EmbitTransaction
from embit.util import secp256k1

from erario.bitcoin.hashes import hash160
from erario.bitcoin.transaction import TxInput
from erario.bitcoin.values import Outpoint, Txid
from erario.proof.messages import serialise, serialise_witness, to_spend_txid
from erario.proof.scripts import write_push

ALL, NONE, SINGLE, ANYONE = 1, 2, 3, 0x80
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
MESSAGE = "erario control proof v1: Treasury of Exampleland"
TRUE, DROP, NOT, CHECKSIG, CHECKMULTISIG = b"\x51", b"\x75", b"\x91", b"\xac", b"\xae"

Satisfy = Callable[["Signing"], "tuple[bytes, tuple[bytes, ...]]"]


def key(number: int | ec.PrivateKey, *, compressed: bool = True) -> ec.PrivateKey:
    """The test key of a number; a key stays itself."""
    if isinstance(number, ec.PrivateKey):
        return number
    secret = hashlib.sha256(f"erario test key {number}".encode()).digest()
    return ec.PrivateKey(secret, compressed=compressed)


def sec(number: int) -> bytes:
    return key(number).sec()


def uncompressed(number: int, head: int = 4) -> bytes:
    plain = key(number, compressed=False).sec()
    if head == 4:
        return plain
    return bytes((6 + (plain[-1] & 1),)) + plain[1:]


def x_only(number: int) -> bytes:
    return sec(number)[1:]


# Scripts


def p2pkh(public: bytes) -> bytes:
    return b"\x76\xa9\x14" + hash160(public) + b"\x88\xac"


def p2wpkh(public: bytes) -> bytes:
    return b"\x00\x14" + hash160(public)


def p2sh(redeem: bytes) -> bytes:
    return b"\xa9\x14" + hash160(redeem) + b"\x87"


def p2wsh(script: bytes) -> bytes:
    return b"\x00\x20" + hashlib.sha256(script).digest()


def pk(number: int) -> bytes:
    return write_push(sec(number)) + CHECKSIG


def multisig(needed: int, *numbers: int) -> bytes:
    keys = b"".join(write_push(sec(number)) for number in numbers)
    return bytes((0x50 + needed,)) + keys + bytes((0x50 + len(numbers),)) + CHECKMULTISIG


def p2tr(number: int) -> bytes:
    return b"\x51\x20" + key(number).taproot_tweak().sec()[1:]


def leaf_hash(script: bytes, version: int = 0xC0) -> bytes:
    size = EmbitScript(script).serialize()
    return hashes.tagged_hash("TapLeaf", bytes((version,)) + size)


def p2tr_leaf(number: int, script: bytes, version: int = 0xC0) -> tuple[bytes, bytes]:
    """The output of a tree with one leaf, and its control block."""
    internal = x_only(number)
    tweak = hashes.tagged_hash("TapTweak", internal + leaf_hash(script, version))
    secret = key(number).secret
    if sec(number)[0] == 3:
        secret = secp256k1.ec_privkey_negate(secret)
    output = ec.PrivateKey(secp256k1.ec_privkey_add(secret, tweak)).sec()
    return b"\x51\x20" + output[1:], bytes((version | (output[0] & 1),)) + internal


# Signatures


@dataclass(frozen=True)
class Signing:
    """An unsigned to_sign, and what its inputs spend."""

    raw: bytes
    spent: tuple[tuple[bytes, int], ...]
    number: int = 0

    def ecdsa(
        self,
        number: int | ec.PrivateKey,
        code: bytes,
        *,
        segwit: bool,
        hash_type: int = ALL,
        high_s: bool = False,
    ) -> bytes:
        transaction = EmbitTransaction.parse(self.raw)
        script = EmbitScript(code)
        if segwit:
            sats = self.spent[self.number][1]
            digest = transaction.sighash_segwit(self.number, script, sats, hash_type)
        else:
            digest = transaction.sighash_legacy(self.number, script, hash_type)
        signature = key(number).sign(digest).serialize()
        return (_with_high_s(signature) if high_s else signature) + bytes((hash_type,))

    def key_path(
        self,
        number: int | ec.PrivateKey,
        hash_type: int = 0,
        annex: bytes | None = None,
        tweak: bytes = b"",
    ) -> bytes:
        digest = self._taproot(hash_type, annex=annex)
        signature = key(number).taproot_tweak(tweak).schnorr_sign(digest).serialize()
        return signature + (bytes((hash_type,)) if hash_type else b"")

    def leaf(self, number: int | ec.PrivateKey, script: bytes, hash_type: int = 0) -> bytes:
        digest = self._taproot(hash_type, ext_flag=1, script=EmbitScript(script))
        signature = key(number).schnorr_sign(digest).serialize()
        return signature + (bytes((hash_type,)) if hash_type else b"")

    def _taproot(self, hash_type: int, **options: object) -> bytes:
        if hash_type not in {0, ALL, NONE}:
            # embit does not hash these as BIP 341 does.
            outputs = [TxOut(sats, script) for script, sats in self.spent]
            transaction = Tx.parse(self.raw, check_validity=False)
            return sig_hash.taproot(transaction, self.number, outputs, hash_type, 0, b"", b"")
        transaction = EmbitTransaction.parse(self.raw)
        scripts = [EmbitScript(script) for script, _ in self.spent]
        amounts = [sats for _, sats in self.spent]
        return transaction.sighash_taproot(self.number, scripts, amounts, hash_type, **options)


def _with_high_s(signature: bytes) -> bytes:
    size = signature[3]
    r, s = signature[2 : 4 + size], signature[6 + size :]
    high = (ORDER - int.from_bytes(s, "big")).to_bytes(33, "big")
    body = r + bytes((2, 33)) + high
    return bytes((0x30, len(body))) + body


# Proofs


def unsigned(
    script: bytes,
    message: str = MESSAGE,
    *,
    version: int = 0,
    locktime: int = 0,
    sequence: int = 0,
) -> Signing:
    txid = Txid(to_spend_txid(script, message.encode()))
    one = TxInput(Outpoint(txid, 0), b"", sequence, ())
    return Signing(serialise(version, [one], locktime), ((script, 0),))


def full(script: bytes, satisfy: Satisfy, message: str = MESSAGE, **fields: int) -> str:
    """A full signature: what `satisfy` makes of the unsigned transaction, in its place."""
    script_sig, witness = satisfy(unsigned(script, message, **fields))
    txid = Txid(to_spend_txid(script, message.encode()))
    one = TxInput(Outpoint(txid, 0), script_sig, fields.get("sequence", 0), witness)
    raw = serialise(fields.get("version", 0), [one], fields.get("locktime", 0))
    return "ful" + b64encode(raw).decode()


def simple(script: bytes, satisfy: Satisfy, message: str = MESSAGE) -> str:
    _, witness = satisfy(unsigned(script, message))
    return "smp" + b64encode(serialise_witness(witness)).decode()


def by_key_hash(number: int, **options: object) -> Satisfy:
    """P2WPKH."""
    code = p2pkh(sec(number))
    return lambda signing: (
        b"",
        (signing.ecdsa(number, code, segwit=True, **options), sec(number)),
    )


def by_old_key_hash(number: int, *more: bytes, **options: object) -> Satisfy:
    """P2PKH; `more` is pushed before the signature."""
    code = p2pkh(sec(number))

    def satisfy(signing: Signing) -> tuple[bytes, tuple[bytes, ...]]:
        signature = signing.ecdsa(number, code, segwit=False, **options)
        return b"".join(map(write_push, (*more, signature, sec(number)))), ()

    return satisfy


def by_multisig(script: bytes, *numbers: int, dummy: bytes = b"", **options: object) -> Satisfy:
    """P2WSH of a multisig; options are of the last signature."""

    def satisfy(signing: Signing) -> tuple[bytes, tuple[bytes, ...]]:
        signatures = [signing.ecdsa(number, script, segwit=True) for number in numbers[:-1]]
        signatures.append(signing.ecdsa(numbers[-1], script, segwit=True, **options))
        return b"", (dummy, *signatures, script)

    return satisfy


def by_old_multisig(
    script: bytes, *numbers: int, more: tuple[bytes, ...] = (), **options: object
) -> Satisfy:
    """P2SH of a multisig; `more` is pushed first."""

    def satisfy(signing: Signing) -> tuple[bytes, tuple[bytes, ...]]:
        signatures = [signing.ecdsa(number, script, segwit=False) for number in numbers[:-1]]
        signatures.append(signing.ecdsa(numbers[-1], script, segwit=False, **options))
        return b"".join(map(write_push, (*more, b"", *signatures, script))), ()

    return satisfy


def wrapped(redeem: bytes, satisfy: Satisfy) -> Satisfy:
    """The same behind P2SH."""

    def wrap(signing: Signing) -> tuple[bytes, tuple[bytes, ...]]:
        return write_push(redeem), satisfy(signing)[1]

    return wrap


def by_script(script: bytes, *stack: bytes | int, **options: object) -> Satisfy:
    """P2WSH of any script; a number on the stack stands for that key's signature."""

    def satisfy(signing: Signing) -> tuple[bytes, tuple[bytes, ...]]:
        items = (
            signing.ecdsa(item, script, segwit=True, **options) if isinstance(item, int) else item
            for item in stack
        )
        return b"", (*items, script)

    return satisfy


def by_leaf(script: bytes, control: bytes, *stack: bytes | int, hash_type: int = 0) -> Satisfy:
    """A script path; a number on the stack stands for that key's signature."""

    def satisfy(signing: Signing) -> tuple[bytes, tuple[bytes, ...]]:
        items = (
            signing.leaf(item, script, hash_type) if isinstance(item, int) else item
            for item in stack
        )
        return b"", (*items, script, control)

    return satisfy
