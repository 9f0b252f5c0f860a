"""`erario message`: verify a signed message (BIP-322), or make one without a private key."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Final

import click

from erario.bitcoin.address import networks_of, read_address
from erario.bitcoin.descriptor import read_descriptor
from erario.bitcoin.network import NetworkName
from erario.bitcoin.script import MAX_SCRIPT_SIZE
from erario.bitcoin.values import Script
from erario.cli.options import quiet_option
from erario.cli.printer import Printer, check_output, json_line
from erario.cli.show.message import message_json, message_lines
from erario.errors import Place, RequestError
from erario.proof.psbt import MAX_PSBT, Fields, Psbt, read_psbt
from erario.proof.result import Result, State

MAX_FILE: Final = 2 * MAX_PSBT
"""Bytes of a file that is read: a PSBT in base64 fits, broken into lines."""
EXIT_CODES: Final = {State.VALID: 0, State.INVALID: 1, State.INCONCLUSIVE: 3}
_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2})+")


class MessageCode(StrEnum):
    """Codes of what this command cannot work with."""

    UNREADABLE = "message.unreadable"
    TOO_LARGE = "message.too-large"
    NOT_TEXT = "message.not-text"
    SCRIPT = "message.script"
    NO_MESSAGE = "message.no-message"
    SECRET = "message.secret"  # noqa: S105 - a code, no password


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON; errors too.")


@click.group(
    epilog="""\b
Example:
  erario message start bc1q9vza2e8x573nczrlzms0wvx3gsqjx7vavgkx0l "Hello\""""
)
def command() -> None:
    """Verify a message that was signed with a script (BIP-322), or make such a proof.

    To make one, `start` writes a PSBT, any wallet or device signs it, and `finish` prints the
    signature. No private key ever enters erario.
    """


@command.command(
    short_help="Tell whether a signature holds for a script and a message.",
    epilog="""\b
A text that starts with @ names a file that holds it; one line end at its end
is not part of it. @@ stands for a single @.

\b
Example:
  erario message verify bc1q9vza2e8x573nczrlzms0wvx3gsqjx7vavgkx0l \\
      @message.txt @signature.txt""",
)
@click.argument("subject", metavar="ADDRESS|SCRIPT")
@click.argument("message")
@click.argument("signature")
@click.option("--thorough", is_flag=True, help="Have btclib judge templates as well.")
@json_option
@quiet_option
def verify(
    *, subject: str, message: str, signature: str, thorough: bool, as_json: bool, quiet: bool
) -> int:
    """Tell whether SIGNATURE shows that whoever controls the script signed MESSAGE.

    The signature may be simple, full, a proof of funds, or of an older form. Scripts without an
    address are given in hex. Exits 0 if it is valid, 1 if it is not, 3 if that cannot be told.
    """
    from erario.proof import check_message  # noqa: PLC0415 - loads script engines

    printer = Printer(quiet=quiet, as_json=as_json)
    script = _read_script(subject)
    text = _given(signature).strip()
    result = check_message(script, _given(message), text, thorough=thorough)
    if as_json:
        printer.data(json_line(message_json(result)))
    else:
        printer.lines(message_lines(result))
    return EXIT_CODES[result.state]


@command.command(
    epilog="""\b
Example:
  erario message start bc1q9vza2e8x573nczrlzms0wvx3gsqjx7vavgkx0l \\
      @message.txt -o to-sign.psbt"""
)
@click.argument("subject", metavar="ADDRESS|SCRIPT|DESCRIPTOR")
@click.argument("message")
@click.option("--branch", default=0, metavar="N", help="Which path of a multipath descriptor.")
@click.option("--index", default=0, metavar="N", help="Which index of a ranged descriptor.")
@click.option(
    "--time",
    "locktime",
    default=0,
    type=click.IntRange(0, 0xFFFFFFFF),
    metavar="N",
    help="The lock time that the script asks for.",
)
@click.option(
    "--age",
    "sequence",
    default=0,
    type=click.IntRange(0, 0xFFFFFFFF),
    metavar="N",
    help="The relative lock that the script asks for.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the PSBT to FILE, in binary.",
)
@quiet_option
def start(
    *,
    subject: str,
    message: str,
    branch: int,
    index: int,
    locktime: int,
    sequence: int,
    output: Path | None,
    quiet: bool,
) -> int:
    """Write the PSBT by which a wallet or device signs MESSAGE.

    It is printed in base64, or written to a file. Of a descriptor it has the scripts and key
    origins, which hardware signers ask for.
    """
    from erario.proof.making import start_message  # noqa: PLC0415 - see above

    printer = Printer(quiet=quiet)
    check_output(output)
    script, fields = _read_signer(subject, branch, index)
    psbt = start_message(
        script, _given(message), fields=fields, locktime=locktime, sequence=sequence
    )
    if output is not None:
        printer.deliver(psbt.to_bytes(), output)
    else:
        printer.data(f"{psbt.to_text()}\n".encode())
    printer.remark(
        "Nobody has signed it yet. Next: sign it with whoever has the keys, and give what comes "
        "back, all of it, to erario message finish."
    )
    if not fields:
        printer.remark(
            "It names no key, as an address or script alone does not: a signer that asks for them "
            "needs one made of a descriptor."
        )
    return 0


