"""How fast a UTXO snapshot is scanned, beside the node that wrote it.

    python benchmarks/snapshot.py [--coins 5000000] [--json FILE]

A node (`scripts/get-bitcoind`) makes the coins on regtest, 16,000 P2WPKH outputs a block, and dumps
them; chain and snapshot are kept. Then, in one run, from the page cache, best of several rounds:
our scan with and without the hash of all coins, the node's `scantxoutset` over the same set, and
`hashlib` over as many bytes as the hash is taken over. Scripts are handed to the node as `raw()`,
which is what it reads fastest; it takes no request of a million (32 MiB).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.integration.node import Node  # noqa: E402

from erario.bitcoin.network import NetworkName, network  # noqa: E402
from erario.bitcoin.subsidy import most_supply  # noqa: E402
from erario.bitcoin.values import Height, Script, show_hash  # noqa: E402
from erario.chain.snapshot_file import SnapshotFile  # noqa: E402
from erario.chain.snapshot_scan import SnapshotScan, WatchedScripts, scan_snapshot  # noqa: E402

SIZES = (1, 100_000, 1_000_000)
CACHE = ROOT / ".cache" / "benchmarks"
OUTPUTS = 16_000
"""Beyond 16,511 a transaction is out of order in the file: rare, and read twice."""
PRESENT = 1_000
"""Of the watched scripts this many have a coin, less where fewer are watched."""
SERIALISED = 71
"""Bytes that are hashed for a P2WPKH coin."""
_ANYONE = "51"


def main() -> None:
    options = read_options()
    folder = options.folder / f"snapshot-{options.coins}"
    make_snapshot(folder, options.coins)
    rules = network(NetworkName.REGTEST)
    file = SnapshotFile(folder / "utxo.dat", rules)
    facts = json.loads((folder / "facts.json").read_text())
    report = measure(file, facts, folder, options)
    report["bars"] = hold_bars(report)
    print_report(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--coins", type=int, default=5_000_000)
    parser.add_argument("--folder", type=Path, default=CACHE, help="where chains are kept")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="watched scripts")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def open_node(folder: Path) -> Node:
    found = subprocess.run(
        [ROOT / "scripts" / "get-bitcoind"], capture_output=True, text=True, check=True
    )
    return Node(found.stdout.strip(), folder / "node", "-dbcache=600", "-txindex=0")


def make_snapshot(folder: Path, coins: int) -> None:
    """Have the node make the coins and dump them, unless that was done before."""
    if (folder / "facts.json").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "node").mkdir(parents=True)
    with open_node(folder) as node:
        descriptor = node.rpc("getdescriptorinfo", f"raw({_ANYONE})")["descriptor"]
        blocks = -(-coins // OUTPUTS)
        hashes = node.rpc("generatetodescriptor", blocks + 100, descriptor)
        for number in range(blocks):
            coinbase = node.rpc("getblock", hashes[number], 2)["tx"][0]
            raw = fan_out(coinbase["txid"], coinbase["vout"][0]["value"], number)
            node.rpc("generateblock", descriptor, [raw])
        node.rpc("dumptxoutset", str(folder / "utxo.dat"), "latest")
        info = node.rpc("gettxoutsetinfo", "hash_serialized_3")
    facts = {name: info[name] for name in ("height", "bestblock", "hash_serialized_3", "txouts")}
    (folder / "facts.json").write_text(json.dumps(facts))


def fan_out(txid: str, value: Decimal, number: int) -> str:
    """A transaction that pays all of a coinbase to `OUTPUTS` scripts."""
    each = int(value.scaleb(8)) // OUTPUTS
    parts = [
        struct.pack("<iB", 2, 1),
        bytes.fromhex(txid)[::-1],
        struct.pack("<IBI", 0, 0, 2**32 - 1),
    ]
    parts.append(b"\xfd" + struct.pack("<H", OUTPUTS))
    parts.extend(
        struct.pack("<qB", each, 22) + watched_script(number * OUTPUTS + output)
        for output in range(OUTPUTS)
    )
    return (b"".join(parts) + bytes(4)).hex()


def watched_script(number: int) -> bytes:
    """The script of coin `number`; those from 2^32 on have none."""
    return b"\x00\x14" + hashlib.sha256(number.to_bytes(8, "little")).digest()[:20]


def watched_scripts(count: int, coins: int) -> list[Script]:
    present = min(count, PRESENT)
    numbers = [*range(0, coins, coins // present)][:present]
    numbers += range(1 << 32, (1 << 32) + count - present)
    return [Script(watched_script(number)) for number in numbers]


def measure(file: SnapshotFile, facts: dict, folder: Path, options: argparse.Namespace) -> dict:
    """Best seconds of every job."""
    jobs: dict[str, Callable[[], object]] = {}
    height, coins = Height(facts["height"]), facts["txouts"]
    supply = most_supply(network(NetworkName.REGTEST), height)
    lists = {count: watched_scripts(count, options.coins) for count in options.sizes}

    def ours(watched: WatchedScripts, *, hashed: bool) -> SnapshotScan:
        return scan_snapshot(file, watched, height=height, supply=supply, hashed=hashed)

    for count, scripts in lists.items():
        watched = WatchedScripts(scripts)
        jobs[f"{count}: table"] = lambda scripts=scripts: WatchedScripts(scripts)
        jobs[f"{count}: scan"] = lambda watched=watched: ours(watched, hashed=False)
        jobs[f"{count}: scan and hash"] = lambda watched=watched: ours(watched, hashed=True)
    block = np.zeros(1 << 20, np.uint8)

    def bare() -> None:
        digest = hashlib.sha256()
        for _ in range(coins * SERIALISED >> 20):
            digest.update(block.data)

    jobs["hashlib"] = bare
    with open_node(folder) as node:
        for count, scripts in lists.items():
            if count < 1_000_000:
                asked = [f"raw({script.hex()})" for script in scripts]
                jobs[f"{count}: scantxoutset"] = lambda asked=asked: node.rpc(
                    "scantxoutset", "start", asked
                )
        check(jobs, facts, options.sizes)
        best = run_in_turns(jobs, options.rounds)
    return {"coins": coins, "file_bytes": file.stamp.size, "seconds": best}


def run_in_turns(jobs: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    best = dict.fromkeys(jobs, float("inf"))
    for _ in range(rounds):
        for name, job in jobs.items():
            begin = time.perf_counter()
            job()
            best[name] = min(best[name], time.perf_counter() - begin)
    return best


def check(jobs: dict[str, Callable], facts: dict, sizes: tuple[int, ...]) -> None:
    """The answers are the node's; and all code is compiled and all bytes are in the cache."""
    for count in sizes:
        found = jobs[f"{count}: scan and hash"]()
        assert show_hash(found.coins_hash) == facts["hash_serialized_3"]
        assert jobs[f"{count}: scan"]().coins == found.coins
        if f"{count}: scantxoutset" in jobs:
            theirs = jobs[f"{count}: scantxoutset"]()["unspents"]
            assert {(coin["txid"], coin["vout"]) for coin in theirs} == {
                (show_hash(coin.outpoint.txid), coin.outpoint.vout) for coin in found.coins
            }
    jobs["hashlib"]()


