"""What comes back: every kind of script, any mix of devices, and files that are no part of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.strategies.evidence import MemorySource
from tests.unit.ceremony.kit import (
    REGTEST,
    VAULT,
    A,
    B,
    C,
    D,
    E,
    Treasury,
    build,
    signed,
)
from tests.unit.proof.maker import ALL, ANYONE, Signing

from erario.auditing import audit
from erario.bitcoin.descriptor import read_descriptor
from erario.bitcoin.transaction import TxOutput, read_transaction
from erario.ceremony import pasting
from erario.ceremony.combinations import combine_quorums
from erario.ceremony.errors import CeremonyCode
from erario.ceremony.gathering import Gathered, gather, merged
from erario.ceremony.plan import Ceremony
from erario.ceremony.progress import progress_of
from erario.ceremony.returned import Returned, SignedText
from erario.cli.show.prove import combination_lines
from erario.proof.descriptor_fields import script_fields
from erario.proof.making import finalise, signature_text
from erario.proof.psbt import (
    FINAL_WITNESS,
    MESSAGE,
    NON_WITNESS_UTXO,
    PARTIAL_SIG,
    WITNESS_UTXO,
    Psbt,
    combine,
    write_output,
)
from erario.statement.model import Control

NOBODY = "50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0"
KINDS = {
    # descriptor: signers, keys of each proof
    f"pkh({A})": ((0,), 1),
    f"wpkh({A})": ((0,), 1),
    f"sh(wpkh({A}))": ((0,), 1),
    f"tr({A})": ((0,), 1),
    f"sh(sortedmulti(2,{A},{B}))": ((1, 0), 2),
    f"sh(wsh(multi(2,{A},{B},{C})))": ((2, 0), 2),
    f"wsh(sortedmulti(3,{A},{B},{C},{D},{E}))": ((4, 0, 2), 3),
    f"wsh(sortedmulti(2,{A},{B},{C}))": ((0, 1, 2), 2),
    f"tr({NOBODY},{{pk({D}),multi_a(2,{A},{B},{C})}})": ((2, 1), 2),
    f"tr({A},pk({B}))": ((1,), 1),
}


def treasury(folder: Path, *wallets: tuple[str, int]) -> Treasury:
    return build(folder, {f"w{number}": wallet for number, wallet in enumerate(wallets)})


def one_by_one(psbts: list[Psbt]) -> list[Returned]:
    return [Returned(f"file {number}", (psbt,)) for number, psbt in enumerate(psbts)]


def returned(ceremony: Ceremony, *signers: int) -> list[Returned]:
    """What these signers send back of every ask, each in a file of its own."""
    return one_by_one([psbt for ask in ceremony.asks for psbt in signed(ask.psbt, *signers)])


def codes(gathered: Gathered) -> list[str]:
    return [error.code.value for error in gathered.refused]


@pytest.mark.parametrize("in_batches", [False, True])
@pytest.mark.parametrize("text", KINDS)
def test_every_kind_to_an_audit(tmp_path: Path, text: str, in_batches: bool) -> None:
    signers, keys = KINDS[text]
    world = treasury(tmp_path, (text, 3))
    ceremony = world.start(in_batches=in_batches)
    assert len(ceremony.asks) == (1 if in_batches else 3)
    gathered = gather(ceremony, returned(ceremony, *signers))
    assert gathered.is_complete
    assert gathered.refused == ()
    (holder,) = audit(
        world.reserve, MemorySource(world.blocks), at=ceremony.message.height,
        proofs=gathered.proofs,
    ).holders  # fmt: skip
    assert [(one.control, one.coins) for one in holder.control] == [(Control.PROVED, 3)]
    scripts = [one for one in holder.wallets[0].scripts if one.balance.coins]
    assert {one.proof.keys for one in scripts if one.proof} == {keys}


def test_the_same_files_in_any_order_and_again(tmp_path: Path) -> None:
    ceremony = treasury(tmp_path, (VAULT, 2)).start()
    files = returned(ceremony, 0, 1, 2)
    first = gather(ceremony, files)
    assert gather(ceremony, [*reversed(files), *files]).proofs == first.proofs


def test_who_signed_is_known_before_the_quorum_is_complete(tmp_path: Path) -> None:
    ceremony = treasury(tmp_path, (VAULT, 1)).start()
    (standing,) = gather(ceremony, returned(ceremony, 1)).standings
    progress = progress_of(ceremony, standing)
    assert [one.title for one in progress.signed] == ["Auditor"]
    assert {one.name for one in progress.open} == {"Director", None}
    assert progress.missing == 1


def test_a_signer_who_signed_a_part_of_a_batch(tmp_path: Path) -> None:
    ceremony = treasury(tmp_path, (VAULT, 3)).start(in_batches=True)
    (ask,) = ceremony.asks
    (psbt,) = signed(ask.psbt, 1)
    partly = replace(psbt, inputs=(ask.psbt.inputs[0], *psbt.inputs[1:]))
    (standing,) = gather(ceremony, one_by_one([partly])).standings
    progress = progress_of(ceremony, standing)
    assert [(one.title, done, of) for one, done, of in progress.partly] == [("Auditor", 2, 3)]
    assert progress.missing == 2


def test_every_combination(tmp_path: Path) -> None:
    ceremony = treasury(tmp_path, (VAULT, 1)).start()
    (standing,) = gather(ceremony, returned(ceremony, 0, 1)).standings
    found = combine_quorums(ceremony, standing)
    assert [one.is_complete for one in found].count(True) == 1
    assert {len(one.lacking) for one in found} == {0, 1}
    (standing,) = gather(ceremony, returned(ceremony, 0, 1, 2)).standings
    assert all(one.is_complete for one in combine_quorums(ceremony, standing))


def test_combinations_of_a_key_path_and_a_leaf(tmp_path: Path) -> None:
    ceremony = treasury(tmp_path, (f"tr({A},multi_a(2,{B},{C}))", 1)).start()
    (standing,) = gather(ceremony, returned(ceremony, 0, 1)).standings
    found = {
        tuple(one.title for one in each.signers): each.is_complete
        for each in combine_quorums(ceremony, standing)
    }
    assert list(found.values()) == [True, False]


def test_finalised_by_its_wallet(tmp_path: Path) -> None:
    """The signers of a finalised quorum are known by their signatures."""
    ceremony = treasury(tmp_path, (VAULT, 1)).start()
    (ask,) = ceremony.asks
    final = finalise(combine(signed(ask.psbt, 0, 2)))
    gathered = gather(ceremony, one_by_one([final]))
    assert gathered.is_complete
    (standing,) = gathered.standings
    assert len(progress_of(ceremony, standing).signed) == 2


def test_a_timelocked_script_is_finalised_by_its_wallet_alone(tmp_path: Path) -> None:
    ceremony = treasury(tmp_path, (f"wsh(and_v(v:pk({A}),older(144)))", 1)).start()
    (ask,) = ceremony.asks
    assert (ask.psbt.transaction.version, ask.psbt.transaction.inputs[0].sequence) == (2, 144)
    (psbt,) = signed(ask.psbt, 0)
    gathered = gather(ceremony, one_by_one([psbt]))
    (standing,) = gathered.standings
    assert not standing.is_proved
    assert progress_of(ceremony, standing).missing is None
    (signature,) = (value for key, value in psbt.inputs[0].items() if key[:1] == PARTIAL_SIG)
    inner = merged(ask, standing.inputs).inputs[0][b"\x05"]
    witness = b"\x02" + bytes((len(signature),)) + signature + bytes((len(inner),)) + inner
    final = replace(ask.psbt, inputs=({**ask.psbt.inputs[0], FINAL_WITNESS: witness},))
    gathered = gather(ceremony, one_by_one([psbt, final]))
    assert gathered.is_complete
    assert gathered.refused == ()


def test_a_final_witness_that_satisfies_nothing(tmp_path: Path) -> None:
    ceremony = treasury(tmp_path, (f"wsh(and_v(v:pk({A}),older(144)))", 1)).start()
    (ask,) = ceremony.asks
    final = replace(ask.psbt, inputs=({**ask.psbt.inputs[0], FINAL_WITNESS: b"\x01\x01\x01"},))
    assert codes(gather(ceremony, one_by_one([final]))) == [CeremonyCode.BAD_SIGNATURE]


def test_unsigned_foreign_and_changed(tmp_path: Path) -> None:
    world = treasury(tmp_path, (VAULT, 1))
    ceremony = world.start()
    (ask,) = ceremony.asks
    (other,) = world.start(purpose="Another").asks
    gathered = gather(ceremony, one_by_one([ask.psbt, *signed(other.psbt, 0)]))
    assert codes(gathered) == [CeremonyCode.FOREIGN, CeremonyCode.UNSIGNED]
    assert gathered.proofs == ()
    assert gather(ceremony, one_by_one([ask.psbt, *signed(ask.psbt, 0, 1)])).refused == ()
    changed = _with_version_2(ask.psbt)
    gathered = gather(ceremony, one_by_one([changed]))
    assert codes(gathered) == [CeremonyCode.CHANGED]
    assert "the version from 0 to 2" in gathered.refused[0].what


def test_a_signature_that_does_not_hold_changes_nothing(tmp_path: Path) -> None:
    world = treasury(tmp_path, (VAULT, 1))
    ceremony = world.start()
    (ask,) = ceremony.asks
    (other,) = world.start(purpose="Another").asks
    (good,), (bad,) = signed(ask.psbt, 0), signed(other.psbt, 1)
    mixed = replace(ask.psbt, inputs=bad.inputs)
    gathered = gather(ceremony, one_by_one([mixed, good]))
    assert codes(gathered) == [CeremonyCode.BAD_SIGNATURE]
    gathered = gather(ceremony, one_by_one([mixed, good, *signed(ask.psbt, 1)]))
    assert gathered.is_complete


@pytest.mark.parametrize("change", [{"hash_type": ANYONE | ALL}, {"high_s": True}])
def test_a_signature_that_would_spoil_the_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    """One of another hash type, or with a high s, satisfies the script and breaks BIP-322's rules:
    the others' make the proof without it."""
    ceremony = treasury(tmp_path, (VAULT, 1)).start()
    (ask,) = ceremony.asks
    good = signed(ask.psbt, 1, 2)
    ecdsa = Signing.ecdsa
    monkeypatch.setattr(
        Signing, "ecdsa", lambda self, *given, **more: ecdsa(self, *given, **more, **change)
    )
    bad = signed(ask.psbt, 0)
    gathered = gather(ceremony, one_by_one([*bad, *good]))
    assert codes(gathered) == [CeremonyCode.BAD_SIGNATURE]
    assert gathered.is_complete


