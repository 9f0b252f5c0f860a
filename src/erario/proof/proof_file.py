"""Proof files: control proofs as people pass them on.

JSON in UTF-8, one object:

    {"format": "erario-proofs", "version": 1, "network": "main",
     "proofs": [{"script": HEX, "message": TEXT, "signature": TEXT}, ...]}

`script` is the scriptPubKey, `message` the line that was signed, `signature` a BIP-322 signature as
it is written. The order means nothing; what is written is sorted, so that the same proofs are the
same bytes. A version that is not known is refused; it rises with any change of meaning.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from erario.bitcoin.network import NetworkName
from erario.bitcoin.script import MAX_SCRIPT_SIZE
from erario.bitcoin.values import Script
from erario.errors import Place
from erario.proof.errors import ProofError, ProofErrorCode
from erario.proof.messages import MAX_SIGNATURE_TEXT
from erario.statement.evidence import ControlProof
from erario.statement.json_nesting import members_once

FORMAT: Final = "erario-proofs"
VERSION: Final = 1
MAX_BYTES: Final = 256 << 20
MAX_PROOFS: Final = 1_000_000
_MAX_MESSAGE: Final = 10_000
_MEMBERS: Final = {"format", "version", "network", "proofs"}
_PROOF_MEMBERS: Final = {"script", "message", "signature"}


def proofs_json(network: NetworkName, proofs: Iterable[ControlProof]) -> bytes:
    """A proof file."""
    ordered = sorted(set(proofs), key=lambda one: (one.script, one.message, one.signature))
    value = {
        "format": FORMAT,
        "version": VERSION,
        "network": network.value,
        "proofs": [
            {"script": one.script.hex(), "message": one.message, "signature": one.signature}
            for one in ordered
        ],
    }
    return json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n"


def read_proofs(data: bytes, network: NetworkName, name: str) -> tuple[ControlProof, ...]:
    """The proofs in a file called `name`.

    Raises:
        ProofError: it is no proof file, of another version or network, or too large.
    """
    value = _read_object(data, name)
    if value.get("format") != FORMAT:
        raise _bad(name, f'its "format" is not "{FORMAT}"')
    if value.get("version") != VERSION or isinstance(value["version"], bool):
        raise ProofError(
            ProofErrorCode.FILE_VERSION,
            f"the proofs are of a version that this release does not read; it reads {VERSION}",
            remedy="Use a release of erario that reads them.",
            place=Place(name),
        )
    if set(value) != _MEMBERS:
        raise _bad(name, f"it does not have exactly the members {', '.join(sorted(_MEMBERS))}")
    if value["network"] != network.value:
        raise ProofError(
            ProofErrorCode.FILE_NETWORK,
            f"the proofs are not of the network {network.value}",
            remedy="Give proofs of the reserve's network.",
            place=Place(name),
        )
    proofs = value["proofs"]
    if not isinstance(proofs, list) or len(proofs) > MAX_PROOFS:
        raise _bad(name, f'its "proofs" are no list of at most {MAX_PROOFS:,}')
    return tuple(_read_proof(one, number, name) for number, one in enumerate(proofs, 1))


def _read_proof(value: Any, number: int, name: str) -> ControlProof:  # noqa: ANN401 - hostile
    if not isinstance(value, dict) or set(value) != _PROOF_MEMBERS:
        raise _bad(name, f"proof {number} does not have exactly script, message and signature")
    script, message, signature = value["script"], value["message"], value["signature"]
    if not all(isinstance(one, str) for one in (script, message, signature)):
        raise _bad(name, f"proof {number} holds something that is no text")
    if len(message) > _MAX_MESSAGE or len(signature) > MAX_SIGNATURE_TEXT:
        raise _bad(name, f"proof {number} is longer than any")
    try:
        (message + signature).encode()
    except UnicodeEncodeError:
        # JSON can spell half a character, which no UTF-8 can hold and nobody can have signed.
        raise _bad(name, f"proof {number} holds a text that is no Unicode") from None
    is_hex = script.isascii() and 0 < len(script) <= 2 * MAX_SCRIPT_SIZE
    try:
        return ControlProof(Script(bytes.fromhex(script if is_hex else "?")), message, signature)
    except ValueError:
        raise _bad(name, f"the script of proof {number} is not in hex") from None


def _read_object(data: bytes, name: str) -> dict[str, Any]:
    if len(data) > MAX_BYTES:
        raise _bad(name, f"it is larger than {MAX_BYTES >> 20} MiB")
    try:
        value = json.loads(data.decode(), object_pairs_hook=members_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise _bad(name, "it is not JSON in UTF-8, or has a member twice") from None
    if not isinstance(value, dict):
        raise _bad(name, "it is no object")
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _bad(name: str, why: str) -> ProofError:
    return ProofError(
        ProofErrorCode.FILE_BAD,
        f"this is no file of control proofs: {why}",
        remedy="Give a file as erario prove finish writes it.",
        place=Place(name),
    )
