"""The conformance kit of bundles: good ones, and lies by name, each with the verdict that is due.

    python -m tests.unit.bundle.kit DIR      writes DIR/*.erario and DIR/expected.json

The same command gives the same bytes. `expected.json` is a list of {"file", "verdict", "code"}: an
implementation passes if it finds every file of verdict "valid" valid and refuses every other; the
code names the contradiction that ours finds first. All are of regtest, so that nobody needs a pin.

`good()` and `lies()` give the same as values: the files of each bundle, or the bytes of a zip.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from tests.strategies.chains import Tx, coinbase
from tests.strategies.chains import mine as mine_block
from tests.strategies.evidence import (
    MemorySource,
    claim,
    evidence_of,
    read_chain,
    reserve,
    wallet,
)
from tests.unit.proof import maker

from erario.assess.assessing import assess
from erario.auditing import collect
from erario.bitcoin.descriptor import read_descriptor
from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.values import BlockHash, Height, Sats, Script
from erario.bundle.archive import write_archive
from erario.bundle.errors import BundleCode
from erario.bundle.making import Enclosed, make_bundle
from erario.bundle.verifying import previous_of, verify_files
from erario.proof.control_message import write_control_message
from erario.reserve.model import DeclaredDescriptor
from erario.statement.codec import canonical_json
from erario.statement.evidence import (
    ControlProof,
    DeclaredDocument,
    Evidence,
    HeaderRun,
    ListedCoin,
)
from erario.statement.finding import Finding, FindingCode, Severity, Verdict

Files = dict[str, bytes]
_DOCUMENT = b"Official gazette 112\n"
_TPUB = (
    "tpubD6NzVbkrYhZ4XzL5Dhayo67Gorv1YMS7j8pRUvVMd5odC2LBPLAygka9p7748JtSq82FNGPppFEz5xxZUdasBRCqJqXvU"
    "Hq6xpnsMcYJzeh"
)
_CHAIN = """
    3 coinbase > 50 a
    5 coinbase > 20 a, 30 b
    8 first = 3.0 > 30 b, 19 x
    8 second = 5.1 > 10 a, 19 b, 1 y
    9 third = first.0, ? > 35 a
    14 coinbase > 50 b
    16 last = 5.0 > 20 x
