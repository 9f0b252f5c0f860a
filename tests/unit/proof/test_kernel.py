"""The kernel's wrapper: nothing gets to it that makes it abort, or that it takes in silence."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
from tests.unit.proof.maker import by_key_hash, p2wpkh, sec, unsigned

from erario.bitcoin.transaction import read_transaction
from erario.bitcoin.values import MAX_MONEY
from erario.proof.kernel import failing_input
from erario.proof.messages import SignedInput, with_scripts

SCRIPT = p2wpkh(sec(1))
SIGNING = unsigned(SCRIPT)
WITNESS = by_key_hash(1)(SIGNING)[1]
RAW = with_scripts(read_transaction(SIGNING.raw), 0, b"", WITNESS)
SPENT = SignedInput(SCRIPT, 0, b"", WITNESS)


def test_an_answer_and_never_an_exception() -> None:
    assert failing_input(RAW, (SPENT,)) is None
    assert failing_input(SIGNING.raw, (SPENT,)) == 0
    assert failing_input(RAW, (SPENT._replace(sats=1),)) == 0


@pytest.mark.parametrize(
    "inputs",
    [
        (),
        (SPENT, SPENT),
        (SPENT._replace(sats=-1),),
        (SPENT._replace(sats=MAX_MONEY + 1),),
        (SPENT._replace(sats=1 << 70),),
        (SPENT._replace(script=bytes(10_001)),),
    ],
)
def test_what_would_abort_is_refused(inputs: tuple[SignedInput, ...]) -> None:
    with pytest.raises(ValueError, match="about to reach the kernel"):
        failing_input(RAW, inputs)


def test_the_kernel_still_aborts_without_the_wrapper() -> None:
    """What the wrapper guards against: if a later release does not abort, say so in its docs."""
    code = f"""
    from pbk.script import *
    from pbk.transaction import *
    tx = Transaction(bytes.fromhex("{RAW.hex()}"))
    spent = TransactionOutput(ScriptPubkey(bytes.fromhex("{SCRIPT.hex()}")), 0)
    PrecomputedTransactionData(tx, [spent, spent])
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, check=False
    )
    assert ended.returncode < 0
