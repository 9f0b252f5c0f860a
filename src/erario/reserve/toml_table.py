"""A TOML file as a table that remembers its lines: syntax told by line, secrets masked."""

from __future__ import annotations

import re
import tomllib
from typing import Any, Final

from erario.bitcoin.descriptor_secrets import find_secrets, mask_secrets
from erario.errors import Place
from erario.reserve.problems import ProblemCode, Problems, show
from erario.reserve.tables import Source, Table
from erario.reserve.text_files import decode, report_secret
from erario.reserve.toml_places import MAX_DEPTH, KeyPath, find_places

_TOML_PLACE: Final = re.compile(r" \(at (?:line (?P<line>\d+), column \d+|end of document)\)$")


def read_table(data: bytes, file: str, problems: Problems) -> Table | None:
    """The top table of a TOML file with these bytes; None where it is none, which is reported.

    `file` is its name for people. Secrets are reported and masked, whatever key they stand under.
    """
    text = decode(data, file, problems)
    if text is None:
        return None
    places = find_places(text)
    if places.too_deep is not None:
        problems.add(
            ProblemCode.SYNTAX,
            Place(file, places.too_deep),
            f"keys or values are nested more than {MAX_DEPTH} deep",
            "Write it flatter: no file of erario needs that.",
        )
        return None
    try:
        values = tomllib.loads(text)
    except ValueError as error:
        _report_syntax(str(error), text, file, problems)
        return None
    source = Source(file, places, problems)
    return Table(source, (), _mask(values, (), source), "the file")


def _report_syntax(message: str, text: str, file: str, problems: Problems) -> None:
    match = _TOML_PLACE.search(message)
    line = None
    if match is not None:
        what = message[: match.start()]
        line = int(match["line"]) if match["line"] else text.count("\n") + 1
    else:
        what = message
    problems.add(
        ProblemCode.SYNTAX,
        Place(file, line),
        f"this is not TOML: {show(what)}",
        "Correct the line or the one before it: quotes, brackets, commas, and keys only once.",
    )


def _mask(value: Any, path: KeyPath, source: Source) -> Any:  # noqa: ANN401
    """The value with the secrets masked that only escapes had hidden from the first look."""
    if isinstance(value, dict):
        return {
            _mask(key, (*path, key), source): _mask(inner, (*path, key), source)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_mask(inner, (*path, number), source) for number, inner in enumerate(value)]
    if not isinstance(value, str):
        return value
    for secret in find_secrets(value):
        report_secret(secret.kind, source.place(path), source.problems)
    return mask_secrets(value)
