"""Write the pages of docs/reference that the code knows best: the commands, and the statement.

scripts/make_reference.py           writes them
scripts/make_reference.py --check   fails where one is stale
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

from erario.cli.main import cli

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
WIDTH = 80


def main() -> int:
    pages = {"commands.md": "\n".join(commands()), "statement.md": "\n".join(statement())}
    stale = []
    for name, text in pages.items():
        path = FOLDER / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
            print(f"wrote docs/reference/{name}")
    if stale and "--check" in sys.argv:
        print(f"stale: {', '.join(stale)}; run scripts/make_reference.py")
        return 1
    return 0


def commands() -> Iterator[str]:
    yield "# Commands\n"
    yield "What each command prints for `--help`. Exit codes are the same everywhere: 2 if it could"
    yield "not run, else 1 if something failed, else 3 if something is unknown, else 0.\n"
    context = open_context(cli, "erario", None)
    yield from command("erario", cli, context)
    for name in cli.list_commands(context):
        inner = cli.get_command(context, name)
        if inner is not None:
            yield from command(f"erario {name}", inner, open_context(inner, name, context))


def open_context(subject: click.Command, name: str, parent: click.Context | None) -> click.Context:
    settings = {**subject.context_settings, "terminal_width": WIDTH}
    return click.Context(subject, parent, name, **settings)


def command(path: str, subject: click.Command, context: click.Context) -> Iterator[str]:
    text = click.unstyle(subject.get_help(context)).rstrip()
    yield f"## {path}\n\n```text\n{text}\n```\n"
    if isinstance(subject, click.Group) and subject is not cli:
        for name in subject.list_commands(context):
            inner = subject.get_command(context, name)
            if inner is not None:
                yield from command(f"{path} {name}", inner, open_context(inner, name, context))


def statement() -> Iterator[str]:
    schema: dict[str, Any] = json.loads(
        files("erario.statement").joinpath("statement.schema.json").read_text(encoding="utf-8")
    )
    yield INTRODUCTION
    yield "## The statement\n"
    yield from fields(schema)
    for name, definition in sorted(schema["$defs"].items()):
        yield f"## {name}\n"
        if "description" in definition:
            yield f"{definition['description']}\n"
        if "properties" in definition:
            yield from fields(definition)
        else:
            yield f"{kind(definition)}\n"


def fields(definition: dict[str, Any]) -> Iterator[str]:
    yield "| field | value | meaning |"
    yield "|---|---|---|"
    for name, value in definition["properties"].items():
        meaning = value.get("description", "").replace("|", "\\|")
        yield f"| `{name}` | {kind(value)} | {meaning} |"
    yield ""


def kind(value: dict[str, Any]) -> str:
    """The kind of a value, in the words of somebody who reads the JSON."""
    fixed = [value["const"]] if "const" in value else value.get("enum", [])
    choices = [f"`{json.dumps(each)}`" for each in fixed]
    choices += [kind(each) for union in ("anyOf", "oneOf") for each in value.get(union, [])]
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        choices.append(f"[{name}](#{name})")
    if choices:
        return " or ".join(choices)
    if value.get("type") == "array":
        return f"list of {kind(value['items'])}"
    named = value.get("type", "object")
    text = " or ".join(named) if isinstance(named, list) else str(named)
    return f"{text} like `{value['pattern']}`" if "pattern" in value else text


INTRODUCTION = """\
# The statement, as JSON

For whoever writes a program that reads `erario audit --json`, or wants to make the same bytes in
another language. The JSON Schema (`erario schema`) is the binding text; the tables below are made
from it.

- **Bytes.** Canonical JSON by RFC 8785: UTF-8, keys sorted, no white space, integers only. The same
  evidence gives the same bytes, whoever asks and whenever.
- **Digest.** SHA-256 over the canonical JSON of the statement without the member `observed`. What
  depends on the asker's moment stands there: the tip, the depth, whether the cut-off is settled,
  the sources, and what was seen while reading them.
- **Amounts** are integers, in satoshis. **Hashes** of blocks and transactions are in display order,
  as explorers and `bitcoin-cli` print them; scripts are plain hex. **Times** are RFC 3339, in UTC.
- **Version.** A reader refuses a version that it does not know. Version 1 may gain no member and
  lose none: any change of the members or of their meaning takes the next number.
- **Caution.** A statement is what somebody says that they found. It carries no proof: to believe
  it, audit again, or verify the evidence that it was made from.

## The coins digest

`coins_digest` of a holder is what control proofs sign. SHA-256 over these bytes, integers
little-endian:

| bytes | what |
|---|---|
| 14 | `erario-coins-1` in ASCII |
| 1 + n | length and name of the network: `main`, `testnet3`, `testnet4`, `signet`, `regtest` |
| 4 | height of the cut-off |
| 32 | hash of its block, internal order |
| 8 | number of coins |
| then, for each coin in order of (txid in internal order, index): | |
| 32 + 4 | txid in internal order, index of the output |
| 8 | satoshis, signed |
| 4 + n | length of the scriptPubKey, and the script |

The coins are the holder's unspent ones at the cut-off, in declared and documented wallets of the
roles holding, custody and transit that count then. No name, label or proof is in it.
"""


if __name__ == "__main__":
    sys.exit(main())
