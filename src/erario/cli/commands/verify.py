"""`erario verify`: a bundle, offline from the file alone; and against a chain, if one is given."""

from __future__ import annotations

from pathlib import Path

import click

from erario.bundle.against_chain import ChainAnswer, ask_chain
from erario.bundle.beside import check_signature, check_timestamp
from erario.bundle.checks import Check
from erario.bundle.container import read_bounded
from erario.bundle.errors import BundleError
from erario.bundle.opening import check_sealed, count_proofs_within, open_sealed
from erario.bundle.shown_proofs import list_proofs
from erario.bundle.verifying import VerifiedBundle, verify_bundle
from erario.cli.options import (
    Where,
    access_options,
    proofs_within_option,
    quiet_option,
    read_access,
    sources_option,
)
from erario.cli.printer import Printer
from erario.cli.request import FAILED, exit_code, reading
from erario.cli.show.bundle import (
    Verification,
    chain_code,
    refusal_json,
    refusal_lines,
    verification_json,
    verification_lines,
)
from erario.proof.proof_file import read_proofs


@click.command(
    epilog="""\b
Who and when: the issuer, and each auditor, sign the digest with a key of
their own, as a text of 64 hex digits without a line end:
  printf %s DIGEST | ssh-keygen -Y sign -f KEY -n erario-bundle > NAME.sig
Whoever verifies accepts their key by a line in a file of their own:
  echo "auditor@example.org $(cat auditor.pub)" >> allowed_signers

\b
Examples:
  erario verify 2026-q3.erario
  erario verify 2026-q3.erario --signature issuer.sig \\
      --allowed-signers allowed_signers --timestamp 2026-q3.ots
  erario verify 2026-q3.erario --source blocks:~/.bitcoin/blocks"""
)
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--previous",
    metavar="BUNDLE",
    type=click.Path(path_type=Path),
    help="The bundle before, to hold this one's opening against it.",
)
@click.option(
    "--proofs",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The proofs that the bundle has sealed.",
)
@proofs_within_option
@click.option(
    "--signature",
    "signatures",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A detached SSH signature over the bundle's digest. May be given several times.",
)
@click.option(
    "--allowed-signers",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Whose keys you accept: a file of one line each, a name and what stands in their .pub "
    "file (ssh-keygen(1), ALLOWED SIGNERS).",
)
@click.option(
    "--timestamp",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="An OpenTimestamps proof over the manifest: the digest was there by then.",
)
@sources_option
@access_options
@click.option(
    "--state",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep what is read of a chain in DIR, not in ~/.local/state/erario.",
)
@click.option("--no-state", is_flag=True, help="Keep nothing, and use nothing that is kept.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; errors too.")
@quiet_option
def command(
    *,
    bundle: Path,
    previous: Path | None,
    proofs: Path | None,
    proofs_within: int | None,
    signatures: tuple[Path, ...],
    allowed_signers: Path | None,
    timestamp: Path | None,
    sources: tuple[str, ...],
    state: Path | None,
    no_state: bool,
    as_json: bool,
    quiet: bool,
    **access: object,
) -> int:
    """Verify a BUNDLE, a file or a folder, offline: structure, headers, inclusion, sums, claims and
    control proofs; the statement in it is assessed again and compared to the byte.

    With --source a chain is asked as well whether anything was left out, and which coins are still
    there. Exits 1 where the bundle is refused, a claim is broken, or the chain says otherwise; 3
    where something is unknown; 2 where nothing could be verified.
    """
    printer = Printer(quiet=quiet, as_json=as_json)
    if signatures and allowed_signers is None:
        raise click.UsageError(
            "--signature goes with --allowed-signers, a file of whose keys you accept: one line "
            "each, a name and what stands in their .pub file."
        )
    if allowed_signers is not None and not signatures:
        raise click.UsageError("--allowed-signers goes with --signature.")
    try:
        found = verify_bundle(bundle, previous=previous)
        if proofs is not None:
            check_sealed(found)
            given = read_bounded(proofs)
            opened = read_proofs(given, found.evidence.network, str(proofs))
            found = open_sealed(found, opened)
        if proofs_within is not None:
            found = count_proofs_within(found, proofs_within)
        beside: list[Check] = []
        if allowed_signers is not None:
            beside += [check_signature(found, file, allowed_signers) for file in signatures]
        answers: tuple[ChainAnswer, ...] = ()
        if sources:
            where = Where(
                sources, own=False, at=None, access=read_access(access), state=state,
                no_state=no_state,
            )  # fmt: skip
            answers, more = _ask(found, where, (timestamp, signatures), printer)
            beside += more
        elif timestamp is not None:
            beside.append(check_timestamp(found, timestamp, None, signatures))
    except BundleError as error:
        if as_json:
            printer.data(refusal_json(error) + b"\n")
        else:
            printer.lines(refusal_lines(error))
        return FAILED
    done = Verification(found, tuple(beside), answers, list_proofs(found))
    if as_json:
        printer.data(verification_json(done) + b"\n")
    else:
        printer.lines(verification_lines(done))
    codes = {exit_code(found.statement), chain_code(answers)}
    return FAILED if FAILED in codes else max(codes)


def _ask(
    found: VerifiedBundle,
    where: Where,
    stamped: tuple[Path | None, tuple[Path, ...]],
    printer: Printer,
) -> tuple[tuple[ChainAnswer, ...], list[Check]]:
    with reading(where, found.evidence.network, printer) as read:
        answers = ask_chain(found.evidence, found.statement, read.source, read.progress)
        timestamp, signatures = stamped
        beside = []
        if timestamp is not None:
            chain = read.source.chain(read.progress)
            beside.append(check_timestamp(found, timestamp, chain, signatures))
    return answers, beside
