"""No mutation of a valid bundle passes as valid with other facts; junk raises nothing but refusals."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.strategies.evidence import MemorySource, chains, claim, reserve, wallet
from tests.unit.bundle import kit

from erario.auditing import collect
from erario.bundle.archive import read_archive, write_archive
from erario.bundle.errors import BundleError
from erario.bundle.evidence_reading import read_evidence
from erario.bundle.headers import read_headers
from erario.bundle.making import make_bundle, make_verified
from erario.bundle.manifest import read_manifest
from erario.bundle.proofs_file import read_proofs
from erario.bundle.transactions import read_transactions
from erario.bundle.verifying import verify_files
from erario.bundle.writing import write_transactions
from erario.errors import ErarioError
from erario.statement.codec import canonical_json, statement_json

BASES = ("good_plain", "good_by_instant", "good_proved", "good_sealed", "good_following")


@st.composite
def mutations(draw, data: bytes) -> bytes:
    """The bytes with one place changed, left out, doubled or put in."""
    at = draw(st.integers(0, len(data) - 1))
    end = min(len(data), at + draw(st.integers(1, 4)))
    new = draw(st.binary(max_size=4))
    return data[:at] + new + data[end:]


@given(st.data(), st.sampled_from(BASES))
@settings(max_examples=400, deadline=None)
def test_a_mutated_file_is_refused(data, base):
    raw = write_archive(kit.GOOD[base]())
    changed = data.draw(mutations(raw))
    if changed == raw:
        return
    with pytest.raises(BundleError):
        verify_files(read_archive(changed))


@given(st.data(), st.sampled_from(BASES))
@settings(max_examples=300, deadline=None)
def test_a_mutated_member_with_fitting_digests_is_refused_or_says_so(data, base):
    """Somebody who changes a byte and seals the manifest again: the statement inside is the same,
    so that whatever it is assessed from must say the same too."""
    files = dict(kit.GOOD[base]())
    name = data.draw(st.sampled_from(sorted(set(files) - {"manifest.json"})))
    changed = data.draw(mutations(files[name]))
    if changed == files[name]:
        return
    try:
        found = verify_files(kit.reseal({**files, name: changed}))
    except BundleError:
        return
    was = verify_files(files)
    # What is not in the statement: how far what nobody used was derived, and sealed digests.
    assert statement_json(found.statement) == statement_json(was.statement)
    assert (found.evidence.blocks, found.evidence.cutoff) == (
        was.evidence.blocks,
        was.evidence.cutoff,
    )
    assert name in {"evidence.json", "proofs.json"}


def places(value, way=()):
    """Every place in a JSON value."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield (*way, key)
            yield from places(value[key], (*way, key))


@st.composite
def lies(draw, value):
    """The value with one place changed to something that could stand there, and that place."""
    value = json.loads(json.dumps(value))
    *way, last = draw(st.sampled_from(list(places(value))))
    inner = value
    for step in way:
        inner = inner[step]
    old = inner[last]
    if isinstance(old, bool) or old is None:
        new = draw(st.sampled_from([None, True, False, 0, "a", [], {}]))
    elif isinstance(old, int):
        new = old + draw(st.integers(-3, 200))
    elif isinstance(old, str) and old:
        at = draw(st.integers(0, len(old) - 1))
        new = old[:at] + draw(st.sampled_from("0123456789abcdfTZ-: >x")) + old[at + 1 :]
    elif isinstance(old, list) and old:
        new = draw(st.sampled_from([old[1:], old[:-1], [*old, old[0]], old[::-1]]))
    else:
        new = draw(st.sampled_from([None, 0, "", "00"]))
    inner[last] = new
    return value, tuple(step for step in (*way, last) if isinstance(step, str))


# What nobody can see from the file: which script that nobody paid was derived where, which proofs
# were sealed, which bundle came before, and as whom a holder signs that no proof is of.
UNSEEN = {
    ("scripts", "script"),
    ("sealed",),
    ("previous", "digest"),
    ("previous",),
    ("holders", "signs_as"),
}


# A proof over a block that is not on the chain counts for nothing, whatever it says.
MEANINGFUL = sorted(set(kit.GOOD) - {"good_proof_over_no_block"})


@given(st.data(), st.sampled_from(MEANINGFUL))
@settings(max_examples=300, deadline=None)
def test_no_member_can_say_something_else(data, base):
    """A liar who knows the format, and seals the manifest again."""
    files = dict(kit.GOOD[base]())
    name = data.draw(st.sampled_from(["evidence.json", "proofs.json", "manifest.json"]))
    value = json.loads(files[name])
    lie, place = data.draw(lies(value))
    changed = {**files, name: canonical_json(lie)}
    if lie == value:
        return
    try:
        found = verify_files(changed if name == "manifest.json" else kit.reseal(changed))
    except ErarioError:
        return
    assert statement_json(found.statement) == statement_json(verify_files(files).statement)
    assert any(place[-len(way) :] == way for way in UNSEEN), place


@given(chains(), st.integers(0, 14), st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_evidence_comes_back_as_it_was(chain, at, names_claim):
    tip = len(chain.blocks) - 1
    claims = [replace(claim("> 1", min(at, tip)), holds="> 1 BTC")] if names_claim else []
    declared = reserve(chain, [wallet("a"), wallet("b", role="origin"), wallet("c")], claims)
    evidence = collect(declared, MemorySource(chain.blocks), at=min(at, tip), headers=True)
    files, found = make_verified(evidence)
    assert found.evidence == evidence
    assert make_bundle(found.evidence) == files
    assert read_archive(write_archive(files)) == files
    assert write_transactions(evidence.blocks) == files["transactions.bin"]


@given(st.binary(max_size=400))
@settings(deadline=None)
def test_junk_is_refused(data):
    for read in (
        read_archive,
        read_evidence,
        read_headers,
        read_proofs,
        lambda one: read_manifest({"manifest.json": one}),
        lambda one: read_transactions(one, lambda _: bytes(80)),
    ):
        with suppress(BundleError):
            read(data)


@given(st.dictionaries(st.sampled_from(["declared/a", "declared/b", *kit.plain()]), st.binary()))
def test_every_set_of_files_has_one_zip(files):
    if files:
        assert read_archive(write_archive(files)) == files
