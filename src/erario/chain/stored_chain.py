"""A `BestChain` from headers that were verified before: column by column, no header by itself.

Nothing is verified here. The hash of a block is what the next header names as its parent; only
the last one is computed.
"""

from __future__ import annotations

from array import array
from typing import Final

import numpy as np
import numpy.typing as npt

from erario.bitcoin.header import HEADER_SIZE
from erario.bitcoin.header_rules import MEDIAN_SPAN, median_time
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import sha256d
from erario.bitcoin.work import work_of_bits
from erario.chain.best_chain import BestChain

_PREVIOUS: Final = slice(4, 36)
_TIME: Final = slice(68, 72)
_BITS: Final = slice(72, 76)


def chain_from_headers(name: NetworkName, headers: bytes) -> BestChain:
    """The chain of these headers, 80 bytes each, from genesis on; at least one."""
    rows = np.frombuffer(headers, np.uint8).reshape(-1, HEADER_SIZE)
    times = _column(rows, _TIME)
    bits, counts = np.unique(_column(rows, _BITS), return_counts=True)
    work = sum(
        work_of_bits(compact) * count
        for compact, count in zip(bits.tolist(), counts.tolist(), strict=True)
    )
    return BestChain(
        name,
        headers=headers,
        hashes=rows[1:, _PREVIOUS].tobytes() + sha256d(headers[-HEADER_SIZE:]),
        times=_array(times),
        medians=_array(_medians(times)),
        work=work,
    )


def _column(rows: npt.NDArray[np.uint8], place: slice) -> npt.NDArray[np.uint32]:
    return np.ascontiguousarray(rows[:, place]).view("<u4").reshape(-1)


def _medians(times: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """The median time past after each header (BIP 113)."""
    few = min(len(times), MEDIAN_SPAN - 1)
    first = [median_time(times[: end + 1].tolist()) for end in range(few)]
    medians = np.empty(len(times), np.uint32)
    medians[:few] = first
    if len(times) >= MEDIAN_SPAN:
        medians[few:] = _middle(times)
    return medians


def _middle(times: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """The sixth of every eleven times in a row."""
    windows = np.lib.stride_tricks.sliding_window_view(times, MEDIAN_SPAN)
    return np.sort(windows, axis=1)[:, MEDIAN_SPAN // 2]


def _array(column: npt.NDArray[np.uint32]) -> array[int]:
    whole = array("I")
    whole.frombytes(column.astype(np.uint32).tobytes())
    return whole
