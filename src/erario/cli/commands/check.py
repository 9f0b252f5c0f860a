"""`erario check`: every problem of a reserve file at once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from erario.cli.options import path_argument, quiet_option
from erario.cli.printer import Printer, json_line, problem_json, say_problem
from erario.cli.show.words import count
from erario.errors import DeclarationError
from erario.reserve.loader import load
from erario.reserve.model import Reserve
from erario.reserve.problems import ProblemCode

HAS_PROBLEMS = 1


@click.command(
    epilog="""\b
Example:
  erario check reserve.toml"""
)
@path_argument
@click.option("--json", "as_json", is_flag=True, help="Print the problems as JSON.")
@quiet_option
def command(*, path: Path, as_json: bool, quiet: bool) -> int:
    """Report every problem of the reserve at PATH, each with its line and remedy.

    PATH is a reserve file, or a folder that holds a reserve.toml. Exits 1 with problems.
    """
    printer = Printer(quiet=quiet, as_json=as_json)
    try:
        reserve = load(path)
    except DeclarationError as error:
        if error.code is ProblemCode.UNREADABLE:
            raise
        problems = error.problems
        if as_json:
            printer.data(json_line({"problems": [problem_json(problem) for problem in problems]}))
        else:
            printer.text("".join(f"{say_problem(problem)}\n" for problem in problems))
            printer.text(f"{path}: {count(len(problems), 'problem')}\n")
        return HAS_PROBLEMS
    if as_json:
        printer.data(json_line({"problems": [], "declared": _declared(reserve)}))
    elif not quiet:
        printer.text(f"{path}: no problems; {_summary(reserve)}\n")
    return 0


def _declared(reserve: Reserve) -> dict[str, int]:
    return {
        "holders": len(reserve.holders),
        "wallets": len(reserve.wallets),
        "documents": len(reserve.documents),
        "claims": len(reserve.claims),
    }


def _summary(reserve: Reserve) -> str:
    parts = [count(number, noun.removesuffix("s")) for noun, number in _declared(reserve).items()]
    kinds = Counter(wallet.attribution.value for wallet in reserve.wallets)
    split = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    return f"{', '.join(parts)} (wallets: {split})"
