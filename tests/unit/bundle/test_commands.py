"""`erario bundle` and `erario verify`, from block files to exit codes."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import zipfile
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from tests.strategies.chains import plain_folder
from tests.strategies.evidence import MemorySource, read_chain, script
from tests.unit.bundle import kit
from tests.unit.bundle.test_timestamp import appended, attested, proof
from tests.unit.proof import maker

from erario.bitcoin.address import show_address
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import BlockHash, Height, Script
from erario.bundle.against_chain import ChainQuestion, ask_chain
from erario.bundle.archive import write_archive
from erario.bundle.making import Enclosed, make_bundle, save_bundle
from erario.bundle.verifying import verify_bundle, verify_files
from erario.cli import request
from erario.cli.main import run
from erario.proof.control_message import write_control_message
from erario.proof.proof_file import proofs_json
from erario.statement.evidence import ControlProof
from erario.statement.finding import Finding, FindingCode, Severity, Verdict

Captured = pytest.CaptureFixture[str]

_RESERVE = """\
erario = 1
network = "regtest"

[holders.treasury]
name = "Treasury"
complete = true

[wallets.vault]
role = "holding"
addresses = {{ file = "addresses.csv" }}

[documents.gazette]
title = "Gazette"
file = "gazette.txt"
sha256 = "{sha256}"

[claims.minister]
at = 3
holds = ">= 50 BTC"
"""


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A folder with a reserve and the block files of a chain."""
    chain = read_chain("3 coinbase > 50 a\n6 pay = 3.0 > 20 a, 29 x", length=12)
    plain_folder(tmp_path / "blocks", chain.blocks)
    address = show_address(chain.script("a"), NetworkName.REGTEST)
    (tmp_path / "addresses.csv").write_text(f"address\n{address}\n")
    (tmp_path / "gazette.txt").write_text(f"The treasury holds {address}.\n")
    sha256 = hashlib.sha256((tmp_path / "gazette.txt").read_bytes()).hexdigest()
    (tmp_path / "reserve.toml").write_text(_RESERVE.format(sha256=sha256))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


SOURCE = ("--source", "blocks:blocks", "--no-state")


