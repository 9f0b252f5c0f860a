"""A treasury's quarter on a real node: a bundle, its verification without network, and the next.

The tests follow one story in their order: the first quarter's bundle is made and verified in a
process that has no network; a coin is spent, and a look at the chain says exactly that; the second
quarter's bundle names the first and opens with what it closed with.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.integration.node import Node, sats

from erario.bundle.making import make_bundle, save_bundle
from erario.bundle.verifying import verify_bundle

pytestmark = [pytest.mark.node, pytest.mark.slow, pytest.mark.xdist_group("bundle")]

_GUARD = """
import socket, sys
def refuse(*_args, **_more):
    raise AssertionError("a verification asked for the network")
socket.socket = socket.create_connection = socket.getaddrinfo = refuse
from erario.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


@dataclass
class Story:
    """A node with a wallet, and the folder with its reserve and its bundles."""

    node: Node
    folder: Path
    addresses: list[str]

    def run(self, *args: str, offline: bool = False) -> subprocess.CompletedProcess[str]:
        start = [sys.executable, "-c", _GUARD] if offline else [sys.executable, "-m", "erario"]
        if offline and _has_own_network():
            start = ["unshare", "--map-root-user", "--net", *start]
        return subprocess.run(
            [*start, *args], cwd=self.folder, capture_output=True, text=True, check=False
        )

    def json(self, *args: str, offline: bool = False) -> tuple[int, dict[str, Any]]:
        done = self.run(*args, "--json", offline=offline)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    @property
    def source(self) -> tuple[str, str, str]:
        return "--source", f"blocks:{self.node.blocks}", "--no-state"

    def pay(self, to: str, amount: str) -> str:
        """A payment of the wallet, mined in a block of its own."""
        txid = self.node.rpc("sendtoaddress", to, amount, wallet="treasury")
        raw = self.node.rpc("gettransaction", txid, wallet="treasury")["hex"]
        self.node.rpc("generateblock", self.node.rpc("getnewaddress", wallet="other"), [raw])
        return str(txid)


def _has_own_network() -> bool:
    command = ["unshare", "--map-root-user", "--net", "true"]
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def story(bitcoind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "node").mkdir()
    options = ("-fallbackfee=0.0001", "-changetype=bech32")
    with Node(bitcoind, folder / "node", *options) as node:
        for name in ("treasury", "other"):
            node.rpc("createwallet", name)
        kinds = ("bech32", "bech32m", "p2sh-segwit", "legacy")
        addresses = [node.rpc("getnewaddress", "", kind, wallet="treasury") for kind in kinds]
        for address in addresses:
            node.rpc("generatetoaddress", 3, address)
        node.rpc("generatetoaddress", 110, node.rpc("getnewaddress", wallet="other"))
        # The change of the wallet's payments is the treasury's as well.
        (described,) = (
            one["desc"].replace("/0/*", "/<0;1>/*").split("#")[0]
            for one in node.rpc("listdescriptors", wallet="treasury")["descriptors"]
            if one["desc"].startswith("wpkh(") and "/0/*" in one["desc"]
        )
        (folder / "reserve.toml").write_text(
            f'erario = 1\nnetwork = "regtest"\n\n[holders.treasury]\nname = "Treasury"\n'
            f'complete = true\n\n[wallets.vault]\nrole = "holding"\n'
            f"descriptors = [{json.dumps(described)}]\naddresses = {json.dumps(addresses[1:])}\n\n"
            f'[claims.minister]\nat = 120\nholds = ">= 600 BTC"\n'
        )
        yield Story(node, folder, addresses)


def test_the_first_quarter_is_one_file(story: Story) -> None:
    done = story.run("bundle", *story.source, "--at", "121", "-o", "q1.erario")
    assert done.returncode == 0, done.stdout + done.stderr
    again = story.run("bundle", *story.source, "--at", "121", "-o", "again.erario")
    assert done.stdout.split()[0] == again.stdout.split()[0]
    data = (story.folder / "q1.erario").read_bytes()
    assert data == (story.folder / "again.erario").read_bytes()
    for forbidden in (b"tpub", b"reserve.toml", b"/84h", str(story.folder).encode()):
        assert forbidden not in data


