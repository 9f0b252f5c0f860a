"""From what was typed to what the library takes: a reserve, a source, a picker of wallets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import click

from erario.assess import assess
from erario.auditing import collect
from erario.auditing.freshness import freshness_findings
from erario.auditing.moments import Moment
from erario.bitcoin.network import NetworkName
from erario.chain.several import SeveralSources
from erario.chain.source import ChainSource, HeaderChain, ProgressCallback
from erario.chain.sources import open_source
from erario.chain.state_folder import StateFolder, default_state_folder
from erario.cli.configuration import ChosenSource, choose_sources
from erario.cli.kept import watch_state
from erario.cli.options import Where
from erario.cli.printer import Printer
from erario.cli.show.statement import finding_lines
from erario.errors import DeclarationError, ErarioError, Place
from erario.reserve.loader import load
from erario.reserve.model import Reserve
from erario.reserve.plain_list import reserve_from_list
from erario.reserve.problems import Problems
from erario.reserve.text_files import read_bytes
from erario.statement.evidence import ControlProof, Evidence, SourceKind
from erario.statement.finding import Verdict
from erario.statement.model import Outcome, Statement

FAILED: Final = 1
UNKNOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Question:
    """What commands ask of the chain: a reserve, where to look, and when."""

    reserve: Reserve
    where: Where
    since: Moment = None
    proofs: tuple[ControlProof, ...] = ()
    proofs_within: int | None = None


def is_plain_list(path: Path) -> bool:
    """Whether a path names a list of addresses: neither a folder nor a TOML file."""
    return path.suffix.lower() != ".toml" and not path.is_dir()


def load_reserve(path: Path) -> Reserve:
    """The reserve in a file or folder, or the one that a plain list stands for.

    Raises:
        ErarioError: it cannot be used.
    """
    if is_plain_list(path):
        reserve, _ = reserve_from_list(path)
        return reserve
    return load(path)


def ask(question: Question, printer: Printer) -> tuple[Evidence, Statement]:
    """Collect the evidence and assess it; as `gather`."""
    evidence = gather(question, printer)
    return evidence, assess(evidence)


def gather(question: Question, printer: Printer, *, headers: bool = False) -> Evidence:
    """Collect the evidence, with a bar if somebody looks on; and what the clock and the kept
    headers say of the chain that was read. `headers` as of `collect`.

    Raises:
        ErarioError: the source cannot be read, or the question cannot be asked of it.
    """
    with reading(question.where, question.reserve.network, printer) as read:
        evidence = collect(
            question.reserve,
            read.source,
            at=question.where.at,
            since=question.since,
            progress=read.progress,
            headers=headers,
            proofs=question.proofs,
            proofs_within_days=question.proofs_within,
        )
    kept = _kept_chain(evidence, read.state)
    findings = freshness_findings(evidence, datetime.now(UTC), kept)
    return replace(evidence, findings=(*evidence.findings, *findings))


@dataclass(frozen=True, slots=True)
class Reading:
    """The sources that are asked, as one; a bar for whoever looks on; and what keeps what is read,
    if anything does."""

    source: ChainSource
    progress: ProgressCallback
    state: StateFolder | None


@contextmanager
def reading(where: Where, network: NetworkName, printer: Printer) -> Iterator[Reading]:
    """Open what was asked for, and close it in the end.

    Raises:
        ErarioError: a source cannot be asked at all, or none was named.
        click.UsageError: a state folder and none at all were asked for.
    """
    state = open_state(network, where.state, no_state=where.no_state)
    chosen = choose_sources(where.sources, network, own=where.own, access=where.access)
    context = click.get_current_context(silent=True)
    if state is not None and context is not None:
        watch_state(state)
        # Once the answer is out: a store never stands in its way.
        context.call_on_close(partial(_tell_troubles, state, printer))
    with closing(open_sources(chosen, network, state)) as source, printer.progress() as progress:
        yield Reading(source, progress, state)


def _kept_chain(evidence: Evidence, state: StateFolder | None) -> HeaderChain | None:
    """The best chain that earlier runs kept; block files are read together with it anyway."""
    if state is None or any(one.kind is SourceKind.BLOCKS for one in evidence.sources):
        return None
    from erario.chain.served_chain import stored_chain  # noqa: PLC0415 - for servers only

    return stored_chain(evidence.network, state)


def load_proofs(files: Sequence[Path], network: NetworkName) -> tuple[ControlProof, ...]:
    """The control proofs in some files.

    Raises:
        ErarioError: one cannot be read, or is no file of control proofs of this network.
    """
    if not files:
        return ()
    from erario.proof.proof_file import MAX_BYTES, read_proofs  # noqa: PLC0415 - seldom needed

    proofs: list[ControlProof] = []
    for file in files:
        problems = Problems()
        data = read_bytes(file, MAX_BYTES, Place(str(file)), problems)
        if data is None:
            raise DeclarationError(problems.all()[0].code, problems.all())
        proofs += read_proofs(data, network, str(file))
    return tuple(proofs)


def _tell_troubles(state: StateFolder, printer: Printer) -> None:
    for trouble in state.troubles:
        printer.warn(trouble)


def open_sources(
    chosen: Sequence[ChosenSource], network: NetworkName, state: StateFolder | None
) -> ChainSource:
    """The chosen sources, as one if they are several.

    Raises:
        ErarioError: one cannot be asked at all: its URL, its path, or what it needs is wrong.
    """
    opened: list[ChainSource] = []
    try:
        for one in chosen:
            # Each has its own hold on the stores: they are asked at the same time.
            kept = state.beside() if state is not None and len(chosen) > 1 else state
            opened.append(open_source(one.url, network, own=one.own, state=kept, access=one.access))
        return opened[0] if len(opened) == 1 else SeveralSources(opened)
    except ErarioError:
        for source in opened:
            source.close()
        raise


def open_state(network: NetworkName, state: Path | None, *, no_state: bool) -> StateFolder | None:
    """Where what is read of a network is kept; None for nowhere.

    Raises:
        click.UsageError: a folder and none at all were asked for.
    """
    if no_state and state is not None:
        raise click.UsageError("--state and --no-state cannot be combined.")
    if no_state:
        return None
    return StateFolder(default_state_folder() if state is None else state, network)


def claim_places(reserve: Reserve) -> dict[str, Place]:
    """Where each claim is written."""
    return {claim.id: claim.place for claim in reserve.claims}


def check_wallets(reserve: Reserve, wanted: tuple[str, ...]) -> None:
    """Refuse a wallet that the reserve does not have.

    Raises:
        click.BadParameter: with the wallets that it has.
    """
    known = [wallet.id for wallet in reserve.wallets]
    for name in wanted:
        if name not in known:
            has = ", ".join(known) or "none"
            raise click.BadParameter(f"there is no wallet {name!r}; there are: {has}.")


def remark_doubts(statement: Statement, printer: Printer) -> None:
    """Say beside an answer that has no room for them which findings are no pass."""
    for finding in statement.all_findings:
        if finding.verdict is not Verdict.PASS:
            for line in finding_lines(finding):
                printer.remark(line.plain)


def exit_code(statement: Statement) -> int:
    """1 where something failed, else 3 where something is unknown, else 0."""
    outcomes = {claim.outcome for claim in statement.claims}
    code = findings_code(statement)
    if code == FAILED or Outcome.BROKEN in outcomes:
        return FAILED
    return UNKNOWN if code or outcomes - {Outcome.KEPT} else 0


def findings_code(statement: Statement) -> int:
    """The same for the findings alone: what is true of coins and movements as well."""
    verdicts = {finding.verdict for finding in statement.all_findings}
    if Verdict.FAIL in verdicts:
        return FAILED
    return UNKNOWN if Verdict.UNKNOWN in verdicts else 0
