"""A regtest chain to measure with: real headers, Merkle roots, witness commitments and spends.

    make_chain(folder, megabytes)   plain/blk*.dat, obfuscated/blk*.dat with xor.dat, scripts.npy

Each transaction has at most some 600 bytes and spends outputs that exist, none twice; every script
is new; amounts add up. Output kinds are mixed about as on mainnet in 2025. Signatures are random
bytes: nobody here runs scripts. The same seed gives the same bytes.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from chain_kernels import KEPT_BYTES, SCRIPT_ROOM, make_block, new_pool

MAGIC = bytes.fromhex("fabfb5da")
GENESIS_HASH = bytes.fromhex("0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206")[
    ::-1
]
GENESIS_TIME = 1_296_688_602
KEY = bytes.fromhex("d1a5e90fc37b4286")
FILE_BYTES = 128 << 20
BLOCK_BYTES = 1_000_000
VERSION = 2
"""Of what this module makes; another one makes the chain anew."""


def make_chain(folder: Path, megabytes: int, seed: int = 9) -> Path:
    """The folder of a chain of at least `megabytes` MB, made unless it is there already."""
    target = folder / f"chain-{megabytes}-{seed}-{VERSION}"
    if (target / "done.json").exists():
        return target
    shutil.rmtree(target, ignore_errors=True)
    for name in ("plain", "obfuscated"):
        (target / name).mkdir(parents=True)
    writer = _Writer(target)
    pool = new_pool(seed)
    previous, height = np.frombuffer(GENESIS_HASH, np.uint8).copy(), 0
    buffer = np.zeros(BLOCK_BYTES + 4096, np.uint8)
    kept = np.zeros((SCRIPT_ROOM, KEPT_BYTES), np.uint8)
    while writer.written < megabytes * 1_000_000:
        height += 1
        size = make_block(
            buffer, height, GENESIS_TIME + 600 * height, previous, pool, kept, BLOCK_BYTES
        )
        writer.write(buffer[:size])
    writer.close()
    np.save(target / "scripts.npy", kept[: int(pool.counts[2])])
    summary = {
        "blocks": height,
        "bytes": writer.written,
        "transactions": int(pool.counts[3]),
        "seed": seed,
    }
    (target / "done.json").write_text(json.dumps(summary))
    return target


class _Writer:
    """Records in files as a node lays them out, plain and obfuscated side by side."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._number = 0
        self._data = bytearray()
        self.written = 0
        (target / "obfuscated" / "xor.dat").write_bytes(KEY)

    def write(self, block: np.ndarray) -> None:
        record = MAGIC + block.size.to_bytes(4, "little") + block.tobytes()
        if len(self._data) + len(record) > FILE_BYTES:
            self.close()
        self._data += record
        self.written += len(record)

    def close(self) -> None:
        name = f"blk{self._number:05d}.dat"
        (self._target / "plain" / name).write_bytes(self._data)
        data = np.frombuffer(self._data, np.uint8)
        mask = np.resize(np.frombuffer(KEY, np.uint8), data.size)
        (self._target / "obfuscated" / name).write_bytes((data ^ mask).tobytes())
        self._number += 1
        self._data = bytearray()