@command.command(
    epilog="""\b
Example:
  erario message finish signed-a.psbt signed-b.psbt"""
)
@click.argument(
    "files", metavar="PSBT...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@json_option
@quiet_option
def finish(*, files: tuple[Path, ...], as_json: bool, quiet: bool) -> int:
    """Print the signature that signed PSBTs make up, and what it shows.

    Each file is a PSBT, binary or base64, as a signer sent it back; finalised or not. What has been
    put together is verified before it is printed. Exits as `verify`.
    """
    printer = Printer(quiet=quiet, as_json=as_json)
    signature, result = _finish([_read_psbt(path) for path in files])
    if as_json:
        printer.data(json_line({"signature": signature, "result": message_json(result)}))
    elif result.state is State.VALID:
        printer.data(f"{signature}\n".encode())
        printer.remark(f"{result.state.upper()}  {result.sentence}")
    else:
        printer.lines(message_lines(result))
    return EXIT_CODES[result.state]


def _finish(psbts: list[Psbt]) -> tuple[str, Result]:
    from erario.proof import check_message  # noqa: PLC0415 - see above
    from erario.proof.making import finalise, signature_text  # noqa: PLC0415 - see above
    from erario.proof.psbt import combine  # noqa: PLC0415 - see above

    psbt = combine(psbts)
    message, spent = psbt.message, psbt.spent(0) if psbt.inputs else None
    if message is None or spent is None:
        raise RequestError(
            MessageCode.NO_MESSAGE,
            "none of the PSBTs names the message and the script that it is for",
            remedy="Give the PSBT that erario message start wrote too.",
        )
    signature = signature_text(finalise(psbt))
    return signature, check_message(spent.script, message, signature)


def _given(text: str) -> str:
    """A text as it was typed, or what the file holds that it names.

    Raises:
        RequestError: the file cannot be read, is too large, or is no text.
    """
    if text.startswith("@@"):
        return text[1:]
    if not text.startswith("@"):
        return text
    path = Path(text[1:])
    try:
        read = _read_file(path).decode()
    except UnicodeDecodeError as error:
        raise RequestError(
            MessageCode.NOT_TEXT,
            "the file is not text in UTF-8",
            remedy="Write it as UTF-8.",
            place=Place(str(path)),
        ) from error
    return read.removesuffix("\n").removesuffix("\r")


def _read_psbt(path: Path) -> Psbt:
    """The PSBT in a file.

    Raises:
        RequestError: the file cannot be read, or holds a private key.
    """
    data = _read_file(path)
    _refuse_secrets(data, path)
    if data.startswith(b"psbt"):
        return read_psbt(data)
    psbt = read_psbt(data.decode("ascii", "replace"))
    _refuse_secrets(psbt.to_bytes(), path)
    return psbt


def _refuse_secrets(data: bytes, path: Path) -> None:
    from erario.proof.private_keys import holds_private_key  # noqa: PLC0415 - loads word lists

    if holds_private_key(data):
        raise RequestError(
            MessageCode.SECRET,
            "a private key, or a part of one, stands in the file; nothing of it was used",
            remedy="erario never needs one. Hold it for known to others, and move its coins.",
            place=Place(str(path)),
        )


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise RequestError(
            MessageCode.UNREADABLE,
            f"the file cannot be read: {why}",
            remedy="Name a file that is there and that you may read.",
            place=Place(str(path)),
        ) from error
    if len(data) > MAX_FILE:
        raise RequestError(
            MessageCode.TOO_LARGE,
            f"the file has more than {MAX_FILE:,} bytes",
            remedy="Give the one that holds the message, the signature or the PSBT.",
            place=Place(str(path)),
        )
    return data


def _read_script(text: str) -> Script:
    """The script that an address or hex stands for; an address of any network."""
    if not _HEX.fullmatch(text):
        return read_address(text, networks_of(text)[0])
    if len(text) > 2 * MAX_SCRIPT_SIZE:
        raise RequestError(
            MessageCode.SCRIPT,
            f"the script has {len(text) // 2:,} bytes; one of so many can never be satisfied",
            remedy=f"Give an address, or a script of at most {MAX_SCRIPT_SIZE:,} bytes in hex.",
        )
    return Script(bytes.fromhex(text))


def _read_signer(text: str, branch: int, index: int) -> tuple[Script, Fields]:
    """The script to sign with, and of a descriptor what signers need."""
    if "(" not in text:
        return _read_script(text), {}
    from erario.proof.descriptor_fields import script_fields  # noqa: PLC0415 - derives keys

    # Keys of test networks are written otherwise; scripts are the same on all.
    is_test = any(mark in text for mark in ("tpub", "tprv"))
    network = NetworkName.REGTEST if is_test else NetworkName.MAIN
    return script_fields(read_descriptor(text, network), branch, index)
