"""What this process has kept so far: for whoever is stopped by Ctrl-C, and for the end of a run.

One value for the whole process, since Ctrl-C is for the whole process too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from erario.chain.state_folder import StateFolder
    from erario.cli.printer import Printer

_states: list[StateFolder] = []


def watch_state(state: StateFolder) -> None:
    """Take note of the stores that a command uses."""
    _states.append(state)


def say_kept() -> str | None:
    """Up to where what was read is kept, or None where nothing was read and kept."""
    heights = [state.kept_upto for state in _states if state.kept_upto is not None]
    return f"what was read up to block {max(heights)} is kept" if heights else None


def tell_troubles(printer: Printer) -> None:
    """Say what went wrong with the stores, after the answer, and forget them."""
    for state in _states:
        for trouble in state.troubles:
            printer.warn(trouble)
    _states.clear()
