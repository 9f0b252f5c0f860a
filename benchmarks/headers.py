"""How fast headers are verified by every rule, beside libbitcoinkernel and bare hashing.

    python benchmarks/headers.py [--headers 500000] [--json FILE]

All take the same regtest headers, mined here, whose times run back now and then as real ones do.
The kernel is shown the first of them only; it is given each header as an object that is made
beforehand. Seconds are the processor's, so that a busy machine counts less; each figure is the best
of several rounds, and the rounds take turns.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import random
import struct
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from erario.bitcoin.network import NetworkName, network
from erario.chain import header_tree
from erario.chain.header_run import HeaderRun
from erario.chain.header_tree import HeaderTree

REGTEST = NetworkName.REGTEST
AT_ONCE = 20_160
BARS = (
    ("plain, a run", 100),
    ("compiled, a run", 500),
)


def main() -> None:
    options = read_options()
    headers = mine(options.headers)
    jobs = our_jobs(headers, options.headers)
    counts = dict.fromkeys(jobs, options.headers)
    kernel = kernel_job(headers[: options.kernel_headers * 80])
    if kernel is not None:
        jobs["libbitcoinkernel"] = kernel
        counts["libbitcoinkernel"] = options.kernel_headers
    best = dict.fromkeys(jobs, float("inf"))
    for _ in range(options.rounds):
        for name, job in jobs.items():
            best[name] = min(best[name], job())
    rates = {name: counts[name] / seconds for name, seconds in best.items()}
    report = {
        "machine": {"processor": processor(), "python": platform.python_version()},
        "headers": options.headers,
        "kernel_headers": options.kernel_headers,
        "headers_per_second": rates,
        "bars": hold_bars(rates),
    }
    print_report(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--headers", type=int, default=500_000)
    parser.add_argument("--kernel-headers", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def mine(count: int) -> bytes:
    """Regtest headers 1 to `count`, some five minutes apart; clocks are a minute off."""
    source = random.Random(1)
    previous = hashlib.sha256(
        hashlib.sha256(network(REGTEST).genesis[:80]).digest()
    ).digest()  # fmt: skip
    start = struct.unpack_from("<I", network(REGTEST).genesis, 68)[0]
    times, now = [start], 0.0
    made = []
    for height in range(1, count + 1):
        median = sorted(times)[len(times) // 2]
        now += source.expovariate(1 / 300)
        moment = max(median + 1, start + int(now) + source.randrange(-60, 60))
        times = [*times, moment][-11:]
        front = struct.pack(
            "<i32s32sII", 4, previous, height.to_bytes(32, "big"), moment, 0x207FFFFF
        )
        for nonce in range(1 << 16):
            raw = front + nonce.to_bytes(4, "little")
            block_hash = hashlib.sha256(hashlib.sha256(raw).digest()).digest()
            if block_hash[31] < 0x7F:
                break
        made.append(raw)
        previous = block_hash
    return b"".join(made)


def our_jobs(headers: bytes, count: int) -> dict[str, Callable[[], float]]:
    """Jobs that give the seconds they took; those by compiled code where numba is installed."""
    pieces = [headers[at : at + 80] for at in range(0, len(headers), 80)]

    def bare() -> float:
        sha256 = hashlib.sha256
        begin = time.process_time()
        for raw in pieces:
            sha256(sha256(raw).digest()).digest()
        return time.process_time() - begin

    def run(*, fast: bool) -> float:
        line = HeaderRun.from_genesis(network(REGTEST), fast=fast)
        begin = time.process_time()
        for at in range(0, len(headers), 80 * AT_ONCE):
            _, fault = line.take(headers[at : at + 80 * AT_ONCE])
        seconds = time.process_time() - begin
        assert (line.height, fault) == (count, None)
        return seconds

    def tree(*, fast: bool) -> float:
        header_tree.is_fast_ready = lambda _count: fast
        grown = HeaderTree(REGTEST)
        begin = time.process_time()
        grown.add_many(headers)
        seconds = time.process_time() - begin
        assert grown.best().tip == count
        return seconds

    jobs: dict[str, Callable[[], float]] = {
        "hashlib alone": bare,
        "plain, a run": lambda: run(fast=False),
        "plain, the tree": lambda: tree(fast=False),
    }
    try:
        run(fast=True)  # compiled at its first call, once for an installation
    except ImportError:
        return jobs
    return jobs | {
        "compiled, a run": lambda: run(fast=True),
        "compiled, the tree": lambda: tree(fast=True),
    }


def kernel_job(headers: bytes) -> Callable[[], float] | None:
    """The same for the kernel, in a folder of its own each time; None where it is not here."""
    try:
        import pbk  # noqa: PLC0415 - a peer that need not be here
    except ImportError:
        return None

    def job() -> float:
        with tempfile.TemporaryDirectory() as folder:
            options = pbk.ContextOptions()
            options.set_chainparams(pbk.ChainParameters(pbk.ChainType.REGTEST))
            context = pbk.Context(options)
            settings = pbk.ChainstateManagerOptions(context, f"{folder}/data", f"{folder}/blocks")
            settings.update_block_tree_db_in_memory(True)  # noqa: FBT003
            settings.update_chainstate_db_in_memory(True)  # noqa: FBT003
            manager = pbk.ChainstateManager(settings)
            made = [pbk.BlockHeader(headers[at : at + 80]) for at in range(0, len(headers), 80)]
            begin = time.process_time()
            for each in made:
                state = manager.process_block_header(each)
            seconds = time.process_time() - begin
            assert state.validation_mode == pbk.ValidationMode.VALID
            return seconds

    return job


def processor() -> str:
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    return platform.processor()


def hold_bars(rates: dict[str, float]) -> list[dict[str, object]]:
    """What was asked for (issue 10), as ratios within this run; those that were measured."""
    peer = rates.get("libbitcoinkernel")
    if peer is None:
        return []
    return [
        {
            "what": f"{name} / libbitcoinkernel",
            "measured": rates[name] / peer,
            "asked": asked,
            "held": rates[name] / peer >= asked,
        }
        for name, asked in BARS
        if name in rates
    ]


def print_report(report: dict) -> None:
    print(f"{report['headers']:,} headers, {report['machine']['processor']}\n")
    rates = report["headers_per_second"]
    print(f"{'':24}{'a second':>12}{'x hashlib':>11}")
    for name, rate in rates.items():
        print(f"{name:24}{rate:12,.0f}{rate / rates['hashlib alone']:11.3f}")
    print(f"\n{'bar':40}{'measured':>10}{'asked':>8}")
    for bar in report["bars"]:
        held = "" if bar["held"] else "  not held"
        print(f"{bar['what']:40}{bar['measured']:10.0f}{bar['asked']:8}{held}")


if __name__ == "__main__":
    main()
