"""SSH signatures over a digest: ssh-keygen makes them, and is the peer that judges them too."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erario.bundle.beside_codes import BesideCode
from erario.bundle.errors import BundleError
from erario.bundle.ssh_signature import NAMESPACE, verify_signature
from erario.errors import ErarioError, RequestError

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen")

DIGEST = hashlib.sha256(b"a manifest").digest()
NOW = datetime(2026, 11, 25, tzinfo=UTC)
KINDS = [
    ("ed25519", "256"), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"), ("rsa", "3072"),
]  # fmt: skip


def keygen(*args: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["ssh-keygen", *args], input=data, capture_output=True, check=False)


def make_key(folder: Path, kind: str, bits: str) -> Path:
    path = folder / f"{kind}{bits}"
    if not path.exists():
        assert (
            keygen("-q", "-t", kind, "-b", bits, "-N", "", "-C", "", "-f", str(path)).returncode
            == 0
        )
    return path


def sign(path: Path, data: bytes = DIGEST.hex().encode(), namespace: str = NAMESPACE) -> bytes:
    done = keygen("-Y", "sign", "-f", str(path), "-n", namespace, data=data)
    assert done.returncode == 0, done.stderr
    return done.stdout


def public(path: Path) -> str:
    return path.with_suffix(".pub").read_text().strip()


def peer_accepts(folder: Path, signature: bytes, allowed: str) -> bool:
    (folder / "sig").write_bytes(signature)
    (folder / "allowed").write_text(allowed)
    done = keygen(
        "-Y", "verify", "-f", str(folder / "allowed"), "-I", "auditor@example.org",
        "-n", NAMESPACE, "-s", str(folder / "sig"), data=DIGEST.hex().encode(),
    )  # fmt: skip
    return done.returncode == 0


def code_of(signature: bytes, allowed: str, digest: bytes = DIGEST) -> BesideCode:
    with pytest.raises(ErarioError) as refused:
        verify_signature(digest, signature, allowed, NOW)
    code = BesideCode(refused.value.code)
    # The allowed signers are the asker's own: a fault in them is no verdict.
    wanted = RequestError if code is BesideCode.SIGNERS_FORM else BundleError
    assert type(refused.value) is wanted
    return code


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("keys")


@pytest.mark.parametrize(("kind", "bits"), KINDS)
def test_what_ssh_keygen_signs_holds(folder, kind, bits):
    path = make_key(folder, kind, bits)
    signature, allowed = sign(path), f"auditor@example.org {public(path)}\n"
    assert peer_accepts(folder, signature, allowed)
    signer = verify_signature(DIGEST, signature, allowed, NOW)
    assert signer.principals == "auditor@example.org"
    fingerprint = keygen("-l", "-f", str(path)).stdout.split()[1].decode()
    assert signer.fingerprint == fingerprint
    assert code_of(signature, allowed, bytes(32)) is BesideCode.SIGNATURE_WRONG


def test_another_hash_of_the_message(folder):
    path = make_key(folder, "ed25519", "256")
    done = keygen(
        "-Y", "sign", "-f", str(path), "-n", NAMESPACE, "-O", "hashalg=sha256",
        data=DIGEST.hex().encode(),
    )  # fmt: skip
    verify_signature(DIGEST, done.stdout, f"a {public(path)}", NOW)


def test_a_signature_for_something_else_does_not_count(folder):
    path = make_key(folder, "ed25519", "256")
    signature = sign(path, namespace="file")
    assert code_of(signature, f"a {public(path)}") is BesideCode.SIGNATURE_NAMESPACE


def test_a_line_end_is_another_message(folder):
    path = make_key(folder, "ed25519", "256")
    signature = sign(path, DIGEST.hex().encode() + b"\n")
    assert code_of(signature, f"a {public(path)}") is BesideCode.SIGNATURE_WRONG


ALLOWED = [
    ("auditor@example.org {key}", True),
    ('auditor@example.org namespaces="erario-bundle" {key}', True),
    ('auditor@example.org namespaces="git,erario-*" {key}', True),
    ('auditor@example.org namespaces="git" {key}', False),
    ('auditor@example.org namespaces="*,!erario-bundle" {key}', False),
    ('auditor@example.org valid-after="20200101Z",valid-before="20990101Z" {key}', True),
    ('auditor@example.org valid-before="20200101Z" {key}', False),
    ('auditor@example.org valid-after="20990101" {key}', False),
    ("auditor@example.org cert-authority {key}", False),
    ('# comment\n\n"auditor@example.org" {key} and a comment', True),
    ("auditor@example.org {other}", False),
    ("auditor@example.org {other}\nauditor@example.org {key}", True),
]


@pytest.mark.parametrize(("line", "is_allowed"), ALLOWED)
def test_allowed_signers_mean_what_ssh_keygen_means(folder, line, is_allowed):
    path, other = make_key(folder, "ed25519", "256"), make_key(folder, "ecdsa", "256")
    text = line.format(key=public(path), other=public(other)) + "\n"
    signature = sign(path)
    assert peer_accepts(folder, signature, text) is is_allowed
    if is_allowed:
        verify_signature(DIGEST, signature, text, NOW)
    else:
        assert code_of(signature, text) is BesideCode.SIGNATURE_SIGNER


@pytest.mark.parametrize("text", ["nonsense", "a ssh-ed25519 ####", 'a valid-before="soon" {key}'])
def test_allowed_signers_that_are_none(folder, text):
    path = make_key(folder, "ed25519", "256")
    text = text.format(key=public(path)) if "{" in text else text
    assert code_of(sign(path), text) is BesideCode.SIGNERS_FORM


def test_a_key_without_a_name_is_told_how_a_line_is_made(folder):
    path = make_key(folder, "ed25519", "256")
    with pytest.raises(RequestError) as refused:
        verify_signature(DIGEST, sign(path), f"# mine\n{public(path)}\n", NOW)
    assert refused.value.what == "line 2 of the allowed signers begins with a key, not with a name"
    assert "auditor@example.org ssh-ed25519 AAAA" in refused.value.remedy


def string(*parts: bytes) -> bytes:
    return b"".join(len(one).to_bytes(4, "big") + one for one in parts)


def armour(blob: bytes) -> bytes:
    text = base64.encodebytes(blob).decode()
    return f"-----BEGIN SSH SIGNATURE-----\n{text}-----END SSH SIGNATURE-----\n".encode()


def by_security_key(*, touched: bool = True) -> tuple[bytes, str]:
    """A signature as a security key with ed25519 makes it, and its line."""
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415

    secret = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    kind = b"sk-ssh-ed25519@openssh.com"
    key = string(kind, secret.public_key().public_bytes_raw(), b"ssh:")
    message = hashlib.sha512(DIGEST.hex().encode()).digest()
    signed = b"SSHSIG" + string(NAMESPACE.encode(), b"", b"sha512", message)
    around = hashlib.sha256(b"ssh:").digest() + bytes([touched]) + bytes(4)
    made = secret.sign(around + hashlib.sha256(signed).digest())
    signature = string(kind, made) + bytes([touched]) + bytes(4)
    blob = b"SSHSIG" + (1).to_bytes(4, "big")
    blob += string(key, NAMESPACE.encode(), b"", b"sha512", signature)
    line = f"auditor@example.org {kind.decode()} {base64.b64encode(key).decode()}"
    return armour(blob), line


def test_a_security_key_that_somebody_touched(folder):
    signature, line = by_security_key()
    assert peer_accepts(folder, signature, line + "\n")
    verify_signature(DIGEST, signature, line, NOW)


def test_a_security_key_that_nobody_touched():
    signature, line = by_security_key(touched=False)
    assert code_of(signature, line) is BesideCode.SIGNATURE_WRONG


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_junk_is_refused(data):
    for armoured in (data, armour(data), armour(b"SSHSIG\x00\x00\x00\x01" + data)):
        with pytest.raises(BundleError):
            verify_signature(DIGEST, armoured, "", NOW)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_no_other_blob_holds(data):
    signature, line = by_security_key()
    blob = base64.b64decode(b"".join(signature.splitlines()[1:-1]))
    at = data.draw(st.integers(0, len(blob) - 1))
    byte = data.draw(st.integers(0, 255))
    changed = blob[:at] + bytes([byte]) + blob[at + 1 :]
    if changed != blob:
        with pytest.raises(BundleError):
            verify_signature(DIGEST, armour(changed), line, NOW)
