"""What a signature shows to whoever has it: the keys and scripts that its scripts only hash.

Nothing is judged. Bytes that hash to what a script names are shown, whether the signatures beside
them hold or not; and where the bytes are others, nothing is. Of the legacy form, from which the key
is computed, that is the same question.
"""

from __future__ import annotations

import hashlib

from erario.bitcoin.hashes import hash160
from erario.bitcoin.script import ScriptType, classify
from erario.proof.checking import read_form, read_to_sign
from erario.proof.errors import ProofError
from erario.proof.messages import BadSignatureError, SignedInput, encode_message
from erario.proof.result import Form, State
from erario.proof.scripts import read_pushes


def shown_inputs(
    script_pubkey: bytes, message: str | bytes, signature: str
) -> tuple[SignedInput, ...]:
    """The inputs of a signed message that show what stands behind the hash of their script.

    Arguments are those of `check_message`. Of a signature that cannot be read, nothing is shown.
    """
    try:
        data = encode_message(message)
        form, payload = read_form(script_pubkey, signature)
        if form is Form.LEGACY:
            from erario.proof.legacy import check_legacy  # noqa: PLC0415 - loads curve libraries

            is_shown = check_legacy(script_pubkey, data, payload).state is State.VALID
            return (SignedInput(script_pubkey, 0, b"", ()),) if is_shown else ()
        to_sign, _ = read_to_sign(form, payload, script_pubkey, data)
    except (BadSignatureError, ProofError):
        return ()
    return tuple(one for one in to_sign.inputs if _is_shown(one))


def _is_shown(spend: SignedInput) -> bool:
    """Whether an input shows what its script hashes; nothing where it hashes nothing."""
    pushes = read_pushes(spend.script_sig)
    pushed = pushes[0][-1] if pushes is not None and pushes[0] else b""
    program, is_wrapped = spend.script, classify(spend.script) is ScriptType.P2SH
    if is_wrapped:
        if hash160(pushed) != program[2:22]:
            return False
        program = pushed
    witnessed = spend.witness[-1] if spend.witness else b""
    match classify(program):
        case ScriptType.P2WPKH:
            return hash160(witnessed) == program[2:]
        case ScriptType.P2WSH:
            return hashlib.sha256(witnessed).digest() == program[2:]
        case ScriptType.P2PKH if not is_wrapped:
            return hash160(pushed) == program[3:23]
        case _:
            return is_wrapped
