"""Make examples/demo anew: a small chain with two fictional states, by a real node on regtest.

Altamar buys a little every day into one address and later splits it into many. Varrow's coins come
from seizures: origin, custody, then its own vault. The node makes the wallets; their keys are gone
when it stops, and only public ones are written. So every run gives another chain, of the same
story: amounts and times follow a fixed seed.

    BITCOIND=$(scripts/get-bitcoind) .venv/bin/python scripts/make_demo.py
"""

from __future__ import annotations

import hashlib
import html
import os
import random
import struct
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import zstandard

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.integration.node import Node  # noqa: E402 - it lives beside the tests, not in src

TARGET: Final = ROOT / "examples" / "demo"
MAGIC: Final = bytes.fromhex("fabfb5da")  # regtest's, as in its block files
CAP: Final = Decimal(6)
"""The most that Altamar keeps on one address after the split, in BTC."""
FIRST_DAY: Final = date(2024, 7, 1)
SPLIT_DAY: Final = date(2024, 11, 15)
LAST_DAY: Final = date(2024, 12, 31)
WARM_UP: Final = 110
WALLETS: Final = (
    "world", "altamar", "altamar_cold", "lantern", "lantern_custody", "harbour",
    "harbour_custody", "whispered", "signer_a", "signer_b", "signer_c",
)  # fmt: skip