"""


# Good ones ---------------------------------------------------------------------------------------


@cache
def evidence(at: object = 16, since: object = 4, length: int = 24) -> Evidence:
    """Two wallets of one holder, a claim, and a few payments."""
    chain = read_chain(_CHAIN, length=length)
    claims = [
        replace(claim("> 40", 9), holds="> 40 BTC"),
        replace(claim("~ 85 within 1", (8, 12)), id="over", holds="~ 85 BTC"),
    ]
    declared = reserve(chain, [wallet("a"), wallet("b", role="custody")], claims)
    return collect(declared, MemorySource(chain.blocks), at=at, since=since, headers=True)


@cache
def by_instant() -> Evidence:
    """A cut-off by its instant, a wallet that counts from a day on, and a claim about a day."""
    chain = read_chain(
        "3 at 2011-02-03T01:00\n3 coinbase > 50 a\n9 at 2011-02-03T02:00\n12 coinbase > 50 b\n"
        "20 at 2011-02-04T01:00\n21 coinbase > 50 a",
        length=40,
    )
    declared = reserve(
        chain,
        [wallet("a"), wallet("b", since="2011-02-03")],
        [
            replace(claim(">= 50", "2011-02-03"), holds=">= 50 BTC"),
            replace(claim("< 50", ("2011-02-02", "2011-02-03")), id="two-days", holds="< 50 BTC"),
            replace(claim("> 50", "2011-02-03T12:00:00+00:00"), id="noon", holds="> 50 BTC"),
        ],
        complete=False,
    )
    at = "2011-02-04T00:00:00Z"
    return collect(declared, MemorySource(chain.blocks), at=at, headers=True)


@cache
def derived() -> Evidence:
    """A wallet of two branches, of which one was used."""
    described = read_descriptor(f"wpkh({_TPUB}/<0;1>/*)", NetworkName.REGTEST)
    scripts = {f"d{at}": bytes(script) for at, script in described.branches[0].scripts(0, 6)}
    chain = read_chain("3 coinbase > 50 d5\n5 coinbase > 50 d2", scripts, length=12)
    declared = reserve(
        chain, [wallet("vault", descriptors=[DeclaredDescriptor(described, None, _place())])]
    )
    return collect(declared, MemorySource(chain.blocks), headers=True)


@cache
def proved(at: int = 10, over: int = 10, *, on_chain: bool = True) -> Evidence:
    """Control of a script, shown over a block; one more coin arrives at height 12."""
    scripts = {"key": maker.p2wpkh(maker.sec(1)), "other": maker.p2wpkh(maker.sec(2))}
    chain = read_chain(
        "3 coinbase > 50 key\n5 coinbase > 20 other, 30 key\n12 coinbase > 50 key",
        scripts,
        length=14,
    )
    declared = reserve(chain, [wallet("vault", "key other")])
    source = MemorySource(chain.blocks)
    plain = collect(declared, source, at=over, headers=True)
    (holder,) = assess(plain).holders
    block_hash = plain.cutoff.block_hash if on_chain else BlockHash(bytes(31) + b"\x01")
    message = write_control_message(
        "Kit", "treasury", plain.cutoff.height, block_hash, holder.coins_digest
    ).text
    proof = ControlProof(
        Script(scripts["key"]),
        message,
        maker.simple(scripts["key"], maker.by_key_hash(1), message),
    )
    return collect(declared, source, at=at, headers=True, proofs=[proof])


@cache
def documented() -> Evidence:
    """A document whose text is enclosed."""
    found = evidence()
    document = DeclaredDocument(
        "gazette", "Gazette 112", "Treasury", "2011-02-03", None,
        hashlib.sha256(_DOCUMENT).hexdigest(),
    )  # fmt: skip
    declaration = replace(found.declaration, documents=(document,))
    return replace(found, declaration=declaration)


def _enclosing() -> Files:
    files = {f"documents/{hashlib.sha256(_DOCUMENT).hexdigest()}": _DOCUMENT}
    return make_bundle(documented(), Enclosed(files=files))


def _following() -> Files:
    before = verify_files(make_bundle(evidence(8, None)))
    previous = previous_of(before.manifest, before.statement)
    return make_bundle(evidence(16, 8), Enclosed(previous))


def _place() -> Any:
    from erario.errors import Place  # noqa: PLC0415

    return Place("reserve.toml", 1)


GOOD: dict[str, Callable[[], Files]] = {
    "good_plain": lambda: make_bundle(evidence()),
    "good_tip": lambda: make_bundle(evidence(None, None)),
    "good_no_coin": lambda: make_bundle(evidence(2, None)),
    "good_genesis": lambda: make_bundle(evidence(0, None)),
    "good_by_instant": lambda: make_bundle(by_instant()),
    "good_derived": lambda: make_bundle(derived()),
    "good_proved": lambda: make_bundle(proved()),
    "good_proved_earlier": lambda: make_bundle(proved(13)),
    "good_proof_over_no_block": lambda: make_bundle(proved(on_chain=False)),
    "good_sealed": lambda: make_bundle(proved(), Enclosed(seal=True)),
    "good_document": _enclosing,
    "good_declared": lambda: make_bundle(
        evidence(), Enclosed(files={"declared/reserve.toml": b"erario = 1\n"})
    ),
    "good_following": _following,
}


# Tools of liars ----------------------------------------------------------------------------------


def plain() -> Files:
    return dict(make_bundle(evidence()))


def reseal(files: Files, /, **changes: Any) -> Files:
    """The files with a manifest that fits them, but for `changes` of its members."""
    value = json.loads(files["manifest.json"])
    value["files"] = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        for name, data in files.items()
        if name != "manifest.json"
    }
    value.update(changes)
    return {**files, "manifest.json": canonical_json(value)}


def with_file(name: str, data: bytes, files: Files | None = None) -> Files:
    return reseal({**(files or plain()), name: data})


def edit(
    change: Callable[[dict[str, Any]], object], name: str = "evidence.json", of: Files | None = None
) -> Files:
    """One JSON file changed, and a manifest that fits."""
    files = dict(of or plain())
    value = json.loads(files[name])
    change(value)
    return with_file(name, canonical_json(value), files)


def put(*path: Any) -> Callable[[dict[str, Any]], None]:
    """A change that puts the last of `path` where the others lead."""

    def change(value: Any) -> None:
        *way, last, new = path
        for step in way:
            value = value[step]
        value[last] = new

    return change


def restated(changed: Evidence) -> Files:
    """A bundle by somebody who computes everything rightly from evidence that lies."""
    return make_bundle(changed)


def with_headers(headers: bytes) -> Files:
    return restated(replace(evidence(), headers=(HeaderRun(Height(0), headers),)))


def change_header(height: int, change: Callable[[bytes], bytes]) -> Files:
    """One header is another; those behind it are not mined again."""
    data = evidence().headers[0].headers
    at = 80 * height
    files = plain()
    raw = files["headers.bin"]
    start = len(raw) - len(data)
    changed = change(data[at : at + 80])
    return with_file("headers.bin", raw[: start + at] + changed + raw[start + at + 80 :], files)


def last_header(change: Callable[[bytes], bytes], *, works: bool = True) -> Files:
    """The tip is another, with proof of work or surely without."""

    def mined(header: bytes) -> bytes:
        header = change(header)
        for nonce in range(1 << 20):
            tried = header[:76] + nonce.to_bytes(4, "little")
            found = hashlib.sha256(hashlib.sha256(tried).digest()).digest()
            if (int.from_bytes(found, "little") <= (0x7FFFFF << 232)) is works:
                return tried
        raise AssertionError

    return change_header(24, mined)


def change_block(number: int, change: Callable[[Any], Any]) -> Files:
    """One block of the evidence is another, and the statement is what comes of it."""
    blocks = list(evidence().blocks)
    blocks[number] = change(blocks[number])
    return restated(replace(evidence(), blocks=tuple(blocks)))


def change_transaction(number: int, at: int, **changes: Any) -> Files:
    def change(block: Any) -> Any:
        found = list(block.transactions)
        found[at] = replace(found[at], **changes)
        return replace(block, transactions=tuple(found))

    return change_block(number, change)


def pay_more(raw: bytes, coins: int) -> bytes:
    """The first amount that is so many BTC is ten times as much."""
    old = struct.pack("<q", coins * 10**8)
    assert old in raw
    return raw.replace(old, struct.pack("<q", 10 * coins * 10**8), 1)


def of_chain(text: str, at: int | None = None) -> Files:
    """A bundle over another chain, whose blocks no node would take."""
    chain = read_chain(text, length=24)
    declared = reserve(chain, [wallet("a"), wallet("b")])
    return restated(collect(declared, MemorySource(chain.blocks), at=at, headers=True))


# Lies --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lie:
    """A bundle that must be refused: what is in it, and by which code."""

    name: str
    code: BundleCode
    make: Callable[[], Files | bytes]

    def data(self) -> bytes:
        made = self.make()
        return made if isinstance(made, bytes) else write_archive(made)


def _zip(
    files: Files | None = None, *, method: int = zipfile.ZIP_STORED, order: int = 1, mode: int = 0
) -> bytes:
    """What Python's own zipfile makes of the files."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in sorted((files or plain()).items())[::order]:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system = 3
            info.external_attr = (mode or 0o100644) << 16
            info.compress_type = method
            archive.writestr(info, data)
    return target.getvalue()


def _raw() -> bytes:
    return write_archive(plain())


def _patch(at: int, data: bytes) -> bytes:
    raw = _raw()
    return raw[:at] + data + raw[at + len(data) :]


def _renamed(name: str) -> Callable[[], bytes]:
    """The first file has another name of the same length."""

    def make() -> bytes:
        old = b"evidence.json"
        return _raw().replace(old, name.ljust(len(old), "x")[: len(old)].encode())

    return make


def _twice() -> bytes:
    files = plain()
    raw = write_archive(files)
    one = write_archive({"evidence.json": files["evidence.json"]})
    end = one.index(b"PK\x01\x02")
    return one[:end] + raw


def _extra_field() -> bytes:
    raw = _raw()
    return raw[:28] + b"\x04\x00" + raw[30:43] + b"UT\x00\x00" + raw[43:]


