"""Who signed: detached SSH signatures over a bundle's digest (OpenSSH, PROTOCOL.sshsig).

    printf %s DIGEST | ssh-keygen -Y sign -f KEY -n erario-bundle > NAME.sig

What is signed is the digest as 64 hex digits, in the namespace `erario-bundle`: nothing that
was signed for another purpose counts. Keys are ed25519, ECDSA on the three NIST curves, RSA by
SHA-2 from 2,048 bits on, and the first two in security keys that somebody touched. Whose key it is,
an allowed signers file says (ssh-keygen(1)); authorities and certificates are not followed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Final, NoReturn

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from erario.bundle.beside_codes import BesideCode
from erario.bundle.errors import BundleError
from erario.errors import RequestError

NAMESPACE: Final = "erario-bundle"
MAX_SIGNATURE: Final = 64 << 10
MAX_SIGNERS: Final = 1 << 20

_ANOTHER: Final = "Do not rely on it; ask whoever signed for another."
_REMEDIES: Final = {
    BesideCode.SIGNATURE_FORM: "Give the .sig file that ssh-keygen -Y sign wrote, as it was.",
    BesideCode.SIGNATURE_NAMESPACE: "Ask whoever signed for one made with ssh-keygen -Y sign "
    f"-n {NAMESPACE}.",
    BesideCode.SIGNATURE_ALGORITHM: _ANOTHER,
    BesideCode.SIGNATURE_WRONG: _ANOTHER,
}

_MAGIC: Final = b"SSHSIG"
_BEGIN: Final = b"-----BEGIN SSH SIGNATURE-----"
_FINISH: Final = b"-----END SSH SIGNATURE-----"
_HASHES: Final = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}
_CURVES: Final = ("nistp256", "nistp384", "nistp521")
_LEAST_RSA: Final = 2_048
_TOUCHED: Final = 1
_OPTION: Final = re.compile(r'([a-z-]+)(?:="([^"]*)")?(?:,|$)')
_LINE: Final = re.compile(
    r'(?P<who>"[^"]*"|\S+)\s+(?:(?P<options>[a-z-]+(?:="[^"]*")?(?:,[a-z-]+(?:="[^"]*")?)*)\s+)??'
    r"(?P<kind>(?:sk-)?(?:ssh|ecdsa)-\S+)\s+(?P<key>[A-Za-z0-9+/=]+)(?:\s.*)?"
)
_TIME: Final = re.compile(r"(\d{8})(\d{4}(?:\d\d)?)?(Z?)")


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed: the principals of the line of the allowed signers file, the number of that line,
    and the fingerprint of the key as ssh-keygen prints it."""

    principals: str
    line: int
    fingerprint: str


def verify_signature(digest: bytes, armoured: bytes, allowed: str, now: datetime) -> Signer:
    """Check a signature over a bundle's digest.

    Args:
        digest: 32 bytes.
        armoured: the file that ssh-keygen wrote.
        allowed: the text of an allowed signers file.
        now: at which its bounds of time are looked at, as ssh-keygen does.

    Raises:
        BundleError: it is none, is of another digest or namespace, or nobody allowed made it.
        RequestError: the text is no allowed signers file.
    """
    wire = _Wire(_without_armour(armoured))
    if wire.take(len(_MAGIC)) != _MAGIC or wire.u32() != 1:
        _refuse(BesideCode.SIGNATURE_FORM, "the signature is of another format or version")
    key, namespace, reserved = wire.string(), wire.string(), wire.string()
    hash_name, signature = wire.string(), wire.string()
    wire.finish()
    if namespace != NAMESPACE.encode():
        _refuse(
            BesideCode.SIGNATURE_NAMESPACE,
            f"the signature was made for {namespace[:60]!r}, not for {NAMESPACE}",
        )
    hashed = _HASHES.get(hash_name.decode("ascii", "replace"))
    if hashed is None:
        _refuse(BesideCode.SIGNATURE_ALGORITHM, "the signature uses an unknown hash")
    message = hashed(digest.hex().encode()).digest()
    signed = _MAGIC + b"".join(map(_string, (namespace, reserved, hash_name, message)))
    _verify(key, signature, signed)
    return _find_signer(key, allowed, now)


