"""Few scripts are derived: thousands would take seconds in each test, and show nothing here."""

from __future__ import annotations

import pytest

from erario.holdings import derivation


@pytest.fixture(autouse=True)
def short_branches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derivation, "GAP", 25)
    monkeypatch.setattr(derivation, "FIRST", 50)