def test_a_bundle_from_block_files_and_back(world: Path, capsys: Captured) -> None:
    assert run(["bundle", *SOURCE, "--at", "4", "-o", "one.erario"]) == 0
    digest = capsys.readouterr().out.split()[0]
    assert run(["verify", "one.erario"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"VERIFIED     {digest}")
    assert max(map(len, out.splitlines())) <= 80
    for words in ("Checked\n", "Stated: somebody says so", "Not checked\n", "KEPT"):
        assert words in out
    with zipfile.ZipFile("one.erario") as archive:
        assert not any(name.startswith(("declared", "documents")) for name in archive.namelist())


def test_all_that_can_be_enclosed(world: Path, capsys: Captured) -> None:
    line = ["bundle", *SOURCE, "--with-descriptors", "--with-documents", "-o", "all", "--folder"]
    assert run([*line, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    found = verify_bundle(world / "all")
    assert found.manifest.digest.hex() == made["bundle"]
    names = set(found.manifest.files)
    assert {"declared/reserve.toml", "declared/addresses.csv"} <= names
    assert any(name.startswith("documents/") for name in names)
    assert run(line) == 2
    assert "not written over" in capsys.readouterr().err


def test_the_next_bundle(world: Path, capsys: Captured) -> None:
    assert run(["bundle", *SOURCE, "--at", "4", "-o", "one.erario", "-q"]) == 0
    assert run(["bundle", *SOURCE, "--previous", "one.erario", "-o", "two.erario", "-q"]) == 0
    capsys.readouterr()
    assert run(["verify", "two.erario", "--previous", "one.erario", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    (holder,) = answer["statement"]["holders"]
    assert holder["roll_forward"]["opening_sats"] == 50 * 10**8
    assert holder["roll_forward"]["closing_sats"] == 20 * 10**8
    assert run(["verify", "one.erario", "--previous", "two.erario"]) == 1
    assert "previous.other" in capsys.readouterr().out


def test_a_bundle_that_does_not_open_where_the_last_closed(world: Path, capsys: Captured) -> None:
    assert run(["bundle", *SOURCE, "--at", "4", "-o", "one.erario", "-q"]) == 0
    line = ["bundle", *SOURCE, "--previous", "one.erario", "-o", "two.erario"]
    assert run([*line, "--since", "5"]) == 2
    assert "bundle.opening" in capsys.readouterr().err
    addresses = (
        Path("addresses.csv").read_text() + f"{show_address(script('x'), NetworkName.REGTEST)}\n"
    )
    Path("addresses.csv").write_text(addresses)
    assert run(["bundle", *SOURCE, "--at", "8", "-o", "x.erario", "-q"]) == 0
    assert run(["bundle", *SOURCE, "--previous", "x.erario", "-o", "y.erario", "-q"]) == 0
    Path("addresses.csv").write_text(addresses.splitlines()[0] + "\n" + addresses.splitlines()[1])
    assert run(["bundle", *SOURCE, "--previous", "x.erario", "-o", "z.erario"]) == 2
    assert "takes a since in the reserve" in " ".join(capsys.readouterr().err.split())
    assert not Path("z.erario").exists()


def test_a_chain_tells_what_was_spent_since(world: Path, capsys: Captured) -> None:
    assert run(["bundle", *SOURCE, "--at", "4", "-o", "one.erario", "-q"]) == 0
    capsys.readouterr()
    assert run(["verify", "one.erario", "--source", "blocks:blocks"]) == 1
    out = capsys.readouterr().out
    assert "was spent since, in block 6" in " ".join(out.split())
    assert "0 of 1 coin, 0.00000000 BTC, are still there at block" in " ".join(out.split())


def test_a_lie_is_refused_in_words_and_in_json(world: Path, capsys: Captured) -> None:
    lie = next(one for one in kit.LIES if one.name == "statement_richer")
    Path("lie.erario").write_bytes(lie.data())
    assert run(["verify", "lie.erario"]) == 1
    assert capsys.readouterr().out.startswith("REFUSED      statement.differs")
    assert run(["verify", "lie.erario", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["verdict"], answer["code"]) == ("refused", "statement.differs")


def test_what_cannot_be_read_is_no_verdict(world: Path, capsys: Captured) -> None:
    assert run(["verify", "nothing.erario"]) == 2
    assert run(["verify", "nothing.erario", "--signature", "x"]) == 2
    assert run(["bundle", *SOURCE, "-o", "x.erario", "--seal-proofs", "y"]) == 2
    assert not Path("x.erario").exists()


def test_sealed_proofs_are_opened_by_whoever_has_them(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    evidence = kit.proved()
    save_bundle(make_bundle(evidence, Enclosed(seal=True)), Path("sealed.erario"))
    Path("proofs.json").write_bytes(proofs_json(evidence.network, evidence.proofs))
    assert run(["verify", "sealed.erario", "--json"]) == 0
    closed = json.loads(capsys.readouterr().out)
    assert run(["verify", "sealed.erario", "--proofs", "proofs.json", "--json"]) == 0
    opened = json.loads(capsys.readouterr().out)

    def control(answer):
        return {one["control"] for one in answer["statement"]["holders"][0]["control"]}

    assert control(closed) == {"none"}
    assert "proved" in control(opened)
    Path("none.json").write_bytes(proofs_json(evidence.network, ()))
    assert run(["verify", "sealed.erario", "--proofs", "none.json", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["code"] == "proofs.seal"


def test_proofs_are_taken_in_and_sealed(tmp_path, monkeypatch, capsys) -> None:
    key = maker.p2wpkh(maker.sec(1))
    chain = read_chain("3 coinbase > 50 key", {"key": key}, length=12)
    plain_folder(tmp_path / "blocks", chain.blocks)
    monkeypatch.chdir(tmp_path)
    Path("reserve.toml").write_text(
        'erario = 1\nnetwork = "regtest"\n[holders.t]\nname = "T"\n'
        f'[wallets.v]\nscripts = ["{key.hex()}"]\n'
    )
    line = ["bundle", *SOURCE, "--at", "8", "-q", "-o"]
    assert run([*line, "plain.erario"]) == 0
    (holder,) = verify_bundle(Path("plain.erario")).statement.holders
    block = BlockHash(chain.blocks[8].block_hash)
    message = write_control_message("Q3", "T", Height(8), block, holder.coins_digest).text
    signature = maker.simple(key, maker.by_key_hash(1), message)
    proof_of = ControlProof(Script(key), message, signature)
    Path("given.json").write_bytes(proofs_json(NetworkName.REGTEST, [proof_of]))
    assert run([*line, "shown.erario", "--proofs", "given.json"]) == 0
    sealing = ["--proofs", "given.json", "--seal-proofs", "auditor.json"]
    assert run([*line, "sealed.erario", *sealing]) == 0
    assert Path("auditor.json").read_bytes() == Path("given.json").read_bytes()
    assert signature.encode() not in Path("sealed.erario").read_bytes()
    capsys.readouterr()
    answers = []
    for more in (["shown.erario"], ["sealed.erario", "--proofs", "auditor.json"]):
        assert run(["verify", *more, "--json"]) == 0
        answers.append(json.loads(capsys.readouterr().out)["statement"])
    assert answers[0] == answers[1]
    assert answers[0]["holders"][0]["control"][0]["control"] == "proved"
    wrong = replace(proof_of, message=message.replace("Q3", "Q4"))
    Path("wrong.json").write_bytes(proofs_json(NetworkName.REGTEST, [wrong]))
    capsys.readouterr()
    for sealing in ([], ["--seal-proofs", "sealed.json"]):
        assert run([*line, "wrong.erario", "--proofs", "wrong.json", *sealing]) == 2
        err = capsys.readouterr().err
        assert "proofs.invalid" in err
        assert "Leave out the proofs that do not hold" in err
        assert not Path("wrong.erario").exists()
        assert not Path("sealed.json").exists()


def test_a_bundle_with_nothing_to_seal_seals_nothing() -> None:
    files = make_bundle(replace(kit.proved(), proofs=(), named=()), Enclosed(seal=True))
    assert verify_files(files).sealed == ()


def test_nothing_is_written_over(world: Path, capsys: Captured) -> None:
    Path("given.json").write_bytes(proofs_json(NetworkName.REGTEST, []))
    assert run(["bundle", *SOURCE, "--at", "4", "-o", "one.erario", "-q"]) == 0
    Path("link.toml").symlink_to("reserve.toml")
    sealing = ["--proofs", "given.json", "--seal-proofs"]
    before = {path: path.read_bytes() for path in world.iterdir() if path.is_file()}
    for line in (
        ["-o", "same", *sealing, "./same"],
        ["-o", "new.erario", *sealing, "given.json"],
        ["-o", "given.json", "--proofs", "given.json"],
        ["-o", "one.erario", "--previous", "one.erario"],
        ["-o", "reserve.toml"],
        ["-o", "link.toml"],
        ["-o", "addresses.csv"],
        ["-o", "new.erario", *sealing, "addresses.csv"],
    ):
        assert run(["bundle", *SOURCE, *line]) == 2
        assert "bundle.same-file" in capsys.readouterr().err
        assert {path: path.read_bytes() for path in world.iterdir() if path.is_file()} == before


def test_no_sealed_proofs_stay_where_the_bundle_failed(world: Path, capsys: Captured) -> None:
    Path("given.json").write_bytes(proofs_json(NetworkName.REGTEST, []))
    line = ["--proofs", "given.json", "--folder", "-o", "given.json/x", "--seal-proofs", "a.json"]
    assert run(["bundle", *SOURCE, *line]) == 2
    assert "bundle.no-folder" in capsys.readouterr().err
    assert not Path("a.json").exists()


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen")
def test_who_and_when(world: Path, capsys: Captured) -> None:
    assert run(["bundle", *SOURCE, "--at", "4", "-o", "one.erario", "--json"]) == 0
    digest = json.loads(capsys.readouterr().out)["bundle"]
    assert run(["verify", "one.erario"]) == 0
    alone = " ".join(capsys.readouterr().out.split())
    assert "signature who issued it" in alone
    assert "timestamp how long after its last block it was made" in alone
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "key"], check=True)
    sign = ["ssh-keygen", "-q", "-Y", "sign", "-f", "key", "-n", "erario-bundle"]
    made = subprocess.run(sign, input=digest.encode(), capture_output=True, check=True)
    Path("issuer.sig").write_bytes(made.stdout)
    Path("allowed").write_text(f"issuer@example.org {Path('key.pub').read_text()}")
    tree = appended(b"salt") + b"\x08" + attested(500)
    Path("one.ots").write_bytes(proof(bytes.fromhex(digest), tree))
    line = ["verify", "one.erario", "--signature", "issuer.sig", "--allowed-signers", "allowed"]
    assert run([*line, "--timestamp", "one.ots"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "issuer.sig: the digest is signed by issuer@example.org, whom line 1 of" in out
    assert "it names block 500" in out
    assert "who issued it" not in out
    assert "how long after" not in out
    assert run([*line, "--timestamp", "one.ots", "--json"]) == 0
    checks = json.loads(capsys.readouterr().out)["checks"]
    facts = {one["about"]: one["facts"] for one in checks if one["facts"] is not None}
    assert facts["signature"]["signer"] == "issuer@example.org"
    assert facts["signature"]["key"].startswith("SHA256:")
    assert facts["timestamp"] == {"file": "one.ots", "height": 500, "time": None}
    Path("allowed").write_text(Path("key.pub").read_text())
    assert run(line) == 2
    err = " ".join(capsys.readouterr().err.split())
    assert "allowed: line 1 of the allowed signers begins with a key, not with a name" in err
    Path("allowed").write_text("")
    assert run(line) == 1
    assert "signature.signer" in capsys.readouterr().out


def test_a_chain_of_others_is_told(tmp_path) -> None:
    found = verify_files(kit.GOOD["good_plain"]())
    other = MemorySource(read_chain("3 coinbase > 1 a", length=30).blocks)
    (answer,) = ask_chain(found.evidence, found.statement, other, lambda _: None)
    assert (answer.question, answer.verdict) == (ChainQuestion.SAME_CHAIN, Verdict.FAIL)


def test_a_source_that_hides_what_is_proved(tmp_path) -> None:
    found = verify_files(kit.GOOD["good_plain"]())
    chain = read_chain(kit._CHAIN, length=24)
    unspent = [coin.outpoint.txid for coin in found.statement.coins if coin.unspent]
    source = MemorySource(chain.blocks, hidden=unspent[-1:])
    answers = ask_chain(found.evidence, found.statement, source, lambda _: None)
    told = {(one.question, one.verdict) for one in answers}
    assert (ChainQuestion.NOT_SHOWN, Verdict.UNKNOWN) in told
    whole = ask_chain(found.evidence, found.statement, MemorySource(chain.blocks), lambda _: None)
    assert {one.verdict for one in whole} == {Verdict.PASS}
    assert write_archive(kit.plain())


def test_a_bundle_says_what_an_audit_of_the_same_says(world: Path, capsys, monkeypatch) -> None:
    """Also what the clock and the kept headers say of the chain."""
    behind = Finding(
        FindingCode.SOURCE_BEHIND, Verdict.UNKNOWN, Severity.WARNING, "x", "The chain is old.", "y"
    )
    monkeypatch.setattr(request, "freshness_findings", lambda *_: iter([behind]))
    asked = [*SOURCE, "--at", "4", "--since", "2"]
    assert run(["audit", *asked, "--json"]) == 3
    audited = json.loads(capsys.readouterr().out)
    assert run(["bundle", *asked, "-o", "one.erario", "-q"]) == 3
    capsys.readouterr()
    assert run(["verify", "one.erario", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["statement"] == audited
    assert "source.behind" in {one["code"] for one in audited["observed"]["findings"]}


def test_what_is_sealed_is_not_published_beside_it(world: Path, capsys: Captured) -> None:
    Path("given.json").write_bytes(proofs_json(NetworkName.REGTEST, []))
    line = ["--proofs", "given.json", "--seal-proofs", "auditor.json", "--with-descriptors"]
    assert run(["bundle", *SOURCE, "-o", "x.erario", *line]) == 2
    err = " ".join(capsys.readouterr().err.split())
    assert "[bundle.seal-revealed]" in err
    assert "Make two bundles: a sealed one to publish" in err
    assert not Path("x.erario").exists()


def test_a_name_that_no_bundle_can_have_is_told_to_its_maker(world: Path, capsys: Captured) -> None:
    Path("reserve.toml").rename("my reserve.toml")
    line = ["bundle", "my reserve.toml", *SOURCE, "--with-descriptors", "-o", "x.erario"]
    assert run(line) == 2
    err = " ".join(capsys.readouterr().err.split())
    assert "my reserve.toml: a file of this name cannot stand in a bundle [bundle.name]" in err


@pytest.mark.parametrize(
    ("line", "exits", "words"),
    [
        (["nothing"], 2, "nothing: it cannot be read: No such file or directory"),
        (["reserve.toml"], 1, "Give the file that erario bundle wrote, or the folder."),
        (["one.erario", "--previous", "one.erario"], 1, "Leave out --previous."),
        (["two.erario", "--previous", "two.erario"], 1, "Give with --previous the bundle that"),
        (["two.erario", "--previous", "reserve.toml"], 1, "reserve.toml: the file is no bundle"),
        (["one.erario", "--proofs", "none.json"], 2, "Leave out --proofs: the proofs that are in"),
        (["one.erario", "--proofs", "reserve.toml"], 2, "Leave out --proofs"),
        (["one.erario", "--signature", "x.sig"], 2, "one line each, a name and what stands in"),
        (["one.erario", "--allowed-signers", "x"], 2, "--allowed-signers goes with --signature."),
        (
            ["one.erario", "--signature", "reserve.toml", "--allowed-signers", "reserve.toml"],
            1,
            "Give the .sig file that ssh-keygen -Y sign wrote, as it was.",
        ),
        (["one.erario", "--timestamp", "reserve.toml"], 1, "reserve.toml: the timestamp cannot"),
        (["one.erario", "--timestamp", "nothing"], 2, "nothing: it cannot be read"),
    ],
)
def test_own_mistakes_are_told_as_such(
    world: Path, capsys: Captured, line: list[str], exits: int, words: str
) -> None:
    Path("none.json").write_bytes(proofs_json(NetworkName.REGTEST, ()))
    assert run(["bundle", *SOURCE, "--at", "4", "-o", "one.erario", "-q"]) == 0
    assert run(["bundle", *SOURCE, "--previous", "one.erario", "-o", "two.erario", "-q"]) == 0
    capsys.readouterr()
    assert run(["verify", *line]) == exits
    said = " ".join(" ".join(capsys.readouterr()).split())
    assert words in said
    assert "ask whoever published it" not in said


@pytest.mark.parametrize(
    ("name", "package", "file"),
    [
        ("statement", "erario.statement", "statement.schema.json"),
        ("bundle", "erario.bundle", "bundle.schema.json"),
    ],
)
def test_schemas_are_printed(name: str, package: str, file: str, capsys: Captured) -> None:
    assert run(["schema", name]) == 0
    assert capsys.readouterr().out == files(package).joinpath(file).read_text()
