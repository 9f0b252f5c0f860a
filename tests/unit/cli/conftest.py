"""A small world to run commands in: a regtest chain of 16 blocks, and what is said about it.

block 1  2025-04-01   mines 50 BTC to the vault
block 2  2025-04-02   mines 50 BTC to nobody of ours
block 3  2025-04-03   the vault pays 20 to the till and 25 outside, 4.9 come back, 0.1 fee
block 4  2025-04-04   nothing of ours
block 5  2025-04-05   nothing of ours
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.strategies.chains import (
    BTC,
    GENESIS,
    OP_TRUE,
    SCRIPTS,
    Made,
    Tx,
    mine,
    mine_many,
    plain_folder,
)

from erario.bitcoin.address import show_address
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import show_hash

TILL, _, VAULT = SCRIPTS[:3]
VAULT_ADDRESS = str(show_address(VAULT, NetworkName.REGTEST))
TILL_ADDRESS = str(show_address(TILL, NetworkName.REGTEST))

RESERVE = f"""\
erario = 1
network = "regtest"

[holders.treasury]
name = "Treasury of Exampleland"
complete = true

[wallets.vault]
addresses = ["{VAULT_ADDRESS}"]

[wallets.till]
role = "transit"
addresses = ["{TILL_ADDRESS}"]

[claims.minister]
at = 2025-04-03
holds = "> 4 BTC"
"""


def noon(day: int) -> int:
    return int(datetime(2025, 4, day, 12, tzinfo=UTC).timestamp())


def chain() -> tuple[Made, ...]:
    one = mine(GENESIS, pay=((50 * BTC, VAULT),), time=noon(1))
    two = mine(one, time=noon(2))
    payment = Tx(
        inputs=((one.transactions[0].txid, 0),),
        outputs=((20 * BTC, TILL), (25 * BTC, OP_TRUE), (490_000_000, VAULT)),
        witnesses=((b"\x30" * 71,),),
    )
    three = mine(two, (payment,), time=noon(3))
    four = mine(three, time=noon(4))
    return one, two, three, four, *mine_many(four, 12)


@dataclass(frozen=True)
class World:
    """Where everything lies, and the names that tests speak of."""

    folder: Path
    mined: str
    payment: str
    source: str = "blocks:blocks"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A folder to stand in, with a reserve, a plain list, and the blocks of a node."""
    blocks = chain()
    plain_folder(tmp_path / "blocks", blocks)
    (tmp_path / ".bitcoin").mkdir()
    plain_folder(tmp_path / ".bitcoin" / "blocks", blocks)
    (tmp_path / "reserve.toml").write_text(RESERVE)
    (tmp_path / "list.txt").write_text(f"{VAULT_ADDRESS}\n{TILL_ADDRESS}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    mined, payment = blocks[0].transactions[0], blocks[2].transactions[1]
    return World(tmp_path, show_hash(mined.txid), show_hash(payment.txid))
