"""Reading what people wrote, from files that are hostile: bounded, UTF-8, secrets masked.

Named files lie beneath the reserve's folder, symbolic links followed. A private key or seed phrase
becomes a problem and is overwritten in memory before anything else sees the text.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from erario.bitcoin.descriptor_secrets import find_secrets, mask_secrets
from erario.errors import Place, RequestError
from erario.reserve.problems import ProblemCode, Problems, show

MAX_RESERVE: Final = 16 * 2**20
MAX_LIST: Final = 64 * 2**20
MAX_DOCUMENT: Final = 256 * 2**20
"""Bounds of files, in bytes."""

_BINARY: Final = getattr(os, "O_BINARY", 0)

WHAT_TO_DO: Final = (
    "Remove it from the file and its history, move the coins to fresh keys, "
    "and write public keys or addresses only."
)


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of a reserve, as the user named it; or files in memory that stand for one.

    `held` maps names to the paths that they are shown as and to their bytes.
    """

    path: Path
    held: Mapping[str, tuple[Path, bytes]] | None = None

    def read(
        self, name: str, limit: int, place: Place, problems: Problems
    ) -> tuple[Path, bytes] | None:
        """A file that the reserve names; None with a problem where it may not or cannot be read."""
        if self.held is not None and name in self.held:
            return self.held[name]
        path = self._find(name, place, problems)
        data = None if path is None else read_bytes(path, limit, place, problems)
        return None if path is None or data is None else (path, data)

    def _find(self, name: str, place: Place, problems: Problems) -> Path | None:
        pure = PurePosixPath(name)
        is_plain = pure.parts and len(name) <= 1_000 and not {"\\", "\0", ":"} & set(name)
        if not is_plain or pure.is_absolute() or ".." in pure.parts:
            problems.add(
                ProblemCode.FILE,
                place,
                f"the file {show(name)} is not named by a path beneath the reserve's folder",
                "Put the file into the folder of the reserve and name it from there.",
            )
            return None
        path = self.path / pure
        try:
            inside = path.resolve(strict=True).is_relative_to(self.path.resolve(strict=True))
            is_file = stat.S_ISREG(path.stat().st_mode)
        except (OSError, RuntimeError):  # links in a circle are a RuntimeError before Python 3.13
            inside = is_file = False
        if inside and is_file:
            return path
        problems.add(
            ProblemCode.FILE,
            place,
            f"there is no file {show(name)} beneath the reserve's folder",
            "Add the file, correct its name, or replace a link that leads out of the folder.",
        )
        return None


def read_bytes(path: Path, limit: int, place: Place, problems: Problems) -> bytes | None:
    """The bytes of a regular file, at most `limit`; None with a problem at `place` otherwise."""
    reason = ""
    try:
        # Never wait for a pipe, whatever stands at the path.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                reason = "is no regular file"
            else:
                data = file.read(limit + 1)
                if len(data) <= limit:
                    return data
                reason = f"has more than {limit >> 20} MiB"
    except (OSError, ValueError) as error:
        reason = f"cannot be read: {getattr(error, 'strerror', None) or 'its name cannot be'}"
    problems.add(
        ProblemCode.UNREADABLE,
        place,
        f"the file {path.name!r} {reason}",
        "Check the path, the file and the right to read it.",
    )
    return None


def decode(data: bytes, file: str, problems: Problems) -> str | None:
    """The text of bytes that stand in `file`, with its secrets masked."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problems.add(
            ProblemCode.UNREADABLE,
            Place(file, data.count(b"\n", 0, error.start) + 1),
            "the file is not UTF-8 text from this line on",
            "Save the file as UTF-8.",
        )
        return None
    secrets = find_secrets(text)
    for secret in secrets:
        line = text.count("\n", 0, secret.start) + 1
        report_secret(secret.kind, Place(file, line), problems)
    return mask_secrets(text) if secrets else text


def report_secret(kind: str, place: Place, problems: Problems) -> None:
    """Report that a secret stands at a place; what it is stays unsaid."""
    problems.add(ProblemCode.SECRET, place, f"{kind} stands here; it is not repeated", WHAT_TO_DO)


def refuse_secret(text: object, what: str) -> None:
    """Stop where a secret was given in place of a name, an amount or a moment.

    Raises:
        RequestError: it names `what` holds the secret, and nothing of the secret.
    """
    for secret in find_secrets(str(text)):
        raise RequestError(
            ProblemCode.SECRET,
            f"{secret.kind} stands in {what}; it is not repeated",
            remedy="Leave it out. The history of your shell may have kept it: if so, move the "
            "coins to fresh keys.",
        )