class Story:
    """The chain as it grows, a day at a time, and the addresses that it gives to the files."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._random = random.Random(112)
        self._pending: list[str] = []
        self.split_addresses: list[str] = []
        self._filled: dict[str, Decimal] = {}
        # A wallet does not look at blocks from before it was made.
        node.rpc("setmocktime", int(datetime(2024, 6, 1, tzinfo=UTC).timestamp()))
        for wallet in WALLETS:
            node.rpc("createwallet", wallet)
        self._miner = self.address("world")
        self.single = self.address("altamar")
        self.lantern = [self.address("lantern") for _ in range(3)]
        self.lantern_custody = self.address("lantern_custody")
        self.harbour = self.address("harbour")
        self.harbour_custody = self.address("harbour_custody")
        self.whispered = self.address("whispered")
        self.vault = self._vault_descriptor()

    def tell(self) -> None:
        """Everything, from the first block to the last."""
        moment = datetime.combine(FIRST_DAY, datetime.min.time(), UTC)
        for number in range(WARM_UP, 0, -1):
            self._mine(moment - timedelta(hours=4 * number))
        day = FIRST_DAY
        while day <= LAST_DAY:
            self._events(day)
            self._mine(self._at(day, 9))
            self._buy(day)
            self._mine(self._at(day, 18))
            day += timedelta(days=1)
        for number in range(12):
            self._mine(self._at(LAST_DAY + timedelta(days=1), number))

    def address(self, wallet: str) -> str:
        """A new address of a wallet."""
        kind = "legacy" if wallet in ("lantern", "harbour") else "bech32"
        return str(self._node.rpc("getnewaddress", "", kind, wallet=wallet))

    def blocks(self) -> bytes:
        """All blocks but the genesis block, each after magic and length."""
        parts = []
        for height in range(1, self._node.rpc("getblockcount") + 1):
            raw = bytes.fromhex(
                self._node.rpc("getblock", self._node.rpc("getblockhash", height), 0)
            )
            parts += [MAGIC, struct.pack("<I", len(raw)), raw]
        return b"".join(parts)

    def _events(self, day: date) -> None:
        if day == date(2024, 7, 10):
            for address, amount in zip(self.lantern, ("120", "55.5", "24.5"), strict=True):
                self._pay("world", address, Decimal(amount))
            self._pay("world", self.harbour, Decimal("60.5"))
        elif day == date(2024, 8, 12):
            self._sweep("lantern", [self.lantern_custody])
        elif day == date(2024, 9, 3):
            self._pay("world", self.whispered, Decimal(45))
        elif day == date(2024, 9, 20):
            self._sweep("harbour", [self.harbour_custody])
        elif day == date(2024, 10, 20):
            # A small transfer first shows that the vault receives.
            self._pay("lantern_custody", self._vault_address(0), Decimal(1))
        elif day == date(2024, 10, 21):
            self._sweep("lantern_custody", [self._vault_address(1)])
        elif day == SPLIT_DAY:
            self._split()
        elif day == date(2024, 12, 5):
            # Back to those whom it was stolen from.
            self._pay(
                "harbour_custody", self.address("world"), Decimal(20), change=self.harbour_custody
            )

    def _buy(self, day: date) -> None:
        amount = Decimal(self._random.randint(70_000_000, 130_000_000)).scaleb(-8)
        self._pay("world", self._where_to_buy(day, amount), amount)

    def _where_to_buy(self, day: date, amount: Decimal) -> str:
        if day < SPLIT_DAY:
            return self.single
        current = self.split_addresses[-1]
        if self._filled[current] + amount > CAP:
            current = self._cold_address()
        self._filled[current] += amount
        return current

    def _cold_address(self) -> str:
        address = self.address("altamar_cold")
        self.split_addresses.append(address)
        self._filled[address] = Decimal(0)
        return address

    def _split(self) -> None:
        balance = Decimal(self._node.rpc("getbalance", wallet="altamar"))
        full = int((balance - Decimal("0.01")) / CAP)
        for _ in range(full):
            self._filled[self._cold_address()] = CAP
        rest = self._cold_address()
        self._filled[rest] = balance - full * CAP
        self._sweep("altamar", [{each: CAP} for each in self.split_addresses[:-1]] + [rest])

    def _pay(self, wallet: str, address: str, amount: Decimal, change: str | None = None) -> None:
        options = {"change_address": change} if change else {}
        done = self._node.rpc(
            "send", [{address: str(amount)}], None, "unset", 10, options, wallet=wallet
        )
        self._collect(wallet, done["txid"])

    def _sweep(self, wallet: str, recipients: list[Any]) -> None:
        plain = [
            {k: str(v) for k, v in each.items()} if isinstance(each, dict) else each
            for each in recipients
        ]
        done = self._node.rpc("sendall", plain, None, "unset", 10, wallet=wallet)
        self._collect(wallet, done["txid"])

    def _collect(self, wallet: str, txid: str) -> None:
        self._pending.append(self._node.rpc("gettransaction", txid, wallet=wallet)["hex"])

    def _mine(self, moment: datetime) -> None:
        self._node.rpc("setmocktime", int(moment.timestamp()))
        self._node.rpc("generateblock", self._miner, self._pending)
        self._pending = []
        self._node.rpc("syncwithvalidationinterfacequeue")

    def _at(self, day: date, hour: int) -> datetime:
        minute = self._random.randint(0, 59)
        return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)

    def _vault_descriptor(self) -> str:
        keys = [self._account_key(name) for name in ("signer_a", "signer_b", "signer_c")]
        self.signers = [key[1:9] for key in keys]
        text = f"wsh(sortedmulti(2,{','.join(f'{key}/<0;1>/*' for key in keys)}))"
        return f"{text}#{self._node.rpc('getdescriptorinfo', text)['checksum']}"

    def _account_key(self, wallet: str) -> str:
        listed = self._node.rpc("listdescriptors", wallet=wallet)["descriptors"]
        text = next(each["desc"] for each in listed if each["desc"].startswith("wpkh("))
        return str(text.removeprefix("wpkh(").partition("/0/*")[0])

    def _vault_address(self, index: int) -> str:
        branch = self.vault.partition("#")[0].replace("<0;1>", "0")
        known = self._node.rpc("getdescriptorinfo", branch)["descriptor"]
        return str(self._node.rpc("deriveaddresses", known, [index, index])[0])


def write_page(name: str, title: str, paragraphs: list[str], addresses: list[str]) -> str:
    """Write an archived document and return its SHA-256."""
    rows = "\n".join(f"<li><code>{address}</code></li>" for address in addresses)
    body = "\n".join(f"<p>{html.escape(text)}</p>" for text in paragraphs)
    page = (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f"<h1>{title}</h1>\n{body}\n<ul>\n{rows}\n</ul>\n</html>\n"
    )
    (TARGET / name).write_text(page)
    return hashlib.sha256(page.encode()).hexdigest()


def write_files(story: Story) -> None:
    """Write the reserve, its list and its documents."""
    altamar = "Treasury of Altamar"
    decree = write_page(
        "decree-7.html",
        "Decree 7 of Altamar",
        ["The Treasury buys bitcoin on every day of the year and keeps it on this address."],
        [story.single],
    )
    gazette = write_page(
        "gazette-112.html",
        "Official Gazette of Altamar, number 112",
        [
            (
                "From 15 November 2024 the reserve stands on many addresses, with at most 6 BTC on "
                "each, so that no public key with much behind it is ever visible."
            ),
        ],
        story.split_addresses,
    )
    order = write_page(
        "order-2024-31.html",
        "District Court of Varrow, order 2024/31",
        ["Seized in the cases Lantern and Harbour, and kept until this court has decided:"],
        [story.lantern_custody, story.harbour_custody],
    )
    rows = [f"{address},1,\n" for address in story.split_addresses]
    (TARGET / "addresses.csv").write_text("address,page,note\n" + "".join(rows))
    template = (ROOT / "scripts" / "demo-reserve.toml").read_text()
    known = {
        "SINGLE": story.single,
        "DECREE": decree,
        "GAZETTE": gazette,
        "ORDER": order,
        "LANTERN_ORIGIN": ", ".join(f'"{address}"' for address in story.lantern),
        "HARBOUR_ORIGIN": story.harbour,
        "LANTERN_CUSTODY": story.lantern_custody,
        "HARBOUR_CUSTODY": story.harbour_custody,
        "WHISPERED": story.whispered,
        "VAULT": story.vault,
        "ALTAMAR": altamar,
        **{f"SIGNER_{number}": signer for number, signer in enumerate(story.signers)},
    }
    for name, value in known.items():
        template = template.replace(f"@{name}@", value)
    assert "@" not in template
    (TARGET / "reserve.toml").write_text(template)


def main() -> None:
    """Tell the story to a node and write down what came of it."""
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        options = ("-fallbackfee=0.0001", "-keypool=50")
        with Node(os.environ["BITCOIND"], Path(folder), *options) as node:
            story = Story(node)
            story.tell()
            blocks = story.blocks()
    write_files(story)
    packed = zstandard.ZstdCompressor(level=19).compress(blocks)
    (TARGET / "blocks.zst").write_bytes(packed)
    print(f"{len(blocks):,} bytes of blocks, {len(packed):,} packed, in {TARGET}")


if __name__ == "__main__":
    main()
