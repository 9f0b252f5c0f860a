"""How old a control proof may be travels in a bundle: whoever assesses again gets the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.strategies.chains import plain_folder
from tests.strategies.evidence import MemorySource, read_chain, reserve, wallet
from tests.unit.bundle import kit
from tests.unit.proof import maker

from erario.assess import assess
from erario.auditing import collect
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Script
from erario.bundle.checks import list_checks
from erario.bundle.errors import BundleCode, BundleError
from erario.bundle.making import Enclosed, make_bundle, make_verified
from erario.bundle.opening import open_sealed
from erario.bundle.shown_proofs import ProofStanding, list_proofs
from erario.bundle.verifying import verify_bundle, verify_files
from erario.cli.main import run
from erario.proof.control_message import write_control_message
from erario.proof.proof_file import proofs_json
from erario.statement.evidence import ControlProof, Evidence

KEY = maker.p2wpkh(maker.sec(1))
CHAIN = read_chain(
    "3 coinbase > 50 key\n9 at 2011-02-05T12:00\n10 at 2011-02-05T12:10", {"key": KEY}, length=10
)


def aged(within: int | None) -> Evidence:
    """A proof over block 4, of 2011-02-02T23:56:42, and a cut-off some two and a half days later."""
    declared, source = reserve(CHAIN, [wallet("vault", "key")]), MemorySource(CHAIN.blocks)
    at = collect(declared, source, at=4)
    (holder,) = assess(at).holders
    text = write_control_message(
        "Kit", "treasury", at.cutoff.height, at.cutoff.block_hash, holder.coins_digest
    ).text
    proof = ControlProof(Script(KEY), text, maker.simple(KEY, maker.by_key_hash(1), text))
    return collect(declared, source, at=9, headers=True, proofs=[proof], proofs_within_days=within)


def control(statement) -> list[tuple[str, bool]]:
    return [(one.control.value, one.too_old) for one in statement.holders[0].control]


@pytest.mark.parametrize(
    ("within", "label", "said"),
    [
        (None, ("proved", False), "of 1 script"),
        (3, ("proved", False), "of 1 script, by proofs of 3 days or less"),
        (2, ("stale", True), "of no script, by proofs of 2 days or less"),
    ],
)
def test_it_is_assessed_again_by_the_same_maximum(within, label, said):
    files, found = make_verified(aged(within))
    assert control(found.statement) == [label]
    assert found.evidence.proofs_within_days == within
    assert verify_files(files).statement == found.statement
    (line,) = (one.what for one in list_checks(found) if one.about == "control")
    assert line == f"1 proof judged by BIP-322: control is shown {said}"


def test_a_proof_that_is_too_old_is_told_so():
    (group,) = list_proofs(make_verified(aged(2))[1])
    assert (group.standing, group.keys) == (ProofStanding.TOO_OLD, 1)


def test_sealed_proofs_are_judged_by_it_once_they_are_opened():
    evidence = aged(2)
    sealed = verify_files(make_bundle(evidence, Enclosed(seal=True)))
    assert control(sealed.statement) == [("none", False)]
    assert control(open_sealed(sealed, evidence.proofs).statement) == [("stale", True)]


@pytest.mark.parametrize("other", [None, 3])
def test_another_maximum_than_the_statement_was_made_by_is_refused(other):
    files = kit.edit(kit.put("proofs_within_days", other), of=make_bundle(aged(2)))
    with pytest.raises(BundleError) as caught:
        verify_files(files)
    assert caught.value.code is BundleCode.STATEMENT


@pytest.mark.parametrize("junk", [0, -1, 36_501, "90", True, 1.5])
def test_a_maximum_that_is_none_is_refused(junk):
    value = {**json.loads(make_bundle(aged(2))["evidence.json"]), "proofs_within_days": junk}
    files = kit.with_file("evidence.json", json.dumps(value).encode(), make_bundle(aged(2)))
    with pytest.raises(BundleError):
        verify_files(files)


def test_the_commands_take_it(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    plain_folder(tmp_path / "blocks", CHAIN.blocks)
    Path("reserve.toml").write_text(
        'erario = 1\nnetwork = "regtest"\n[holders.treasury]\nname = "treasury"\n'
        f'[wallets.vault]\nscripts = ["{KEY.hex()}"]\n'
    )
    Path("proofs.json").write_bytes(proofs_json(NetworkName.REGTEST, aged(None).proofs))
    line = ["reserve.toml", "--source", "blocks:blocks", "--at", "9", "-q"]
    line += ["--proofs", "proofs.json", "--proofs-within", "2"]
    assert run(["audit", *line]) == 0
    page = " ".join(capsys.readouterr().out.split())
    assert "Control none proved, 0 of 1 script 50.00000000 BTC on 1 script stale" in page
    assert "stale: proved more than 2 days before the cut-off" in page
    assert run(["audit", *line, "--json"]) == 0
    audited = json.loads(capsys.readouterr().out)
    assert audited["proofs_within_days"] == 2
    assert run(["bundle", *line, "-o", "q.erario"]) == 0
    assert control(verify_bundle(Path("q.erario")).statement) == [("stale", True)]
    capsys.readouterr()
    assert run(["verify", "q.erario", "--json"]) == 0
    verified = json.loads(capsys.readouterr().out)["statement"]
    assert verified["holders"] == audited["holders"]
    assert run(["verify", "q.erario", "--json", "--proofs-within", "3"]) == 0
    own = json.loads(capsys.readouterr().out)["statement"]
    assert own["proofs_within_days"] == 3
    assert [one["control"] for one in own["holders"][0]["control"]] == ["proved"]
    for command in (["audit"], ["bundle", "-o", "r.erario"]):
        assert run([*command, *line[:-4], "--proofs-within", "2"]) == 2
        assert "--proofs-within goes with --proofs" in capsys.readouterr().err
        assert run([*command, *line[:-1], "0"]) == 2
