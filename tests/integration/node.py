"""A real bitcoind on regtest, on loopback, that leaves nothing behind.

The node runs as a child in the foreground with no peers and no listening port but RPC's. Its
amounts are decimals in JSON, so they are read as `Decimal` and turned into satoshis exactly.
"""

from __future__ import annotations

import base64
import http.client
import json
import subprocess
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.integration.child import Child, free_ports

_ARGUMENTS = (
    "-regtest", "-server", "-listen=0", "-connect=0", "-dnsseed=0", "-fixedseeds=0",
    "-discover=0", "-rpcbind=127.0.0.1", "-rpcallowip=127.0.0.1", "-persistmempool=0",
    "-walletbroadcast=0", "-txindex=1", "-dbcache=50", "-par=1",
)  # fmt: skip
_START_SECONDS = 120.0


class RpcError(Exception):
    """What the node answered instead of a result."""

    def __init__(self, method: str, code: int, message: str) -> None:
        super().__init__(f"{method}: {message} ({code})")
        self.code = code


class Node(Child):
    """A bitcoind with its data in `folder`. Use as a context manager; `start` may be repeated.

    Args:
        program: the path of bitcoind.
        folder: an existing folder of its own.
        options: further arguments of bitcoind.
    """

    def __init__(self, program: str, folder: Path, *options: str) -> None:
        super().__init__()
        self._program = program
        self._folder = folder
        self._options = options
        self._port = 0
        self._authorization = ""

    @property
    def blocks(self) -> Path:
        """The folder of its block files."""
        return self._folder / "regtest" / "blocks"

    def _launch(self) -> None:
        (self._port,) = free_ports(1)
        command = [
            self._program, *_ARGUMENTS, *self._options,
            f"-datadir={self._folder}", f"-rpcport={self._port}",
        ]  # fmt: skip
        with (self._folder / "output.txt").open("wb") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)

    def rpc(self, method: str, *parameters: Any, wallet: str | None = None) -> Any:
        """Call a method and return its result, amounts as `Decimal`."""
        path = "/" if wallet is None else f"/wallet/{wallet}"
        body = json.dumps({"id": 0, "method": method, "params": parameters})
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=300)
        try:
            connection.request("POST", path, body, {"Authorization": self._authorization})
            data = connection.getresponse().read()
        finally:
            connection.close()
        answer = json.loads(data, parse_float=Decimal)
        if answer["error"]:
            raise RpcError(method, answer["error"]["code"], answer["error"]["message"])
        return answer["result"]

    def _wait(self) -> None:
        cookie = self._folder / "regtest" / ".cookie"
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            if self._process is not None and self._process.poll() is not None:
                said = (self._folder / "output.txt").read_text(errors="replace")
                raise RuntimeError(f"bitcoind did not start: {said[-2000:]}")
            try:
                self._authorization = (
                    "Basic " + base64.b64encode(cookie.read_bytes().strip()).decode()
                )
                self.rpc("getblockcount")
            except (OSError, http.client.HTTPException, ValueError, RpcError):
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(f"bitcoind did not answer within {_START_SECONDS:.0f} s")


def sats(amount: Decimal | int) -> int:
    """An amount of the node's JSON, in satoshis."""
    scaled = Decimal(amount).scaleb(8)
    whole = int(scaled)
    assert whole == scaled, amount
    return whole