def hold_bars(report: dict) -> list[dict[str, object]]:
    """What was asked for (issue 10), as ratios within this run; those that were measured."""
    s, bars = report["seconds"], []

    def bar(what: str, measured: float, asked: float) -> None:
        bars.append({"what": what, "measured": measured, "asked": asked, "held": measured >= asked})

    for count, asked in ((1, 4), (100_000, 10)):
        if f"{count}: scantxoutset" in s:
            whole = s[f"{count}: scan"] + s[f"{count}: table"]
            bar(
                f"{count:,}: scantxoutset's time / ours", s[f"{count}: scantxoutset"] / whole, asked
            )
    for name in s:
        if name.endswith("scan and hash"):
            bar(f"{name}: hashlib's time / ours", s["hashlib"] / s[name], 0.7)
    return bars


def print_report(report: dict) -> None:
    coins, size = report["coins"], report["file_bytes"]
    print(f"{coins:,} coins, {size / 1e6:.0f} MB")
    print(f"\n{'':34}{'seconds':>9}{'M coins/s':>11}{'GB/s':>8}")
    for name, seconds in report["seconds"].items():
        rates = ""
        if "scan" in name:
            rates = f"{coins / seconds / 1e6:11.1f}{size / seconds / 1e9:8.2f}"
        elif name == "hashlib":
            rates = f"{'':11}{coins * SERIALISED / seconds / 1e9:8.2f}"
        print(f"{name:34}{seconds:9.4f}{rates}")
    print(f"\n{'bar':50}{'measured':>10}{'asked':>8}")
    for each in report["bars"]:
        held = "" if each["held"] else "  not held"
        print(f"{each['what']:50}{each['measured']:10.2f}{each['asked']:8.1f}{held}")


if __name__ == "__main__":
    main()