def _without_armour(armoured: bytes) -> bytes:
    text = armoured.strip()
    if not (text.startswith(_BEGIN) and text.endswith(_FINISH)):
        _refuse(BesideCode.SIGNATURE_FORM, "the signature is no armoured SSH signature")
    body = b"".join(text[len(_BEGIN) : -len(_FINISH)].split())
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        _refuse(BesideCode.SIGNATURE_FORM, "the signature is not base64")


def _verify(key: bytes, signature: bytes, signed: bytes) -> None:
    try:
        _verify_by_kind(key, signature, signed)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError) as error:
        raise BundleError(
            BesideCode.SIGNATURE_WRONG,
            "the signature does not hold: another digest was signed, or by another key",
            remedy="Give the signature that was made of this very bundle; if it is that one, do "
            "not rely on it.",
        ) from error


def _verify_by_kind(key: bytes, signature: bytes, signed: bytes) -> None:
    public, made = _Wire(key), _Wire(signature)
    kind = public.string().decode("ascii", "replace")
    algorithm = made.string().decode("ascii", "replace")
    plain = kind.removeprefix("sk-").removesuffix("@openssh.com") if kind[:3] == "sk-" else kind
    proper = {"rsa-sha2-256", "rsa-sha2-512"} if kind == "ssh-rsa" else {kind}
    if algorithm not in proper:
        _refuse(BesideCode.SIGNATURE_ALGORITHM, f"the signature is by {algorithm[:40]!a}")
    if plain == "ssh-ed25519":
        point = public.string()
        data = _touched(public, made, signed) if plain != kind else (made.string(), signed)
        ed25519.Ed25519PublicKey.from_public_bytes(point).verify(*data)
    elif plain == "ssh-rsa":
        _verify_rsa(public, made, algorithm, signed)
    elif plain.startswith("ecdsa-sha2-"):
        curve, point = public.string().decode("ascii", "replace"), public.string()
        if plain != f"ecdsa-sha2-{curve}" or curve not in _CURVES:
            _refuse(BesideCode.SIGNATURE_ALGORITHM, "the key is on an unknown curve")
        data = _touched(public, made, signed) if plain != kind else (made.string(), signed)
        _verify_ecdsa(curve, point, *data)
    else:
        _refuse(BesideCode.SIGNATURE_ALGORITHM, f"the key is of the kind {kind[:40]!a}")
    public.finish()
    made.finish()


def _touched(public: _Wire, made: _Wire, signed: bytes) -> tuple[bytes, bytes]:
    """Signature and signed data of a security key, which signs that somebody was there too."""
    application, signature = public.string(), made.string()
    flags, counter = made.take(1), made.take(4)
    if not flags[0] & _TOUCHED:
        _refuse(BesideCode.SIGNATURE_WRONG, "nobody touched the security key that signed")
    around = hashlib.sha256(application).digest() + flags + counter
    return signature, around + hashlib.sha256(signed).digest()


def _verify_ecdsa(curve: str, point: bytes, signature: bytes, signed: bytes) -> None:
    curves: dict[str, tuple[ec.EllipticCurve, hashes.HashAlgorithm]] = {
        "nistp256": (ec.SECP256R1(), hashes.SHA256()),
        "nistp384": (ec.SECP384R1(), hashes.SHA384()),
        "nistp521": (ec.SECP521R1(), hashes.SHA512()),
    }
    found, hashed = curves[curve]
    key = ec.EllipticCurvePublicKey.from_encoded_point(found, point)
    pair = _Wire(signature)
    r, s = pair.number(), pair.number()
    pair.finish()
    key.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(hashed))


def _verify_rsa(public: _Wire, made: _Wire, algorithm: str, signed: bytes) -> None:
    exponent, modulus = public.number(), public.number()
    if not _LEAST_RSA <= modulus.bit_length() <= 16_384 or exponent.bit_length() > 32:
        _refuse(BesideCode.SIGNATURE_ALGORITHM, f"the RSA key has {modulus.bit_length()} bits")
    key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    hashed = hashes.SHA256() if algorithm.endswith("256") else hashes.SHA512()
    key.verify(made.string(), signed, padding.PKCS1v15(), hashed)


