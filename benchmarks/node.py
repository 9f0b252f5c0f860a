"""How long an audit over a node's RPC takes, with and without block filters, beside the node's own
rescan of the same chain.

    python benchmarks/node.py [--blocks 200] [--scripts 20 1000] [--json FILE]

A node (`scripts/get-bitcoind`) makes the chain on regtest: blocks of 8,000 transactions of 113
bytes, one input and two new P2WPKH outputs each, behind some thousand that are almost empty; it is
kept. Then, in one run, from the page cache, best of several rounds: `erario.audit` over RPC, from
nothing, headers and evidence included; and the node's own way, `importdescriptors` of the same
scripts into a fresh wallet and a rescan from the first block on, which stays within the node and
keeps no proof. What the import takes apart from the rescan is written to the wallet's database,
script by script; it is timed once. Once with the filter index, which both use, and once without.
One in five of the scripts is paid to.
"""

from __future__ import annotations

import argparse
import json
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.integration.node import Node  # noqa: E402

import erario  # noqa: E402
from erario.bitcoin.network import NetworkName  # noqa: E402
from erario.chain.access import Access  # noqa: E402
from erario.chain.sources import open_source  # noqa: E402
from scan import describe_machine  # noqa: E402

CACHE = ROOT / ".cache" / "benchmarks"
EMPTY = 2_000
TRANSACTIONS = 8_000
FAN = 40_000
_ANYONE = b"\x51"
_SATS = 10_000
_WATCHING = (True, True)
"""A wallet without private keys, and blank."""


def main() -> None:
    options = read_options()
    program = subprocess.run(
        [ROOT / "scripts" / "get-bitcoind"], capture_output=True, text=True, check=True
    ).stdout.strip()
    folder = options.folder / f"node-{options.blocks}"
    make_chain(program, folder, options.blocks)
    report = {"machine": describe_machine(), "chain": {}, "seconds": {}}
    for index in (True, False):
        with Node(program, folder, f"-blockfilterindex={index:d}", "-txindex=0") as node:
            wait_for_index(node, index)
            info = node.rpc("getblockchaininfo")
            report["chain"] = {"blocks": info["blocks"], "bytes": info["size_on_disk"]}
            for count in options.scripts:
                name = f"{count} scripts, {'filters' if index else 'no filters'}"
                report["seconds"][name] = measure(node, count, options.rounds)
    print_report(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--blocks", type=int, default=200, help="full ones")
    parser.add_argument("--scripts", type=int, nargs="+", default=(20, 1_000))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=CACHE, help="where chains are kept")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def measure(node: Node, count: int, rounds: int) -> dict[str, float]:
    """Seconds of ours and of the node's import and rescan; best of several but for the import."""
    scripts = watched(count, node.rpc("getblockcount"))
    with tempfile.TemporaryDirectory() as folder:
        reserve = write_reserve(Path(folder), scripts)
        ours = best(lambda: audit(node, reserve), rounds)
    name = f"rescan-{time.monotonic_ns()}"
    node.rpc("createwallet", name, *_WATCHING)
    imported = best(lambda: import_scripts(node, name, scripts), 1)
    rescanned = best(lambda: node.rpc("rescanblockchain", 0, wallet=name), rounds)
    if not node.rpc("listunspent", wallet=name):
        sys.exit("the node's rescan found nothing")
    node.rpc("unloadwallet", name)
    shutil.rmtree(node.blocks.parent / "wallets" / name)
    whole = imported + rescanned
    return {
        "erario": ours,
        "rescan": rescanned,
        "import": imported,
        "ratio to rescan": ours / rescanned,
        "ratio to both": ours / whole,
    }


def best(job: Callable[[], None], rounds: int) -> float:
    seconds = []
    for _ in range(rounds):
        begun = time.perf_counter()
        job()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def audit(node: Node, reserve: erario.Reserve) -> None:
    access = Access(cookie=node.blocks.parent / ".cookie")
    url = f"node://127.0.0.1:{node.blocks.parent.joinpath('port').read_text()}"
    source = open_source(url, NetworkName.REGTEST, access=access)
    try:
        statement = erario.audit(reserve, source)
    finally:
        source.close()
    if not statement.coins:
        sys.exit("the audit found nothing")


