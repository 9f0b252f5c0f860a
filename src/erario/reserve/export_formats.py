"""What wallets export, each format as descriptors.

    Bitcoin Core      listdescriptors: {"descriptors": [{"desc": ..., "internal": ...}]}
    descriptor JSON   {"descriptor": ..., "change_descriptor": ...}: Specter, BDK and others
    Sparrow           its wallet file in JSON, with keystores; its text export is a plain list
    Coldcard          generic JSON (bip44, bip49, bip84, bip86), and the multisig text file
    BSMS 1.0          a descriptor record (BIP 129)
    plain list        one descriptor a line, # for comments

Where a format gives the first address, it is kept, so that the caller can compare it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from erario.bitcoin.descriptor_slip132 import as_plain_key
from erario.bitcoin.descriptor_tree import checksum_of
from erario.bitcoin.errors import DescriptorError
from erario.errors import Place
from erario.reserve.problems import Problems

MAX_DEPTH: Final = 20
"""Of JSON; no wallet nests its export more than six deep."""

_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{}]')
_COLDCARD_LINE = re.compile(r"\s*(?:#\s*)?(?P<name>[A-Za-z0-9]+)\s*:\s*(?P<text>.*?)\s*")
_COLDCARD_POLICY = re.compile(r"(?P<k>[0-9]{1,2})\s*(?:of|/)\s*(?P<n>[0-9]{1,2})", re.IGNORECASE)
_XFP = re.compile("[0-9a-fA-F]{8}")
_PATH = re.compile(r"(?:m/)?(?P<steps>[0-9]+['hH]?(?:/[0-9]+['hH]?)*)")
_RESTRICTION = re.compile(r"/(?P<number>[0-9]+)/\*")
_AGAIN: Final = "Export it from the wallet again; a plain list of descriptors always works."

_SINGLE: Final = {
    "p2pkh": "pkh({})",
    "p2wpkh": "wpkh({})",
    "p2sh-p2wpkh": "sh(wpkh({}))",
    "p2wpkh-p2sh": "sh(wpkh({}))",
    "p2tr": "tr({})",
}
_MULTI: Final = {
    "p2sh": "sh({})",
    "p2wsh": "wsh({})",
    "p2sh-p2wsh": "sh(wsh({}))",
    "p2wsh-p2sh": "sh(wsh({}))",
}


class ExportCode(StrEnum):
    """What can be wrong with an export."""

    FORMAT = "export.format"
    INCOMPLETE = "export.incomplete"
    FIRST_ADDRESS = "export.first-address"


@dataclass(frozen=True, slots=True)
class Exported:
    """One descriptor of an export, as text.

    `is_internal` is what the wallet says of it, if it says so; `first` its first address.
    """

    text: str
    place: Place
    is_internal: bool | None = None
    first: str | None = None


def parse_export(text: str, file: str, problems: Problems) -> list[Exported]:
    """The descriptors of an export; problems where it is none, or not all there."""
    reader = _Reader(text, file, problems)
    stripped = text.lstrip()
    if stripped.startswith(("{", "[")):
        return reader.from_json()
    if stripped.startswith("BSMS"):
        return reader.from_bsms()
    if re.search(r"(?mi)^\s*policy\s*:", text):
        return reader.from_coldcard_text()
    return list(reader.from_lines())


class _Reader:
    def __init__(self, text: str, file: str, problems: Problems) -> None:
        self._text = text
        self._file = file
        self._problems = problems

    def from_lines(self) -> Iterator[Exported]:
        for number, line in enumerate(self._text.split("\n"), start=1):
            item = line.strip()
            if item and not item.startswith("#"):
                yield Exported(item, Place(self._file, number))

    def from_bsms(self) -> list[Exported]:
        lines = [line.strip() for line in self._text.strip().split("\n")]
        if lines[0] != "BSMS 1.0":
            return self._fail(1, ExportCode.FORMAT, "a BSMS record of another version than 1.0")
        if len(lines) < 4 or "(" not in lines[1]:
            return self._fail(
                2, ExportCode.FORMAT, "a BSMS record without descriptor, such as the first round's"
            )
        template, mark, checksum = lines[1].partition("#")
        if mark and checksum_of(template) != checksum:
            return self._fail(2, ExportCode.FORMAT, "the checksum of the descriptor is wrong")
        first, place = lines[3], Place(self._file, 2)
        if "/**" not in template:
            return [Exported(template, place, first=first)]
        numbers = _RESTRICTION.findall(lines[2])
        if lines[2] != ",".join(f"/{number}/*" for number in numbers) or not numbers:
            return self._fail(
                3, ExportCode.FORMAT, "path restrictions of another form than /0/*,/1/*"
            )
        step = numbers[0] if len(numbers) == 1 else f"<{';'.join(numbers)}>"
        return [Exported(template.replace("/**", f"/{step}/*"), place, first=first)]

    def from_coldcard_text(self) -> list[Exported]:
        policy = wrapper = None
        path = ""
        keys: list[str] = []
        for number, line in enumerate(self._text.split("\n"), start=1):
            match = _COLDCARD_LINE.fullmatch(line)
            if match is None:
                continue
            name, text = match["name"].lower(), match["text"]
            if name == "policy":
                policy = _COLDCARD_POLICY.fullmatch(text)
            elif name == "format":
                wrapper = _MULTI.get(text.lower())
            elif name == "derivation":
                path = _steps(text) or ""
            elif _XFP.fullmatch(name) and not line.lstrip().startswith("#"):
                key = self._key(name, path, text, number)
                keys += [key] if key else []
        if policy is None or wrapper is None or len(keys) != int(policy["n"]):
            return self._fail(
                1,
                ExportCode.INCOMPLETE,
                "a multisig file whose policy, format or number of keys is missing or wrong",
            )
        inner = f"sortedmulti({policy['k']},{','.join(keys)})"
        return [Exported(wrapper.format(inner), Place(self._file, 1))]

    def from_json(self) -> list[Exported]:
        if _depth(self._text) > MAX_DEPTH:
            return self._fail(1, ExportCode.FORMAT, "JSON that is nested too deeply")
        try:
            data = json.loads(self._text)
        except ValueError as error:
            line = getattr(error, "lineno", 1)
            return self._fail(line, ExportCode.FORMAT, "from this line on this is no JSON")
        found = self._core(data) if isinstance(data, list) else self._json_object(data)
        return found or self._fail(1, ExportCode.FORMAT, "JSON of a form that erario does not know")

    def _json_object(self, data: dict[str, Any]) -> list[Exported]:
        readers: tuple[tuple[str, Callable[[Any], list[Exported]]], ...] = (
            ("descriptors", lambda data: self._core(data["descriptors"])),
            ("descriptor", self._descriptor_json),
            ("keystores", self._sparrow),
            ("xfp", self._coldcard),
        )
        for key, read in readers:
            if key in data:
                return read(data)
        return []

    def _core(self, rows: Any) -> list[Exported]:  # noqa: ANN401 - JSON
        found = []
        for row in rows if isinstance(rows, list) else ():
            desc = row.get("desc") if isinstance(row, dict) else row
            if isinstance(desc, str):
                internal = row.get("internal") if isinstance(row, dict) else None
                is_internal = internal if isinstance(internal, bool) else None
                found.append(Exported(desc.strip(), self._place(desc), is_internal))
        return found

    def _descriptor_json(self, data: dict[str, Any]) -> list[Exported]:
        return [
            Exported(data[key].strip(), self._place(data[key]), is_internal)
            for key, is_internal in (("descriptor", False), ("change_descriptor", True))
            if isinstance(data.get(key), str)
        ]

    def _sparrow(self, data: dict[str, Any]) -> list[Exported]:
        kind = str(data.get("scriptType")).lower().replace("_", "-")
        stores = data["keystores"] if isinstance(data["keystores"], list) else []
        keys = [key for store in stores if (key := self._sparrow_key(store))]
        # Where the policy stands differs between versions; only its shape is looked at.
        policy = json.dumps(data.get("defaultPolicy"))
        sorted_multi = re.search(r"sortedmulti\(\s*([0-9]{1,2})\s*,", policy)
        if len(keys) == len(stores) == 1 and kind in _SINGLE:
            return [Exported(_SINGLE[kind].format(keys[0]), self._place("keystores"))]
        if len(keys) == len(stores) > 1 and kind in _MULTI and sorted_multi:
            inner = f"sortedmulti({sorted_multi[1]},{','.join(keys)})"
            return [Exported(_MULTI[kind].format(inner), self._place("keystores"))]
        return self._fail(
            1,
            ExportCode.INCOMPLETE,
            "a Sparrow wallet whose script type, policy or keys are not such as erario knows",
        )

    def _sparrow_key(self, store: Any) -> str | None:  # noqa: ANN401 - JSON
        if not isinstance(store, dict):
            return None
        origin = store.get("keyDerivation")
        origin = origin if isinstance(origin, dict) else {}
        path = origin.get("derivationPath", origin.get("derivation"))
        key = str(store.get("extendedPublicKey"))
        line = self._place(key).line or 1
        return self._key(str(origin.get("masterFingerprint")), _steps(str(path)), key, line)

    def _coldcard(self, data: dict[str, Any]) -> list[Exported]:
        found = []
        for name in ("bip44", "bip49", "bip84", "bip86"):
            section = data.get(name)
            if not isinstance(section, dict):
                continue
            first = section.get("first")
            first = first if isinstance(first, str) else None
            wrapper = _SINGLE.get(str(section.get("name")))
            if isinstance(section.get("desc"), str):
                text = section["desc"].strip()
            elif wrapper is not None:
                place = self._place(f'"{name}"')
                steps = _steps(str(section.get("deriv")))
                key = self._key(str(data["xfp"]), steps, str(section.get("xpub")), place.line or 1)
                if key is None:
                    continue
                text = wrapper.format(key)
            else:
                continue
            found.append(Exported(text, self._place(f'"{name}"'), first=first))
        return found

    def _key(self, fingerprint: str, steps: str | None, key: str, line: int) -> str | None:
        """A key expression of receive and change; the origin only where it is known."""
        origin = ""
        if steps is not None and _XFP.fullmatch(fingerprint):
            origin = f"[{'/'.join(filter(None, (fingerprint.lower(), steps)))}]"
        try:
            return f"{origin}{as_plain_key(key.strip())}/<0;1>/*"
        except DescriptorError as error:
            self._problems.add(error.code, Place(self._file, line), error.what, error.remedy)
            return None

    def _place(self, text: str) -> Place:
        at = self._text.find(text)
        return Place(self._file, self._text.count("\n", 0, at) + 1 if at >= 0 else 1)

    def _fail(self, line: int, code: ExportCode, what: str) -> list[Exported]:
        self._problems.add(code, Place(self._file, line), what, _AGAIN)
        return []


def _steps(path: str) -> str | None:
    """The steps of a path in descriptors' form; None where it is no path."""
    match = _PATH.fullmatch(path.strip())
    if match is None:
        return None
    return re.sub("['H]", "h", match["steps"])


def _depth(text: str) -> int:
    depth = most = 0
    for match in _BRACKET.finditer(text):
        if match.group() in "[{":
            depth += 1
            most = max(most, depth)
        elif match.group() in "]}":
            depth -= 1
    return most
