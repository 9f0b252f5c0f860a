"""Which script engines are here. Each is imported when it is first needed: both take a while."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Protocol

from erario.proof.errors import ProofError, ProofErrorCode
from erario.proof.messages import SignedInput


class FailingInput(Protocol):
    """As `kernel.failing_input`."""

    def __call__(
        self, raw: bytes, inputs: Sequence[SignedInput], only: int | None = None
    ) -> int | None:
        """The number of the first input whose script is not satisfied."""


@cache
def load_kernel() -> FailingInput | None:
    """libbitcoinkernel, or None where it is not installed."""
    try:
        from erario.proof.kernel import failing_input  # noqa: PLC0415 - see above
    except ImportError:
        return None
    return failing_input


@cache
def has_btclib() -> bool:
    """Whether btclib is installed, and in a version that has what is called here."""
    try:
        import erario.proof.policy_engine  # noqa: F401, PLC0415 - see above
    except ImportError:
        return False
    return True


def no_engine(what: str) -> ProofError:
    """The error of an engine that is not installed."""
    return ProofError(
        ProofErrorCode.NO_ENGINE, what, remedy='Install what checks proofs: "erario[proof]".'
    )
