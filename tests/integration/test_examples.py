"""The examples are read as they are, and the demonstration comes out as its comments say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import erario
from erario.bitcoin.address import read_address
from erario.bitcoin.network import NetworkName
from erario.reserve.loader import check
from erario.statement.model import Statement

_EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
_DEMO = _EXAMPLES / "demo"


@pytest.mark.parametrize("name", ["demo", "el-salvador", "united-states"])
def test_check_finds_no_problem(name: str) -> None:
    assert check(_EXAMPLES / name) == ()


@pytest.mark.shared
@pytest.mark.parametrize("name", ["el-salvador", "united-states"])
def test_the_addresses_are_those_that_were_found(name: str, shared_data: Path) -> None:
    found = json.loads((shared_data / f"{name}.json").read_text())
    wallets = found.get("wallets", [{"addresses": found.get("addresses")}])
    expected = [address for wallet in wallets for address in wallet["addresses"]]
    reserve = erario.load(_EXAMPLES / name)
    scripts = [each.script for wallet in reserve.wallets for each in wallet.scripts]
    assert scripts == [read_address(address, NetworkName.MAIN) for address in expected]


@pytest.fixture(scope="module")
def demo() -> Statement:
    source = erario.open_source(f"blocks:{_DEMO / 'blocks.zst'}", NetworkName.REGTEST)
    return erario.audit(erario.load(_DEMO), source)


def test_the_demonstration_has_claims_of_every_verdict(demo: Statement) -> None:
    found = {
        claim.claim.id: (str(claim.outcome), claim.would_be and str(claim.would_be))
        for claim in demo.claims
    }
    assert found == {
        "hundred": ("kept", None),
        "split": ("kept", None),
        "post_altamar": ("broken", None),
        "since_november": ("unclear", None),
        "by_spring": ("unknown", None),
        "budget": ("kept", None),
        "budget_exact": ("unknown", None),
        "post_varrow": ("broken", None),
        "harbour": ("kept", None),
        "rumour": ("unknown", "kept"),
    }


def test_no_address_of_the_split_holds_more_than_was_said(demo: Statement) -> None:
    altamar, varrow = demo.holders
    assert altamar.largest_sats <= 6 * 10**8
    assert len([each for each in altamar.wallets[1].scripts if each.balance.sats]) > 20
    assert altamar.wallets[0].balance.sats == 0
    origins = [wallet for wallet in varrow.wallets if wallet.id.endswith("_origin")]
    assert [wallet.balance.sats for wallet in origins] == [0, 0]


def test_the_demonstration_is_small_and_holds_no_private_key() -> None:
    assert (_DEMO / "blocks.zst").stat().st_size < 2_000_000
    texts = [path.read_text() for path in _DEMO.iterdir() if path.suffix != ".zst"]
    assert not any("prv" in text for text in texts)
