"""Questions to a server with Esplora's API: paths, statuses, text and JSON, many at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import Final, NoReturn, TypeVar

from erario.bitcoin.values import Height
from erario.chain.access import Access
from erario.chain.errors import ServerCode
from erario.chain.history_server import Counted
from erario.chain.http import HttpAnswer, HttpClient
from erario.chain.json_answers import Json, hash_of, height_of, quote, read_json
from erario.errors import SourceError

MOST_SMALL: Final = 1 << 14
"""Bytes of an answer that has no transactions in it."""
_TELL: Final = 0.2
"""Seconds between two words on how far many questions have come."""

A = TypeVar("A")
B = TypeVar("B")


class EsploraAsker:
    """Asks one server. All methods that ask or read raise `SourceError`.

    Args:
        base: its address, "https://HOST/PATH".
        name: who it is, for people.
        access: proxy and timeout.
        connections: how many questions may be under way at once; fewer where it asks for patience.
    """

    def __init__(self, base: str, name: str, access: Access, connections: int) -> None:
        self.name = name
        self._http = HttpClient(
            base, name=name, proxy=access.proxy, timeout=access.timeout, connections=connections
        )
        self._workers = ThreadPoolExecutor(connections, thread_name_prefix="esplora")

    def close(self) -> None:
        """Let go of its connections, for good: what is under way ends, as does what waits."""
        self._http.close()
        # Not cancelled: each fails by itself, so that whoever waits for it hears of it.
        self._workers.shutdown(wait=False)

    def get(self, path: str, most: int) -> HttpAnswer:
        """An answer, whatever its status."""
        return self._http.get(path, most=most)

    def json(self, path: str) -> Json:
        """The JSON that a path has; of some kilobytes at most."""
        return self.json_in(self.get(path, MOST_SMALL))

    def json_in(self, answer: HttpAnswer) -> Json:
        """The JSON of an answer, which must be no error."""
        self._check(answer)
        return read_json(answer.body, self.name)

    def hash(self, path: str) -> bytes:
        """The hash that a path has."""
        return self.hash_in(self.get(path, MOST_SMALL))

    def hash_in(self, answer: HttpAnswer) -> bytes:
        """The hash of an answer, which must be no error; internal order."""
        return hash_of(self.text(answer), self.name)

    def text(self, answer: HttpAnswer) -> str:
        """The text of an answer, which must be no error."""
        self._check(answer)
        return answer.body.decode("latin-1").strip()

    def _check(self, answer: HttpAnswer) -> None:
        if answer.status != 200:
            said = quote(answer.body.decode("latin-1").strip())
            self.refuse(f'answers with an error (status {answer.status}): "{said}"')

    def height(self, number: int) -> Height:
        """A height within reason."""
        return height_of(number, self.name)

    def refuse(self, what: str) -> NoReturn:
        """Raise REFUSED."""
        raise SourceError(
            ServerCode.REFUSED,
            f"{self.name} {what}",
            remedy="Check that its address ends where Esplora's API begins, as "
            "esplora+https://blockstream.info/api; or ask another server.",
        )

    def each(
        self, ask: Callable[[A], B], items: Sequence[A], counted: Counted = lambda _: None
    ) -> list[B]:
        """`ask` for each item, several at once, in the order of the items. The first failure ends
        it; what is under way then ends by its own bounds."""
        futures: list[Future[B]] = self._submitted(ask, items)
        waiting: set[Future[B]] = set(futures)
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=_TELL, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
                counted(len(futures) - len(waiting))
        finally:
            for future in waiting:
                future.cancel()
        return [future.result() for future in futures]

    def _submitted(self, ask: Callable[[A], B], items: Sequence[A]) -> list[Future[B]]:
        try:
            return [self._workers.submit(ask, item) for item in items]
        except RuntimeError:
            # The workers take no more where somebody has closed this.
            self._http.check_open()
            raise
