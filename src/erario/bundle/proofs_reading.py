"""Control proofs that somebody gives: what the ceremony wrote, or what was sealed.

The same format as `proofs.json`, read generously: it need not be canonical, and may say more, since
whoever gives it wants it used.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from erario.bundle.container import read_bounded
from erario.bundle.errors import BundleError, RequestCode
from erario.bundle.proofs_file import FORMAT, VERSION, read_proof
from erario.errors import Place, RequestError
from erario.statement.evidence import ControlProof

_MAX_BYTES: Final = 256 << 20
_KEYS: Final = ("script", "message", "signature")


def read_given_proofs(path: Path) -> tuple[ControlProof, ...]:
    """The proofs of a file.

    Raises:
        RequestError: it cannot be read, or is no file of control proofs.
    """
    try:
        value = json.loads(read_bounded(path, _MAX_BYTES).decode("utf-8"))
        if value["format"] != FORMAT or value["version"] != VERSION:
            raise ValueError
        return tuple(read_proof({key: one[key] for key in _KEYS}) for one in value["proofs"])
    except (BundleError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise RequestError(
            RequestCode.PROOF_FILE,
            f"it is no file of control proofs ({FORMAT}, version {VERSION})",
            remedy="Give the file that erario prove finish or --seal-proofs wrote.",
            place=Place(str(path)),
        ) from error
