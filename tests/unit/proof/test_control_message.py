"""The line that devices show: what may stand in it, and that it is read back as it was meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.bitcoin.values import BlockHash, Height
from erario.proof.control_message import (
    MAX_CONTROL_MESSAGE,
    read_control_message,
    write_control_message,
)
from erario.proof.errors import ProofError, ProofErrorCode

HASH, DIGEST = BlockHash(bytes(range(32))), bytes(range(32, 64))
PLAIN = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)


def write(purpose: str = "Audit", holder: str = "Treasury", height: int = 890712):
    return write_control_message(purpose, holder, Height(height), HASH, DIGEST)


def test_the_line():
    assert write().text == (
        "Audit | Treasury | block 890712 "
        "1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100 | coins "
        "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
    )


@given(PLAIN, PLAIN, st.integers(0, 99_999_999))
def test_what_is_written_is_read_back(purpose, holder, height):
    try:
        message = write(purpose, holder, height)
    except ProofError as error:
        assert error.remedy  # noqa: PT017
        return
    assert len(message.text) <= MAX_CONTROL_MESSAGE
    assert message.text.isascii()
    assert message.text.isprintable()
    assert read_control_message(message.text) == message


@pytest.mark.parametrize(
    ("purpose", "holder", "code"),
    [
        ("", "Treasury", ProofErrorCode.NOT_PLAIN),
        ("Audit", "", ProofErrorCode.NOT_PLAIN),
        ("Audit ", "Treasury", ProofErrorCode.NOT_PLAIN),
        ("Auditoría", "Treasury", ProofErrorCode.NOT_PLAIN),
        ("Audit", "Tesorería", ProofErrorCode.NOT_PLAIN),
        ("A | B", "Treasury", ProofErrorCode.NOT_PLAIN),
        ("A\nB", "Treasury", ProofErrorCode.NOT_PLAIN),
        ("Audit at block 5", "Treasury", ProofErrorCode.NAMES_A_BLOCK),
        ("Audit BLOCK", "Treasury", ProofErrorCode.NAMES_A_BLOCK),
        ("Audit 0123456789abcdef", "Treasury", ProofErrorCode.NAMES_A_BLOCK),
        ("Z" * 80, "Treasury", ProofErrorCode.MESSAGE_TOO_LONG),
    ],
)
def test_what_may_not_stand_in_it(purpose, holder, code):
    with pytest.raises(ProofError) as caught:
        write(purpose, holder)
    assert caught.value.code is code
    assert (
        read_control_message(write().text.replace("Audit | Treasury", f"{purpose} | {holder}"))
        is None
    )


def test_the_longest_line_fits_and_one_letter_more_does_not():
    room = MAX_CONTROL_MESSAGE - len(write("Z", "T").text)
    assert len(write("Z" * (room + 1), "T").text) == MAX_CONTROL_MESSAGE
    with pytest.raises(ProofError):
        write("Z" * (room + 2), "T")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I own this",
        write().text + "\n",
        " " + write().text,
        write().text.replace("890712", "0890712"),
        write().text.replace("block", "Block"),
        write().text.replace("1f1e", "1F1E"),
        write().text[:-1],
    ],
)
def test_what_is_no_control_message(text):
    assert read_control_message(text) is None


@given(st.text())
def test_junk_is_read_as_nothing(text):
    assert read_control_message(text) is None
