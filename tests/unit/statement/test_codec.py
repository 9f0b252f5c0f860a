"""The JSON of statements: canonical, described by its schema, and the digest over it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files

import jsonschema
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies.branches import ranged
from tests.strategies.evidence import (
    MemorySource,
    chains,
    claim,
    read_chain,
    reserve,
    statement_of,
    wallet,
)

from erario.assess import assess
from erario.auditing import audit, collect
from erario.statement.codec import canonical_json, digest, statement_json
from erario.statement.json_values import instant_json
from erario.statement.model import Statement

SCHEMA = json.loads(files("erario.statement").joinpath("statement.schema.json").read_bytes())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

RICH = """
    1 at 2011-02-03T01:00
    1 coinbase > 50 a
    2 coinbase > 20 i
    3 coinbase = 1
    4 p = 1.0, ? > 10 b, 20 o, 1 x
    9 at 2011-02-05T00:00
    20 at 2011-02-09T00:00
"""


def rich(**options) -> Statement:
    statement, _ = statement_of(
        RICH,
        wallet("a", until="2011-02-03"),
        wallet("b", since="2011-02-04", holder="police"),
        wallet("i", attribution="inferred"),
        wallet("o", role="origin", attribution="documented"),
        wallet("r", descriptors=[ranged("r")]),
        holders="treasury police empty",
        claims=[
            claim("> 1", 3),
            claim("~ 5 within 1", "2011-02-03"),
            claim("< 1", "2011-02-03T12:00:00", wallets="i"),
            claim("= 1", (1, 9), holder="police"),
            claim("= 1", "2012-01-01", holder="empty"),
        ],
        **options,
    )
    return statement


@pytest.mark.parametrize(
    "options",
    [{}, {"since": 1}, {"at": "2011-02-04", "since": "2011-02-03"}, {"at": 3, "complete": False}],
)
def test_a_statement_is_canonical_and_fits_the_schema(options):
    data = statement_json(rich(**options))
    value = json.loads(data)
    assert rfc8785.dumps(value) == data
    VALIDATOR.validate(value)
    assert (value["format"], value["version"]) == ("erario-statement", 1)


@given(
    chain=chains(),
    bounds=st.tuples(*[st.sampled_from([None, "2011-02-02", "2011-02-03"])] * 2),
    complete=st.booleans(),
    data=st.data(),
)
def test_every_statement_fits_the_schema(chain, bounds, complete, data):
    wallets = [
        wallet("a", since=bounds[0]),
        wallet("b", until=bounds[1]),
        wallet("c", role="origin"),
    ]
    claims = [claim("> 50", "2011-02-03"), claim("~ 1 within 2", (0, 1), wallets="b c")]
    at = data.draw(st.one_of(st.none(), st.integers(0, len(chain.blocks) - 1)))
    declared = reserve(chain, wallets, claims, complete=complete)
    statement = audit(
        declared, MemorySource(chain.blocks), at=at, since=data.draw(st.sampled_from([0, None]))
    )
    value = json.loads(statement_json(statement))
    VALIDATOR.validate(value)
    assert rfc8785.dumps(value) == statement_json(statement)


def test_the_schema_is_a_schema_and_describes_every_field():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)

    def objects(value):
        if isinstance(value, dict):
            if "properties" in value:
                yield value
            for part in value.values():
                yield from objects(part)
        elif isinstance(value, list):
            for part in value:
                yield from objects(part)

    found = list(objects(SCHEMA))
    assert len(found) > 20
    for one in found:
        assert one["additionalProperties"] is False
        assert one["required"] == list(one["properties"])
        assert one["description"].endswith(".")


def test_the_schema_refuses_what_nobody_described():
    value = json.loads(statement_json(rich()))
    for place, key, wrong in [
        (value, "comment", "hello"),
        (value["cutoff"], "height", -1),
        (value["coins"][0], "sats", 1.5),
        (value["coins"][0], "sats", "1"),
        (value["holders"][0], "coins_digest", "AB" * 32),
        (value["claims"][0], "outcome", "fine"),
        (value["observed"], "depth", None),
    ]:
        before = dict(place)
        place[key] = wrong
        assert not VALIDATOR.is_valid(value), (key, wrong)
        place.clear()
        place.update(before)
    assert VALIDATOR.is_valid(value)


def test_the_digest_covers_all_but_what_was_observed():
    statement = rich(at="2011-02-03")
    value = json.loads(statement_json(statement))
    del value["observed"]
    assert digest(statement) == hashlib.sha256(rfc8785.dumps(value)).digest()
    observed = replace(statement.observed, depth=7, settled=None, findings=())
    assert digest(replace(statement, observed=observed)) == digest(statement)
    assert digest(replace(statement, timezone="Europe/Madrid")) != digest(statement)


def test_the_same_evidence_gives_the_same_bytes():
    chain = read_chain(RICH)
    evidence = collect(reserve(chain, [wallet("a"), wallet("b")]), MemorySource(chain.blocks))
    assert statement_json(assess(evidence)) == statement_json(assess(evidence))


def test_how_a_cut_off_was_written_does_not_show():
    by_day, by_instant = rich(at="2011-02-03"), rich(at="2011-02-04T01:00:00+01:00")
    assert statement_json(by_day) == statement_json(by_instant)
    assert b'"asked":{"instant":"2011-02-04T00:00:00Z","kind":"instant"}' in statement_json(by_day)


def test_names_may_hold_any_text():
    text = 'R\u00e9serve \u20bf \U0001f3db \u007f \u0001 "\\\n\t\b'
    value = {"name": text, "empty": None, "list": [1, -1, True]}
    assert canonical_json(value) == rfc8785.dumps(value)


@given(st.text())
def test_any_text_is_written_as_rfc_8785_has_it(text):
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    assert canonical_json([text]) == rfc8785.dumps([text])


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (datetime(2025, 4, 3, tzinfo=UTC), "2025-04-03T00:00:00Z"),
        (datetime(2025, 4, 3, 1, 2, 3, 500_000, tzinfo=UTC), "2025-04-03T01:02:03.500000Z"),
        (datetime.fromisoformat("2025-04-03T23:00:00-06:00"), "2025-04-04T05:00:00Z"),
    ],
)
def test_instants_are_rfc_3339_in_utc(instant, text):
    assert instant_json(instant) == text
