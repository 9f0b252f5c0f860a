"""A treasury of every kind of script goes through the ceremony, signed by a real node's wallets.

The tests follow one story in their order: the reserve is asked, each cosigner is a wallet of the
node with that one key, what comes back is put together, an audit shows all as proved; then a coin
arrives and is stale; then a reorganisation removes the named block.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from embit import bip32
from embit.networks import NETWORKS
from tests.integration.node import Node

from erario.proof.psbt import read_psbt

pytestmark = [pytest.mark.node, pytest.mark.slow, pytest.mark.xdist_group("ceremony")]

ROOTS = [
    bip32.HDKey.from_seed(bytes((number,)) * 32, version=NETWORKS["regtest"]["xprv"])
    for number in range(1, 6)
]
NOBODY = "50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0"
WALLETS = {
    # wallet: descriptor, who signs; None where the wallet is asked for signature strings
    "vault": ("wsh(sortedmulti(3,{0},{1},{2},{3},{4}))", (4, 0, 2)),
    "leaves": (f"tr({NOBODY},{{{{pk({{4}}),multi_a(2,{{0}},{{1}},{{2}})}}}})", (0, 2)),
    "taproot": ("tr({0})", (0,)),
    "nested": ("sh(wpkh({1}))", (1,)),
    "legacy": ("pkh({2})", (2,)),
    "plain": ("wpkh({3})", (3,)),
    "old": ("sh(sortedmulti(2,{0},{1}))", (0, 1)),
    "nested_vault": ("sh(wsh(multi(2,{0},{1},{2})))", (2, 0)),
    "aged": ("wsh(and_v(v:pk({0}),older(100)))", (0,)),
    "timed": ("wsh(and_v(v:pk({1}),after(100)))", (1,)),
    "inherited": ("wsh(or_d(pk({2}),and_v(v:pkh({3}),older(100))))", (2,)),
    "both": ("wsh(and_v(v:pk({3}),pk({4})))", (3, 4)),
}
STRINGS = ("legacy", "p2sh-segwit", "bech32", "bech32m")
_COMMAND = """
import sys
from erario.cli.main import run
from erario.holdings import derivation
derivation.GAP, derivation.FIRST = 25, 50
sys.exit(run(sys.argv[1:]))
"""
"""The command, with fewer scripts derived: twelve wallets of thousands would take minutes."""
PROOFS = ("--proofs", "proofs.json")


def key(number: int, *, private: bool = False) -> str:
    """An account's key with its origin."""
    root = ROOTS[number]
    account = root.derive("m/48h/1h/0h")
    text = (account if private else account.to_public()).to_base58()
    return f"[{root.my_fingerprint.hex()}/48h/1h/0h]{text}/0/*"


