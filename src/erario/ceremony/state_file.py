"""`ceremony.json`: what was asked, as it lies in the folder of a ceremony.

One JSON object in UTF-8:

    {"format": "erario-ceremony", "version": 1, "network": "main", "holder": ID,
     "message": TEXT, "cosigners": [{"fingerprint": HEX, "name": TEXT, "site": TEXT or null}, ...],
     "asks": [{"name": TEXT, "wallet": ID, "psbt": BASE64}, ...]}

Internal to a ceremony, and rewritten by no one: a version that is not known is refused, since
people signed for it. Whoever alters it gains nothing: each proof is verified before it is written,
and judged again by every audit. What is read must be exactly what would be written, and each PSBT
must be one for the message, unsigned.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Outpoint, Script
from erario.ceremony.errors import CeremonyCode, CeremonyError
from erario.ceremony.plan import Ask, Ceremony, Signer
from erario.errors import ErarioError, Place
from erario.proof.control_message import read_control_message
from erario.proof.messages import to_spend_txid
from erario.proof.psbt import Psbt, read_psbt

FORMAT: Final = "erario-ceremony"
VERSION: Final = 1
MAX_BYTES: Final = 512 << 20
MAX_ASKS: Final = 100_000
_NAME: Final = re.compile(r"[a-z0-9_-]{1,80}")


def ceremony_json(ceremony: Ceremony) -> bytes:
    """The state of a ceremony; the same one has the same bytes."""
    value = {
        "format": FORMAT,
        "version": VERSION,
        "network": ceremony.network.value,
        "holder": ceremony.holder,
        "message": ceremony.message.text,
        "cosigners": [
            {"fingerprint": one.fingerprint, "name": one.name, "site": one.site}
            for _, one in sorted(ceremony.signers.items())
        ],
        "asks": [
            {"name": one.name, "wallet": one.wallet, "psbt": one.psbt.to_text()}
            for one in ceremony.asks
        ],
    }
    return json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n"


def read_ceremony(data: bytes, name: str) -> Ceremony:
    """The ceremony in a file called `name`.

    Raises:
        CeremonyError: it is none, is damaged, or is of another version.
    """
    if len(data) > MAX_BYTES:
        raise _bad(name, f"it is larger than {MAX_BYTES >> 20} MiB")
    try:
        value = json.loads(data.decode())
    except (ValueError, RecursionError):
        raise _bad(name, "it is no JSON in UTF-8") from None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise _bad(name, f'its "format" is not "{FORMAT}"')
    if value.get("version") != VERSION:
        raise CeremonyError(
            CeremonyCode.STATE_VERSION,
            f"the ceremony is of a version that this release does not read; it reads {VERSION}",
            remedy="Finish it with the release of erario that started it.",
            place=Place(name),
        )
    try:
        ceremony = _ceremony(value)
        written = ceremony_json(ceremony)
    except (ErarioError, ValueError, LookupError, TypeError, AttributeError):
        # The members are as somebody else may have written them: whatever is missing, of another
        # type or no Unicode makes it one thing, a file that is not ours.
        raise _bad(name, "a member is missing, or is not what it must be") from None
    if written != data:
        raise _bad(name, "it is not as erario wrote it")
    return ceremony


def _ceremony(value: dict[str, Any]) -> Ceremony:
    message = read_control_message(value["message"])
    if message is None or len(value["asks"]) > MAX_ASKS:
        raise ValueError("no message")
    holder = _text(value["holder"])
    signers = {one["fingerprint"]: _signer(one) for one in value["cosigners"]}
    asks = tuple(_ask(one, message.text) for one in value["asks"])
    if len({ask.name for ask in asks}) != len(asks):
        raise ValueError("a name stands twice")
    network = NetworkName(value["network"])
    return Ceremony(network, holder, message, signers, asks)


def _signer(value: dict[str, Any]) -> Signer:
    name, site = (None if value[key] is None else _text(value[key]) for key in ("name", "site"))
    return Signer(_text(value["fingerprint"]), name, site)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _ask(value: dict[str, Any], message: str) -> Ask:
    name, wallet, psbt = value["name"], value["wallet"], read_psbt(str(value["psbt"]))
    if not _NAME.fullmatch(name) or not _NAME.fullmatch(wallet):
        raise ValueError("no name")
    scripts = tuple(_script(psbt, number) for number in range(len(psbt.inputs)))
    first = psbt.transaction.inputs[0].outpoint
    if first != Outpoint(to_spend_txid(scripts[0], message.encode()), 0):
        raise ValueError("not for the message")
    return Ask(name, wallet, scripts, psbt)


def _script(psbt: Psbt, number: int) -> Script:
    output = psbt.spent(number)
    if output is None:
        raise ValueError("no script")
    return Script(output.script)


def _bad(name: str, why: str) -> CeremonyError:
    return CeremonyError(
        CeremonyCode.STATE,
        f"this is no ceremony that erario started: {why}",
        remedy="Give the folder as erario prove start wrote it, from a copy if it was damaged.",
        place=Place(name),
    )
