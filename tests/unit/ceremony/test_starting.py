"""What is asked: which scripts, in which PSBTs, and what is refused before anybody is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.strategies.evidence import ListSource, MemorySource
from tests.unit.ceremony.kit import (
    FINGERPRINTS,
    PURPOSE,
    VAULT,
    A,
    B,
    C,
    Treasury,
    build,
    scripts_of,
    signed,
)

from erario.assess import assess
from erario.auditing import collect
from erario.ceremony.errors import CeremonyCode
from erario.ceremony.forecast import foresee
from erario.ceremony.gathering import gather
from erario.ceremony.returned import Returned
from erario.ceremony.starting import Wanted, start_ceremony
from erario.ceremony.state_file import ceremony_json
from erario.ceremony.wallet_keys import GLOBAL_XPUB
from erario.errors import ErarioError
from erario.proof.messages import to_spend
from erario.proof.psbt import (
    DERIVATION,
    MESSAGE,
    NON_WITNESS_UTXO,
    WITNESS_SCRIPT,
    WITNESS_UTXO,
    read_psbt,
)


def test_one_proof_each_up_to_twenty_scripts(tmp_path: Path) -> None:
    ceremony = build(tmp_path, {"hot": (f"wpkh({A})", 20)}).start()
    assert [ask.name for ask in ceremony.asks][::19] == ["hot-001", "hot-020"]
    assert all(len(ask.scripts) == 1 for ask in ceremony.asks)


def test_batches_of_one_wallet_above(tmp_path: Path) -> None:
    world = build(tmp_path, {"hot": (f"wpkh({A})", 23), "vault": (VAULT, 2)})
    ceremony = world.start()
    assert [(ask.name, len(ask.scripts)) for ask in ceremony.asks] == [
        ("hot-001", 20), ("hot-002", 3), ("vault-001", 2),
    ]  # fmt: skip
    assert [script for ask in ceremony.asks for script in ask.scripts] == world.scripts
    assert len(world.start(in_batches=False).asks) == 25


def test_the_psbt_has_what_devices_need(tmp_path: Path) -> None:
    world = build(tmp_path, {"vault": (VAULT, 2)})
    (ask,) = world.start(in_batches=True).asks
    message = ask.psbt.fields[MESSAGE]
    assert message.startswith(PURPOSE.encode())
    first, second = ask.psbt.inputs
    assert first[NON_WITNESS_UTXO] == to_spend(world.scripts[0], message)
    assert second[NON_WITNESS_UTXO] == world.blocks[2].transactions[0].raw
    for fields in (first, second):
        assert WITNESS_UTXO in fields
        assert WITNESS_SCRIPT in fields
        assert sum(key[:1] == DERIVATION for key in fields) == 3
    assert ask.psbt.transaction.version == 0
    assert [one.sequence for one in ask.psbt.transaction.inputs] == [0, 0]


def test_extended_keys_of_a_quorum_stay_with_its_signers(tmp_path: Path) -> None:
    world = build(tmp_path, {"vault": (VAULT, 2), "hot": (f"wpkh({A})", 1)})
    vault, hot = world.start(in_batches=True).asks
    keys = {key: value for key, value in vault.psbt.fields.items() if key[:1] == GLOBAL_XPUB}
    assert {value[:4].hex() for value in keys.values()} == set(FINGERPRINTS[:3])
    assert {len(value) for value in keys.values()} == {20}
    assert not any(key[:1] == GLOBAL_XPUB for key in hot.psbt.fields)
    files = [Returned("x", tuple(signed(vault.psbt, 0, 1)))]
    (proof,) = gather(world.start(in_batches=True), files).proofs
    psbt = read_psbt(proof.signature[3:])
    assert set(psbt.fields) == {MESSAGE}


def test_taproot_needs_no_whole_transaction(tmp_path: Path) -> None:
    (ask,) = build(tmp_path, {"tap": (f"tr({A})", 2)}).start(in_batches=True).asks
    assert not any(NON_WITNESS_UTXO in fields for fields in ask.psbt.inputs)


def test_the_same_question_has_the_same_bytes(tmp_path: Path) -> None:
    world = build(tmp_path, {"vault": (VAULT, 2)})
    assert ceremony_json(world.start()) == ceremony_json(world.start())


def refused(world: Treasury, **wanted: object) -> ErarioError:
    with pytest.raises(ErarioError) as caught:
        world.start(**wanted)
    return caught.value


def test_what_is_refused(tmp_path: Path) -> None:
    world = build(tmp_path, {"hot": (f"wpkh({A})", 1), "paid_out": (f"wpkh({B})", 0)})
    height = len(world.blocks) - 1
    assert refused(world, at=height - 4).code is CeremonyCode.NOT_SETTLED
    world.start(at=height - 5)
    assert refused(world, at=0).code is CeremonyCode.NOTHING
    assert refused(world, wallets=("paid_out",)).code is CeremonyCode.NOTHING
    assert refused(world, holder="nobody").code is CeremonyCode.HOLDER
    wrong = refused(world, wallets=("cold",))
    assert wrong.code is CeremonyCode.WALLET
    assert "hot, paid_out" in wrong.remedy
    assert refused(world, purpose="Block 7").code.value == "proof.names-a-block"
    assert refused(world, purpose="x" * 100).code.value == "proof.message-too-long"
    assert refused(world, purpose="Prüfung").code.value == "proof.not-plain"


def test_several_holders(tmp_path: Path) -> None:
    world = build(tmp_path, {"hot": (f"wpkh({A})", 1)})
    path = tmp_path / "reserve.toml"
    more = '[holders.mint]\nname = "Mint of the North (no ASCII: ö)"\nsigns_as = "Mint"\n'
    text = path.read_text().replace("[wallets.hot]", f"{more}[wallets.hot]\nholder = 'mint'")
    path.write_text(text)
    wrong = refused(world)
    assert wrong.code is CeremonyCode.HOLDER
    assert "treasury, mint" in wrong.remedy
    ceremony = world.start(holder="mint")
    assert " | Mint | block " in ceremony.message.text


def test_wallets_that_do_not_count_are_not_asked(tmp_path: Path) -> None:
    world = build(tmp_path, {"hot": (f"wpkh({A})", 1), "guess": (f"wpkh({B})", 1)})
    path = tmp_path / "reserve.toml"
    path.write_text(path.read_text().replace("[wallets.guess]", "[wallets.guess]\nrole = 'origin'"))
    assert [ask.name for ask in world.start().asks] == ["hot-001"]
    assert refused(world, wallets=("guess",)).code is CeremonyCode.WALLET


def test_the_forecast(tmp_path: Path) -> None:
    world = build(tmp_path, {"hot": (f"wpkh({A})", 2), "vault": (VAULT, 2), "tap": (f"tr({C})", 1)})
    ceremony = world.start()
    evidence = collect(world.reserve, MemorySource(world.blocks), at=ceremony.message.height)
    seen = foresee(ceremony, assess(evidence))
    assert (seen.newly_exposed, seen.exposed_already) == (200 * 10**8, 50 * 10**8)
    assert seen.revealed_scripts == 2
    assert {one.title: number for one, number in seen.approvals.items()} == {
        "Director (capital)": 4, "56c4fac3": 3, "Auditor": 2,
    }  # fmt: skip
    (needed, signers), *more = seen.wallets[1].quorums
    assert (needed, len(signers), more) == (2, 3, [])


NESTED = f"sh(wpkh({A}))"


@pytest.mark.parametrize("in_batches", [False, True])
def test_the_forecast_is_what_an_audit_with_the_proofs_comes_to(
    tmp_path: Path, *, in_batches: bool
) -> None:
    """The same key under three types of script, a quorum, and a key that was visible already."""
    wallets = {
        "old": (f"pkh({A})", 2), "nested": (NESTED, 2), "hot": (f"wpkh({A})", 3),
        "vault": (VAULT, 2), "tap": (f"tr({C})", 1),
    }  # fmt: skip
    world = build(tmp_path, wallets)
    source = MemorySource(world.blocks)
    for asked, btc in (((), 450), (("nested",), 300), (("vault",), 100), (("tap",), 0)):
        ceremony = world.start(in_batches=in_batches, wallets=asked)
        height = ceremony.message.height
        seen = foresee(ceremony, assess(collect(world.reserve, source, at=height)))
        files = [Returned(ask.name, tuple(signed(ask.psbt, 0, 1, 2))) for ask in ceremony.asks]
        gathered = gather(ceremony, files)
        assert gathered.is_complete
        evidence = collect(world.reserve, source, at=height, proofs=gathered.proofs)
        (holder,) = assess(evidence).holders
        assert holder.exposed_by_proof_sats == seen.newly_exposed == btc * 10**8
        assert holder.exposed_sats == (btc + 50) * 10**8


def test_scripts_without_a_branch(tmp_path: Path) -> None:
    """A descriptor of one script, and combo, of whose scripts an index names none."""
    fixed = VAULT.replace("<0;1>/*", "0/7")
    world = build(tmp_path, {"fixed": (fixed, 1), "combo": (f"combo({A})", 1)})
    fixed_ask, *combo = world.start().asks
    assert fixed_ask.scripts == tuple(scripts_of(fixed, 1))
    assert fixed_ask.has_origins
    assert len(combo) == 4
    assert not any(ask.has_origins for ask in combo)


def test_a_source_without_transactions(tmp_path: Path) -> None:
    """A list of coins has none to give signers: legacy coins are proved one by one."""
    world = build(tmp_path, {"old": (f"pkh({A})", 2), "hot": (f"wpkh({B})", 2)})
    height = len(world.blocks) - 11
    source = ListSource(world.blocks, height=height)
    evidence = collect(world.reserve, source, at=height)
    wanted = Wanted(PURPOSE, in_batches=True)
    ceremony = start_ceremony(world.reserve, evidence, assess(evidence), wanted)
    assert [(ask.name, len(ask.scripts)) for ask in ceremony.asks] == [
        ("old-001", 1), ("old-002", 1), ("hot-001", 2),
    ]  # fmt: skip
    files = [
        Returned(ask.name, tuple(signed(ask.psbt, signer)))
        for ask, signer in zip(ceremony.asks, (0, 0, 1), strict=True)
    ]
    gathered = gather(ceremony, files)
    assert gathered.is_complete
    judged = assess(collect(world.reserve, source, at=height, proofs=gathered.proofs))
    assert [line.control.value for line in judged.holders[0].control] == ["proved"]
