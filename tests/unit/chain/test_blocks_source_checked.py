"""The kernels once more with every index checked, on the same hostile files.

Without the check an index past its array reads foreign memory and may go unnoticed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.slow
def test_block_folders_with_checked_indexes() -> None:
    files = [HERE / "test_block_files_walk.py", HERE / "test_blocks_source.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, files)],
        # The kernels keep checked code apart. Once unchecked, all examples were tried already.
        env={**os.environ, "NUMBA_BOUNDSCHECK": "1", "ERARIO_HYPOTHESIS": "default"},
        cwd=HERE.parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
