"""docs/reference/messages.md names every code and every field, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from erario.cli.show.message import message_json
from erario.proof import ProofCode, Result
from erario.proof.result import State, state_of

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "messages.md").read_text()


def test_codes() -> None:
    codes = PAGE.partition("## Codes")[2].partition("## Where")[0]
    assert set(re.findall(r"`([a-z0-9.-]+)`", codes)) == {str(code) for code in ProofCode}


def test_states_of_codes() -> None:
    for line in PAGE.partition("## Codes")[2].partition("## Where")[0].splitlines():
        state = line.partition(",")[0].partition(":")[0].lower()
        for code in re.findall(r"`([a-z0-9.-]+)`", line):
            assert state_of(ProofCode(code)) is State(state)


def test_fields() -> None:
    table = PAGE.partition("## The answer")[2].partition("Exit codes")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall("`([a-z_]+)`", row)}
    assert named == set(message_json(Result(ProofCode.VALID)))


def test_every_code_has_a_sentence() -> None:
    sentences = [Result(code).sentence for code in ProofCode]
    assert len(set(sentences)) == len(sentences)
    assert all(sentence.endswith(".") for sentence in sentences)
