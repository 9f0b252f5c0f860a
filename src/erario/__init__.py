"""erario: the open system of record and public audit for national Bitcoin reserves.

The main job is two calls::

    import erario

    reserve = erario.load("reserve.toml")
    statement = erario.audit(reserve, source, at="2025-04-03")

The package root loads lazily: importing it costs nothing until a name is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from erario.auditing import audit
    from erario.chain.several import SeveralSources
    from erario.chain.sources import open_source
    from erario.errors import ErarioError
    from erario.reserve.loader import load

__version__ = "0.1.0"

__all__ = ["ErarioError", "SeveralSources", "__version__", "audit", "load", "open_source"]

_HOMES = {
    "ErarioError": "erario.errors",
    "SeveralSources": "erario.chain.several",
    "audit": "erario.auditing",
    "load": "erario.reserve.loader",
    "open_source": "erario.chain.sources",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'erario' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
