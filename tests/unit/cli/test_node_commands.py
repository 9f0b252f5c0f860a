from __future__ import annotations

from tests.unit.cli.hand import ADDRESS, SCRIPT

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import BlockHash, Height, Outpoint, Script, Txid
from erario.cli.show.node_commands import (
    block_commands,
    coin_commands,
    node,
    script_commands,
    search_commands,
    transaction_commands,
)

TXID = Txid(b"\x11" * 32)
BLOCK = BlockHash(b"\x22" * 32)
MAIN = NetworkName.MAIN


def test_the_network_is_named_unless_it_is_mainnet() -> None:
    assert [node(network) for network in NetworkName] == [
        "bitcoin-cli",
        "bitcoin-cli -chain=test",
        "bitcoin-cli -chain=testnet4",
        "bitcoin-cli -chain=signet",
        "bitcoin-cli -chain=regtest",
    ]


def test_each_line_can_be_copied_into_a_shell() -> None:
    tx, block = "11" * 32, "22" * 32
    assert list(block_commands(MAIN, Height(170))) == ["bitcoin-cli getblockhash 170"]
    assert list(transaction_commands(MAIN, TXID, BLOCK)) == [
        f"bitcoin-cli getrawtransaction {tx} 2 {block}",
        f'bitcoin-cli verifytxoutproof "$(bitcoin-cli gettxoutproof \'["{tx}"]\' {block})"',
    ]
    assert list(search_commands(MAIN, TXID)) == [f"bitcoin-cli getrawtransaction {tx} 2"]
    assert list(coin_commands(MAIN, Outpoint(TXID, 7))) == [f"bitcoin-cli gettxout {tx} 7 false"]
    assert list(script_commands(MAIN, SCRIPT)) == [
        f"bitcoin-cli scantxoutset start '[\"addr({ADDRESS})\"]'"
    ]


def test_what_has_no_address_is_looked_for_as_it_is() -> None:
    key = Script(b"\x21\x02" + b"\x07" * 32 + b"\xac")
    assert list(script_commands(NetworkName.REGTEST, key)) == [
        f"bitcoin-cli -chain=regtest scantxoutset start '[\"raw({key.hex()})\"]'"
    ]
