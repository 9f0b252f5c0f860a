"""The progress bar: on stderr, on a terminal, gone when the step is done.

It shows how much is done, the height, the rate and the time left; `total` 0 means that nobody
knows yet how much there is, and the bar only pulses.
"""

from __future__ import annotations

from types import TracebackType
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from erario.chain.source import Progress

_BYTES: Final = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"))


class Bar:
    """A context manager whose value is the callback that long steps report to."""

    def __init__(self) -> None:
        self._shown = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=14),
            TextColumn("{task.fields[detail]}", markup=False),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            transient=True,
            # Whatever else is written goes straight out: Ctrl-C must not wait for the bar.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._steps: dict[str, TaskID] = {}

    def __enter__(self) -> Bar:
        self._shown.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._shown.stop()

    def __call__(self, progress: Progress) -> None:
        """Take in how far a step has come."""
        task = self._steps.get(progress.step)
        if task is None:
            task = self._shown.add_task(progress.step, total=None, detail="")
            self._steps[progress.step] = task
        total = progress.total or None
        self._shown.update(task, completed=progress.done, total=total)
        speed = self._shown.tasks[self._shown.task_ids.index(task)].speed
        self._shown.update(task, detail=say_detail(progress, speed))


def say_detail(progress: Progress, speed: float | None) -> str:
    """`12.1/612.3 GB  1.2 GB/s  block 412034`."""
    if progress.unit == "bytes":
        amount = _say_bytes(progress.done, progress.total)
        rate = "" if not speed else f"  {_say_bytes(int(speed), 0)}/s"
    else:
        of = f"/{progress.total:,}" if progress.total else ""
        amount = f"{progress.done:,}{of} {progress.unit}"
        rate = "" if not speed else f"  {int(speed):,}/s"
    height = "" if progress.height is None else f"  block {progress.height}"
    return f"{amount}{rate}{height}"


def _say_bytes(done: int, total: int) -> str:
    size = max(done, total)
    unit, name = next((entry for entry in _BYTES if size >= entry[0]), (1, "bytes"))
    if unit == 1:
        return f"{done}/{total} bytes" if total else f"{done} bytes"
    of = f"/{total / unit:.1f}" if total else ""
    return f"{done / unit:.1f}{of} {name}"
