"""How many proofs of control are verified a second, beside others on the same proofs.

    python benchmarks/proofs.py [--proofs 500] [--rounds 7] [--pairs 15] [--kind NAME] [--json FILE]

Ours goes from the signature's text to a result: base64, both transactions, consensus by
libbitcoinkernel, the other rules of BIP-322 by byte checks. The bare kernel, py-bitcoinkernel by
its own classes, gets the signed transaction and the script ready made, and checks consensus alone.
The Python peer, bip322-core, runs both of its engines; with btclib's C binding and without.

The figures of one round are taken one after the other, and each is the best of its rounds: a shared
machine differs from second to second. Read the ratios.

Two cores to one is another matter: neighbours take a part of both cores for seconds at a time, and
the best of two cores may then be held against the best of one that nobody disturbed. So each round
takes one core, two, and one again, at once after each other, and its ratio is two to the mean of
the ones; the figure is the median of the rounds. What the machine gives two processes of a loop
that shares nothing is taken in the same rounds, the same way: what a busy machine keeps from the
second core, nobody can use.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
AS_PEER = "--as-peer"
if AS_PEER in sys.argv:
    # As if it were not installed, before anything imports it.
    sys.modules["btclib_secp256k1"] = None  # type: ignore[assignment]

from pbk.script import (  # noqa: E402
    PrecomputedTransactionData,
    ScriptPubkey,
    ScriptVerificationFlags,
)
from pbk.transaction import Transaction, TransactionOutput  # noqa: E402
from tests.unit.proof import maker  # noqa: E402

from erario.bitcoin.address import show_address  # noqa: E402
from erario.bitcoin.network import NetworkName  # noqa: E402
from erario.proof.checking import check_message  # noqa: E402
from erario.proof.many import Proof, check_many  # noqa: E402
from erario.proof.messages import read_witness, simple_to_sign, to_spend_txid  # noqa: E402
from scan import describe_machine  # noqa: E402

QUORUM = maker.multisig(3, 1, 2, 3, 4, 5)
KINDS: dict[str, tuple[bytes, maker.Satisfy]] = {
    "P2WPKH": (maker.p2wpkh(maker.sec(1)), maker.by_key_hash(1)),
    "3-of-5 P2WSH": (maker.p2wsh(QUORUM), maker.by_multisig(QUORUM, 1, 3, 5)),
    "P2TR key path": (maker.p2tr(1), lambda signing: (b"", (signing.key_path(1),))),
}
ONE_CORE_BAR = 0.8
TWO_CORES_BAR = 1.7
PEER_BAR = 5.0
LOOPS = 5_000_000
ALONE = 5_000
AT_ONCE = 20_000
"""Proofs that one core and two processes get at a time, over and over the same: so many that
starting the processes does not count."""
PEER_SHARE = 10
"""The Python peer gets one proof in so many: it is that much slower."""

Job = tuple[Callable[[], object], int]


def main() -> int:
    options = read_options()
    report: dict[str, Any] = {"machine": describe_machine(), "proofs": options.proofs, "kinds": {}}
    for kind, (script, satisfy) in KINDS.items():
        if options.kind not in {None, kind}:
            continue
        messages = [f"{maker.MESSAGE} {number}" for number in range(options.proofs)]
        proofs = [Proof(script, text, maker.simple(script, satisfy, text)) for text in messages]
        rates = measure(jobs_of(proofs), options.rounds)
        rates["bip322-core, no C binding"] = peer_without_binding(proofs)
        report["kinds"][kind] = summary(rates, two_to_one(proofs, options.pairs))
        show(kind, report["kinds"][kind])
    if options.json:
        options.json.write_text(json.dumps(report, indent=2))
    return 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--proofs", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--pairs", type=int, default=15, help="rounds of one core, two, and one")
    parser.add_argument("--kind", choices=KINDS, help="only this one")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def jobs_of(proofs: list[Proof]) -> dict[str, Job]:
    """What is timed, each with the number of proofs that it verifies."""
    ready = [(ready_made(proof), proof.script_pubkey) for proof in proofs]
    few = proofs[::PEER_SHARE]
    return {
        "erario, one core": (lambda: ours(proofs), len(proofs)),
        "bare kernel": (lambda: bare(ready), len(ready)),
        "bip322-core, C binding": (lambda: peer(few), len(few)),
    }


def measure(jobs: dict[str, Job], rounds: int) -> dict[str, float]:
    """Proofs a second of each job, the best of its rounds."""
    best = dict.fromkeys(jobs, 0.0)
    for _ in range(rounds):
        for name, (job, count) in jobs.items():
            best[name] = max(best[name], rate(job, count))
    return best


def two_to_one(proofs: list[Proof], rounds: int) -> dict[str, list[float]]:
    """The rounds of two cores to one: of erario, and of what the machine gives."""
    alone = proofs * (ALONE // len(proofs) or 1)
    many = proofs * (AT_ONCE // len(proofs) or 1)
    found: dict[str, list[float]] = {"erario": [], "a bare loop": [], "per second": []}
    for _ in range(rounds):
        ones = [rate(lambda: ours(alone), len(alone))]
        two = rate(lambda: on_two_cores(many), len(many))
        ones.append(rate(lambda: ours(alone), len(alone)))
        found["erario"].append(two / statistics.mean(ones))
        found["per second"].append(two)
        found["a bare loop"].append(machine_gives())
    return found


def machine_gives() -> float:
    """How much more two processes get done than one, of a loop that shares nothing."""
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(loop, [1, 1], 1)  # the processes start here
        ones = [rate(lambda: loop(LOOPS), 1)]
        two = rate(lambda: pool.map(loop, [LOOPS, LOOPS], 1), 2)
        ones.append(rate(lambda: loop(LOOPS), 1))
    return two / statistics.mean(ones)


def rate(job: Callable[[], object], count: int) -> float:
    """How many a second."""
    began = time.perf_counter()
    job()
    return count / (time.perf_counter() - began)


def loop(count: int) -> int:
    total = 0
    for number in range(count):
        total += number
    return total


def ours(proofs: Sequence[Proof]) -> None:
    if not all(check_message(*proof).is_proved for proof in proofs):
        raise SystemExit("a proof of this benchmark does not verify")


def on_two_cores(proofs: Sequence[Proof]) -> None:
    if not all(result.is_proved for result in check_many(proofs, workers=2)):
        raise SystemExit("a proof of this benchmark does not verify")


def bare(ready: list[tuple[bytes, bytes]]) -> None:
    flags = ScriptVerificationFlags.ALL
    for raw, script in ready:
        transaction, spent = Transaction(raw), ScriptPubkey(script)
        known = PrecomputedTransactionData(transaction, [TransactionOutput(spent, 0)])
        if not spent.verify(0, transaction, known, 0, flags):
            raise SystemExit("a proof of this benchmark does not verify")


def ready_made(proof: Proof) -> bytes:
    payload = b64decode(proof.signature[3:])
    txid = to_spend_txid(proof.script_pubkey, str(proof.message).encode())
    return simple_to_sign(proof.script_pubkey, txid, payload, read_witness(payload)).raw


def peer(proofs: Sequence[Proof]) -> None:
    from bip322core import verify_message  # noqa: PLC0415 - its import is not what is timed

    for proof in proofs:
        address = str(show_address(proof.script_pubkey, NetworkName.MAIN))
        message = str(proof.message).encode()
        if not verify_message(address, proof.signature, message, engines=("btclib", "kernel")).ok:
            raise SystemExit("the peer does not verify a proof of this benchmark")


def peer_without_binding(proofs: list[Proof]) -> float:
    """The peer's rate in a process that cannot import the binding."""
    few = proofs[: max(4, len(proofs) // 50)]
    given = json.dumps(
        [[proof.script_pubkey.hex(), proof.message, proof.signature] for proof in few]
    )
    ended = subprocess.run(
        [sys.executable, __file__, AS_PEER],
        input=given,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return float(ended.stdout)


def as_peer() -> None:
    """What runs in that process."""
    proofs = [Proof(bytes.fromhex(s), m, g) for s, m, g in json.load(sys.stdin)]
    peer(proofs[:1])
    began = time.perf_counter()
    peer(proofs)
    print(len(proofs) / (time.perf_counter() - began))


def summary(rates: dict[str, float], pairs: dict[str, list[float]]) -> dict[str, Any]:
    one = rates["erario, one core"]
    median = {name: statistics.median(rounds) for name, rounds in pairs.items()}
    rates = {**rates, "erario, two cores (median)": median["per second"]}
    ratios = {
        "one core to the bare kernel": (one / rates["bare kernel"], ONE_CORE_BAR),
        "two cores to one": (median["erario"], TWO_CORES_BAR),
        "one core to bip322-core": (one / rates["bip322-core, C binding"], PEER_BAR),
    }
    return {
        "per_second": {name: round(each, 1) for name, each in rates.items()},
        "two to one, median and quartiles": {
            name: [round(median[name], 2), *(round(at, 2) for at in quartiles(pairs[name]))]
            for name in ("erario", "a bare loop")
        },
        "ratios": {
            name: {"ratio": round(ratio, 2), "bar": bar, "is_met": ratio >= bar}
            for name, (ratio, bar) in ratios.items()
        },
    }


def quartiles(rounds: list[float]) -> tuple[float, float]:
    if len(rounds) < 2:
        return rounds[0], rounds[0]
    first, _, third = statistics.quantiles(rounds, n=4, method="inclusive")
    return first, third


def show(kind: str, found: dict[str, Any]) -> None:
    print(f"{kind:28}  proofs/s")
    for name, each in found["per_second"].items():
        print(f"  {name:28}{each:10,.0f}")
    for name, (median, first, third) in found["two to one, median and quartiles"].items():
        print(f"  two to one, {name:18}{median:6.2f}   quartiles {first:.2f} to {third:.2f}")
    for name, one in found["ratios"].items():
        met = "met" if one["is_met"] else "missed"
        print(f"  {name:30}{one['ratio']:6.2f}   bar {one['bar']:.1f} {met}")


if __name__ == "__main__":
    if AS_PEER in sys.argv:
        as_peer()
    else:
        raise SystemExit(main())
