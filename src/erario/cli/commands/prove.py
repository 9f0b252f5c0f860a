"""`erario prove`: those who hold the keys sign one message, with their own devices."""

from __future__ import annotations

import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

import click

from erario.ceremony.combinations import combine_quorums
from erario.ceremony.folder import check_free, read_folder, returned_files, write_folder
from erario.ceremony.forecast import foresee
from erario.ceremony.gathering import Gathered, gather
from erario.ceremony.gathering import merged as merge
from erario.ceremony.plan import Ceremony
from erario.ceremony.returned import Returned, read_returned
from erario.ceremony.starting import Wanted, start_ceremony
from erario.cli.options import (
    Where,
    access_options,
    quiet_option,
    read_access,
    source_options,
    sources_option,
)
from erario.cli.printer import Printer, check_output, json_line
from erario.cli.request import (
    FAILED,
    UNKNOWN,
    Question,
    ask,
    load_reserve,
    reading,
    remark_doubts,
)
from erario.cli.show.prove import (
    combination_lines,
    combinations_json,
    forecast_lines,
    next_lines,
    standing_json,
    standing_lines,
)
from erario.errors import ErarioError, Place, RequestError
from erario.files import write_whole
from erario.proof.proof_file import proofs_json


class ProveCode(StrEnum):
    """Codes of what this command cannot do as it was asked."""

    NOT_CONFIRMED = "prove.not-confirmed"
    NO_CUTOFF = "prove.no-cutoff"


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON; errors too.")
folder_argument = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
files_argument = click.argument("files", nargs=-1, type=click.Path(path_type=Path))


@click.group(
    epilog="""\b
Example:
  erario prove start reserve.toml --source blocks:~/.bitcoin/blocks \\
      --at 2026-09-30 --purpose "Reserve audit 2026" -o ceremony"""
)
def command() -> None:
    """Prove control of a reserve's coins: its keys sign a message that names a block (BIP-322).

    `start` writes a folder with the message and the PSBTs, signers sign them with their own
    devices, `status` tells what came back, and `finish` writes the proof file that erario audit
    and erario bundle take. No private key ever enters erario.
    """


@command.command(
    epilog="""\b
Example:
  erario prove start reserve.toml --source blocks:~/.bitcoin/blocks \\
      --at 2026-09-30 --purpose "Reserve audit 2026" -o ceremony"""
)
@click.argument("path", metavar="RESERVE", type=click.Path(path_type=Path))
@source_options
@click.option(
    "--purpose", required=True, metavar="TEXT", help="What the signatures are for, in ASCII."
)
@click.option("--holder", metavar="ID", help="Whose coins, where the reserve has several holders.")
@click.option(
    "--wallet", "wallets", multiple=True, metavar="ID", help="Only this wallet's scripts."
)
@click.option(
    "--batches/--per-script",
    "in_batches",
    default=None,
    help="Proofs of funds over up to 20 scripts, or one proof each [default: one proof each up to "
    "20 scripts].",
)
@click.option(
    "-o",
    "--output",
    "folder",
    required=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="A new folder, for what signers are given and send back.",
)
@click.option("--yes", is_flag=True, help="Do not ask whether to go on.")
@quiet_option
def start(
    *,
    path: Path,
    where: Where,
    purpose: str,
    holder: str | None,
    wallets: tuple[str, ...],
    in_batches: bool | None,
    folder: Path,
    yes: bool,
    quiet: bool,
) -> int:
    """Write what the signers of RESERVE are to sign, for its coins at a cut-off.

    First it says what will be asked of people and what published proofs reveal, and asks whether
    to go on. The cut-off (--at) must have at least five blocks on top of it.
    """
    printer = Printer(quiet=quiet)
    if where.at is None:
        raise RequestError(
            ProveCode.NO_CUTOFF,
            "no cut-off is given, and the tip may still change",
            remedy="Give --at a height, a block hash, a day or an instant.",
        )
    check_free(folder)
    reserve = load_reserve(path)
    evidence, statement = ask(Question(reserve, where), printer)
    ceremony = start_ceremony(
        reserve, evidence, statement, Wanted(purpose, holder, wallets, in_batches)
    )
    remark_doubts(statement, printer)
    printer.lines(forecast_lines(ceremony, foresee(ceremony, statement)))
    if not yes:
        _confirm()
    is_new = write_folder(ceremony, folder)
    printer.remark(
        f"Wrote {folder}. Its README.txt says what signers do."
        if is_new
        else f"{folder} is of this very ceremony, and is whole."
    )
    return 0


