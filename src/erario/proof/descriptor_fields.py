"""The PSBT fields by which signers know their keys: scripts and key origins of a descriptor.

embit takes the descriptor apart; its script must be the one that erario's own reader derives, or
nothing is given out. Descriptors that embit does not know (`pk`, bare `multi`) have no fields here.
"""

from __future__ import annotations

from typing import Any

from embit.hashes import tagged_hash
from embit.util import secp256k1

from erario.bitcoin.descriptor import Descriptor
from erario.bitcoin.descriptor_keys import add_to_point
from erario.bitcoin.encoding import write_compact_size
from erario.bitcoin.values import Script
from erario.proof.errors import ProofError, ProofErrorCode
from erario.proof.psbt import (
    DERIVATION,
    REDEEM_SCRIPT,
    TAP_DERIVATION,
    TAP_INTERNAL_KEY,
    TAP_LEAF_SCRIPT,
    TAP_MERKLE_ROOT,
    WITNESS_SCRIPT,
    Fields,
)


def script_fields(descriptor: Descriptor, branch: int, index: int) -> tuple[Script, Fields]:
    """The script of a branch at an index, and the fields of an input that spends from it.

    Raises:
        DescriptorError: the index is none.
        ProofError: there is no such branch, or embit derives another script.
    """
    if not 0 <= branch < len(descriptor.branches):
        raise ProofError(
            ProofErrorCode.DESCRIPTOR,
            f"the descriptor has no branch {branch}",
            remedy=f"It has {len(descriptor.branches)}, counted from 0.",
        )
    scripts = [script for _, script in descriptor.branches[branch].scripts(index, 1)]
    if len(scripts) != 1:
        raise ProofError(
            ProofErrorCode.DESCRIPTOR,
            f"the descriptor has {len(scripts)} scripts at index {index}",
            remedy="Give an index that it has, and a descriptor of one script type.",
        )
    derived = _derive(descriptor, branch, index)
    if derived is None:
        return scripts[0], {}
    if bytes(derived.script_pubkey().data) != scripts[0]:
        raise ProofError(
            ProofErrorCode.DESCRIPTOR,
            "two libraries derive different scripts from the descriptor",
            remedy="Tell the authors of erario; give the address instead.",
        )
    return scripts[0], _taproot_fields(derived) if derived.is_taproot else _fields(derived)


def _derive(descriptor: Descriptor, branch: int, index: int) -> Any:  # noqa: ANN401 - embit has no types
    """embit's own object, or None where it does not know the descriptor."""
    from embit.descriptor import Descriptor as EmbitDescriptor  # noqa: PLC0415 - takes 60 ms

    text = descriptor.text.partition("#")[0]
    try:
        return EmbitDescriptor.from_string(text).derive(index, branch)
    except Exception:  # noqa: BLE001 - its exceptions are of all kinds
        return None


def _fields(derived: Any) -> Fields:  # noqa: ANN401 - embit has no types
    fields = {DERIVATION + key.sec(): _origin(key) for key in derived.keys}
    redeem, inner = derived.redeem_script(), derived.witness_script()
    if redeem is not None:
        fields[REDEEM_SCRIPT] = bytes(redeem.data)
    if inner is not None:
        fields[WITNESS_SCRIPT] = bytes(inner.data)
    return fields


def _taproot_fields(derived: Any) -> Fields:  # noqa: ANN401 - embit has no types
    """BIP 371: the internal key, and each leaf with its control block and its keys."""
    from embit.descriptor.taptree import _tweak_helper  # noqa: PLC0415 - see above

    internal = derived.key
    leaves, root = _tweak_helper(derived.taptree) if derived.taptree else ((), b"")
    # embit's own tweak forgets whether the output's y is odd.
    tweak = tagged_hash("TapTweak", internal.xonly() + root)
    point = secp256k1.ec_pubkey_parse(b"\x02" + internal.xonly())
    output = secp256k1.ec_pubkey_serialize(add_to_point(point, tweak))
    fields = {TAP_INTERNAL_KEY: internal.xonly()}
    signs_in: dict[bytes, tuple[Any, list[bytes]]] = {internal.xonly(): (internal, [])}
    for leaf, path in leaves:
        version = bytes((leaf.version,))
        control = bytes((leaf.version | output[0] & 1,)) + internal.xonly() + path
        serialised = leaf.serialize()
        fields[TAP_LEAF_SCRIPT + control] = bytes(leaf.miniscript.compile()) + version
        for key in leaf.keys:
            _, hashes = signs_in.setdefault(key.xonly(), (key, []))
            hashes.append(tagged_hash("TapLeaf", serialised))
    if root:
        fields[TAP_MERKLE_ROOT] = root
    for x, (key, hashes) in signs_in.items():
        count = write_compact_size(len(hashes))
        fields[TAP_DERIVATION + x] = count + b"".join(hashes) + _origin(key)
    return fields


def _origin(key: Any) -> bytes:  # noqa: ANN401 - embit has no types
    steps = b"".join(step.to_bytes(4, "little") for step in key.derivation)
    return bytes(key.fingerprint or bytes(4)) + steps
