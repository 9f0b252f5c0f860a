"""Bring .venv into the state that a requirements file describes: `setup_venv.py run` or `dev`.

Standard library only: this runs before anything is installed. What is installed is pinned by hash,
the tools that build included. A stamp in .venv names what was installed last, so that a second
run does nothing and needs no network; it is written last, so that a broken run is done again. A
lock on a file makes a second make wait for the first.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
INCLUDES = {"run": ("run",), "dev": ("run", "dev")}
"""What a finished installation of each kind can be used for."""


def say(text: str) -> None:
    """Tell the person what is being done."""
    print(f"setup: {text}", flush=True)


def fingerprint(kind: str) -> str:
    """What decides whether an installation is still the right one."""
    digest = hashlib.sha256(str(ROOT).encode())
    for name in ("requirements/build.txt", f"requirements/{kind}.txt", "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def stamp(kind: str) -> Path:
    """The file that says what was installed."""
    return VENV / f".installed-{kind}"


def is_done(kind: str) -> bool:
    """Whether .venv works and holds what is asked for."""
    if not runs():
        return False
    kinds = [done for done, uses in INCLUDES.items() if kind in uses]
    return any(
        stamp(done).is_file() and stamp(done).read_text() == fingerprint(done) for done in kinds
    )


def runs() -> bool:
    """Whether .venv has an interpreter that this project supports."""
    if not PYTHON.exists():
        return False
    check = "import sys, pip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))"
    return subprocess.run([PYTHON, "-c", check], capture_output=True, check=False).returncode == 0


def pip_install(*arguments: str) -> None:
    """Run pip, naming each package as it comes; all that pip said is shown if it fails."""
    command = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    heard: list[str] = []
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            heard.append(line)
            if line.startswith("Collecting "):
                say(f"  {line.split()[1]}")
    if process.returncode:
        sys.stderr.writelines(heard)
        sys.exit("setup: pip failed; the first run needs a package index that pip can reach")


def install(kind: str) -> None:
    """Create .venv where there is none that works, and install into it."""
    if not runs():
        say(f"creating .venv with Python {sys.version.split()[0]}")
        shutil.rmtree(VENV, ignore_errors=True)
        venv.create(VENV, with_pip=True)
    for done in INCLUDES:
        stamp(done).unlink(missing_ok=True)
    say(f"installing what requirements/{kind}.txt pins (once; some 100 MB)")
    locked = ("--require-hashes", "--no-deps", "--no-build-isolation", "--requirement")
    pip_install(*locked, "requirements/build.txt")
    pip_install(*locked, f"requirements/{kind}.txt")
    say("installing erario itself, editable")
    pip_install("--no-deps", "--no-build-isolation", "--no-index", "--editable", ".")
    stamp(kind).write_text(fingerprint(kind))


def main() -> None:
    """Install, unless it was done before."""
    if len(sys.argv) != 2 or sys.argv[1] not in INCLUDES:
        sys.exit(f"usage: setup_venv.py {'|'.join(INCLUDES)}")
    kind = sys.argv[1]
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    with (cache / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_done(kind):
            say(f".venv is ready for '{kind}'")
        else:
            install(kind)


if __name__ == "__main__":
    main()
