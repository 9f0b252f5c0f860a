"""Many proofs at once, on several cores.

Half of a proof's time is Python's, so threads would wait for each other: processes do the work.
They come from a server process that is started at the first call, in half a second, and that the
threads and files of the caller do not matter to. As everywhere with processes in Python, a script
that calls this stands behind `if __name__ == "__main__"`.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain
from typing import Final, NamedTuple

from erario.proof.checking import check_message, check_request, encode_message
from erario.proof.judging import check_engines
from erario.proof.result import Result

FEW: Final = 2_000
"""Fewer proofs are done before the processes have started."""
_CHUNK: Final = 100
"""Proofs that a process is given at a time."""


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
    chunks = (list(proofs[start : start + _CHUNK]) for start in range(0, len(proofs), _CHUNK))
    check = partial(_check_chunk, thorough=thorough)
    if workers == 1 or len(proofs) < FEW:
        yield from chain.from_iterable(map(check, chunks))
        return
    with ProcessPoolExecutor(workers, mp_context=_context()) as pool:
        yield from chain.from_iterable(pool.map(check, chunks))


def _check_chunk(chunk: list[Proof], *, thorough: bool) -> list[Result]:
    # Equal results become one object, which is sent back once.
    seen: dict[Result, Result] = {}
    results = (check_message(*proof, thorough=thorough) for proof in chunk)
    return [seen.setdefault(result, result) for result in results]


def _context() -> multiprocessing.context.BaseContext:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    # The server loads what all need, once.
    context.set_forkserver_preload(["erario.proof.many", "erario.proof.kernel"])
    return context
