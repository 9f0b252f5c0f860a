"""The JSON Schema of a bundle's files: it fits what is written, and knows every member."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pytest
from tests.unit.bundle import kit

from erario.statement.finding import FindingCode

SCHEMA = json.loads(files("erario.bundle").joinpath("bundle.schema.json").read_bytes())
STATEMENT = json.loads(files("erario.statement").joinpath("statement.schema.json").read_bytes())
NAMES = {"manifest.json": "manifest", "evidence.json": "evidence", "proofs.json": "proofs"}


def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = {"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]}
    return jsonschema.Draft202012Validator(schema)


def test_it_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_what_the_statement_has_too_is_described_alike():
    shared = SCHEMA["$defs"].keys() & STATEMENT["$defs"].keys()
    own = {"holder", "wallet", "claim"}
    assert len(shared - own) > 15
    for name in shared - own:
        assert SCHEMA["$defs"][name] == STATEMENT["$defs"][name], name


def test_every_code_of_a_finding_is_known():
    known = set(SCHEMA["$defs"]["finding"]["properties"]["code"]["enum"])
    assert known == {code.value for code in FindingCode}


@pytest.mark.parametrize("name", list(kit.GOOD))
def test_good_bundles_fit(name):
    made = kit.GOOD[name]()
    for file, kind in NAMES.items():
        validator(kind).validate(json.loads(made[file]))
    jsonschema.Draft202012Validator(STATEMENT).validate(json.loads(made["statement.json"]))


def test_members_that_nobody_described_do_not_fit():
    made = kit.GOOD["good_plain"]()
    for file, kind in NAMES.items():
        value = {**json.loads(made[file]), "extra": 1}
        assert not validator(kind).is_valid(value)
        value.pop("extra")
        for member in list(value):
            assert not validator(kind).is_valid({k: v for k, v in value.items() if k != member})
