"""Many proofs on several cores are what they are one by one."""

from __future__ import annotations

from itertools import islice

import pytest
from tests.unit.proof.maker import by_key_hash, full, p2wpkh, sec, simple

from erario.proof import many
from erario.proof.checking import check_message
from erario.proof.errors import ProofError, ProofErrorCode
from erario.proof.many import Proof, check_many

SCRIPT = p2wpkh(sec(1))


def mixed(count: int) -> list[Proof]:
    made = [
        Proof(SCRIPT, "a", simple(SCRIPT, by_key_hash(1), "a")),
        Proof(SCRIPT, "b", simple(SCRIPT, by_key_hash(1), "a")),
        Proof(SCRIPT, b"c", full(SCRIPT, by_key_hash(1), "c", version=2, locktime=7)),
        Proof(SCRIPT, "d", "nonsense"),
    ]
    return [made[number % 4] for number in range(count)]


@pytest.mark.parametrize("few", [0, 2_000])
def test_the_same_in_the_same_order(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "FEW", few)
    proofs = mixed(250)
    expected = [check_message(*proof) for proof in proofs]
    assert list(check_many(proofs, workers=2)) == expected
    assert list(check_many(proofs, workers=1)) == expected


def test_new_processes_beside_other_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "FEW", 0)
    monkeypatch.setattr(many.threading, "active_count", lambda: 2)
    proofs = mixed(8)
    assert list(check_many(proofs, workers=1)) == list(check_many(proofs, workers=2))


def test_it_need_not_be_taken_to_the_end() -> None:
    assert len(list(islice(check_many(mixed(300), workers=1), 3))) == 3


def test_none() -> None:
    assert list(check_many([])) == []


def test_refused_before_anything_is_checked() -> None:
    proofs = [*mixed(3), Proof(bytes(10_001), "x", "")]
    with pytest.raises(ProofError) as caught:
        next(check_many(proofs))
    assert caught.value.code is ProofErrorCode.SCRIPT_TOO_LONG
