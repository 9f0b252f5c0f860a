from __future__ import annotations

import pytest

from erario.bitcoin.values import Height
from erario.chain.source import Progress
from erario.cli.progress import say_detail


@pytest.mark.parametrize(
    ("progress", "speed", "said"),
    [
        (Progress("scan", 0, 0, "bytes"), None, "0 bytes"),
        (Progress("scan", 5, 900, "bytes"), 2.0, "5/900 bytes  2 bytes/s"),
        (
            Progress("scan", 12_100_000_000, 612_300_000_000, "bytes", Height(412_034)),
            1_234_000_000.0,
            "12.1/612.3 GB  1.2 GB/s  block 412034",
        ),
        (Progress("headers", 1000, 900_000, "blocks"), 1500.5, "1,000/900,000 blocks  1,500/s"),
        (Progress("derive", 1000, 0, "scripts"), None, "1,000 scripts"),
    ],
)
def test_how_far_a_step_has_come(progress: Progress, speed: float | None, said: str) -> None:
    assert say_detail(progress, speed) == said
