"""Many proofs at once, on several cores.

Half of a proof's time is Python's, so threads would wait for each other: processes do the work.
They are forked where that is quick and safe, on Linux in a process of one thread. Elsewhere they
start anew, each in half a second or more, and as everywhere with processes in Python a script that
calls this stands behind `if __name__ == "__main__"`.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain
from typing import Final, NamedTuple

from erario.proof.checking import check_message, check_request
from erario.proof.engines import load_kernel
from erario.proof.judging import check_engines
from erario.proof.messages import encode_message
from erario.proof.result import Result

FEW: Final = 2_000
"""Fewer proofs are done before the processes have started."""
_LEAST: Final = 100
_MOST: Final = 1_000
"""Proofs that a process is given at a time. Handing them out costs as much as three proofs do."""
_SHARES: Final = 10
"""How many times a process is given some, so that none is left alone with much in the end."""


class Proof(NamedTuple):
    """What `check_message` asks for, as one value."""

    script_pubkey: bytes
    message: str | bytes
    signature: str


def check_many(
    proofs: Sequence[Proof], *, workers: int | None = None, thorough: bool = False
) -> Iterator[Result]:
    """The results, in the order of the proofs.

    Args:
        proofs: any number.
        workers: processes; as many as the machine has cores by default. With 1, and for few
            proofs, there are none.
        thorough: as of `check_message`.

    Raises:
        ProofError: as `check_message`, before anything is checked.
    """
    check_engines(thorough=thorough)
    for proof in proofs:
        check_request(proof.script_pubkey, encode_message(proof.message))
    workers = workers or os.cpu_count() or 1
    if workers == 1 or len(proofs) < FEW:
        for proof in proofs:
            yield check_message(*proof, thorough=thorough)
        return
    # A fork has the proofs already: only numbers go there, and results come back.
    with ProcessPoolExecutor(workers, _context(), initializer=_take, initargs=(proofs,)) as pool:
        size = min(max(len(proofs) // (workers * _SHARES), _LEAST), _MOST)
        check = partial(_check_from, size=size, thorough=thorough)
        yield from chain.from_iterable(pool.map(check, range(0, len(proofs), size)))


_given: list[Proof] = []
"""In a process that was started for them, the proofs; empty everywhere else."""


def _take(proofs: Sequence[Proof]) -> None:
    _given.extend(proofs)


def _check_from(start: int, *, size: int, thorough: bool) -> list[Result]:
    # Equal results become one object, which is sent back once.
    seen: dict[Result, Result] = {}
    chunk = _given[start : start + size]
    results = (check_message(*proof, thorough=thorough) for proof in chunk)
    return [seen.setdefault(result, result) for result in results]


def _context() -> multiprocessing.context.BaseContext:
    # A fork copies one thread, and the locks that others hold for ever.
    if sys.platform == "linux" and threading.active_count() == 1:
        # What all need is loaded once, before.
        load_kernel()
        return multiprocessing.get_context("fork")
    return multiprocessing.get_context("spawn")
