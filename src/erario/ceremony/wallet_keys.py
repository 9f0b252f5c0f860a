"""The extended keys of a quorum, as PSBTs name them (BIP 174, PSBT_GLOBAL_XPUB).

Devices know by them which wallet of several signers is meant. They stay in what signers are given:
no proof carries them.
"""

from __future__ import annotations

import re
from typing import Final

from erario.bitcoin.descriptor import Descriptor
from erario.bitcoin.descriptor_keys import read_extended
from erario.proof.psbt import Fields

GLOBAL_XPUB: Final = b"\x01"
_HARDENED: Final = 1 << 31
# As canonical descriptors write it: lower-case fingerprint, hardened steps with h.
_KEY: Final = re.compile(r"\[([0-9a-f]{8})((?:/[0-9]+h?)*)\]([xt]pub[1-9A-HJ-NP-Za-km-z]+)")


def wallet_keys(descriptor: Descriptor) -> Fields:
    """The extended keys of a descriptor that has several, each with its origin.

    A key whose origin is not as long as it is deep is left out: its device would refuse it.
    """
    found: dict[bytes, bytes] = {}
    for fingerprint, path, text in _KEY.findall(descriptor.text):
        steps = [_step(one) for one in path.split("/")[1:]]
        key = read_extended(text)
        if key.depth == len(steps):
            origin = b"".join(step.to_bytes(4, "little") for step in steps)
            found[GLOBAL_XPUB + key.version + key.body] = bytes.fromhex(fingerprint) + origin
    return found if len(found) > 1 else {}


def _step(text: str) -> int:
    return int(text.removesuffix("h")) + (_HARDENED if text.endswith("h") else 0)
