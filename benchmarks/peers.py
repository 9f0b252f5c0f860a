"""What the scanner is held against: bare hashlib, libbitcoinkernel, and blockchain-parser."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from chain_files import Chain, load_chain, watched_scripts
from erario.bitcoin.block import read_block
from erario.chain.scanner import list_transactions, scan


def hash_bare(chain: Chain) -> tuple[Callable[[], None], float]:
    """A job that takes the double SHA-256 of the messages that ours must hash, with hashlib: each
    transaction without witnesses, and whole where it has some; and the share of the chain that it
    does. The bytes are cut out before; nothing is parsed, no Merkle node is hashed."""
    blocks = chain.slice(min(64_000_000, chain.bytes // 4))
    messages = []
    for raw in blocks:
        for transaction in read_block(raw).transactions:
            whole = transaction.raw
            if transaction.stripped_size != len(whole):
                # Any bytes of that length take as long.
                messages.append(whole[: transaction.stripped_size])
            messages.append(whole)

    def job() -> None:
        sha256 = hashlib.sha256
        for message in messages:
            sha256(sha256(message).digest()).digest()

    return job, sum(map(len, blocks)) / chain.bytes


def run_kernel(blocks: list[bytes]) -> float | None:
    """Bytes a second of py-bitcoinkernel over every output script and outpoint of `blocks`."""
    try:
        import pbk  # noqa: PLC0415 - a peer that need not be here
    except ImportError:
        return None
    begin = time.perf_counter()
    for raw in blocks:
        for transaction in pbk.Block(raw).transactions:
            for output in transaction.outputs:
                bytes(output.script_pubkey)
            for spend in transaction.inputs:
                (bytes(spend.out_point.txid), spend.out_point.index)
    return sum(map(len, blocks)) / (time.perf_counter() - begin)


PARSE = """
import json, struct, sys, time
from blockchain_parser.block import Block
data, blocks, at = open(sys.argv[1], "rb").read(), [], 0
while at < len(data):
    size = struct.unpack_from("<I", data, at)[0]
    blocks.append(data[at + 4 : at + 4 + size])
    at += 4 + size
begin = time.perf_counter()
for raw in blocks:
    for transaction in Block(raw).transactions:
        for output in transaction.outputs:
            output.script.hex
        for spend in transaction.inputs:
            (spend.transaction_hash, spend.transaction_index)
print(json.dumps(sum(map(len, blocks)) / (time.perf_counter() - begin)))
"""


def run_parser(blocks: list[bytes], python: str | None) -> float | None:
    """The same with the PyPI package `blockchain-parser`, under a Python that has it."""
    with tempfile.NamedTemporaryFile() as file:
        for raw in blocks:
            file.write(len(raw).to_bytes(4, "little") + raw)
        file.flush()
        ran = subprocess.run(
            [python or sys.executable, "-c", PARSE, file.name],
            capture_output=True,
            text=True,
            check=False,
        )
    return json.loads(ran.stdout) if ran.returncode == 0 else None


def measure_memory(folder: Path, count: int) -> float:
    """MiB of anonymous memory, at most, of a process that scans for `count` scripts with two
    threads: the interpreter, numba, the scripts as Python objects and the tables."""
    here = Path(__file__).resolve()
    ran = subprocess.run(
        [sys.executable, str(here), str(folder), str(count)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(ran.stdout)


def _anonymous_kib() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def _print_memory(folder: Path, count: int) -> None:
    chain = load_chain(folder)
    scripts = watched_scripts(chain, count)
    highest, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            highest[0] = max(highest[0], _anonymous_kib())

    watcher = threading.Thread(target=watch)
    watcher.start()
    scan(chain.views["plain"], chain.blocks, scripts, check_roots=True, threads=2)
    list_transactions(chain.views["plain"], np.array(chain.blocks[-1]))
    done.set()
    watcher.join()
    print(max(highest[0], _anonymous_kib()) / 1024)


if __name__ == "__main__":
    _print_memory(Path(sys.argv[1]), int(sys.argv[2]))
