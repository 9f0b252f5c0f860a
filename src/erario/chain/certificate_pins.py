"""The certificates by which Electrum servers are known: each is pinned the first time it is seen.

    ~/.local/state/erario/certificates.txt      one line a server: HOST:PORT SHA-256-OF-ITS-DER

Most Electrum servers sign their own certificates, so no authority says who they are; what can be
seen is whether it is the same server as before. Trust: who can write to the file can have another
server taken for a known one, which then learns what is asked. It gains no false statement: what
servers say is proved against headers, or labelled as their word.

The file is for all networks, mode 600, and made anew where it is missing. Lines that cannot be
read are passed over, and dropped at the next writing.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from pathlib import Path
from typing import Final

from erario.chain.state_folder import StateFolder
from erario.chain.store_errors import not_written
from erario.errors import OutputError
from erario.files import write_whole

FILE_NAME: Final = "certificates.txt"
_MOST_BYTES: Final = 1 << 20
_LINE: Final = re.compile(r"(?P<name>\S{1,300}) (?P<fingerprint>[0-9a-f]{64})")
_WRITING: Final = threading.Lock()
"""Several servers are asked at once. What another process undoes is pinned in the next run."""


def fingerprint_of(certificate: bytes) -> str:
    """The SHA-256 of a certificate's DER, in hex, as `openssl x509 -fingerprint -sha256`."""
    return hashlib.sha256(certificate).hexdigest()


class CertificatePins:
    """The pins of all servers.

    Args:
        state: beside whose folder the file lies; None for a run that keeps nothing: to it every
            server is new once.
    """

    def __init__(self, state: StateFolder | None) -> None:
        self._state = state
        # Of this run, whatever becomes of the file.
        self._seen: dict[str, str] = {}
        self.path: Final = None if state is None else state.path.parent / FILE_NAME

    def known(self, name: str) -> str | None:
        """The fingerprint by which the server at "HOST:PORT" is known, or None."""
        return self._seen.get(name) or self._read().get(name)

    @property
    def forgetting(self) -> str:
        """What makes a server new again, for people."""
        if self.path is None:
            return "run it again"
        return f"delete the server's line in {FILE_NAME} in the folder of --state"

    def pin(self, name: str, fingerprint: str) -> None:
        """Know a server by this fingerprint from now on. Where it cannot be written, that is
        noted in the state folder's troubles, and the server is new in the next run."""
        self._seen[name] = fingerprint
        if self._state is None or self.path is None:
            return
        with _WRITING:
            pins = self._read() | {name: fingerprint}
            lines = [f"{server} {print_}\n" for server, print_ in sorted(pins.items())]
            try:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                # Made first, since `write_whole` keeps the mode of what it replaces.
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
                write_whole(self.path, "".join(lines).encode())
            except OutputError as error:
                self._state.note(not_written(self.path, error.what))
            except OSError as error:
                self._state.note(not_written(self.path, error.strerror or str(error)))

    def _read(self) -> dict[str, str]:
        if self.path is None:
            return {}
        lines = _text(self.path).split("\n")
        found = [match for line in lines if (match := _LINE.fullmatch(line))]
        return {match["name"]: match["fingerprint"] for match in found}


def _text(path: Path) -> str:
    """What the file holds; "" where it is missing or cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("ascii", "replace")
    except OSError:
        return ""
