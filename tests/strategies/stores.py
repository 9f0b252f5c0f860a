"""Worlds to keep stores of: a node's folder that grows, reorganises, is rewritten and damaged.

A `World` holds one blocks folder and one state folder. `ask` reads it twice, with the store and
without, and gives both answers. Nothing here knows how a store works.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.strategies.chains import (
    GENESIS,
    OP_TRUE,
    SCRIPTS,
    SUBSIDY,
    Made,
    Tx,
    mine,
    record,
    write_folder,
)

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Height, Script
from erario.chain.blocks_source import BlocksSource
from erario.chain.kept_blocks import KeptBlocks
from erario.chain.source import Trace
from erario.chain.state_folder import StateFolder
from erario.errors import ErarioError

TICK = 0.025
"""Seconds after which a file that is written again surely has another time of change."""

Answer = tuple[int, bytes, Trace] | tuple[str, str]
"""Tip, its hash and the trace; or the code of an error and what it says."""


@dataclass
class World:
    """A blocks folder, and a state folder beside it.

    Attributes:
        main: the best branch from height 1 on.
        others: blocks that no longer belong to it, still in the files.
        files: how many files the blocks are spread over.
        key: what obfuscates them.
    """

    folder: Path
    seed: int = 0
    main: list[Made] = field(default_factory=list)
    others: list[Made] = field(default_factory=list)
    files: int = 1
    key: bytes | None = None
    garbage: bytes = b""
    doubled: bool = False

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.number = 0
        self.grow(3)

    @property
    def blocks(self) -> Path:
        return self.folder / "blocks"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def grow(self, count: int) -> None:
        """More blocks, each of which pays and spends among `SCRIPTS`."""
        for _ in range(count):
            self.number += 1
            previous = self.main[-1] if self.main else GENESIS
            pay = ((SUBSIDY, self.random.choice(SCRIPTS)),)
            block = mine(previous, self._payments(), pay=pay, tag=b"%d" % self.number)
            self.main.append(block)

    def _payments(self) -> list[Tx]:
        spent = {each for block in self.main for tx in block.transactions for each in tx.inputs}
        coins = [
            ((tx.txid, n), sats)
            for block in self.main[-20:]
            for tx in block.transactions
            for n, (sats, _) in enumerate(tx.outputs)
            if sats and (tx.txid, n) not in spent
        ]
        payments = []
        for outpoint, sats in self.random.sample(coins, min(len(coins), self.random.randint(0, 2))):
            scripts = [self.random.choice(SCRIPTS) for _ in range(self.random.randint(1, 2))]
            share = sats // len(scripts)
            payments.append(
                Tx((outpoint,), tuple((share, s) for s in scripts), signatures=(b"\x01\x51",))
            )
        return payments

    def reorganise(self, depth: int) -> None:
        """Another branch, one block longer, from `depth` blocks below the tip on."""
        depth = min(depth, len(self.main))
        self.others += self.main[len(self.main) - depth :]
        del self.main[len(self.main) - depth :]
        self.grow(depth + 1)

    def write(self) -> None:
        """Write all files anew, in an order of their own."""
        order = [GENESIS, *self.main, *self.others]
        if self.doubled:
            order += self.main[:3]
        contents = [b""] * self.files
        for place, block in enumerate(order):
            contents[place * self.files // len(order)] += record(block.raw)
        contents[0] = self.garbage + contents[0]
        time.sleep(TICK)
        write_folder(self.blocks, contents, self.key)
        time.sleep(TICK)

    def append(self, count: int) -> None:
        """What a node does: new blocks at the end of the last file, in place."""
        before = len(self.main)
        self.grow(count)
        path = max(self.blocks.glob("blk*.dat"))
        with path.open("r+b") as file:
            end = file.seek(0, os.SEEK_END)
            data = b"".join(record(block.raw) for block in self.main[before:])
            key = self.key or bytes(8)
            file.write(bytes(b ^ key[(end + n) % 8] for n, b in enumerate(data)))
        time.sleep(TICK)

    def damage(self, height: int) -> None:
        """Turn a bit in the last transaction of a block's first copy, in place."""
        raw = self.main[height - 1].raw
        key = self.key or bytes(8)
        for path in sorted(self.blocks.glob("blk*.dat")):
            data = path.read_bytes()
            clear = bytes(b ^ key[n % 8] for n, b in enumerate(data))
            at = clear.find(raw)
            if at < 0:
                continue
            place = at + len(raw) - 6
            with path.open("r+b") as file:
                file.seek(place)
                file.write(bytes([data[place] ^ 1]))
            time.sleep(TICK)
            return

    def ask(
        self, scripts: Sequence[bytes], *, own: bool = False, upto: int | None = None
    ) -> tuple[Answer, Answer, StateFolder]:
        """The answer with the store, the one without, and the store after it."""
        state = StateFolder(self.state, NetworkName.REGTEST)
        kept = answer(
            KeptBlocks(self.blocks, NetworkName.REGTEST, own=own, state=state), scripts, upto
        )
        plain = answer(BlocksSource(self.blocks, NetworkName.REGTEST, own=own), scripts, upto)
        return kept, plain, state


def answer(
    source: BlocksSource | KeptBlocks, scripts: Sequence[bytes], upto: int | None = None
) -> Answer:
    """What a source says of scripts, errors too."""
    try:
        best = source.chain(_ignore)
        height = best.tip if upto is None else Height(min(upto, best.tip))
        trace = source.trace([Script(script) for script in scripts], height, _ignore)
    except ErarioError as error:
        return str(error.code), error.what
    return best.tip, best.headers, trace


def pay_to(previous: Made, script: bytes = OP_TRUE, tag: bytes = b"") -> Made:
    """A block that pays its subsidy to a script."""
    return mine(previous, pay=((SUBSIDY, script),), tag=tag)


def _ignore(_progress: object) -> None:
    """Nobody looks on."""