def test_what_a_stranger_writes_beside_a_signature_is_left(tmp_path: Path) -> None:
    ceremony = treasury(tmp_path, (f"wpkh({A})", 2)).start(in_batches=True)
    (ask,) = ceremony.asks
    (psbt,) = signed(ask.psbt, 0)
    amounts = tuple({**fields, WITNESS_UTXO: bytes(9)} for fields in psbt.inputs)
    strange = replace(psbt, fields={MESSAGE: b"another"}, inputs=amounts)
    assert gather(ceremony, one_by_one([strange])).proofs == gather(
        ceremony, one_by_one([psbt])
    ).proofs  # fmt: skip


def test_a_quorum_behind_an_address_alone(tmp_path: Path) -> None:
    """The signers' wallets know the script; what a stranger says of it is not believed."""
    (told,) = build(tmp_path, {"paper": (VAULT, 1)}).start().asks
    ceremony = build(tmp_path, {"paper": (VAULT, 1)}, addresses=("paper",)).start()
    (ask,) = ceremony.asks
    good = [replace(one, transaction=ask.psbt.transaction) for one in signed(told.psbt, 0, 1)]
    key = bytes((2,)) * 33
    fields = {**ask.psbt.inputs[0], b"\x06" + key: b"evil", PARTIAL_SIG + key: bytes(70)}
    bad = replace(ask.psbt, inputs=({**fields, b"\x05": b"\x51"},))
    # A script of the stranger's own, which its signature holds for.
    own, own_fields = script_fields(read_descriptor(f"wsh(multi(1,{D},{E}))", REGTEST), 0, 0)
    own_fields = {**ask.psbt.inputs[0], **own_fields, WITNESS_UTXO: write_output(TxOutput(0, own))}
    del own_fields[NON_WITNESS_UTXO]
    (forged,) = signed(replace(ask.psbt, inputs=(own_fields,)), 3)
    gathered = gather(ceremony, one_by_one([bad, forged, *good]))
    assert codes(gathered) == [CeremonyCode.BAD_SIGNATURE, CeremonyCode.BAD_SIGNATURE]
    assert gathered.is_complete
    (standing,) = gathered.standings
    assert len(progress_of(ceremony, standing).signed) == 2