def _find_signer(key: bytes, allowed: str, now: datetime) -> Signer:
    fingerprint = base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
    for number, who, options, listed in _read_signers(allowed):
        if listed == key and _is_allowed(options, now):
            return Signer(who.strip('"'), number, f"SHA256:{fingerprint}")
    raise BundleError(
        BesideCode.SIGNATURE_SIGNER,
        f"the signature holds, but its key SHA256:{fingerprint} is nobody's who is allowed now",
        remedy="Check whose key it is, by another way, before you add a line for it to the allowed "
        "signers: a name, a blank, and their .pub file.",
    )


def _read_signers(text: str) -> Iterator[tuple[int, str, dict[str, str], bytes]]:
    """Number, principals, options and key of each line."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip()[:20_000])
        try:
            key = b"" if match is None else base64.b64decode(match["key"], validate=True)
        except binascii.Error:
            key = b""
        if match is None or not key:
            is_nameless = line.lstrip().startswith(("ssh-", "ecdsa-", "sk-"))
            why = "begins with a key, not with a name" if is_nameless else "is no name and key"
            raise _bad_signers(f"line {number} of the allowed signers {why}")
        options = {one[1]: one[2] or "" for one in _OPTION.finditer(match["options"] or "")}
        yield number, match["who"], options, key


def _is_allowed(options: dict[str, str], now: datetime) -> bool:
    """Whether a line counts for our namespace, now. One with an option that is not known here
    never does, and neither does an authority, which signs keys and not bundles."""
    if options.keys() - {"namespaces", "valid-after", "valid-before"}:
        return False
    names = options.get("namespaces")
    if names is not None and not _matches(NAMESPACE, names.split(",")):
        return False
    after, before = options.get("valid-after"), options.get("valid-before")
    return (after is None or _read_time(after) <= now) and (
        before is None or now < _read_time(before)
    )


def _matches(name: str, patterns: list[str]) -> bool:
    """Whether one of the patterns matches, and none with an exclamation mark does."""
    if any(one.startswith("!") and fnmatchcase(name, one[1:]) for one in patterns):
        return False
    return any(fnmatchcase(name, one) for one in patterns)


def _read_time(text: str) -> datetime:
    match = _TIME.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        plain = datetime.strptime(match[1] + (match[2] or "0000").ljust(6, "0"), "%Y%m%d%H%M%S")  # noqa: DTZ007 - the zone follows
        # Without a Z it is local time, as for ssh-keygen.
        return plain.replace(tzinfo=UTC) if match[3] else plain.astimezone()
    except ValueError as error:
        raise _bad_signers(f"the allowed signers have no time as {text[:30]!a}") from error


class _Wire:
    """The strings and numbers of the SSH protocol (RFC 4251, section 5)."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        """The next bytes."""
        if size > len(self._data) - self._at:
            _refuse(BesideCode.SIGNATURE_FORM, "the signature ends too early")
        self._at += size
        return self._data[self._at - size : self._at]

    def u32(self) -> int:
        """A whole number."""
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        """Bytes behind their length."""
        return self.take(self.u32())

    def number(self) -> int:
        """A number of any length; none here is negative."""
        data = self.string()
        if data[:1] >= b"\x80":
            _refuse(BesideCode.SIGNATURE_FORM, "the signature has a negative number")
        return int.from_bytes(data, "big")

    def finish(self) -> None:
        """Check that nothing is left."""
        if self._at != len(self._data):
            _refuse(BesideCode.SIGNATURE_FORM, "bytes follow where the signature ends")


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _bad_signers(what: str) -> RequestError:
    """The file is the asker's own, so that this says nothing about the bundle."""
    return RequestError(
        BesideCode.SIGNERS_FORM,
        what,
        remedy="Write one line for each key: a name without blanks, a blank, and what stands in "
        "the .pub file, as in: auditor@example.org ssh-ed25519 AAAAC3Nz...",
    )


def _refuse(code: BesideCode, what: str) -> NoReturn:
    raise BundleError(code, what, remedy=_REMEDIES[code])
