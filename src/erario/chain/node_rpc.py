"""JSON-RPC as nodes speak it: single calls, batches, refusals, patience.

Invariant: credentials stand in one header of requests to the one host, and nowhere else. Every
answer is bounded in bytes and time (`http`), in depth and items (`json_answers`); an answer that
belongs to no question is garbage. A node that is starting (-28) is waited for, as is one whose
queue is full, which is no JSON; its other refusals are `RpcError`.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from erario.chain.access import Access
from erario.chain.errors import ServerCode
from erario.chain.http import HttpAnswer, HttpClient
from erario.chain.json_answers import MAX_BYTES, Json, member, of_kind, quote, read_json, whole
from erario.chain.node_conf import NodeWay
from erario.errors import SourceError

IN_WARM_UP: Final = -28
NOT_FOUND: Final = -5
BAD_PARAMETER: Final = -8
UNKNOWN_METHOD: Final = -32601
"""Numbers of refusals (Bitcoin Core 31.0, rpc/protocol.h)."""

SMALL: Final = 1_000_000
"""Bytes; more than any answer that is a few numbers and hashes."""
CONNECTIONS: Final = 4
"""Of the 16 threads that a node has for everybody (rpcthreads)."""
_WARM_UP_TRIES: Final = 30
_WARM_UP_PAUSE: Final = 2.0


class RpcError(SourceError):
    """A refusal by the node. `number` says which, as in Bitcoin Core's rpc/protocol.h."""

    def __init__(self, name: str, method: str, number: int, message: str) -> None:
        super().__init__(
            ServerCode.REFUSED,
            f'{name} refuses {method}: "{quote(message)}" ({number})',
            remedy="See the node's log (debug.log) for why, or ask another source.",
        )
        self.number = number


class NodeRpc:
    """Calls to one node. Many threads may call at once.

    Args:
        way: where it is and with which credentials.
        access: the proxy and the timeout.
        pause: what waits, in seconds.
    """

    def __init__(
        self, way: NodeWay, access: Access, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self.name: Final = way.name
        self.timeout: Final = access.timeout
        self.pause: Final = pause
        self._way = way
        self._access = access
        self._login = way.login()
        self._lock = threading.Lock()
        self._http = HttpClient(
            f"http://{way.name}",
            name=way.name,
            proxy=access.proxy,
            timeout=access.timeout,
            # One beside, so that a scan that is under way can be asked about.
            connections=CONNECTIONS + 1,
            pause=pause,
        )

    def another(self, timeout: float) -> NodeRpc:
        """Another way to the same node, with another timeout, which waits for nothing that is
        under way on this one."""
        return NodeRpc(self._way, replace(self._access, timeout=timeout), self.pause)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def call(
        self, method: str, *parameters: Json, most: int = SMALL, seconds: float | None = None
    ) -> Json:
        """The result of a method; `seconds` is the time that it may take, else the timeout.

        Raises:
            RpcError: the node refuses.
            SourceError: it cannot be asked, or answers with what is no answer.
        """
        body = json.dumps({"id": 0, "method": method, "params": parameters}).encode()
        for last in (False,) * _WARM_UP_TRIES + (True,):
            answer = read_json(self._post(body, most, seconds).body, self.name)
            result = self._result(method, answer, 0)
            if not isinstance(result, RpcError):
                return result
            if result.number != IN_WARM_UP or last:
                raise result
            self.pause(_WARM_UP_PAUSE)
        raise AssertionError("the last try returns or raises")

    def batch(
        self, method: str, questions: Sequence[Sequence[Json]], *, most: int
    ) -> list[Json | RpcError]:
        """The results of one method for several lists of parameters, in their order; a refusal
        stands where its result would. `most` bounds the bytes of all together.

        Raises:
            SourceError: it cannot be asked, or answers with what is no answer.
        """
        if not questions:
            return []
        calls = [
            {"id": number, "method": method, "params": parameters}
            for number, parameters in enumerate(questions)
        ]
        body = json.dumps(calls).encode()
        answers = read_json(self._post(body, min(most, MAX_BYTES), None).body, self.name)
        if isinstance(answers, dict):
            # A refusal of the whole.
            refusal = self._result(method, answers, None)
            if isinstance(refusal, RpcError):
                raise refusal
        found: dict[int, Json] = {}
        for answer in of_kind(answers, list, self.name):
            number = answer.get("id") if isinstance(answer, dict) else None
            found[whole(number, self.name, most=len(questions) - 1, what='"id"')] = answer
        if len(found) != len(questions):
            raise self.garbage("leaves out some answers of a batch")
        return [self._result(method, found[number], number) for number in range(len(questions))]

    def garbage(self, what: str) -> SourceError:
        """An error that says that the node answers with what is no answer."""
        return SourceError(
            ServerCode.GARBAGE,
            f"{self.name} {what}",
            remedy="Check that this address is a node's RPC, or ask another source.",
        )

    def _result(self, method: str, answer: Json, number: int | None) -> Json | RpcError:
        if not isinstance(answer, dict) or (number is not None and answer.get("id") != number):
            raise self.garbage("answers another question than the one asked")
        error = answer.get("error")
        if error is None:
            if "result" not in answer:
                raise self.garbage('leaves "result" out of an answer')
            return answer["result"]
        error = of_kind(error, dict, self.name, '"error"')
        code = member(error, "code", int, self.name)
        message = member(error, "message", str, self.name)
        return RpcError(self.name, method, code, message)

    def _post(self, body: bytes, most: int, seconds: float | None) -> HttpAnswer:
        login = self._login
        try:
            return self._post_with(login.reveal(), body, most, seconds)
        except SourceError as error:
            if error.code is not ServerCode.CREDENTIALS:
                raise
            # A node that was started again has written a new cookie.
            with self._lock:
                self._login = self._way.login()
            if self._login == login:
                raise
        return self._post_with(self._login.reveal(), body, most, seconds)

    def _post_with(
        self, secret: bytes, body: bytes, most: int, seconds: float | None
    ) -> HttpAnswer:
        headers = {
            "Authorization": f"Basic {base64.b64encode(secret).decode()}",
            "Content-Type": "application/json",
        }
        return self._http.post("/", body, most=most, headers=headers, seconds=seconds)
