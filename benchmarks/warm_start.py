"""What an audit costs that finds a folder of mainnet's size as it was, or with some new blocks.

    python benchmarks/warm_start.py [--blocks 900000] [--files 4500] [--json FILE]

The blocks hold nothing but a coinbase, so that neither scanning nor hashing hides what is
measured: listing the files, the stores, headers, and going on from there. Each figure is the best
of several runs of a process of its own, from the page cache.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.strategies.chains import Made, genesis, mine, record  # noqa: E402

from audit import Bench  # noqa: E402
from scan import CACHE, describe_machine  # noqa: E402

VERSION = 1
"""Of what `make_folder` makes; another one makes it anew."""
DAY = 144
WARM_BAR = 0.5
SCRIPTS = 20


def main() -> None:
    options = read_options()
    chain = make_folder(options.folder, options.blocks, options.files)
    tip = Made(options.blocks, (chain / "tip").read_bytes(), ())
    with tempfile.TemporaryDirectory() as folder:
        scripts = [b"\x00\x14" + bytes((i,)) * 20 for i in range(SCRIPTS)]
        bench = Bench(Path(folder), chain, scripts)
        report = {
            "machine": describe_machine(),
            "blocks": options.blocks,
            "files": options.files,
            "audits": measure(bench, tip, options.rounds),
        }
    print(f"{options.blocks} blocks in {options.files} files, {SCRIPTS} scripts\n")
    print(f"{'audit':20}{'seconds':>9}{'processor':>11}  numba")
    for name, run in report["audits"].items():
        print(
            f"{name:20}{run['seconds']:9.2f}{run['processor']:11.2f}"
            f"  {'yes' if run['numba'] else 'no'}"
        )
    held = report["audits"]["nothing new"]["seconds"] <= WARM_BAR
    print(f"\nnothing new within {WARM_BAR} s: {'held' if held else 'not held'}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=2))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--blocks", type=int, default=900_000)
    parser.add_argument("--files", type=int, default=4_500)
    parser.add_argument("--folder", type=Path, default=CACHE, help="where chains are kept")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def make_folder(folder: Path, blocks: int, files: int) -> Path:
    """A folder with `blocks` blocks of a coinbase in `files` files, made unless it is there."""
    target = folder / f"headers-{blocks}-{files}-{VERSION}"
    if (target / "tip").exists():
        return target
    shutil.rmtree(target, ignore_errors=True)
    (target / "plain").mkdir(parents=True)
    block = genesis()
    for number in range(files):
        data = bytearray()
        while block.height * files < blocks * (number + 1):
            block = mine(block)
            data += record(block.raw)
        (target / "plain" / f"blk{number:05d}.dat").write_bytes(data)
    (target / "tip").write_bytes(block.header)
    return target


def measure(bench: Bench, tip: Made, rounds: int) -> dict[str, dict]:
    """The best run of each kind; the first of all is measured once."""
    runs: dict[str, list[dict]] = {}

    def add(name: str) -> None:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run = bench.audit()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        runs.setdefault(name, []).append(
            {
                "seconds": run.seconds,
                "processor": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
                "numba": run.numba,
            }
        )

    bench.audit()
    shutil.rmtree(bench.state)
    add("empty store")
    for _ in range(rounds):
        add("nothing new")
        tip = bench.append(tip)
        add("one new block")
        tip = bench.append(tip, DAY)
        add("a day, 144 blocks")
    return {name: min(taken, key=lambda run: run["seconds"]) for name, taken in runs.items()}


if __name__ == "__main__":
    main()