def import_scripts(node: Node, wallet: str, scripts: list[bytes]) -> None:
    asked = [
        {
            "desc": node.rpc("getdescriptorinfo", f"raw({script.hex()})")["descriptor"],
            "timestamp": "now",
        }
        for script in scripts
    ]
    if not all(one["success"] for one in node.rpc("importdescriptors", asked, wallet=wallet)):
        sys.exit("the node's import failed")


def watched(count: int, blocks: int) -> list[bytes]:
    """One in five is paid to, spread over the full blocks, which come last."""
    paid = max(1, count // 5)
    full = (blocks - EMPTY) * 4 // 5
    scripts = [payee(number * full // paid, number, 0) for number in range(paid)]
    return scripts + [payee(blocks, number, 0) for number in range(count - paid)]


def payee(block: int, index: int, output: int) -> bytes:
    return b"\x00\x14" + struct.pack("<QQI", block, index, output)


def write_reserve(folder: Path, scripts: list[bytes]) -> erario.Reserve:
    rows = ["script", *(script.hex() for script in scripts), ""]
    (folder / "scripts.csv").write_text("\n".join(rows))
    (folder / "reserve.toml").write_text(
        'erario = 1\nnetwork = "regtest"\n[holders.a]\nname = "A"\n'
        '[wallets.w]\nscripts = { file = "scripts.csv" }\n'
    )
    return erario.load(folder)


def wait_for_index(node: Node, index: bool) -> None:  # noqa: FBT001
    (node.blocks.parent / "port").write_text(str(node._port))  # noqa: SLF001
    while index:
        about = node.rpc("getindexinfo").get("basic block filter index", {})
        if about.get("synced"):
            return
        time.sleep(0.2)


def make_chain(program: str, folder: Path, blocks: int) -> None:
    """The chain of `blocks` full blocks, unless it is there already."""
    if (folder / "done").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    print(f"making a chain of {blocks} full blocks", file=sys.stderr)
    with Node(program, folder, "-blockfilterindex=1", "-txindex=0") as node:
        anyone = node.rpc("getdescriptorinfo", f"raw({_ANYONE.hex()})")["descriptor"]
        hashes = []
        while len(hashes) < EMPTY:
            hashes += node.rpc("generatetodescriptor", 500, anyone)
        coins: list[tuple[bytes, int]] = []
        for number in range(blocks):
            if len(coins) < TRANSACTIONS:
                txid = bytes.fromhex(node.rpc("getblock", hashes[number])["tx"][0])[::-1]
                raw = transaction((txid, 0), [(3 * _SATS, _ANYONE)] * FAN)
                node.rpc("generateblock", anyone, [raw.hex()])
                made = bytes.fromhex(node.rpc("decoderawtransaction", raw.hex())["txid"])[::-1]
                coins += [(made, index) for index in range(FAN)]
            spent = [coins.pop() for _ in range(TRANSACTIONS)]
            payments = [
                transaction(coin, [(_SATS, payee(number, index, output)) for output in (0, 1)])
                for index, coin in enumerate(spent)
            ]
            node.rpc("generateblock", anyone, [raw.hex() for raw in payments])
        wait_for_index(node, index=True)
    (folder / "done").touch()


def transaction(coin: tuple[bytes, int], outputs: list[tuple[int, bytes]]) -> bytes:
    """A transaction without signatures: whoever likes may spend what it spends."""
    count = len(outputs)
    counted = bytes([count]) if count < 0xFD else b"\xfd" + struct.pack("<H", count)
    parts = [struct.pack("<iB32sI", 2, 1, *coin), b"\x00", b"\xff" * 4, counted]
    parts += [struct.pack("<qB", sats, len(script)) + script for sats, script in outputs]
    return b"".join([*parts, bytes(4)])


def print_report(report: dict) -> None:
    chain = report["chain"]
    print(f"{chain['blocks']:,} blocks, {chain['bytes'] / 1e6:,.0f} MB on disk\n")
    print(f"{'':26}{'erario':>9}{'rescan':>9}{'import':>9}{'/ rescan':>10}{'/ both':>8}")
    for name, run in report["seconds"].items():
        print(
            f"{name:26}{run['erario']:7.2f} s{run['rescan']:7.2f} s{run['import']:7.2f} s"
            f"{run['ratio to rescan']:10.1f}{run['ratio to both']:8.2f}"
        )


if __name__ == "__main__":
    main()