@command.command(
    epilog="""\b
Examples:
  erario prove status ceremony
  erario prove status ceremony --combinations"""
)
@folder_argument
@files_argument
@click.option("--combinations", is_flag=True, help="List every combination of each quorum.")
@json_option
@quiet_option
def status(
    *, folder: Path, files: tuple[Path, ...], combinations: bool, as_json: bool, quiet: bool
) -> int:
    """Tell what was signed, by whom, and what is missing.

    Looks at what lies in FOLDER/signed, and at FILES. Exits 0 once all is proved, 1 where a file
    was refused, 3 where something is missing.
    """
    printer = Printer(quiet=quiet, as_json=as_json)
    ceremony, gathered = _gather(folder, files)
    found = [(one, combine_quorums(ceremony, one)) for one in gathered.standings if combinations]
    if as_json:
        said = standing_json(ceremony, gathered)
        more = {"combinations": combinations_json(found)} if combinations else {}
        printer.data(json_line({**said, **more}))
    else:
        printer.lines(
            [
                *standing_lines(ceremony, gathered),
                *combination_lines(found),
                *next_lines(ceremony, gathered, folder),
            ]
        )
    return _exit_code(gathered)


@command.command(
    epilog="""\b
Example:
  erario prove finish ceremony -o proofs.json"""
)
@folder_argument
@files_argument
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the proof file to FILE, whole or not at all.",
)
@click.option(
    "--merged",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write PSBTs with every signature so far to DIR, where something is missing: for scripts "
    "that only their wallet can finalise (finalizepsbt in Bitcoin Core).",
)
@sources_option
@access_options
@json_option
@quiet_option
def finish(
    *,
    folder: Path,
    files: tuple[Path, ...],
    output: Path,
    merged: Path | None,
    sources: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    **access: object,
) -> int:
    """Put together what came back, verify it, and write the proof file.

    Takes what lies in FOLDER/signed, and FILES: PSBTs from any mix of devices, in binary or
    base64, finalised or not, and text files of signatures. What is proved is written; exits 0 if
    that is all, 1 where a file was refused, 3 where something is missing. With --source it tells
    whether the named block is still on the chain.
    """
    printer = Printer(quiet=quiet, as_json=as_json)
    check_output(output)
    ceremony, gathered = _gather(folder, files)
    is_gone = bool(sources) and _is_gone(ceremony, sources, access, printer)
    if gathered.proofs:
        write_whole(output, proofs_json(ceremony.network, gathered.proofs))
    if merged is not None:
        _write_merged(gathered, merged)
    if as_json:
        printer.data(
            json_line(
                {
                    **standing_json(ceremony, gathered),
                    "written": str(output) if gathered.proofs else None,
                    "block_gone": is_gone if sources else None,
                }
            )
        )
    else:
        printer.lines(standing_lines(ceremony, gathered))
    if is_gone:
        printer.complain(
            f"Block {ceremony.message.height:,}, which the message names, is no longer on the "
            "chain: these proofs show nothing. Start again over a block that stays."
        )
    if gathered.proofs:
        then = (
            f" Next: erario audit, or erario bundle, with --proofs {output}."
            if gathered.is_complete
            else " It has what is proved so far."
        )
        printer.remark(f"Wrote {output}.{then}")
    elif output.exists():
        printer.complain(
            f"Nothing is proved: {output} is of an earlier run, and was left as it is."
        )
    else:
        printer.remark("Nothing is proved: nothing written.")
    return FAILED if is_gone else _exit_code(gathered)


def _confirm() -> None:
    if sys.stdin.isatty() and click.confirm("Write it?", err=True):
        return
    raise RequestError(
        ProveCode.NOT_CONFIRMED,
        "nobody said that this shall be asked and revealed; nothing was written",
        remedy="Answer y, or give --yes once you have read it.",
    )


def _gather(folder: Path, files: tuple[Path, ...]) -> tuple[Ceremony, Gathered]:
    ceremony = read_folder(folder)
    returned: list[Returned] = []
    refused: list[ErarioError] = []
    for name, data in returned_files(ceremony, folder, files):
        if isinstance(data, ErarioError):
            refused.append(data)
            continue
        try:
            returned.append(read_returned(data, name))
        except ErarioError as error:
            error.place = error.place or Place(name)
            refused.append(error)
    gathered = gather(ceremony, returned)
    return ceremony, replace(gathered, refused=(*refused, *gathered.refused))


def _write_merged(gathered: Gathered, folder: Path) -> None:
    """Write what is open and signed in part; what an earlier run wrote for others goes."""
    folder.mkdir(exist_ok=True)
    for one in gathered.standings:
        path = folder / f"{one.ask.name}.psbt"
        if not one.is_proved and any(each.signed or each.final for each in one.inputs):
            write_whole(path, merge(one.ask, one.inputs).to_bytes())
        else:
            path.unlink(missing_ok=True)


def _is_gone(
    ceremony: Ceremony, sources: tuple[str, ...], access: dict[str, object], printer: Printer
) -> bool:
    """Whether the named block is no longer on the chain that the sources show."""
    message = ceremony.message
    where = Where(
        sources, own=False, at=None, access=read_access(access), state=None, no_state=True
    )
    with reading(where, ceremony.network, printer) as read:
        chain = read.source.chain(read.progress)
        return message.height > chain.tip or chain.block_hash(message.height) != message.block_hash


def _exit_code(gathered: Gathered) -> int:
    if gathered.refused or any(one.trouble for one in gathered.standings):
        return FAILED
    return 0 if gathered.is_complete else UNKNOWN
