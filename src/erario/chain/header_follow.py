"""Following a server to its tip: headers that go on from what is known, verified while they come.

From the tip that it names back to where its chain and the known one part, then forward by every
rule. What a server says is refuted by what it shows, told by a code for each lie; where its tip
moved meanwhile, it is asked again a few times, since it may have reorganised. A lie that was found
stays the error unless it then shows its chain.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from erario.bitcoin.header import HEADER_SIZE
from erario.bitcoin.header_rules import HeaderFault
from erario.bitcoin.network import Network
from erario.bitcoin.values import BlockHash, Height, sha256d, show_hash
from erario.chain.errors import ChainCode, ServerCode
from erario.chain.header_run import HeaderRun
from erario.chain.header_tail import Anchor, HeaderTail, times_of
from erario.chain.history_server import HeaderServer, KnowsHeights
from erario.chain.json_answers import MOST_HEIGHT
from erario.chain.source import Progress, ProgressCallback
from erario.errors import RequestError, SourceError

STEP: Final = "Fetching headers"
MOST_AHEAD: Final = 7200
"""Seconds that a header may be ahead of the clock (Bitcoin Core, MAX_FUTURE_BLOCK_TIME)."""

_AT_ONCE: Final = 8064
"""Headers that are asked for at once: four answers of an Electrum server, under way together."""
_TRIES: Final = 4
_FIRST_STEP_BACK: Final = 16
_CODES: Final = {
    HeaderFault.BITS_INVALID: ServerCode.LIED_WORK,
    HeaderFault.WORK_MISSING: ServerCode.LIED_WORK,
    HeaderFault.BITS_WRONG: ServerCode.LIED_DIFFICULTY,
    HeaderFault.TIME_TOO_OLD: ServerCode.LIED_TIME,
    HeaderFault.TIMEWARP: ServerCode.LIED_TIME,
    HeaderFault.VERSION_TOO_OLD: ServerCode.LIED_VERSION,
    HeaderFault.PARENT_INVALID: ServerCode.LIED_LINK,
}
_FROM_A_CHANGE: Final = (ServerCode.LIED_LINK, ServerCode.LIED_TIP)


Keep = Callable[[HeaderTail, int], None]
"""Takes a verified chain and its cumulative work."""


class HeaderAsker:
    """A server that is asked for headers, and what it is told of when it lies."""

    def __init__(self, server: HeaderServer, network: Network) -> None:
        self._server = server
        self._network = network

    def tip(self) -> tuple[Height, BlockHash]:
        """The end of its chain.

        Raises:
            SourceError: it cannot be asked, or names a height that no chain has.
        """
        tip, tip_hash = self._server.tip()
        if not 0 <= tip <= MOST_HEIGHT:
            raise self.error(ServerCode.GARBAGE, f"names the height {tip} as its tip")
        return tip, tip_hash

    def headers(self, start: int, count: int) -> bytes:
        """`count` headers from `start` on.

        Raises:
            SourceError: it cannot be asked, or gives more or fewer.
        """
        data = self._server.headers(Height(start), count)
        number, rest = divmod(len(data), HEADER_SIZE)
        if rest or number > count:
            raise self.error(ServerCode.GARBAGE, "gives headers that are not those asked for")
        if number < count:
            raise self.error(
                ServerCode.LIED_TIP,
                f"gives no header at height {start + number}, though its chain should have one",
            )
        return data

    def height_of(self, block_hash: BlockHash) -> Height | None:
        """The height that it gives to a block; None where it does not know the block.

        Raises:
            SourceError: it cannot be reached.
            RequestError: its protocol has no such question.
        """
        if isinstance(self._server, KnowsHeights):
            return self._server.height_of(block_hash)
        raise RequestError(
            ChainCode.HEIGHT_UNKNOWN,
            f"{self._server.name} gives the headers of old blocks by their height alone: where "
            f"{show_hash(block_hash)} is cannot be asked",
            remedy="Give the height of the block; or run erario headers once, which keeps all.",
        )

    def refuse_pin(self, height: int) -> SourceError:
        """The error for a header that is not the pinned one."""
        genesis = self._network.genesis[:HEADER_SIZE]
        if height and self.headers(0, 1) == genesis:
            return self.error(
                ServerCode.LIED_LINK,
                f"has another block at height {height} than the pinned one",
            )
        return SourceError(
            ServerCode.OTHER_NETWORK,
            f"{self._server.name} is not on {self._network.name}: its chain begins with another "
            "block",
            remedy="Name the network that it serves, or ask another server.",
        )

    def error(self, code: ServerCode, what: str) -> SourceError:
        """An error that names the server."""
        return SourceError(
            code,
            f"{self._server.name} {what}",
            remedy="Ask another server; this one is broken, out of date, or lies.",
        )


def anchor_tail(asker: HeaderAsker, network: Network, anchor: Anchor) -> HeaderTail:
    """The headers that end at a pin, linked to it.

    Raises:
        SourceError: the server cannot be asked, or has others.
    """
    data = asker.headers(anchor.first, anchor.height + 1 - anchor.first)
    wanted: bytes = anchor.block_hash
    for at in range(anchor.height, anchor.first - 1, -1):
        start = (at - anchor.first) * HEADER_SIZE
        raw = data[start : start + HEADER_SIZE]
        if sha256d(raw) != wanted:
            if at == anchor.height:
                raise asker.refuse_pin(at)
            raise asker.error(
                ServerCode.LIED_LINK,
                f"gives a header at height {at} that does not lead to the pin at {anchor.height}",
            )
        wanted = raw[4:36]
    return HeaderTail(network, anchor, data)


class HeaderFollower:
    """Brings what is known of a chain up to the tip that a server names.

    Args:
        asker: the server.
        pinned: hashes at heights above the anchor that the chain must have.
        now: the clock, in seconds since 1970.
        progress: told of headers while they come in.
    """

    def __init__(
        self,
        asker: HeaderAsker,
        pinned: tuple[tuple[Height, BlockHash], ...],
        *,
        now: Callable[[], float],
        progress: ProgressCallback,
    ) -> None:
        self._asker = asker
        self._pinned = pinned
        self._now = now
        self._progress = progress

    def follow(
        self, tail: HeaderTail, tip: tuple[Height, BlockHash], keep: Keep
    ) -> tuple[HeaderTail, int]:
        """The server's chain from the anchor to its tip, and its cumulative work.

        Args:
            tail: what is known, of this chain or of one that it parts from above the anchor.
            tip: as the server has just named it, not below the anchor.
            keep: given the verified chain and its work, as far as it came: in the end, and where
                the server fails or somebody stops it, so that nobody fetches headers twice.

        Raises:
            SourceError: the server cannot be asked, lies, or changes its chain too often.
        """
        lie: SourceError | None = None
        for _ in range(_TRIES):
            try:
                return self._follow_to(tail, tip, keep)
            except SourceError as error:
                if error.code not in _FROM_A_CHANGE:
                    raise
                # The first: whoever lied cannot hang up or name other tips instead.
                lie = lie or error
            try:
                after = self._asker.tip()
            except SourceError as error:
                raise (error if error.code is ServerCode.CLOSED else lie) from None
            if after == tip or after[0] < tail.anchor.height:
                break
            tip = after
        assert lie is not None
        raise lie

    def _follow_to(
        self, tail: HeaderTail, named: tuple[Height, BlockHash], keep: Keep
    ) -> tuple[HeaderTail, int]:
        tip, tip_hash = named
        common = self._common(tail, tip, tip_hash)
        known = tail.upto(common)
        run = known.run(tip - common)
        taken = [known.headers]
        try:
            self._fetch(run, taken, tip)
            if run.last_hash != tip_hash:
                raise self._asker.error(
                    ServerCode.LIED_TIP,
                    f"names {show_hash(tip_hash)} as its tip at height {tip}, but its headers end "
                    "with another block",
                )
        except BaseException:
            # The server failed, or somebody has had enough: what came is good all the same.
            reached = HeaderTail(tail.network, tail.anchor, b"".join(taken))
            keep(reached, reached.work())
            raise
        reached = HeaderTail(tail.network, tail.anchor, b"".join(taken))
        keep(reached, run.work)
        return reached, run.work

    def _fetch(self, run: HeaderRun, taken: list[bytes], tip: Height) -> None:
        """Fetch and verify what leads to the tip; `taken` has what is good, wherever this ends."""
        common = run.height
        latest = self._now() + MOST_AHEAD
        for start in range(common + 1, tip + 1, _AT_ONCE):
            self._progress(Progress(STEP, start - common, tip - common, "headers", Height(start)))
            data = self._asker.headers(start, min(_AT_ONCE, tip + 1 - start))
            self._refuse_future(start, data, latest)
            hashes, fault = run.take(data)
            count = len(hashes) // 32
            self._refuse_unpinned(start, hashes)
            taken.append(data[: count * HEADER_SIZE])
            if count * HEADER_SIZE < len(data):
                raise self._refuse(start + count, fault)
        if tip > common:
            self._progress(Progress(STEP, tip - common, tip - common, "headers", tip))

    def _common(self, tail: HeaderTail, tip: Height, tip_hash: BlockHash) -> int:
        """The highest block that both chains have, not below the anchor."""
        height = min(tip, tail.tip)
        if height == tip and sha256d(tail.header(height)) == tip_hash:
            return height
        low, step = tail.anchor.height, _FIRST_STEP_BACK
        above = height + 1
        while True:
            if self._asker.headers(height, 1) == tail.header(height):
                break
            if height == low:
                raise self._asker.refuse_pin(height)
            above, height = height, max(low, height - step)
            step *= 2
        while above - height > 1:
            middle = (above + height) // 2
            if self._asker.headers(middle, 1) == tail.header(middle):
                height = middle
            else:
                above = middle
        return height

    def _refuse(self, height: int, fault: HeaderFault | None) -> SourceError:
        if fault is None:
            return self._asker.error(
                ServerCode.LIED_LINK,
                f"gives a header at height {height} that does not follow the one before",
            )
        return self._asker.error(
            _CODES[fault], f"gives a header at height {height} that breaks a rule ({fault})"
        )

    def _refuse_future(self, start: int, data: bytes, latest: float) -> None:
        times = times_of(data)
        if max(times) > latest:
            height = next(at for at, time in enumerate(times, start) if time > latest)
            raise self._asker.error(
                ServerCode.LIED_TIME,
                f"gives a header at height {height} whose time is more than two hours ahead of "
                "this machine's clock",
            )

    def _refuse_unpinned(self, start: int, hashes: bytes) -> None:
        for height, block_hash in self._pinned:
            at = (height - start) * 32
            if 0 <= at < len(hashes) and hashes[at : at + 32] != block_hash:
                raise self._asker.refuse_pin(height)
