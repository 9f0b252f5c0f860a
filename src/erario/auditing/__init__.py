"""The main job: collect evidence, assess it.

collecting     `collect` and `audit`
moments        cut-off, opening and instants as blocks
declaring      the declaration as evidence holds it
"""

from __future__ import annotations

from erario.auditing.collecting import audit, collect

__all__ = ["audit", "collect"]
