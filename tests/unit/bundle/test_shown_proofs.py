"""The control proofs of a bundle, as they are told: by what was signed, and by which quorums."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from tests.strategies.evidence import MemorySource, read_chain, reserve, wallet
from tests.unit.proof import maker

from erario.assess import assess
from erario.auditing import collect
from erario.bitcoin.transaction import TxOutput
from erario.bitcoin.values import Height, Script
from erario.bundle.making import Enclosed, make_verified, save_bundle
from erario.bundle.shown_proofs import ProofGroup, ProofStanding, list_proofs
from erario.bundle.verifying import VerifiedBundle
from erario.cli.main import run
from erario.cli.show.proofs import proofs_lines
from erario.proof.control_message import write_control_message
from erario.proof.making import CoinToSign, start_message
from erario.proof.messages import serialise_witness
from erario.proof.psbt import FINAL_WITNESS
from erario.proof.quorums import Quorum, read_quorums
from erario.proof.result import Form
from erario.statement.evidence import ControlProof

QUORUM = maker.multisig(2, 1, 2, 3)
LEAF = maker.pk(4)[1:]
SCRIPTS = {
    "vault": maker.p2wsh(QUORUM),
    **{f"key{number}": maker.p2wpkh(maker.sec(number)) for number in range(1, 9)},
    "taproot": maker.p2tr(1),
    "odd": maker.p2wsh(b"\x51\x69" + maker.pk(5)),
    "anybody": maker.p2wsh(b"\x51"),
    "old": maker.p2pkh(maker.sec(9)),
}
CHAIN = read_chain("3 coinbase > " + ", ".join(f"1 {name}" for name in SCRIPTS), SCRIPTS, length=12)
WAYS = {
    "vault": maker.by_multisig(QUORUM, 1, 3),
    **{f"key{number}": maker.by_key_hash(number) for number in range(1, 9)},
    "odd": maker.by_script(b"\x51\x69" + maker.pk(5), 5),
    "anybody": maker.by_script(b"\x51"),
}
DECLARED = reserve(CHAIN, [wallet("vault", "vault"), wallet("hot", " ".join(list(SCRIPTS)[1:]))])


def message(height: int, purpose: str = "Kit", holder: str = "treasury", last: int = 0) -> str:
    """A line over a block of the chain; with `last`, over one that ends otherwise."""
    block = bytearray(CHAIN.blocks[height].block_hash)
    block[-1] ^= last
    found = collect(DECLARED, MemorySource(CHAIN.blocks), at=height)
    (one,) = assess(found).holders
    return write_control_message(
        purpose, holder, Height(height), bytes(block), one.coins_digest
    ).text


def proof(name: str, text: str) -> ControlProof:
    script = SCRIPTS[name]
    signature = maker.simple(script, WAYS[name], text)
    return ControlProof(Script(script), text, signature)


def verified(*proofs: ControlProof) -> VerifiedBundle:
    evidence = collect(DECLARED, MemorySource(CHAIN.blocks), at=10, headers=True, proofs=proofs)
    return make_verified(evidence)[1]


def told(*groups: ProofGroup) -> str:
    (network,) = {DECLARED.network}
    return " ".join(" ".join(str(one) for one in proofs_lines(groups, network)).split())


def test_alike_ones_are_one_group():
    text = message(8)
    names = ["vault", *(f"key{number}" for number in range(1, 9))]
    vault, hot = sorted(
        list_proofs(verified(*(proof(name, text) for name in names))), key=lambda one: one.proofs
    )
    assert (vault.wallet, vault.keys, vault.quorum) == ("vault", 2, Quorum(2, 3))
    assert (hot.wallet, hot.keys, hot.quorum) == ("hot", 1, Quorum(1, 1))
    assert (vault.proofs, hot.proofs, len(hot.scripts)) == (1, 8, 8)
    assert {vault.standing, hot.standing} == {ProofStanding.COUNTED}
    assert vault.form is Form.SIMPLE
    assert vault.point is not None
    assert (vault.point.height, vault.holder) == (8, "treasury")
    page = told(vault, hot)
    assert "block 8 of 2011-02-03" in page
    assert "holder treasury, the holder treasury" in page
    assert "vault: 1 script, by 2 distinct keys (needed: 2 of 3); bcrt1" in page
    assert "hot: 8 scripts, each by 1 distinct key (needed: 1 of 1); bcrt1" in page
    assert "and 6 more" in page


def test_what_does_not_count_is_told_so():
    good, later = message(6), message(8)
    cases = {
        message(8, last=1): "not a block of this bundle's chain",
        message(11): "not a block of this bundle's chain up to its cut-off",
        message(8, holder="Somebody"): "which no holder here signs as",
        "I have it": "this is no message of a control proof",
    }
    found = verified(
        proof("key1", good), proof("key1", later), proof("odd", later), proof("anybody", later),
        *(proof(f"key{number}", text) for number, text in enumerate(cases, 2)),
    )  # fmt: skip
    groups = {(one.text, one.scripts[0]): one for one in list_proofs(found)}
    first = groups[good, SCRIPTS["key1"]]
    assert (first.standing, first.keys) == (ProofStanding.ANOTHER, 1)
    assert groups[later, SCRIPTS["key1"]].standing is ProofStanding.COUNTED
    assert "another proof of the script counts in its place" in told(first)
    odd = groups[later, SCRIPTS["odd"]]
    assert (odd.standing, odd.keys, odd.quorum) == (ProofStanding.COUNTED, 1, None)
    assert "being no plain quorum" in told(odd)
    anybody = groups[later, SCRIPTS["anybody"]]
    assert (anybody.standing, anybody.keys) == (ProofStanding.NOT_COUNTED, 0)
    assert "by no key" in told(anybody)
    for number, (text, words) in enumerate(cases.items(), 2):
        group = groups[text, SCRIPTS[f"key{number}"]]
        assert group.standing is ProofStanding.NOT_COUNTED
        assert words in told(group)
        assert "not counted, see the findings" in told(group)


def test_the_order_in_which_proofs_are_given_means_nothing():
    proofs = [proof("key1", message(8, last=1)), proof("key2", message(11)), proof("key3", "x")]
    found = [verified(*order) for order in (proofs, proofs[::-1], [*proofs, *proofs])]
    assert len({one.manifest.digest for one in found}) == 1
    assert len(found[0].statement.findings) == 3


def funds(text: str) -> ControlProof:
    """One proof of funds for the scripts of two keys, by their coins."""
    found = assess(collect(DECLARED, MemorySource(CHAIN.blocks), at=8))
    script = SCRIPTS["key1"]
    (coin,) = (one for one in found.coins if one.script == SCRIPTS["key2"])
    output = TxOutput(coin.sats, coin.script)
    psbt = start_message(Script(script), text, coins=(CoinToSign(coin.outpoint, output),))
    spent = ((script, 0), (output.script, output.sats))
    to_sign = replace(maker.unsigned(script, text), raw=psbt.transaction.raw, spent=spent)
    inputs = tuple(
        {**fields, FINAL_WITNESS: serialise_witness(WAYS[name](replace(to_sign, number=at))[1])}
        for at, (fields, name) in enumerate(zip(psbt.inputs, ("key1", "key2"), strict=True))
    )
    return ControlProof(Script(script), text, "pof" + replace(psbt, inputs=inputs).to_text())


def test_a_proof_of_funds_is_one_proof_of_several_scripts():
    (group,) = list_proofs(verified(funds(message(8))))
    assert (group.form, group.proofs, group.keys) == (Form.PROOF_OF_FUNDS, 1, 1)
    assert group.scripts == [SCRIPTS["key1"], SCRIPTS["key2"]]
    assert group.standing is ProofStanding.COUNTED
    assert "hot: 2 scripts in 1 proof of funds, each by 1 distinct key" in told(group)


def test_two_messages_over_one_block_are_told_apart():
    texts = [message(8), message(8, "Other")]
    groups = list_proofs(verified(*(proof("key1", text) for text in texts)))
    assert [one.text for one in groups] == texts
    assert {one.standing for one in groups} == {ProofStanding.COUNTED}


def test_many_messages_stay_readable():
    texts = [message(8, f"Kit {number}") for number in range(22)]
    groups = list_proofs(verified(*(proof("key1", text) for text in texts)))
    assert "and 2 messages more: --json has all" in told(*groups)


def test_the_command_tells_them(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    evidence = collect(
        DECLARED, MemorySource(CHAIN.blocks), at=10, headers=True,
        proofs=[proof("vault", message(8))],
    )  # fmt: skip
    for name, enclosed in (("open", Enclosed()), ("sealed", Enclosed(seal=True))):
        save_bundle(make_verified(evidence, enclosed)[0], Path(name))
    assert run(["verify", "open", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    (one,) = answer["proofs"]
    assert (one["keys"], one["needed"], one["of"], one["standing"]) == (2, 2, 3, "counted")
    assert (one["holder"], one["block"]["height"], one["proofs"]) == ("treasury", 8, 1)
    assert one["scripts"] == [SCRIPTS["vault"].hex()]
    assert one["names"]["hash"] == one["block"]["hash"]
    assert answer["sealed"] == []
    assert run(["verify", "sealed", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["proofs"], len(answer["sealed"])) == ([], 1)
    assert run(["verify", "open"]) == 0
    page = capsys.readouterr().out
    assert "Control proofs: what was signed" in page
    assert max(map(len, page.splitlines())) <= 80


def test_a_bundle_without_proofs_has_none_to_tell():
    assert list_proofs(verified()) == ()
    assert proofs_lines((), DECLARED.network) == []


def test_quorums_of_what_cannot_be_read():
    for signature in ("", "smpAAAA", "junk"):
        assert read_quorums(Script(SCRIPTS["old"]), "x", signature)[1] == {SCRIPTS["old"]: None}
