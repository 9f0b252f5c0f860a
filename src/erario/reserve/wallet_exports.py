"""A reserve from what a wallet exports: receive and change joined, nothing twice.

The formats are read in `export_formats`. Here each descriptor is checked, compared with the first
address that the wallet gave, and joined with its counterpart into one multipath descriptor.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from erario.bitcoin.address import networks_of, show_address
from erario.bitcoin.descriptor import Descriptor, read_descriptor
from erario.bitcoin.descriptor_tree import checksum_of
from erario.bitcoin.errors import AddressError, DescriptorError
from erario.bitcoin.network import NetworkName
from erario.errors import DeclarationError, Place
from erario.reserve.cutoff import find_timezone
from erario.reserve.drafting import Draft, write_draft
from erario.reserve.export_formats import ExportCode, Exported, parse_export
from erario.reserve.model import Attribution, Reserve
from erario.reserve.plain_list import PlainList, choose_network, title_of
from erario.reserve.problems import Problems
from erario.reserve.rows import Row
from erario.reserve.text_files import MAX_RESERVE, decode, read_bytes

_STEP: Final = re.compile(r"/(?P<number>[0-9]+)/\*(?=[,)}])")
_MULTIPATH: Final = re.compile(r"/<(?P<numbers>[0-9]+(?:;[0-9]+)+)>/\*(?=[,)}])")


@dataclass(frozen=True, slots=True)
class _Read:
    exported: Exported
    descriptor: Descriptor

    @property
    def body(self) -> str:
        return self.descriptor.text.partition("#")[0]


def read_export(path: str | Path) -> tuple[Exported, ...]:
    """The descriptors of an export, as the wallet wrote them.

    Raises:
        DeclarationError: it is no export that erario knows, or holds a private key.
    """
    problems = Problems()
    found = _parse(Path(path), problems)
    _raise_any(problems)
    return tuple(found)


def reserve_from_export(
    path: str | Path,
    *,
    network: NetworkName | str | None = None,
    timezone: str = "UTC",
    title: str | None = None,
) -> tuple[Reserve, dict[str, bytes]]:
    """The reserve of one declared wallet that an export stands for, and the files to save it as.

    Args:
        network: needed where the keys leave it open, as all test networks' do.
        title: the holder's name; the file's name where none is given.

    Raises:
        DeclarationError: as `read_export`, or a descriptor or its first address is wrong.
        RequestError: the network is open, or there is no such time zone.
    """
    file = Path(path)
    exported = read_export(file)
    find_timezone(timezone)
    chosen = choose_network(network, _as_list(exported))
    problems = Problems()
    read = [r for each in exported if (r := _read(each, chosen, problems)) is not None]
    _raise_any(problems)
    draft = Draft(
        given=file,
        network=chosen,
        timezone=timezone,
        title=title or title_of(file),
        attribution=Attribution.DECLARED,
        wallet="wallet",
        rows={
            "descriptor": [
                Row(f"{body}#{checksum_of(body)}", None, None, place)
                for body, place in _joined(read)
            ]
        },
        intro=("A reserve made from a wallet's export. Correct the names, then: erario check .",),
    )
    return write_draft(draft)


def _parse(file: Path, problems: Problems) -> list[Exported]:
    place = Place(str(file))
    data = read_bytes(file, MAX_RESERVE, place, problems)
    text = None if data is None else decode(data, str(file), problems)
    # A secret was masked by now; what else the text says is not worth a word.
    if text is None or problems.all():
        return []
    found = parse_export(text, str(file), problems)
    if found and _is_address(found[0].text):
        problems.add(
            ExportCode.FORMAT,
            place,
            "this holds no descriptor, and looks like a list of addresses",
            "Give a list of addresses to erario init with --addresses.",
        )
        return []
    if not found and not problems.all():
        problems.add(
            ExportCode.FORMAT,
            place,
            "this holds no descriptor",
            "Export descriptors: listdescriptors in Bitcoin Core, output descriptor elsewhere.",
        )
    return found


def _is_address(text: str) -> bool:
    try:
        return bool(networks_of(text.split(maxsplit=1)[0]))
    except AddressError:
        return False


def _raise_any(problems: Problems) -> None:
    found = problems.all()
    if found:
        raise DeclarationError(found[0].code, found)


def _as_list(exported: tuple[Exported, ...]) -> PlainList:
    """What shows the network: the keys, and the first addresses."""
    return PlainList(
        tuple(Row(each.first, None, None, each.place) for each in exported if each.first),
        (),
        tuple(Row(each.text, None, None, each.place) for each in exported),
    )


def _read(exported: Exported, network: NetworkName, problems: Problems) -> _Read | None:
    try:
        descriptor = read_descriptor(exported.text, network)
    except DescriptorError as error:
        problems.add(error.code, exported.place, error.what, error.remedy)
        return None
    if exported.first is not None:
        script = descriptor.branches[0].scripts(0, 1)[0][1]
        address = show_address(script, network)
        if address != exported.first:
            problems.add(
                ExportCode.FIRST_ADDRESS,
                exported.place,
                f"the first address is {address}, and the export says another",
                "Do not use this export: it was changed, or another wallet's. Make a new one.",
            )
            return None
    return _Read(exported, descriptor)


def _joined(read: list[_Read]) -> list[tuple[str, Place]]:
    """Descriptors without repeats, with receive and change in one where both are there."""
    joined: dict[str, Place] = {}
    pairs: dict[str, dict[str, _Read]] = defaultdict(dict)
    covered: dict[str, set[str]] = defaultdict(set)
    for each in read:
        numbers = set(_MULTIPATH.findall(each.body))
        if len(numbers) == 1:
            covered[_MULTIPATH.sub("/{}/*", each.body)].update(numbers.pop().split(";"))
    for each in read:
        steps = set(_STEP.findall(each.body))
        template = _STEP.sub("/{}/*", each.body)
        if len(steps) != 1 or "<" in each.body:
            joined.setdefault(each.body, each.exported.place)
        elif (number := steps.pop()) not in covered[template]:
            pairs[template].setdefault(number, each)
    for template, branches in pairs.items():
        for text, place in _pair(template, branches):
            joined.setdefault(text, place)
    return sorted(joined.items(), key=lambda item: item[1].line or 0)


def _pair(template: str, branches: dict[str, _Read]) -> list[tuple[str, Place]]:
    receive, change = "0", "1"
    says = {each.exported.is_internal: number for number, each in branches.items()}
    if set(says) == {True, False} and len(branches) == 2:
        receive, change = says[False], says[True]
    if set(branches) == {receive, change}:
        text = template.replace("/{}/*", f"/<{receive};{change}>/*")
        return [(text, branches[receive].exported.place)]
    return [(each.body, each.exported.place) for each in branches.values()]
