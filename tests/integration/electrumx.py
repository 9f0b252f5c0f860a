"""A real ElectrumX over a real node, on loopback, that leaves nothing behind.

`find_electrumx` finds the Python that has it (scripts/get-electrumx). The server
runs as a child with a database of its own; TCP always, TLS where a PEM file is given. Its answers
are not held back for padding (see `patient`), and it looks at the node ten times a second.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest
from tests.integration.child import Child, free_ports
from tests.integration.node import Node

_ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 120.0
_AT_ONCE = """
from electrumx.server.transport import PaddedRSTransport
PaddedRSTransport.WAIT_FOR_BUFFER_GROWTH_SECONDS = 0.0
"""
_RUN = """
from electrumx.cli.electrumx_server import main
main()
"""


def find_electrumx() -> str:
    """The Python that has ElectrumX; without one the test is skipped, or fails where CI=true."""
    command = [_ROOT / "scripts" / "get-electrumx", "--offline"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode == 0:
        return found.stdout.strip()
    if os.environ.get("CI") == "true":
        pytest.fail(found.stderr)
    pytest.skip(found.stderr)


class ElectrumX(Child):
    """An ElectrumX over `node` with its data in `folder`. Use as a context manager.

    Args:
        python: what `find_electrumx` gives.
        node: a node that runs, with -txindex.
        folder: an existing folder of its own.
        certificate: a PEM file with a certificate and its key, for TLS.
        limits: the soft and the hard limit of what a session may cost; none where both are 0. Public
            servers have 1,000 and 10,000.
        patient: let it hold small answers back for up to a second, and those of a session over
            the soft limit for two and a half, as public servers do.
    """

    def __init__(
        self,
        python: str,
        node: Node,
        folder: Path,
        *,
        certificate: Path | None = None,
        limits: tuple[int, int] = (0, 0),
        patient: bool = False,
    ) -> None:
        super().__init__()
        self._python = python
        self._node = node
        self._folder = folder
        self._certificate = certificate
        self._limits = limits
        self._patient = patient
        self.port = 0
        self.tls_port = 0

    def _launch(self) -> None:
        self.port, self.tls_port, control = free_ports(3)
        code = ("" if self._patient else _AT_ONCE) + _RUN
        with (self._folder / "electrumx.txt").open("wb") as output:
            self._process = subprocess.Popen(
                [self._python, "-c", code],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment(control),
            )

    def _environment(self, control: int) -> dict[str, str]:
        cookie = (self._node.blocks.parent / ".cookie").read_text().strip()
        services = [f"tcp://127.0.0.1:{self.port}", f"rpc://127.0.0.1:{control}"]
        values = {
            "PATH": os.environ["PATH"],
            "ALLOW_ROOT": "1",
            "COIN": "Bitcoin",
            "NET": "regtest",
            "DB_ENGINE": "leveldb",
            "DB_DIRECTORY": str(self._folder),
            "DAEMON_URL": f"http://{cookie}@127.0.0.1:{self._node._port}/",
            "PEER_DISCOVERY": "off",
            "PEER_ANNOUNCE": "",
            "CACHE_MB": "50",
            "REQUEST_SLEEP": "2500" if self._patient else "50",
            "DAEMON_POLL_INTERVAL_BLOCKS": "100",
            "DAEMON_POLL_INTERVAL_MEMPOOL": "100",
        }
        values["COST_SOFT_LIMIT"], values["COST_HARD_LIMIT"] = map(str, self._limits)
        if self._certificate is not None:
            services.append(f"ssl://127.0.0.1:{self.tls_port}")
            values |= {
                "SSL_CERTFILE": str(self._certificate),
                "SSL_KEYFILE": str(self._certificate),
            }
        return values | {"SERVICES": ",".join(services)}

    def _wait(self) -> None:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            if self._process is not None and self._process.poll() is not None:
                said = (self._folder / "electrumx.txt").read_text(errors="replace")
                raise RuntimeError(f"ElectrumX did not start: {said[-2000:]}")
            # It opens its ports once it has caught up.
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"ElectrumX did not listen within {_START_SECONDS:.0f} s")


def make_certificate(folder: Path, name: str = "server") -> Path:
    """A PEM file with a new self-signed certificate and its key."""
    path = folder / f"{name}.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", path, "-out", f"{path}.crt",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path
