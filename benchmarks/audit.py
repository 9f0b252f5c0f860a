"""How long a whole `erario audit` takes, process start included: with an empty store, with nothing
new on the chain, and with one new block.

    python benchmarks/audit.py [--megabytes 1000] [--scripts 20 1000 100000] [--json FILE]

Each figure is the best of several runs of a process of its own, from the page cache, on the chain
of `chain_maker`. What is not scanning is all but the seconds within the scanner: start, imports,
the reserve, the index, headers, evidence, the stores, the assessment and printing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.strategies.chains import Made, mine, record  # noqa: E402

from chain_files import load_chain, watched_scripts  # noqa: E402
from chain_maker import make_chain  # noqa: E402
from scan import CACHE, describe_machine  # noqa: E402

# As a person runs it: with modules that were compiled when they were first imported.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
SETTLE = 0.1
"""Seconds after which a file that was written counts as settled (`place_store`)."""
WARM_BAR = 0.5
ROOTS_BAR = 6.0

TIMED = """
import sys, time
from erario.cli.main import run
spent = 0.0
def timed(scan):
    def within(*given, **named):
        global spent
        began = time.perf_counter()
        try:
            return scan(*given, **named)
        finally:
            spent += time.perf_counter() - began
    return within
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name in {"erario.chain.block_batches", "erario.chain.blocks_source"}:
            sys.meta_path.remove(self)
            import erario.chain.scanner as scanner
            scanner.scan = timed(scanner.scan)
sys.meta_path.insert(0, Finder())
code = run(sys.argv[1:])
print(f"{spent} {'numba' in sys.modules}", file=sys.stderr)
sys.exit(code)
"""
"""An audit that tells how long it was in the scanner, and whether it imported numba."""


@dataclass(frozen=True)
class Run:
    """One audit: seconds in all and in the scanner, and whether numba was imported."""

    seconds: float
    scanning: float
    numba: bool


class Bench:
    """A folder of blocks that can be appended to, a reserve, and a state folder."""

    def __init__(self, folder: Path, chain_folder: Path, scripts: list[bytes]) -> None:
        self.state = folder / "state"
        self._blocks = folder / "blocks"
        self._reserve = folder / "reserve.toml"
        self._blocks.mkdir()
        *files, last = sorted((chain_folder / "plain").glob("blk*.dat"))
        for file in files:
            # As a node has them: a symbolic link costs a look more each time.
            try:
                (self._blocks / file.name).hardlink_to(file)
            except OSError:
                (self._blocks / file.name).symlink_to(file)
        self._last = self._blocks / last.name
        shutil.copy(last, self._last)
        rows = "".join(f"{script.hex()}\n" for script in scripts)
        (folder / "scripts.csv").write_text(f"script\n{rows}")
        self._reserve.write_text(
            'erario = 1\nnetwork = "regtest"\n[holders.one]\nname = "One"\n'
            '[wallets.one]\nscripts = { file = "scripts.csv" }\n'
        )
        time.sleep(SETTLE)

    def audit(self, *more: str) -> Run:
        """An audit that keeps what it reads, unless `more` says otherwise."""
        state = () if "--no-state" in more else ("--state", str(self.state))
        command = [
            sys.executable, "-c", TIMED, "audit", str(self._reserve), "--json", "-q",
            "--source", f"blocks:{self._blocks}", *state, *more,
        ]  # fmt: skip
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)
        seconds = time.perf_counter() - began
        if done.returncode not in {0, 3}:
            sys.exit(done.stderr + done.stdout)
        scanning, numba = done.stderr.split()
        return Run(seconds, float(scanning), numba == "True")

    def append(self, tip: Made, blocks: int = 1) -> Made:
        """More blocks at the end of the last file; the last of them."""
        with self._last.open("ab") as file:
            for _ in range(blocks):
                tip = mine(tip)
                file.write(record(tip.raw))
        time.sleep(SETTLE)
        return tip


def main() -> None:
    options = read_options()
    chain_folder = make_chain(options.folder, options.megabytes)
    chain = load_chain(chain_folder)
    tip = Made(chain.blocks.size, chain.raw(chain.blocks.size - 1)[:80], ())
    print(f"{chain.bytes / 1e9:.2f} GB in {chain.blocks.size} blocks, {options.rounds} rounds")
    report: dict = {"machine": describe_machine(), "chain": chain.summary, "audits": {}}
    for count in options.scripts:
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(Path(folder), chain_folder, watched_scripts(chain, count))
            report["audits"][str(count)] = measure(bench, tip, options.rounds)
    report["bars"] = hold_bars(report)
    print_report(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--folder", type=Path, default=CACHE, help="where chains are kept")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scripts", type=int, nargs="+", default=(20, 1_000, 100_000))
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def measure(bench: Bench, tip: Made, rounds: int) -> dict[str, dict]:
    """The best run of each kind."""
    bench.audit("--no-state")  # warm: the page cache, and kernels that are compiled once
    runs: dict[str, list[Run]] = {}

    def add(name: str, *more: str) -> None:
        runs.setdefault(name, []).append(bench.audit(*more))

    for _ in range(rounds):
        shutil.rmtree(bench.state, ignore_errors=True)
        add("no store", "--no-state")
        add("empty store")
        add("nothing new")
        tip = bench.append(tip)
        add("one new block")
        shutil.rmtree(bench.state, ignore_errors=True)
        add("empty store, --own", "--own")
        add("nothing new, --own", "--own")
    found = {}
    for name, taken in runs.items():
        best = min(taken, key=lambda run: run.seconds)
        found[name] = {
            "seconds": best.seconds,
            "scanning": best.scanning,
            "not scanning": 1 - best.scanning / best.seconds,
            "numba": best.numba,
        }
    return found


def hold_bars(report: dict) -> list[dict]:
    """What was asked for (issue 9); those that were measured."""
    bars = []

    def bar(what: str, measured: float, asked: float) -> None:
        bars.append({"what": what, "measured": measured, "asked": asked, "held": measured <= asked})

    for count, runs in report["audits"].items():
        bar(f"{count}: nothing new, seconds", runs["nothing new"]["seconds"], WARM_BAR)
        ratio = runs["empty store"]["seconds"] / runs["empty store, --own"]["seconds"]
        bar(f"{count}: first audit, time / --own", ratio, ROOTS_BAR)
    return bars


def print_report(report: dict) -> None:
    print(f"\n{'scripts':>9}  {'audit':22}{'seconds':>9}{'scanning':>10}{'not':>6}  numba")
    for count, runs in report["audits"].items():
        for name, run in runs.items():
            print(
                f"{count:>9}  {name:22}{run['seconds']:9.2f}{run['scanning']:10.2f}"
                f"{run['not scanning']:6.0%}  {'yes' if run['numba'] else 'no'}"
            )
    print(f"\n{'bar':44}{'measured':>10}{'asked':>8}")
    for bar in report["bars"]:
        held = "" if bar["held"] else "  not held"
        print(f"{bar['what']:44}{bar['measured']:10.2f}{bar['asked']:8.1f}{held}")


if __name__ == "__main__":
    main()