def strings(ceremony: Ceremony, *signers: int) -> list[str]:
    return [signature_text(finalise(combine(signed(ask.psbt, *signers)))) for ask in ceremony.asks]


def test_pasted_signatures(tmp_path: Path) -> None:
    texts = strings(build(tmp_path, {"paper": (f"wpkh({A})", 2)}).start(), 0)
    ceremony = build(tmp_path, {"paper": (f"wpkh({A})", 2)}, addresses=("paper",)).start()
    assert not any(ask.has_origins for ask in ceremony.asks)
    first, second = (Returned("pasted.txt", texts=(SignedText(text),)) for text in texts)
    one = gather(ceremony, [first])
    assert len(one.proofs) == 1
    lines = combination_lines([(each, combine_quorums(ceremony, each)) for each in one.standings])
    assert "only its wallet knows who must sign" in lines[1].plain
    assert gather(ceremony, [second, first]).is_complete
    assert codes(gather(ceremony, [second, first, first])) == []


def test_pasted_signatures_that_prove_nothing(tmp_path: Path) -> None:
    world = build(tmp_path, {"paper": (f"wpkh({A})", 1)}, addresses=("paper",))
    ceremony = world.start()
    wallet = world.reserve.wallets[0]
    address = str(wallet.scripts[0].address)
    other = "smpAA=="
    cases = {
        SignedText(other): CeremonyCode.BAD_SIGNATURE,
        SignedText("nonsense", address): CeremonyCode.BAD_SIGNATURE,
        SignedText(other, None, "another message"): CeremonyCode.OTHER_MESSAGE,
        SignedText(other, "bcrt1qxxxx"): "address.",
        SignedText(other, "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqz9yp9"): "",
    }
    for text, code in cases.items():
        gathered = gather(ceremony, [Returned("pasted.txt", texts=(text,))])
        (found,) = codes(gathered)
        assert found.startswith(str(code)), text
        assert gathered.proofs == ()


def test_cosigners_sign_one_after_the_other(tmp_path: Path) -> None:
    """A PSBT that went from hand to hand carries the signatures of all."""
    ceremony = treasury(tmp_path, (VAULT, 1)).start()
    (ask,) = ceremony.asks
    (first,) = signed(ask.psbt, 0)
    (second,) = signed(first, 2)
    assert gather(ceremony, one_by_one([second])).is_complete


def _with_version_2(psbt: Psbt) -> Psbt:
    raw = psbt.transaction.raw
    return replace(psbt, transaction=read_transaction(b"\x02" + raw[1:]))


def test_a_flood_of_strings_without_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ceremony = build(tmp_path, {"paper": (f"wpkh({A})", 3)}, addresses=("paper",)).start()
    monkeypatch.setattr(pasting, "MAX_TRIALS", 7)
    texts = tuple(SignedText(f"smpA{letter}==") for letter in "AQgw")
    gathered = gather(ceremony, [Returned("pasted.txt", texts=texts)])
    assert codes(gathered).count(CeremonyCode.TOO_MANY) >= 1
