"""Scripts recognised byte by byte, and the required rules as byte checks.

In these scripts no other execution is possible: which bytes are signatures, keys and pushes is
known from where they stand. So the rules of BIP-322 that consensus does not know can be checked
without an interpreter. A template says nothing of consensus; its answer counts only once the
kernel has found the script satisfied:

    NULLFAIL, MINIMALIF     a satisfied template has no failed signature and no condition
    CLEANSTACK              consensus for witnesses; counted for P2PKH and P2SH
    MINIMALDATA             the pushes of the input; those of the template are shortest as matched
    FindAndDelete           no push of a template can be a signature: none starts with 30

Multisig with the same key twice is no template: there its signatures do not count its keys. Two
keys with one x are the same: whoever has the one has the other.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from erario.proof.messages import SignedInput
from erario.proof.result import ProofCode, Template
from erario.proof.scripts import read_pushes

_HALF_ORDER: Final = bytes.fromhex(
    "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0"
)
"""Half the order of secp256k1: a higher s has a lower twin (BIP 146)."""
_SIGHASH_ALL: Final = 1
_NUMBER: Final = rb"[\x51-\x60]|\x01[\x11-\x14]"
_LEAF_NUMBER: Final = rb"[\x51-\x60]|\x01[\x11-\x7f]|\x02(?:[\x80-\xff]\x00|.[\x01-\x7f])"
"""Tapscripts have up to a thousand keys."""
_MULTISIG: Final = re.compile(
    rb"(%b)((?:\x21[\x02\x03].{32}|\x41\x04.{64})+)(%b)\xae" % (_NUMBER, _NUMBER), re.DOTALL
)
_LEAF: Final = re.compile(
    rb"(\x20.{32}\xac(?:\x20.{32}\xba)*)(?:(%b)\x9c)?" % _LEAF_NUMBER, re.DOTALL
)
_KEYS: Final = re.compile(rb"\x21(?:[\x02\x03].{32})|\x41(?:\x04.{64})", re.DOTALL)


class Judgement(NamedTuple):
    """What the bytes say of a satisfied script: its template, the rule that it breaks, and how
    many distinct keys signed."""

    template: Template
    broken: ProofCode | None
    keys: int


def judge(spend: SignedInput) -> Judgement | None:
    """The judgement of the template that the script is; None if it is none."""
    script, size = spend.script, len(spend.script)
    if size == 22 and script[:2] == b"\x00\x14":
        return _single(Template.P2WPKH, spend.witness, is_minimal=True)
    if size == 34 and script[:2] == b"\x00\x20":
        return _witness_multisig(Template.P2WSH_MULTISIG, spend.witness)
    if size == 34 and script[:2] == b"\x51\x20":
        return _taproot_key(spend.witness)
    if size == 25 and script[:3] == b"\x76\xa9\x14" and script[23:] == b"\x88\xac":
        pushes = read_pushes(spend.script_sig)
        return None if pushes is None else _single(Template.P2PKH, *pushes)
    if size == 23 and script[:2] == b"\xa9\x14" and script[22] == 0x87:
        return _script_hash(spend)
    return None


def read_multisig(script: bytes) -> tuple[int, list[bytes]] | None:
    """Signatures needed and keys of a multisig script; None if it is none, or repeats a key."""
    match = _MULTISIG.fullmatch(script)
    if match is None:
        return None
    needed, keys = _number(match[1]), _KEYS.findall(match[2])
    points = {key[2:34] for key in keys}
    if not 1 <= needed <= len(keys) == _number(match[3]) or len(points) != len(keys):
        return None
    return needed, [key[1:] for key in keys]


def read_leaf(script: bytes) -> tuple[int, list[bytes]] | None:
    """Signatures needed and keys of a leaf `pk` or `multi_a`; None if it is neither, or repeats a
    key."""
    match = _LEAF.fullmatch(script)
    if match is None:
        return None
    keys = [script[at + 1 : at + 33] for at in range(0, match.end(1), 34)]
    needed = 1 if match[2] is None else _number(match[2])
    # Without a number one key alone; with one, each key after the first adds to it.
    is_whole = match[2] is not None or len(keys) == 1
    if not is_whole or needed > len(keys) or len(set(keys)) != len(keys):
        return None
    return needed, keys


def _script_hash(spend: SignedInput) -> Judgement | None:
    script_sig = spend.script_sig
    if len(script_sig) == 23 and script_sig[:3] == b"\x16\x00\x14":
        return _single(Template.P2SH_P2WPKH, spend.witness, is_minimal=True)
    if len(script_sig) == 35 and script_sig[:3] == b"\x22\x00\x20":
        return _witness_multisig(Template.P2SH_P2WSH_MULTISIG, spend.witness)
    pushes = read_pushes(script_sig)
    if pushes is None or not pushes[0]:
        return None
    *stack, redeem = pushes[0]
    return _multisig(Template.P2SH_MULTISIG, stack, redeem, is_minimal=pushes[1])


def _witness_multisig(template: Template, witness: tuple[bytes, ...]) -> Judgement | None:
    if not witness:
        return None
    return _multisig(template, witness[:-1], witness[-1], is_minimal=True)


def _single(
    template: Template,
    stack: list[bytes] | tuple[bytes, ...],
    is_minimal: bool,  # noqa: FBT001
) -> Judgement:
    if len(stack) < 2:
        # Consensus refuses it; the rule is named for whoever asks without it.
        return Judgement(template, ProofCode.REQUIRED, 0)
    broken: ProofCode | None = None
    if not is_minimal:
        broken = ProofCode.MINIMALDATA
    elif len(stack) != 2:
        broken = ProofCode.CLEANSTACK
    else:
        broken = ecdsa_fault(stack[0]) or _key_fault(stack[1])
    return Judgement(template, broken, 1)


def _multisig(
    template: Template, stack: list[bytes] | tuple[bytes, ...], script: bytes, *, is_minimal: bool
) -> Judgement | None:
    found = read_multisig(script)
    if found is None:
        return None
    needed, _ = found
    broken: ProofCode | None = None
    if not is_minimal:
        broken = ProofCode.MINIMALDATA
    elif len(stack) != needed + 1:
        broken = ProofCode.CLEANSTACK
    else:
        for signature in stack[1:]:
            broken = ecdsa_fault(signature)
            if broken is not None:
                break
    return Judgement(template, broken, needed)


def _taproot_key(witness: tuple[bytes, ...]) -> Judgement | None:
    # Two elements are a script path, or a signature and an annex: no template.
    if len(witness) != 1:
        return None
    signature = witness[0]
    is_whole = len(signature) == 64 or (len(signature) == 65 and signature[64] == _SIGHASH_ALL)
    return Judgement(Template.P2TR_KEY, None if is_whole else ProofCode.SIGHASH, 1)


def ecdsa_fault(signature: bytes) -> ProofCode | None:
    """The rule that an ECDSA signature with its hash type breaks (BIP 66, BIP 146)."""
    size = len(signature)
    if not 9 <= size <= 73:
        return ProofCode.STRICTENC
    r_size = signature[3]
    s_at = 6 + r_size
    if s_at >= size - 1:
        return ProofCode.STRICTENC
    s_size = signature[s_at - 1]
    s = signature[s_at : size - 1]
    if (
        signature[0] != 0x30
        or signature[1] != size - 3
        or signature[2] != 2
        or signature[s_at - 2] != 2
        or s_size != len(s)
        or not _is_der_number(signature[4 : 4 + r_size])
        or not _is_der_number(s)
    ):
        return ProofCode.STRICTENC
    if signature[-1] != _SIGHASH_ALL:
        return ProofCode.SIGHASH
    if s_size > 32 or (s_size == 32 and s > _HALF_ORDER):
        return ProofCode.LOW_S
    return None


def _is_der_number(number: bytes) -> bool:
    if not number or number[0] & 0x80:
        return False
    return len(number) == 1 or number[0] != 0 or number[1] >= 0x80


def _key_fault(key: bytes) -> ProofCode | None:
    head = key[:1]
    if (len(key) == 33 and head in {b"\x02", b"\x03"}) or (len(key) == 65 and head == b"\x04"):
        return None
    return ProofCode.STRICTENC


def _number(code: bytes) -> int:
    return code[0] - 0x50 if len(code) == 1 else int.from_bytes(code[1:], "little")
