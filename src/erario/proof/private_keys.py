"""Private keys in what comes back from signers: told, so that nothing of it is used or passed on.

PSBTs have no field for private keys (BIP 174), but a signer's defect, or whoever puts one
together, can leave one in any field: in binary, or as the text that people know.
"""

from __future__ import annotations

import re
from typing import Final

from erario.bitcoin.descriptor_secrets import find_sure_secrets

# Extended private keys in binary (BIP 32, SLIP-132): version, 41 bytes, a zero, the key.
_PRIVATE_VERSIONS: Final = (
    "0488ade4", "049d7878", "04b2430c", "0295b005", "02aa7a99",
    "04358394", "044a4e28", "045f18bc", "024285b5", "02575048",
)  # fmt: skip
_PRIVATE: Final = re.compile(
    b"(?:"
    + b"|".join(re.escape(bytes.fromhex(one)) for one in _PRIVATE_VERSIONS)
    + rb").{41}\x00.{32}",
    re.DOTALL,
)


def holds_private_key(data: bytes) -> bool:
    """Whether a private key, or a part of one, stands in these bytes, in binary or as text.

    Of a PSBT that is base64 its bytes are to be asked as well.
    """
    return bool(_PRIVATE.search(data) or find_sure_secrets(data.decode("latin-1")))
