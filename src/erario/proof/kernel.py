"""The one caller of py-bitcoinkernel: Bitcoin Core's own consensus code.

The library aborts the whole process on an unknown flag, on an input that is not there and on a
wrong number of spent outputs; it takes bytes that follow a transaction, and amounts wrap. So
nothing gets to it here but a `ToSign`, whose bytes are one transaction and whose inputs are
counted, with amounts that exist; its own count is compared before an input is named. Flags are
constants of ours.

Its C functions are called as the library binds them: the classes above them copy every byte
through a Python integer, which took a fifth of the time of a proof. What is made is destroyed here.

A script that fails is an answer, never an exception. The library has no wheels for some platforms:
`erario.proof.engines` knows whether this module can be imported.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, Final

from pbk.capi import bindings as c
from pbk.script import ScriptVerificationFlags

from erario.bitcoin.script import MAX_SCRIPT_SIZE
from erario.bitcoin.values import MAX_MONEY
from erario.proof.messages import SignedInput


def _quick(function: Any) -> Any:  # noqa: ANN401 - ctypes has no types for it
    """The same C function, called without letting other threads run meanwhile: for so short a
    call, handing over the interpreter's lock and waiting for it costs more than the call."""
    address = ctypes.cast(function, ctypes.c_void_p).value or 0
    return ctypes.PYFUNCTYPE(function.restype, *function.argtypes)(address)


_new_transaction: Final = _quick(c.btck_transaction_create)
_end_transaction: Final = _quick(c.btck_transaction_destroy)
_count_inputs: Final = _quick(c.btck_transaction_count_inputs)
_new_script: Final = _quick(c.btck_script_pubkey_create)
_end_script: Final = _quick(c.btck_script_pubkey_destroy)
_new_output: Final = _quick(c.btck_transaction_output_create)
_end_output: Final = _quick(c.btck_transaction_output_destroy)
_new_known: Final = _quick(c.btck_precomputed_transaction_data_create)
_end_known: Final = _quick(c.btck_precomputed_transaction_data_destroy)
_verify: Final = c.btck_script_pubkey_verify
_ALL_RULES: Final = int(ScriptVerificationFlags.ALL)
_OUTPUT: Final = ctypes.POINTER(c.struct_btck_TransactionOutput)
_ONE_OUTPUT: Final = _OUTPUT * 1


def failing_input(raw: bytes, inputs: Sequence[SignedInput], only: int | None = None) -> int | None:
    """The number of the first input whose script is not satisfied; None if all are.

    Args:
        raw: exactly one transaction, whose inputs are `inputs`, as `ToSign` holds them.
        inputs: what each of them spends.
        only: the number of the one input that is verified; all are without it.

    Raises:
        ValueError: a defect of ours: the transaction, the scripts or the amounts cannot be.
    """
    for one in inputs:
        if not 0 <= one.sats <= MAX_MONEY or len(one.script) > MAX_SCRIPT_SIZE:
            raise ValueError("an output that cannot exist was about to reach the kernel")
    transaction = _new_transaction(raw, len(raw))
    if not transaction:
        raise ValueError("no transaction was about to reach the kernel")
    scripts: list[object] = []
    outputs: list[object] = []
    known = None
    try:
        if _count_inputs(transaction) != len(inputs):
            raise ValueError("a wrong number of spent outputs was about to reach the kernel")
        for one in inputs:
            scripts.append(_new_script(one.script, len(one.script)))
            outputs.append(_new_output(scripts[-1], one.sats))
        array = _ONE_OUTPUT if len(outputs) == 1 else _OUTPUT * len(outputs)
        known = _new_known(transaction, array(*outputs), len(outputs))
        status = ctypes.c_ubyte(0)
        for number in range(len(inputs)) if only is None else (only,):
            one = inputs[number]
            if not _verify(
                scripts[number], one.sats, transaction, known, number, _ALL_RULES, status
            ):
                return number
        return None
    finally:
        if known is not None:
            _end_known(known)
        for output in outputs:
            _end_output(output)
        for script in scripts:
            _end_script(script)
        _end_transaction(transaction)