def test_it_verifies_in_a_process_without_network(story: Story) -> None:
    code, answer = story.json("verify", "q1.erario", offline=True)
    assert code == 0
    assert answer["verdict"] == "valid"
    (holder,) = answer["statement"]["holders"]
    assert sum(line["balance"]["sats"] for line in holder["totals"]) == 12 * 50 * 10**8
    assert answer["statement"]["claims"][0]["outcome"] == "kept"
    assert "still there" in {one["about"] for one in answer["checks"]}


def test_the_same_files_in_a_folder_are_the_same_bundle(story: Story) -> None:
    with zipfile.ZipFile(story.folder / "q1.erario") as archive:
        assert archive.testzip() is None
        archive.extractall(story.folder / "unpacked")
    one, other = story.json("verify", "q1.erario"), story.json("verify", "unpacked")
    assert one == other


def test_all_coins_are_still_there(story: Story) -> None:
    code, answer = story.json("verify", "q1.erario", *story.source)
    assert code == 0
    assert {one["verdict"] for one in answer["chain"]} == {"pass"}


def test_a_coin_that_is_spent_is_told_exactly(story: Story) -> None:
    txid = story.pay(story.node.rpc("getnewaddress", wallet="other"), "10")
    spent = story.node.rpc("gettransaction", txid, False, True, wallet="treasury")
    height, inputs = spent["blockheight"], spent["decoded"]["vin"]
    code, answer = story.json("verify", "q1.erario", *story.source)
    assert code == 1
    assert answer["verdict"] == "valid"
    told = [one["what"] for one in answer["chain"] if one["verdict"] == "fail"]
    (coin,) = inputs
    assert told[0] == (
        f"output {coin['txid']}:{coin['vout']}, 50.00000000 BTC, was spent since, in block "
        f"{height:,} by input 0 of {txid}"
    )
    assert told[1] == f"11 of 12 coins, 550.00000000 BTC, are still there at block {height:,}"


def test_the_next_quarter_opens_with_what_the_first_closed_with(story: Story) -> None:
    fresh = story.node.rpc("getnewaddress", "", "bech32", wallet="treasury")
    story.pay(fresh, "3")
    story.node.rpc("generatetoaddress", 6, story.node.rpc("getnewaddress", wallet="other"))
    made = story.run("bundle", *story.source, "--previous", "q1.erario", "-o", "q2.erario")
    assert made.returncode == 0, made.stdout + made.stderr
    code, answer = story.json("verify", "q2.erario", "--previous", "q1.erario", offline=True)
    assert code == 0
    (holder,) = answer["statement"]["holders"]
    assert holder["roll_forward"]["opening_sats"] == 12 * 50 * 10**8
    listed = story.node.rpc("listunspent", 0, 9_999_999, [], True, wallet="treasury")
    assert holder["roll_forward"]["closing_sats"] == sum(sats(one["amount"]) for one in listed)
    assert {"opening", "previous"} <= {
        one["about"] for one in answer["checks"] if one["standing"] == "checked"
    }
    code, answer = story.json("verify", "q2.erario", "--previous", "q2.erario")
    assert (code, answer["code"]) == (1, "previous.other")


def test_who_hides_a_payment_cannot_hide_it_from_a_chain(story: Story) -> None:
    """Without the payment the evidence is whole in itself, but for how far it used its branches."""
    evidence = verify_bundle(story.folder / "q2.erario").evidence
    (payment, *_) = [block for block in evidence.blocks if block.height > 121]
    kept = tuple(block for block in evidence.blocks if block.height <= 121)
    hidden = replace(evidence, blocks=kept)
    save_bundle(make_bundle(hidden), story.folder / "hidden.erario")
    code, answer = story.json("verify", "hidden.erario")
    assert (code, answer["code"]) == (1, "declaration.derivation")

    (wallet,) = evidence.declaration.wallets
    first, second = wallet.branches
    branches = (replace(first, last_used=0), replace(second, last_used=None))
    wallets = (replace(wallet, branches=branches),)
    hidden = replace(hidden, declaration=replace(evidence.declaration, wallets=wallets))
    save_bundle(make_bundle(hidden), story.folder / "hidden.erario")
    assert story.json("verify", "hidden.erario")[0] == 0
    code, answer = story.json("verify", "hidden.erario", *story.source)
    assert code == 1
    told = [one["what"] for one in answer["chain"] if one["question"] == "chain.left-out"]
    assert any(f"was spent in block {payment.height:,} already" in one for one in told)
