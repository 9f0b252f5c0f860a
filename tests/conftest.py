"""What all tests share: the real data beside the clone, and how hard Hypothesis tries.

Real blocks and vectors are read where they lie, in `../shared/data` or `$ERARIO_SHARED`. Without
them the tests marked `shared` are deselected, with a notice, never failed.

`$ERARIO_HYPOTHESIS` names the profile: `default` is quick, `ci` (chosen by `CI=true`) tries tens
of thousands of cases over the whole suite. Tests state no number of examples of their own.
"""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
_SHARED = Path(os.environ.get("ERARIO_SHARED", ROOT.parent / "shared" / "data"))
_IN_CI = os.environ.get("CI") == "true"

# Deadlines would measure the machine, and numba compiles within the first example.
settings.register_profile(
    "default", max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", settings.get_profile("default"), max_examples=80, print_blob=True)
settings.load_profile(os.environ.get("ERARIO_HYPOTHESIS", "ci" if _IN_CI else "default"))

_STATES = count()
_DESELECTED = pytest.StashKey[int]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that read real data where this clone has none beside it."""
    if _SHARED.is_dir():
        return
    without = [item for item in items if item.get_closest_marker("shared")]
    if without:
        config.stash[_DESELECTED] = len(without)
        if hasattr(config, "workeroutput"):
            config.workeroutput["deselected"] = len(without)
        config.hook.pytest_deselected(items=without)
        items[:] = [item for item in items if item not in set(without)]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node) -> None:
    """Under pytest-xdist only the workers collect: hear from them what they left out."""
    deselected = getattr(node, "workeroutput", {}).get("deselected", 0)
    if deselected:
        node.config.stash[_DESELECTED] = deselected


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what was left out, and how to have it back."""
    deselected = config.stash.get(_DESELECTED, 0)
    if deselected:
        terminalreporter.write_line(
            f"deselected {deselected} tests: no ../shared/data beside this clone "
            "(or set ERARIO_SHARED to where it lies)"
        )


@pytest.fixture(autouse=True)
def _state_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No test finds what another one, or the person, has kept; the folder is not made here."""
    folder = tmp_path_factory.getbasetemp() / f"state-{next(_STATES)}"
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real blocks and vectors."""
    return _SHARED