@dataclass
class Story:
    """A node, the folder with the reserve, and the addresses that it knows by themselves."""

    node: Node
    folder: Path
    paper: list[str]

    def run(self, *args: str, expect: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-c", _COMMAND, *args],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout

    @property
    def source(self) -> tuple[str, ...]:
        return "--source", f"blocks:{self.node.blocks}", "--no-state"

    def start(self, folder: str, *more: str) -> str:
        height = str(self.node.rpc("getblockcount") - 6)
        asked = ("--at", height, "--purpose", "Reserve audit 2026", "-o", folder, "--yes")
        return self.run("prove", "start", "reserve.toml", *self.source, *asked, *more)

    def labels(self, *more: str) -> dict[str, int]:
        """How many coins an audit has under each label of control."""
        found = json.loads(self.run("audit", *self.source, "--json", *PROOFS, *more))
        return {line["control"]: line["coins"] for line in found["holders"][0]["control"]}

    def sign(self, name: str, number: int, psbt: bytes) -> bytes:
        """What the cosigner's wallet sends back."""
        wallet = f"{name}-{number}"
        if wallet not in self.node.rpc("listwallets"):
            self.node.rpc("createwallet", wallet, False, True)
            text = WALLETS[name][0].format(*(key(one, private=one == number) for one in range(5)))
            checksum = self.node.rpc("getdescriptorinfo", text)["checksum"]
            asked = [{"desc": f"{text}#{checksum}", "timestamp": "now", "range": [0, 30]}]
            (done,) = self.node.rpc("importdescriptors", asked, wallet=wallet)
            assert done["success"], done
        text = read_psbt(psbt).to_text()
        signed = self.node.rpc("walletprocesspsbt", text, True, None, True, True, wallet=wallet)
        return str(signed["psbt"]).encode()

    def sign_all(self, folder: str) -> None:
        """Every cosigner signs what is theirs and puts it into the folder."""
        for path in sorted((self.folder / folder / "to-sign").iterdir()):
            name = path.stem.rpartition("-")[0]
            for number in WALLETS.get(name, ("", ()))[1]:
                signed = self.sign(name, number, path.read_bytes())
                (self.folder / folder / "signed" / f"{path.stem}-{number}.psbt").write_bytes(signed)


@pytest.fixture(scope="module")
def story(bitcoind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("ceremony")
    (folder / "node").mkdir()
    with Node(bitcoind, folder / "node") as node:
        for name in ("paper", "other"):
            node.rpc("createwallet", name)
        paper = [node.rpc("getnewaddress", "", kind, wallet="paper") for kind in STRINGS]
        public = {name: text.format(*map(key, range(5))) for name, (text, _) in WALLETS.items()}
        for text in public.values():
            described = node.rpc("getdescriptorinfo", text)["descriptor"]
            for address in node.rpc("deriveaddresses", described, [0, 1]):
                node.rpc("generatetoaddress", 1, address)
        for address in paper:
            node.rpc("generatetoaddress", 1, address)
        node.rpc("generatetoaddress", 110, node.rpc("getnewaddress", wallet="other"))
        lines = ["erario = 1", 'network = "regtest"', "[holders.treasury]", 'name = "Treasury"']
        lines += ["complete = true", f"[cosigners.{ROOTS[0].my_fingerprint.hex()}]"]
        lines += ['name = "Director"', 'site = "capital"']
        for name, text in public.items():
            lines += [f"[wallets.{name}]", f"descriptors = [{json.dumps(text)}]"]
        lines += ["[wallets.paper]", f"addresses = {json.dumps(paper)}"]
        (folder / "reserve.toml").write_text("\n".join([*lines, ""]))
        yield Story(node, folder, paper)


def test_every_kind_is_signed_by_the_nodes_wallets(story: Story) -> None:
    said = story.start("ceremony", "--per-script")
    assert "Director (capital)" in said
    story.run("prove", "status", "ceremony", expect=3)
    story.sign_all("ceremony")
    message = (story.folder / "ceremony" / "message.txt").read_text()
    strings = [
        f"{address} {story.node.rpc('signmessage', address, message, wallet='paper')}\n"
        for address in story.paper
    ]
    (story.folder / "ceremony" / "signed" / "paper.txt").write_text("".join(strings))
    # Of a script that two wallets sign and neither knows alone, the node puts the parts together.
    story.run("prove", "finish", "ceremony", "-o", "proofs.json", "--merged", "merged", expect=3)
    merged = sorted((story.folder / "merged").iterdir())
    assert [path.name for path in merged] == ["both-001.psbt", "both-002.psbt"]
    for path in merged:
        final = story.node.rpc("finalizepsbt", read_psbt(path.read_bytes()).to_text(), False)
        assert final["complete"]
        (story.folder / "ceremony" / "signed" / path.name).write_text(final["psbt"])
    said = story.run("prove", "finish", "ceremony", "-o", "proofs.json", *story.source[:2])
    assert f"{2 * len(WALLETS) + 4} of {2 * len(WALLETS) + 4} proofs complete" in said
    assert story.labels() == {"proved": 2 * len(WALLETS) + 4}


def test_a_bundle_carries_the_proofs(story: Story) -> None:
    message = (story.folder / "ceremony" / "message.txt").read_text()
    height = message.split(" block ")[1].split()[0]
    made = ("bundle", "reserve.toml", *story.source, "--at", height, *PROOFS, "-o", "q.erario")
    story.run(*made)
    answer = json.loads(story.run("verify", "q.erario", "--json"))
    assert answer["verdict"] == "valid"
    (line,) = answer["statement"]["holders"][0]["control"]
    assert (line["control"], line["coins"]) == ("proved", 2 * len(WALLETS) + 4)


def test_one_combination_is_complete(story: Story) -> None:
    said = json.loads(story.run("prove", "status", "ceremony", "--combinations", "--json"))
    vault = said["combinations"]["vault-001"]
    complete = [one["signers"] for one in vault if one["complete"]]
    signers = sorted(ROOTS[number].my_fingerprint.hex() for number in WALLETS["vault"][1])
    assert (len(vault), complete) == (10, [signers])


def test_proofs_of_funds_in_batches(story: Story) -> None:
    """One proof for each wallet, which its devices sign in one go."""
    names = [name for name in WALLETS if name != "both"]
    story.start("batches", "--batches", *(part for name in names for part in ("--wallet", name)))
    psbts = sorted((story.folder / "batches" / "to-sign").iterdir())
    assert [path.stem for path in psbts] == sorted(f"{name}-001" for name in names)
    story.sign_all("batches")
    story.run("prove", "finish", "batches", "-o", "proofs.json")
    assert story.labels() == {"proved": 2 * len(names), "none": 6}


def test_a_coin_that_arrives_later_is_stale(story: Story) -> None:
    story.run("prove", "finish", "ceremony", "-o", "proofs.json")
    everything: dict[str, Any] = story.labels()
    story.node.rpc("generatetoaddress", 1, story.paper[0])
    assert story.labels() == {**everything, "stale": 1}


def test_a_block_that_a_reorganisation_removed(story: Story) -> None:
    message = (story.folder / "ceremony" / "message.txt").read_text()
    height, named = message.split(" block ")[1].split()[:2]
    assert story.node.rpc("getblockhash", int(height)) == named
    address = story.node.rpc("getnewaddress", wallet="other")
    story.node.rpc("invalidateblock", named)
    story.node.rpc("generatetoaddress", 12, address)
    assert story.node.rpc("getblockhash", int(height)) != named
    finish = ("prove", "finish", "ceremony", "-o", "proofs.json", "--json", *story.source[:2])
    assert json.loads(story.run(*finish, expect=1))["block_gone"]
    found = json.loads(story.run("audit", *story.source, "--json", *PROOFS, expect=3))
    (line, *_) = found["holders"][0]["control"]
    assert line["control"] == "none"
