"""What the command that runs has kept so far: for whoever stops it by Ctrl-C.

One value for the whole process, since Ctrl-C is for the whole process too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from erario.chain.state_folder import StateFolder

_watched: list[StateFolder] = []


def watch_state(state: StateFolder) -> None:
    """Take note of the stores that the command uses; there is one such folder at a time."""
    _watched[:] = [state]


def say_kept() -> str | None:
    """Up to where what was read is kept; None where this command has kept nothing."""
    for state in _watched:
        if state.kept_upto is not None:
            return f"what was read up to block {state.kept_upto} is kept"
    return None
