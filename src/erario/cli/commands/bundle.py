"""`erario bundle`: one file with the statement and all its evidence."""

from __future__ import annotations

import os
from pathlib import Path

import click

from erario.auditing.moments import Moment
from erario.bundle.container import read_bounded
from erario.bundle.making import (
    Enclosed,
    MakingCode,
    declared_files,
    document_files,
    make_verified,
    reserve_files,
    save_bundle,
)
from erario.bundle.verifying import VerifiedBundle, previous_of, verify_bundle
from erario.cli.options import (
    Where,
    check_proofs_within,
    path_argument,
    proofs_within_option,
    quiet_option,
    since_option,
    source_options,
)
from erario.cli.printer import Printer, check_output, json_line
from erario.cli.request import Question, exit_code, gather, load_reserve
from erario.errors import Place, RequestError
from erario.files import write_whole
from erario.proof.proof_file import proofs_json, read_proofs
from erario.reserve.model import Reserve


@click.command(
    epilog="""\b
Examples:
  erario bundle reserve.toml --source blocks:~/.bitcoin/blocks \\
      --at 2026-09-30 -o 2026-q3.erario
  erario bundle reserve.toml --source blocks:~/.bitcoin/blocks \\
      --at 2026-12-31 --previous 2026-q3.erario -o 2026-q4.erario"""
)
@path_argument
@source_options
@since_option
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the bundle to FILE, whole or not at all; with --folder, to a new folder.",
)
@click.option("--folder", is_flag=True, help="Write a folder with the same files, not one file.")
@click.option(
    "--previous",
    metavar="BUNDLE",
    type=click.Path(path_type=Path),
    help="The bundle before: verified, named in this one, and opened from.",
)
@click.option(
    "--proofs",
    "proof_files",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Control proofs to take in. May be given several times.",
)
@proofs_within_option
@click.option(
    "--seal-proofs",
    "seal",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Publish only the proofs' digests, and write the proofs to FILE, for the auditor.",
)
@click.option(
    "--with-descriptors", is_flag=True, help="Take in the reserve as declared, xpubs and paths too."
)
@click.option("--with-documents", is_flag=True, help="Take in the archived documents.")
@click.option("--json", "as_json", is_flag=True, help="Print the digests as JSON; errors too.")
@quiet_option
def command(
    *,
    path: Path,
    where: Where,
    since: str | None,
    output: Path,
    folder: bool,
    previous: Path | None,
    proof_files: tuple[Path, ...],
    proofs_within: int | None,
    seal: Path | None,
    with_descriptors: bool,
    with_documents: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Write one file with the statement of the reserve at PATH and all the evidence that it rests
    on, for anybody to verify with erario verify, offline.

    Scripts and how far they were derived leave with it; extended keys, descriptors and paths do
    not, unless --with-descriptors is given. Exits as erario audit does.
    """
    printer = Printer(quiet=quiet, as_json=as_json)
    if seal is not None and not proof_files:
        raise click.UsageError("--seal-proofs goes with --proofs.")
    check_proofs_within(proofs_within, proof_files)
    if seal is not None and with_descriptors:
        raise RequestError(
            MakingCode.SEAL_REVEALED,
            "--seal-proofs keeps the keys behind the scripts from the public, and "
            "--with-descriptors publishes every one of them",
            remedy="Make two bundles: a sealed one to publish, and one with descriptors for the "
            "auditor.",
        )
    _check_free(output, folder=folder)
    check_output(seal)
    reserve = load_reserve(path)
    _check_apart((output, seal), (path, previous, *proof_files, *reserve_files(reserve)))
    proofs = tuple(
        proof
        for file in proof_files
        for proof in read_proofs(read_bounded(file), reserve.network, str(file))
    )
    before = None if previous is None else _read_previous(previous, reserve)
    opening: Moment = since if since is not None or before is None else before.evidence.asked
    question = Question(reserve, where, opening, proofs, proofs_within)
    evidence = gather(question, printer, headers=True)
    enclosed = Enclosed(
        previous=None if before is None else previous_of(before.manifest, before.statement),
        seal=seal is not None,
        files={
            **(declared_files(reserve) if with_descriptors else {}),
            **(document_files(reserve) if with_documents else {}),
        },
    )
    files, made = make_verified(evidence, enclosed)
    save_bundle(files, output, folder=folder)
    if seal is not None:
        write_whole(seal, proofs_json(reserve.network, proofs))
        printer.remark(f"Wrote {seal}: the proofs, for the auditor alone.")
    _tell(made, output, printer)
    return exit_code(made.statement)


def _read_previous(path: Path, reserve: Reserve) -> VerifiedBundle:
    found = verify_bundle(path)
    if found.evidence.network is not reserve.network:
        raise RequestError(
            MakingCode.OTHER_NETWORK,
            f"the bundle before is of {found.evidence.network.value}, the reserve of another",
            remedy="Give the bundle that this reserve's last statement is in.",
            place=Place(str(path)),
        )
    return found


def _check_free(output: Path, *, folder: bool) -> None:
    if not folder:
        check_output(output)
    elif output.exists():
        raise RequestError(
            MakingCode.EXISTS,
            "something is there already, and is not written over",
            remedy="Give -o a folder that is not there yet.",
            place=Place(str(output)),
        )


def _check_apart(outputs: tuple[Path | None, ...], inputs: tuple[Path | None, ...]) -> None:
    """Refuse to write over what is read, or two files into one."""
    taken = {os.path.realpath(one) for one in inputs if one is not None}
    for output in outputs:
        if output is None:
            continue
        if os.path.realpath(output) in taken:
            raise RequestError(
                MakingCode.SAME_FILE,
                "the same file is named twice, and would be written over",
                remedy="Give -o and --seal-proofs each a file of its own.",
                place=Place(str(output)),
            )
        taken.add(os.path.realpath(output))


def _tell(made: VerifiedBundle, output: Path, printer: Printer) -> None:
    digest = made.manifest.digest.hex()
    if printer.as_json:
        said = {"bundle": digest, "statement": made.manifest.statement.hex(), "path": str(output)}
        printer.data(json_line(said))
        return
    printer.text(f"{digest}  {output}\n")
    printer.remark("Verified. To sign it: erario verify --help tells how.")
