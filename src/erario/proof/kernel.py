"""The one caller of py-bitcoinkernel: Bitcoin Core's own consensus code.

The library aborts the whole process on an unknown flag, on an input that is not there and on a
wrong number of spent outputs; it takes bytes that follow a transaction, and amounts wrap. So
nothing gets to it here but a `ToSign`, whose bytes are one transaction and whose inputs are
counted, with amounts that exist; its own count is compared before an input is named. Flags are
constants of ours.

A script that fails is an answer, never an exception. The library has no wheels for some platforms:
`erario.proof.engines` knows whether this module can be imported.
"""

from __future__ import annotations

from collections.abc import Sequence

from pbk.script import PrecomputedTransactionData, ScriptPubkey, ScriptVerificationFlags
from pbk.transaction import Transaction, TransactionOutput

from erario.bitcoin.script import MAX_SCRIPT_SIZE
from erario.bitcoin.values import MAX_MONEY
from erario.proof.messages import SignedInput


def failing_input(raw: bytes, inputs: Sequence[SignedInput]) -> int | None:
    """The number of the first input whose script is not satisfied; None if all are.

    Args:
        raw: exactly one transaction, whose inputs are `inputs`, as `ToSign` holds them.
        inputs: what each of them spends.

    Raises:
        ValueError: a defect of ours: the transaction, the scripts or the amounts cannot be.
    """
    for one in inputs:
        if not 0 <= one.sats <= MAX_MONEY or len(one.script) > MAX_SCRIPT_SIZE:
            raise ValueError("an output that cannot exist was about to reach the kernel")
    transaction = Transaction(raw)
    if len(transaction.inputs) != len(inputs):
        raise ValueError("a wrong number of spent outputs was about to reach the kernel")
    scripts = [ScriptPubkey(one.script) for one in inputs]
    spent = [
        TransactionOutput(script, one.sats) for script, one in zip(scripts, inputs, strict=True)
    ]
    known = PrecomputedTransactionData(transaction, spent)
    flags = ScriptVerificationFlags.ALL
    for number, (script, one) in enumerate(zip(scripts, inputs, strict=True)):
        if not script.verify(one.sats, transaction, known, number, flags):
            return number
    return None
