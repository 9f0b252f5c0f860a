"""OpenTimestamps proofs, held against the reference library, and against blocks."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.strategies.evidence import best_chain, read_chain
from tests.unit.bundle import kit

from erario.bundle.beside import check_timestamp
from erario.bundle.beside_codes import BesideCode
from erario.bundle.checks import Standing
from erario.bundle.errors import BundleError
from erario.bundle.timestamp import read_timestamp
from erario.bundle.verifying import verify_files

MAGIC = b"\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94\x01"
BITCOIN = bytes.fromhex("0588960d73d71901")
PENDING = bytes.fromhex("83dfe30d2ef90c8e")


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def attested(height: int) -> bytes:
    payload = bytes([height]) if height < 128 else bytes([height & 127 | 128, height >> 7])
    return b"\x00" + BITCOIN + bytes([len(payload)]) + payload


def pending(uri: bytes = b"https://example.org") -> bytes:
    return b"\x00" + PENDING + bytes([len(uri) + 1, len(uri)]) + uri


def proof(digest: bytes, tree: bytes) -> bytes:
    return MAGIC + b"\x08" + digest + tree


def appended(data: bytes) -> bytes:
    return b"\xf0" + bytes([len(data)]) + data


@pytest.fixture
def found():
    return verify_files(kit.GOOD["good_plain"]())


def with_root(found, height: int):
    """A chain whose block at a height was made to hold the digest, and the proof of that."""
    chain = read_chain(kit._CHAIN, length=height)
    block = chain.blocks[height]
    root = sha256(found.manifest.digest + b"salt")
    header = block.header[:36] + root + block.header[68:]
    headers = [one.header for one in chain.blocks[:-1]] + [header]

    class Chain:
        tip = height

        def header(self, at):
            return headers[at]

    return Chain(), proof(found.manifest.digest, appended(b"salt") + b"\x08" + attested(height))


def test_a_proof_leads_to_a_block_of_the_source(found, tmp_path):
    chain, data = with_root(found, 30)
    path = tmp_path / "manifest.json.ots"
    path.write_bytes(data)
    check = check_timestamp(found, path, chain)
    assert check.standing is Standing.CHECKED
    assert "before block 30" in check.what
    assert "not before block 16" in check.what
    assert check_timestamp(found, path).standing is Standing.NOT_CHECKED


def test_a_proof_that_leads_to_another_block(found, tmp_path):
    path = tmp_path / "manifest.json.ots"
    path.write_bytes(proof(found.manifest.digest, b"\x08" + attested(20)))
    with pytest.raises(BundleError) as refused:
        check_timestamp(found, path)
    assert refused.value.code is BesideCode.TIMESTAMP_WRONG


def test_a_proof_over_something_else(found, tmp_path):
    path = tmp_path / "manifest.json.ots"
    path.write_bytes(proof(bytes(32), b"\x08" + attested(20)))
    with pytest.raises(BundleError) as refused:
        check_timestamp(found, path)
    assert refused.value.code is BesideCode.TIMESTAMP_OTHER


def test_a_proof_that_waits_for_its_block_speaks_against_nothing(found, tmp_path):
    path = tmp_path / "manifest.json.ots"
    path.write_bytes(proof(found.manifest.digest, b"\x08" + pending()))
    check = check_timestamp(found, path)
    assert check.standing is Standing.NOT_CHECKED
    assert "ots upgrade" in check.what
    assert check.facts == {"file": str(path), "height": None, "time": None}


def test_a_signature_can_be_stamped_too(found, tmp_path):
    (tmp_path / "issuer.sig").write_bytes(b"a signature")
    path = tmp_path / "issuer.sig.ots"
    path.write_bytes(proof(sha256(b"a signature"), b"\x08" + attested(99)))
    check = check_timestamp(found, path, None, [tmp_path / "issuer.sig"])
    assert check.standing is Standing.NOT_CHECKED


@pytest.mark.parametrize(
    "data",
    [
        b"",
        MAGIC,
        MAGIC[:-1] + b"\x02",
        proof(bytes(32), b""),
        proof(bytes(32), b"\x67" + attested(1)),
        proof(bytes(32), attested(1) + b"\x00"),
        proof(bytes(32), b"\xff" * 200_000),
        proof(bytes(32), b"\xf3" * 20 + attested(1)),
        proof(bytes(32), b"\xf0\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
        proof(bytes(32), b"\xff" + attested(1) + b"\x08" + attested(1)),
        proof(bytes(32), appended(b"x") + attested(1)),
    ],
)
def test_what_is_no_proof(data):
    with pytest.raises(BundleError) as refused:
        read_timestamp(data)
    assert refused.value.code is BesideCode.TIMESTAMP_FORM


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_junk_is_refused(data):
    with suppress(BundleError):
        read_timestamp(proof(bytes(32), data))


@st.composite
def trees(draw):
    """A tree as the reference library makes them, with what it says."""
    opentimestamps = pytest.importorskip("opentimestamps")
    del opentimestamps
    from opentimestamps.core.notary import (  # noqa: PLC0415
        BitcoinBlockHeaderAttestation,
        PendingAttestation,
    )
    from opentimestamps.core.op import (  # noqa: PLC0415
        OpAppend,
        OpPrepend,
        OpSHA1,
        OpSHA256,
    )
    from opentimestamps.core.timestamp import DetachedTimestampFile, Timestamp  # noqa: PLC0415

    root = Timestamp(draw(st.binary(min_size=32, max_size=32)))
    said: dict[int, bytes] = {}
    leaves = [root]
    for number in range(draw(st.integers(1, 6))):
        at = leaves[draw(st.integers(0, len(leaves) - 1))]
        step = draw(st.sampled_from(["append", "prepend", "sha1"]))
        if step == "sha1":
            at = at.ops.add(OpSHA1())
        else:
            kind = OpAppend if step == "append" else OpPrepend
            at = at.ops.add(kind(draw(st.binary(min_size=1, max_size=40)) + bytes([number])))
        at = at.ops.add(OpSHA256())
        leaves.append(at)
    for number, leaf in enumerate(leaves[1:]):
        if not leaf.ops:
            height = 100 + number
            leaf.attestations.add(BitcoinBlockHeaderAttestation(height))
            said[height] = leaf.msg
            if draw(st.booleans()):
                leaf.attestations.add(PendingAttestation("https://example.org"))
    if not root.ops:
        root.attestations.add(BitcoinBlockHeaderAttestation(1))
    target = BytesIO()
    from opentimestamps.core.serialize import StreamSerializationContext  # noqa: PLC0415

    DetachedTimestampFile(OpSHA256(), root).serialize(StreamSerializationContext(target))
    return target.getvalue(), root.msg, said


@given(trees())
@settings(max_examples=60, deadline=None)
def test_the_reference_library_says_the_same(made):
    data, digest, said = made
    read = read_timestamp(data)
    assert read.digest == digest
    assert read.roots == said


def test_the_source_of_headers_can_be_any_chain(found, tmp_path):
    chain = best_chain(read_chain(kit._CHAIN, length=24).blocks)
    path = tmp_path / "manifest.json.ots"
    path.write_bytes(proof(found.manifest.digest, b"\x08" + attested(99)))
    assert check_timestamp(found, path, chain).standing is Standing.NOT_CHECKED