def _time() -> bytes:
    return _raw().replace(b"\x21\x00", b"\x22\x00", 1)


CONTAINER = [
    Lie("zip_empty", BundleCode.NOT_A_BUNDLE, lambda: b""),
    Lie("zip_prefix", BundleCode.NOT_A_BUNDLE, lambda: b"\x00" + _raw()),
    Lie("zip_text", BundleCode.NOT_A_BUNDLE, lambda: b"this is no bundle\n"),
    Lie("zip_truncated", BundleCode.TRUNCATED, lambda: _raw()[:-1]),
    Lie("zip_cut_in_half", BundleCode.TRUNCATED, lambda: _raw()[: len(_raw()) // 2]),
    Lie("zip_giant_size", BundleCode.LAYOUT, lambda: _patch(22, b"\xff\xff\xff\xff")),
    Lie("zip_giant_sizes", BundleCode.TRUNCATED, lambda: _patch(18, b"\xff\xff\xff\x7f" * 2)),
    Lie("zip_trailing", BundleCode.TRAILING, lambda: _raw() + b"\x00"),
    Lie("zip_second_zip", BundleCode.TRAILING, lambda: _raw() + _raw()),
    Lie(
        "zip_comment",
        BundleCode.TRAILING,
        lambda: _raw()[:-2] + b"\x05\x00hello",
    ),
    Lie("zip_encrypted", BundleCode.ENCRYPTED, lambda: _patch(6, b"\x01")),
    Lie(
        "zip_bomb",
        BundleCode.COMPRESSED,
        lambda: _zip({**plain(), "evidence.json": bytes(10_000_000)}, method=zipfile.ZIP_DEFLATED),
    ),
    Lie("zip_deflated", BundleCode.COMPRESSED, lambda: _zip(method=zipfile.ZIP_DEFLATED)),
    Lie("zip_checksum", BundleCode.CHECKSUM, lambda: _patch(14, b"\x00\x00\x00\x00")),
    Lie("zip_other_order", BundleCode.LAYOUT, lambda: _zip(order=-1)),
    Lie("zip_extra_field", BundleCode.LAYOUT, _extra_field),
    Lie("zip_other_time", BundleCode.LAYOUT, _time),
    Lie("zip_executable", BundleCode.LAYOUT, lambda: _zip(mode=0o100755)),
    Lie("zip_symlink", BundleCode.LINK, lambda: _zip(mode=0o120777)),
    Lie("zip_no_directory", BundleCode.TRUNCATED, lambda: _raw()[: _raw().index(b"PK\x01\x02")]),
    Lie("name_twice", BundleCode.DUPLICATE_NAME, _twice),
    Lie("name_parent", BundleCode.PATH, _renamed("../evil.json")),
    Lie("name_absolute", BundleCode.PATH, _renamed("/etc/evil.js")),
    Lie("name_backslash", BundleCode.PATH, _renamed("..\\evil.json")),
    Lie("name_drive", BundleCode.PATH, _renamed("C:evil.json")),
    Lie("name_hidden", BundleCode.PATH, _renamed(".evidence.js")),
    Lie("name_zero", BundleCode.PATH, _renamed("evidence\0.js")),
    Lie("name_unicode", BundleCode.PATH, _renamed("evidencé.js")),
    Lie("name_case", BundleCode.UNKNOWN_FILE, _renamed("Evidence.json")),
    Lie("file_unknown", BundleCode.UNKNOWN_FILE, lambda: with_file("notes.txt", b"hello")),
    Lie(
        "files_within_a_file",
        BundleCode.PATH,
        lambda: reseal({**plain(), "declared/a": b"", "declared/a/b": b""}),
    ),
    Lie(
        "files_of_one_name",
        BundleCode.DUPLICATE_NAME,
        lambda: reseal({**plain(), "declared/a": b"", "declared/A": b""}),
    ),
    Lie(
        "file_missing",
        BundleCode.MISSING_FILE,
        lambda: {name: data for name, data in plain().items() if name != "proofs.json"},
    ),
    Lie(
        "files_too_many",
        BundleCode.TOO_MANY_FILES,
        lambda: {**plain(), **{f"declared/{n}": b"" for n in range(1_000)}},
    ),
]


def _same_size(name: str) -> Files:
    files = plain()
    return {**files, name: files[name].replace(b"1", b"2", 1)}


def _manifest(**changes: Any) -> Files:
    return reseal(plain(), **changes)


def _listed_twice_as_long() -> Files:
    files = plain()
    value = json.loads(files["manifest.json"])
    value["files"]["evidence.json"]["size"] += 1
    return {**files, "manifest.json": canonical_json(value)}


def _listed_not_there() -> Files:
    value = json.loads(plain()["manifest.json"])["files"]
    value["declared/reserve.toml"] = {"size": 0, "sha256": hashlib.sha256(b"").hexdigest()}
    return _manifest(files=value)


def _without_previous(**changes: Any) -> Files:
    files = _following()
    previous = json.loads(files["manifest.json"])["previous"]
    return reseal(files, previous={**previous, **changes})


MANIFEST = [
    Lie("manifest_statement_altered", BundleCode.DIGEST, lambda: _same_size("statement.json")),
    Lie("manifest_evidence_altered", BundleCode.DIGEST, lambda: _same_size("evidence.json")),
    Lie("manifest_size", BundleCode.SIZE, _listed_twice_as_long),
    Lie(
        "manifest_unlisted",
        BundleCode.UNLISTED,
        lambda: {**plain(), "declared/reserve.toml": b""},
    ),
    Lie("manifest_listed_not_there", BundleCode.MISSING_FILE, _listed_not_there),
    Lie("manifest_version", BundleCode.VERSION, lambda: _manifest(version=2)),
    Lie("manifest_format", BundleCode.FIELD, lambda: _manifest(format="erario-statement")),
    Lie("manifest_network", BundleCode.NETWORK, lambda: _manifest(network="testnet4")),
    Lie(
        "manifest_statement_digest",
        BundleCode.STATEMENT_DIGEST,
        lambda: _manifest(statement="00" * 32),
    ),
    Lie("manifest_extra_member", BundleCode.FIELD, lambda: _manifest(note="trust me")),
    Lie(
        "previous_other_height",
        BundleCode.PREVIOUS_CUTOFF,
        lambda: _without_previous(cutoff={"height": 7, "hash": "11" * 32}),
    ),
    Lie(
        "previous_other_block",
        BundleCode.PREVIOUS_CUTOFF,
        lambda: _without_previous(cutoff={"height": 8, "hash": "11" * 32}),
    ),
    Lie(
        "previous_other_sats",
        BundleCode.PREVIOUS_SATS,
        lambda: _without_previous(sats={"treasury": 1}),
    ),
    Lie(
        "previous_other_holder",
        BundleCode.PREVIOUS_SATS,
        lambda: _without_previous(sats={"ministry": 1}),
    ),
    Lie(
        "previous_without_opening",
        BundleCode.PREVIOUS_CUTOFF,
        lambda: reseal(
            dict(make_bundle(evidence(16, None))),
            previous=json.loads(_following()["manifest.json"])["previous"],
        ),
    ),
]


def _text(change: Callable[[bytes], bytes], name: str = "evidence.json") -> Files:
    files = plain()
    return with_file(name, change(files[name]), files)


def _spend_wallet(value: Any) -> None:
    value["wallets"].append({**value["wallets"][0], "id": "c"})


JSON = [
    Lie(
        "json_duplicate_key",
        BundleCode.JSON_DUPLICATE,
        lambda: _text(lambda data: data.replace(b'{"asked"', b'{"asked":1,"asked"', 1)),
    ),
    Lie(
        "json_deep",
        BundleCode.JSON_DEPTH,
        lambda: _text(lambda _: b"[" * 100_000 + b"]" * 100_000),
    ),
    Lie(
        "json_deep_in_object",
        BundleCode.JSON_DEPTH,
        lambda: _text(lambda data: data[:-1] + b',"z":' + b'{"a":' * 20 + b"1" + b"}" * 21),
    ),
    Lie(
        "json_float",
        BundleCode.JSON_NUMBER,
        lambda: _text(lambda data: data.replace(b'"cutoff":16', b'"cutoff":16.0')),
    ),
    Lie(
        "json_exponent",
        BundleCode.JSON_NUMBER,
        lambda: _text(lambda data: data.replace(b'"cutoff":16', b'"cutoff":1e9999999')),
    ),
    Lie(
        "json_nan",
        BundleCode.JSON_NUMBER,
        lambda: _text(lambda data: data.replace(b'"cutoff":16', b'"cutoff":NaN')),
    ),
    Lie(
        "json_giant_number",
        BundleCode.JSON_NUMBER,
        lambda: _text(lambda data: data.replace(b'"cutoff":16', b'"cutoff":' + b"9" * 100_000)),
    ),
    Lie(
        "json_above_2_53",
        BundleCode.JSON_NUMBER,
        lambda: _text(lambda data: data.replace(b'"cutoff":16', b'"cutoff":9007199254740993')),
    ),
    Lie("json_blank", BundleCode.JSON_CANONICAL, lambda: _text(lambda data: data + b"\n")),
    Lie(
        "json_other_order",
        BundleCode.JSON_CANONICAL,
        lambda: _text(
            lambda data: json.dumps(dict(reversed(json.loads(data).items()))).encode()
        ),
    ),
    Lie(
        "json_escaped",
        BundleCode.JSON_CANONICAL,
        lambda: _text(lambda data: data.replace(b'"regtest"', b'"\\u0072egtest"')),
    ),
    Lie(
        "json_half_character",
        BundleCode.JSON,
        lambda: _text(lambda data: data.replace(b'"UTC"', b'"\\ud800"')),
    ),
    Lie("json_not_utf8", BundleCode.JSON, lambda: _text(lambda data: b"\xff" + data)),
    Lie("json_byte_order_mark", BundleCode.JSON, lambda: _text(lambda data: b"\xef\xbb\xbf" + data)),
    Lie("json_cut", BundleCode.JSON, lambda: _text(lambda data: data[:-1])),
    Lie("json_list", BundleCode.FIELD, lambda: _text(lambda _: b"[]")),
    Lie("evidence_version", BundleCode.VERSION, lambda: edit(put("version", 2))),
    Lie("evidence_member_missing", BundleCode.FIELD, lambda: edit(lambda one: one.pop("tip"))),
    Lie("evidence_member_unknown", BundleCode.FIELD, lambda: edit(put("extra", 1))),
    Lie("evidence_bool_as_number", BundleCode.FIELD, lambda: edit(put("cutoff", True))),
    Lie("evidence_number_as_bool", BundleCode.FIELD, lambda: edit(put("enough_work", 1))),
    Lie("evidence_negative_height", BundleCode.FIELD, lambda: edit(put("cutoff", -1))),
    Lie("evidence_giant_height", BundleCode.FIELD, lambda: edit(put("cutoff", 2**40))),
    Lie("evidence_unknown_role", BundleCode.FIELD, lambda: edit(put("wallets", 0, "role", "best"))),
    Lie("evidence_hex_upper", BundleCode.FIELD, lambda: edit(put("wallets", 0, "scripts", 0, "AB"))),
    Lie("evidence_hex_odd", BundleCode.FIELD, lambda: edit(put("wallets", 0, "scripts", 0, "abc"))),
    Lie(
        "evidence_giant_script",
        BundleCode.FIELD,
        lambda: edit(put("wallets", 0, "scripts", 0, "51" * 10_001)),
    ),
    Lie(
        "evidence_amount_overflows",
        BundleCode.FIELD,
        lambda: edit(put("claims", 0, "amount_sats", 21 * 10**14 + 1)),
    ),
    Lie(
        "evidence_instant_with_offset",
        BundleCode.FIELD,
        lambda: edit(put("asked", {"kind": "instant", "instant": "2011-02-03T00:00:00+00:00"})),
    ),
    Lie("evidence_timezone_path", BundleCode.FIELD, lambda: edit(put("timezone", "../../etc"))),
    Lie("declared_wallet_twice", BundleCode.DUPLICATE_ID, lambda: edit(
        lambda one: one["wallets"].append(one["wallets"][0]))),
    Lie("declared_unknown_holder", BundleCode.UNKNOWN_HOLDER, lambda: edit(
        put("wallets", 0, "holder", "nobody"))),
    Lie("declared_claim_of_unknown_holder", BundleCode.UNKNOWN_HOLDER, lambda: edit(
        put("claims", 0, "holder", "nobody"))),
    Lie("declared_claim_of_unknown_wallet", BundleCode.UNKNOWN_WALLET, lambda: edit(
        put("claims", 0, "wallets", ["zz"]))),
    Lie("declared_claim_wallet_twice", BundleCode.CLAIM, lambda: edit(
        put("claims", 0, "wallets", ["a", "a"]))),
    Lie("declared_claim_ends_first", BundleCode.CLAIM, lambda: edit(
        put("claims", 1, "moment", "start", {"kind": "height", "height": 13}))),
    Lie("declared_claim_of_other_amount", BundleCode.CLAIM, lambda: edit(
        put("claims", 0, "holds", "> 4000 BTC"))),
    Lie("declared_claim_of_other_sign", BundleCode.CLAIM, lambda: edit(
        put("claims", 0, "holds", "< 40 BTC"))),
    Lie("declared_claim_of_other_heights", BundleCode.CLAIM, lambda: edit(
        put("claims", 1, "moment", "written", "8 to 13"))),
    Lie("declared_claim_of_another_day", BundleCode.CLAIM, lambda: edit(
        put("claims", 0, "moment", "written", "2011-02-04"), of=dict(make_bundle(by_instant())))),
    Lie("declared_claim_of_another_hour", BundleCode.CLAIM, lambda: edit(
        put("claims", 2, "moment", "written", "2011-02-03T12:00:00+01:00"),
        of=dict(make_bundle(by_instant())))),
    Lie("declared_claim_in_another_zone", BundleCode.CLAIM, lambda: edit(
        put("timezone", "America/El_Salvador"), of=dict(make_bundle(by_instant())))),
    Lie("declared_wallet_ends_first", BundleCode.WINDOW, lambda: edit(
        put("wallets", 1, "until", "2011-02-02T00:00:00Z"), of=dict(make_bundle(by_instant())))),
    Lie("declared_claim_exact_within", BundleCode.CLAIM, lambda: edit(
        put("claims", 0, "within_sats", 1))),
    Lie("declared_unknown_document", BundleCode.UNKNOWN_DOCUMENT, lambda: edit(
        put("wallets", 0, "document", "gazette"))),
    Lie("declared_documented_by_none", BundleCode.UNKNOWN_DOCUMENT, lambda: edit(
        put("wallets", 0, "attribution", "documented"))),
    Lie("declared_script_in_two_wallets", BundleCode.SCRIPT_TWICE, lambda: edit(_spend_wallet)),
    Lie("declared_script_twice", BundleCode.SCRIPT_TWICE, lambda: edit(
        lambda one: one["wallets"][0]["scripts"].append(one["wallets"][0]["scripts"][0]))),
    Lie("declared_branch_unknown", BundleCode.DERIVATION, lambda: edit(
        put("wallets", 0, "scripts", 0, {"script": "51", "branch": 0, "index": 0}))),
    Lie("declared_derived_further", BundleCode.DERIVATION, lambda: edit(
        put("wallets", 0, "branches", 0, "derived", 2**20), of=dict(make_bundle(derived())))),
    Lie("declared_used_further", BundleCode.DERIVATION, lambda: _used(7)),
    Lie("declared_used_less_far", BundleCode.DERIVATION, lambda: _used(2)),
    Lie("declared_not_used", BundleCode.DERIVATION, lambda: _used(None)),
    Lie("document_undeclared", BundleCode.DOCUMENT_FILE, lambda: with_file(
        f"documents/{hashlib.sha256(b'other').hexdigest()}", b"other")),
    Lie("document_altered", BundleCode.DOCUMENT_FILE, lambda: with_file(
        f"documents/{hashlib.sha256(_DOCUMENT).hexdigest()}", b"other", dict(_enclosing()))),
]  # fmt: skip


def _used(index: int | None) -> Files:
    found = derived()
    (vault,) = found.declaration.wallets
    branches = (replace(vault.branches[0], last_used=index), *vault.branches[1:])
    wallets = (replace(vault, branches=branches),)
    return restated(replace(found, declaration=replace(found.declaration, wallets=wallets)))


def _bits(header: bytes) -> bytes:
    return header[:72] + struct.pack("<I", 0x207FFFFE) + header[76:]


def _old(header: bytes) -> bytes:
    return header[:68] + struct.pack("<I", 1_296_688_602) + header[72:]


def _version(header: bytes) -> bytes:
    return struct.pack("<i", 1) + header[4:]


def _without_work() -> Files:
    """testnet4's genesis alone, by somebody who says that this is enough."""
    header = network(NetworkName.TESTNET4).genesis[:80]
    found = evidence(0, None)
    lying = replace(
        found, network=NetworkName.TESTNET4, headers=(HeaderRun(Height(0), header),), blocks=()
    )
    return restated(lying)


def _headers(change: Callable[[bytes], bytes]) -> Files:
    files = plain()
    return with_file("headers.bin", change(files["headers.bin"]), files)


HEADERS = [
    Lie("headers_none", BundleCode.HEADERS_MISSING, lambda: _headers(lambda _: b"\x00")),
    Lie("headers_cut", BundleCode.HEADERS_FORM, lambda: _headers(lambda data: data[:-1])),
    Lie("headers_trailing", BundleCode.HEADERS_FORM, lambda: _headers(lambda data: data + b"\x00")),
    Lie(
        "headers_giant_count",
        BundleCode.HEADERS_FORM,
        lambda: _headers(lambda data: data[:5] + b"\xff\xff\xff\x7f" + data[9:]),
    ),
    Lie(
        "headers_giant_runs",
        BundleCode.HEADERS_FORM,
        lambda: _headers(lambda data: b"\xfe\x00\x00\x00\x01" + data[1:]),
    ),
    Lie(
        "headers_no_header_run",
        BundleCode.HEADERS_FORM,
        lambda: _headers(lambda data: b"\x02" + data[1:] + bytes(4) + bytes(4)),
    ),
    Lie(
        "headers_runs_that_touch",
        BundleCode.HEADERS_FORM,
        lambda: _headers(
            lambda data: b"\x02" + bytes(4) + b"\x05\x00\x00\x00" + data[9:409]
            + b"\x05\x00\x00\x00\x14\x00\x00\x00" + data[409:]
        ),
    ),
    Lie("headers_shifted", BundleCode.HEADERS_LINK, lambda: _headers(
        lambda data: data[:1] + b"\x01" + data[2:])),
    Lie("headers_other_genesis", BundleCode.HEADERS_GENESIS, lambda: change_header(
        0, lambda header: header[:76] + bytes(4))),
    Lie("headers_broken_link", BundleCode.HEADERS_LINK, lambda: change_header(
        7, lambda header: header[:4] + bytes(32) + header[36:])),
    Lie("headers_swapped", BundleCode.HEADERS_LINK, lambda: change_header(
        7, lambda _: evidence().headers[0].headers[640:720])),
    Lie("headers_no_work", BundleCode.HEADERS_RULE, lambda: last_header(
        lambda header: header, works=False)),
    Lie("headers_other_bits", BundleCode.HEADERS_RULE, lambda: last_header(_bits)),
    Lie("headers_old_time", BundleCode.HEADERS_RULE, lambda: last_header(_old)),
    Lie("headers_old_version", BundleCode.HEADERS_RULE, lambda: last_header(_version)),
    Lie("headers_less_work", BundleCode.CHAIN_WORK, _without_work),
    Lie("headers_without_the_tip", BundleCode.CHAIN_TIP, lambda: with_headers(
        evidence().headers[0].headers[:-80])),
    Lie("headers_below_the_cutoff", BundleCode.CHAIN_TIP, lambda: with_headers(
        evidence().headers[0].headers[:800])),
    Lie("tip_more_work", BundleCode.CHAIN_TIP, lambda: restated(
        replace(evidence(), chain=replace(evidence().chain, work=evidence().chain.work + 1)))),
    Lie("tip_other_height", BundleCode.CHAIN_TIP, lambda: restated(replace(
        evidence(),
        chain=replace(evidence().chain, tip=replace(evidence().chain.tip, height=Height(25)))))),
]  # fmt: skip


def _moment(name: str, change: Any, of: Callable[[], Evidence] = by_instant) -> Files:
    return edit(put(name, change), of=dict(make_bundle(of())))


def _points() -> Files:
    found = by_instant()
    *others, last = found.instants
    assert last.point is not None
    point = replace(last.point, height=Height(last.point.height - 1))
    return restated(replace(found, instants=(*others, replace(last, point=point))))


MOMENTS = [
    Lie("cutoff_other", BundleCode.CUTOFF, lambda: edit(put("cutoff", 15))),
    Lie("cutoff_above_tip", BundleCode.CUTOFF, lambda: edit(
        lambda one: one.update(cutoff=30, asked={"kind": "height", "height": 30}))),
    Lie("cutoff_of_instant_earlier", BundleCode.CUTOFF, lambda: _moment("cutoff", 18)),
    Lie("cutoff_of_instant_later", BundleCode.CUTOFF, lambda: _moment("cutoff", 20)),
    Lie("cutoff_settled_by_height", BundleCode.SETTLED, lambda: edit(put("settled", True))),
    Lie("cutoff_not_settled", BundleCode.SETTLED, lambda: _moment("settled", False)),
    Lie("since_other", BundleCode.SINCE, lambda: edit(put("since", 5))),
    Lie("since_after_cutoff", BundleCode.SINCE, lambda: edit(
        lambda one: one.update(since=17, asked_since={"kind": "height", "height": 17}))),
    Lie("since_without_asking", BundleCode.SINCE, lambda: edit(put("asked_since", None))),
    Lie("instant_earlier_block", BundleCode.INSTANT, _points),
    Lie("instant_before_genesis", BundleCode.INSTANT, lambda: _moment("instants", [
        {**one, "height": None}
        for one in json.loads(make_bundle(by_instant())["evidence.json"])["instants"]])),
    Lie("instants_left_out", BundleCode.INSTANTS, lambda: _moment("instants", [])),
    Lie("instants_invented", BundleCode.INSTANTS, lambda: edit(
        put("instants", [{"instant": "2011-02-03T00:00:00Z", "height": 1}]))),
]  # fmt: skip


def _block(text: str, height: int) -> Any:
    chain = read_chain(text, length=24)
    return evidence_of(chain.blocks[height], [1])


def _irrelevant() -> Files:
    chain = read_chain(_CHAIN, length=24)
    other = evidence_of(chain.blocks[7], [0])
    blocks = sorted((*evidence().blocks, other), key=lambda one: one.height)
    return restated(replace(evidence(), blocks=tuple(blocks)))


def _node_sized() -> Files:
    """A transaction of 64 bytes, which could be two hashes."""
    raw = (
        struct.pack("<i", 2) + b"\x01" + bytes(31) + b"\x01" + bytes(4) + b"\x04" + bytes(4)
        + bytes(4) + b"\x01" + bytes(8) + b"\x00" + bytes(4)
    )  # fmt: skip
    return change_transaction(2, 0, raw=raw + bytes(64 - len(raw)) if len(raw) < 64 else raw)


def _repeated() -> Files:
    """The last transaction of an odd row once more, where the tree repeats its hash."""

    def change(block: Any) -> Any:
        last = block.transactions[-1]
        assert last.position == 2
        return replace(block, transactions=(*block.transactions, replace(last, position=3)))

    return change_block(2, change)


def _binary(change: Callable[[bytes], bytes]) -> Files:
    files = plain()
    return with_file("transactions.bin", change(files["transactions.bin"]), files)


def _above_cutoff() -> Files:
    chain = read_chain(_CHAIN.rstrip() + "\n18 coinbase > 50 a", length=24)
    declared = reserve(chain, [wallet("a"), wallet("b")])
    found = collect(declared, MemorySource(chain.blocks), at=16, headers=True)
    return restated(replace(found, blocks=(*found.blocks, evidence_of(chain.blocks[18], [0]))))


def _hidden_spend() -> Files:
    """The statement is of all blocks; the one that spends is left out of the evidence."""
    files = plain()
    less = make_bundle(replace(evidence(), blocks=evidence().blocks[:-1]))
    return with_file("transactions.bin", less["transactions.bin"], files)


def _too_much() -> Files:
    chain = read_chain("1 coinbase > 50 nobody", length=2)
    for height in (3, 4):
        head = coinbase(height, ((2 * 10**15, chain.script("a")),))
        chain.blocks.append(mine_block(chain.blocks[-1], [], first=head))
    found = collect(reserve(chain, [wallet("a")]), MemorySource(chain.blocks), at=3, headers=True)
    files = make_bundle(found)
    whole = replace(found, blocks=tuple(evidence_of(chain.blocks[at], [0]) for at in (3, 4)))
    from erario.bundle.writing import write_transactions  # noqa: PLC0415

    value = json.loads(files["evidence.json"])
    value.update(cutoff=4, asked={"kind": "height", "height": 4})
    files = {**files, "transactions.bin": write_transactions(whole.blocks)}
    return with_file("evidence.json", canonical_json(value), files)


def _listed() -> Evidence:
    from erario.bitcoin.values import Outpoint, Txid  # noqa: PLC0415

    coin = ListedCoin(
        Outpoint(Txid(bytes(32)), 0), Sats(1), Script(b"\x51"), Height(3), coinbase=False
    )
    return replace(evidence(), listed=(coin, coin))


def _only_listed() -> Files:
    files = plain()
    return edit(put("sources", 0, "history", False), of=files)


def _finding(code: FindingCode) -> Files:
    finding = Finding(code, Verdict.PASS, Severity.INFO, "", "All is well.", "")
    return restated(replace(evidence(), findings=(finding,)))


_PAID = evidence().blocks[2].transactions[0].raw

TRANSACTIONS = [
    Lie("coin_larger", BundleCode.INCLUSION, lambda: change_transaction(
        2, 0, raw=pay_more(_PAID, 30))),
    Lie("coin_to_another", BundleCode.INCLUSION, lambda: change_transaction(
        2, 0, raw=_PAID.replace(evidence().declaration.wallets[1].scripts[0].script,
                                evidence().declaration.wallets[0].scripts[0].script))),
    Lie("coin_invented", BundleCode.INCLUSION, lambda: change_transaction(
        2, 0, raw=Tx(inputs=((bytes(31) + b"\x01", 0),),
                     outputs=((10**11, evidence().declaration.wallets[0].scripts[0].script),)).raw)),
    Lie("coin_overflows", BundleCode.INCLUSION, lambda: change_transaction(
        2, 0, raw=_PAID.replace(struct.pack("<q", 30 * 10**8), b"\xff" * 7 + b"\x7f"))),
    Lie("coin_negative", BundleCode.INCLUSION, lambda: change_transaction(
        2, 0, raw=_PAID.replace(struct.pack("<q", 30 * 10**8), b"\xff" * 8))),
    Lie("coin_node_sized", BundleCode.INCLUSION, _node_sized),
    Lie("coin_unreadable", BundleCode.INCLUSION, lambda: change_transaction(2, 0, raw=b"\x02")),
    Lie("branch_altered", BundleCode.INCLUSION, lambda: change_transaction(
        2, 0, branch=(bytes(32), *evidence().blocks[2].transactions[0].branch[1:]))),
    Lie("branch_other_position", BundleCode.INCLUSION, lambda: change_transaction(
        2, 1, position=3)),
    Lie("branch_of_a_repeated_leaf", BundleCode.INCLUSION, _repeated),
    Lie("branch_out_of_the_tree", BundleCode.INCLUSION, lambda: change_transaction(
        2, 1, position=2**31)),
    Lie("branch_of_no_coinbase", BundleCode.INCLUSION, lambda: change_block(
        2, lambda block: replace(block, coinbase=replace(
            block.transactions[0], position=0)))),
    Lie("block_at_another_height", BundleCode.INCLUSION, lambda: change_block(
        3, lambda block: replace(block, height=Height(10)))),
    Lie("block_above_cutoff", BundleCode.INCLUSION, _above_cutoff),
    Lie("block_twice", BundleCode.BINARY_ORDER, lambda: restated(replace(
        evidence(), blocks=(*evidence().blocks, evidence().blocks[-1])))),
    Lie("block_out_of_order", BundleCode.BINARY_ORDER, lambda: restated(replace(
        evidence(), blocks=evidence().blocks[::-1]))),
    Lie("transaction_twice", BundleCode.BINARY_ORDER, lambda: change_block(
        2, lambda block: replace(block, transactions=(
            block.transactions[0], *block.transactions)))),
    Lie("transactions_trailing", BundleCode.BINARY, lambda: _binary(lambda data: data + b"\x00")),
    Lie("transactions_cut", BundleCode.BINARY, lambda: _binary(lambda data: data[:-1])),
    Lie("transactions_giant_count", BundleCode.BINARY, lambda: _binary(
        lambda data: b"\xfe\xff\xff\xff\x01" + data[1:])),
    Lie("transactions_not_shortest", BundleCode.BINARY, lambda: _binary(
        lambda data: b"\xfd" + data[:1] + b"\x00" + data[1:])),
    Lie("transactions_flags", BundleCode.BINARY, lambda: _binary(
        lambda data: data[:5] + b"\x02" + data[6:])),
    Lie("transactions_deep_tree", BundleCode.BINARY, lambda: _binary(
        lambda data: data[:6] + b"\xff" + data[7:])),
    Lie("irrelevant_transaction", BundleCode.IRRELEVANT, _irrelevant),
    Lie("irrelevant_block", BundleCode.IRRELEVANT, lambda: change_block(
        0, lambda block: replace(block, transactions=()))),
    Lie("spend_hidden", BundleCode.STATEMENT, _hidden_spend),
    Lie("coin_spent_twice", BundleCode.DOUBLE_SPEND, lambda: of_chain(
        "3 coinbase > 50 a\n5 one = 3.0 > 50 x\n6 two = 3.0 > 50 b")),
    Lie("coin_from_nowhere", BundleCode.INFLATION, lambda: of_chain(
        "3 coinbase > 50 a\n5 one = 3.0 > 60 b")),
    Lie("coins_beyond_all", BundleCode.SUPPLY, _too_much),
    Lie("listed_twice", BundleCode.LISTED, lambda: restated(_listed())),
    Lie("listed_only", BundleCode.NO_HISTORY, _only_listed),
    Lie("finding_of_our_own", BundleCode.FINDINGS, lambda: _finding(FindingCode.CONTROL_PROOF)),
]  # fmt: skip


def _proof(**changes: Any) -> Files:
    (proof,) = proved().proofs
    return restated(replace(proved(), proofs=(replace(proof, **changes),)))


def _other_script() -> Script:
    return Script(maker.p2wpkh(maker.sec(2)))


def _state(change: Callable[[dict[str, Any]], object], of: Callable[[], Files] = plain) -> Files:
    """Another statement inside, with digests that fit."""
    files = edit(change, "statement.json", dict(of()))
    value = json.loads(files["statement.json"])
    value.pop("observed")
    return reseal(files, statement=hashlib.sha256(canonical_json(value)).hexdigest())


def _all_proved(statement: dict[str, Any]) -> None:
    for line in statement["holders"][0]["control"]:
        line["control"] = "proved"


def _without_proofs() -> Files:
    files = dict(make_bundle(proved()))
    empty = make_bundle(evidence())["proofs.json"]
    return with_file("proofs.json", empty, files)


STATEMENTS = [
    Lie("proof_of_another_message", BundleCode.PROOF, lambda: _proof(
        message=proved().proofs[0].message.replace("Kit", "Kat"))),
    Lie("proof_of_another_script", BundleCode.PROOF, lambda: _proof(script=_other_script())),
    Lie("proof_cut", BundleCode.PROOF, lambda: _proof(
        signature=proved().proofs[0].signature[:-4])),
    Lie("proof_by_another_key", BundleCode.PROOF, lambda: _proof(
        signature=maker.simple(_other_script(), maker.by_key_hash(2), proved().proofs[0].message))),
    Lie("proof_empty", BundleCode.PROOF, lambda: _proof(signature="")),
    Lie("proof_twice", BundleCode.PROOF_TWICE, lambda: edit(
        lambda one: one["proofs"].append(one["proofs"][0]), "proofs.json",
        dict(make_bundle(proved())))),
    Lie("proof_sealed_and_shown", BundleCode.SEAL, lambda: edit(
        put("sealed", ["00" * 32]), "proofs.json", dict(make_bundle(proved())))),
    Lie("proof_sealed_none", BundleCode.SEAL, lambda: edit(put("sealed", []), "proofs.json")),
    Lie("proof_replayed", BundleCode.STATEMENT, lambda: _state(
        _all_proved, lambda: make_bundle(proved(13)))),
    Lie("proof_over_no_block_counted", BundleCode.STATEMENT, lambda: _state(
        _all_proved, lambda: make_bundle(proved(on_chain=False)))),
    Lie("proof_made_younger", BundleCode.STATEMENT, lambda: _state(
        put("holders", 0, "wallets", 0, "scripts", 0, "proof", {"age": 0, "height": 13, "keys": 1}),
        lambda: make_bundle(proved(13)))),
    Lie("proof_of_more_keys", BundleCode.STATEMENT, lambda: _state(
        put("holders", 0, "wallets", 0, "scripts", 0, "proof", "keys", 3),
        lambda: make_bundle(proved()))),
    Lie("proof_left_out", BundleCode.STATEMENT, _without_proofs),
    Lie("statement_control_without_proof", BundleCode.STATEMENT, lambda: _state(
        put("holders", 0, "control", 0, "control", "proved"))),
    Lie("statement_richer", BundleCode.STATEMENT, lambda: _state(
        put("holders", 0, "totals", 0, "balance", "sats", 10**12))),
    Lie("statement_coin_added", BundleCode.STATEMENT, lambda: _state(
        lambda one: one["coins"].append(one["coins"][0]))),
    Lie("statement_coin_unspent", BundleCode.STATEMENT, lambda: _state(
        put("coins", 0, "spent", None))),
    Lie("statement_claim_kept", BundleCode.STATEMENT, lambda: _state(
        put("claims", 1, "margin_sats", 0))),
    Lie("statement_other_holder", BundleCode.STATEMENT, lambda: _state(
        put("holders", 0, "name", "Ministry"))),
    Lie("statement_roll_forward", BundleCode.STATEMENT, lambda: _state(
        put("holders", 0, "roll_forward", "received_sats", 0))),
    Lie("statement_finding_added", BundleCode.STATEMENT, lambda: _state(
        put("findings", [{"code": "chain.work", "verdict": "pass", "severity": "info",
                          "subject": "", "what": "All is well.", "settle": ""}]))),
    Lie("statement_other_source", BundleCode.STATEMENT, lambda: _state(
        put("observed", "sources", 0, "own", True))),
    Lie("statement_deeper", BundleCode.STATEMENT, lambda: _state(put("observed", "depth", 144))),
    Lie("statement_stronger_word", BundleCode.STATEMENT, lambda: _state(put("word", "own_node"))),
    Lie("statement_not_json", BundleCode.STATEMENT, lambda: with_file("statement.json", b"{")),
    Lie("statement_deep", BundleCode.STATEMENT, lambda: with_file("statement.json", b"[" * 99_999)),
]  # fmt: skip

LIES: list[Lie] = [
    *CONTAINER, *MANIFEST, *JSON, *HEADERS, *MOMENTS, *TRANSACTIONS, *STATEMENTS,
]  # fmt: skip


def bundles() -> Iterator[tuple[str, str, BundleCode | None, bytes]]:
    """Name, verdict, code and bytes of every bundle of the kit."""
    for name, make in GOOD.items():
        yield name, "valid", None, write_archive(make())
    for lie in LIES:
        yield f"lie_{lie.name}", "refused", lie.code, lie.data()


def write_kit(folder: Path) -> int:
    """Write the kit; how many bundles it has."""
    folder.mkdir(parents=True, exist_ok=True)
    expected = []
    for name, verdict, code, data in bundles():
        (folder / f"{name}.erario").write_bytes(data)
        expected.append({"file": f"{name}.erario", "verdict": verdict, "code": code})
    text = json.dumps(expected, indent=1) + "\n"
    (folder / "expected.json").write_text(text, encoding="ascii")
    return len(expected)


if __name__ == "__main__":
    sys.stdout.write(f"{write_kit(Path(sys.argv[1]))} bundles\n")
