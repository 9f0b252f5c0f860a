"""Whether what compiled scans need is installed: the extra `scan`. Looked for, not imported, since
that takes a third of a second."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

_PACKAGES: Final = ("numpy", "numba", "llvmlite")


def missing_package() -> str | None:
    """The first package of the extra that is not there; None where all are."""
    return next((name for name in _PACKAGES if find_spec(name) is None), None)
