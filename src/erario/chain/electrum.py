"""Electrum servers: the protocol's methods, 1.4 to 1.6, behind `HistoryServer`.

    server.version, server.features             hello, and which network
    blockchain.headers.subscribe                the tip
    blockchain.block.headers                    headers; hex up to 1.5, a list from 1.6 on
    blockchain.scripthash.get_history           histories
    blockchain.transaction.get                  bytes
    blockchain.transaction.get_merkle           branches
    blockchain.transaction.id_from_pos          coinbases

In 1.7 histories by scripthash are gone, so 1.6 is the highest that is asked for. A script is asked
for by the SHA-256 of it, in display order.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Final

from erario.bitcoin.header import HEADER_SIZE
from erario.bitcoin.network import NetworkName, network
from erario.bitcoin.values import BlockHash, Height, Script, Txid, sha256d, show_hash
from erario.chain.access import Access
from erario.chain.certificate_pins import CertificatePins
from erario.chain.electrum_session import Answer, Call, ElectrumSession, Refusal
from erario.chain.electrum_wire import Address, open_wire
from erario.chain.errors import ServerCode
from erario.chain.history_server import Branch, Counted, HistoryEntry
from erario.chain.hosts import check_way
from erario.chain.json_answers import (
    MOST_HEIGHT,
    Json,
    hash_of,
    height_of,
    hex_of,
    member,
    of_kind,
    whole,
)
from erario.chain.proxies import read_proxy
from erario.chain.server_source import ServerSource
from erario.chain.source import ChainSource
from erario.chain.source_url import SourceUrl
from erario.chain.state_folder import StateFolder
from erario.errors import SourceError
from erario.statement.evidence import SourceKind

PORT: Final = 50_001
TLS_PORT: Final = 50_002
LEAST_PROTOCOL: Final = (1, 4)
MOST_PROTOCOL: Final = (1, 6)
LACKS: Final = "Scripts that begin with 00 6a are not asked for."
_DROPPED: Final = b"\x00\x6a"
"""What ElectrumX 1.20.0 takes for unspendable besides 6a (lib/script.py); so it is, but erario
counts it as a coin wherever the chain is read."""
_MOST_NODES: Final = 64
_MOST_TRANSACTION: Final = 4_000_000
"""Bytes: a transaction weighs at most as much as a block, 4,000,000."""
_HEADERS_AT_ONCE: Final = 2016
_OF_HEADERS: Final = 500_000
_OF_HISTORY: Final = 16 << 20
_OF_TRANSACTION: Final = 2 * _MOST_TRANSACTION + 1_000
_OF_OTHERS: Final = 16_000
"""The bytes that answers may have."""
_TOO_LONG: Final = re.compile(r"too (large|long|many|big)|exceeds|limit", re.IGNORECASE)
_VERSION: Final = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})(\.[0-9]{1,5})?")


def open_electrum(
    url: SourceUrl,
    name: NetworkName,
    own: bool,  # noqa: FBT001 - the signature of all openers
    state: StateFolder | None,
    access: Access,
) -> ChainSource:
    """The source behind "electrum://HOST:PORT" or "electrum+ssl://HOST:PORT". Nothing is asked
    before the source is.

    Raises:
        RequestError: an onion address without a proxy, or a proxy that is none.
    """
    check_way(url, access)
    if access.proxy is not None:
        read_proxy(access.proxy)
    tls = url.scheme == "electrum+ssl"
    port = url.port or (TLS_PORT if tls else PORT)
    address = Address(url.host, port, tls, access.proxy, access.timeout)
    server = ElectrumServer(address, name, CertificatePins(state))
    return ServerSource(server, name, state, own=own, lacks=LACKS)


class ElectrumServer:
    """An Electrum server as a `HistoryServer`. Connects once it is asked something.

    Args:
        address: where it is.
        name: the network that it should be of.
        pins: by which certificate it is known.
    """

    def __init__(self, address: Address, name: NetworkName, pins: CertificatePins) -> None:
        self.kind: Final = SourceKind.ELECTRUM
        self.name: Final = address.name
        self._network = name
        self._session = ElectrumSession(lambda: open_wire(address, pins), self._greet, self.name)
        self._headers_at_once = _HEADERS_AT_ONCE

    def close(self) -> None:
        """Let go of the connection."""
        self._session.close()

    def tip(self) -> tuple[Height, BlockHash]:
        """The end of the chain that it follows, now."""
        (answer,) = self._ask([Call("blockchain.headers.subscribe")], most=_OF_OTHERS)
        height = self._height(member(answer, "height", int, self.name))
        header = hex_of(member(answer, "hex", str, self.name), self.name, most=HEADER_SIZE)
        if len(header) != HEADER_SIZE:
            raise self._garbage("names a tip without its whole header")
        return height, BlockHash(sha256d(header))

    def headers(self, start: Height, count: int) -> bytes:
        """`count` headers of 80 bytes from `start` on; fewer where its chain ends before."""
        found = bytearray()
        while (have := len(found) // HEADER_SIZE) < count:
            size = self._headers_at_once
            asked = [
                (first, min(size, start + count - first))
                for first in range(start + have, start + count, size)
            ]
            calls = [Call("blockchain.block.headers", each) for each in asked]
            answers = self._ask(calls, most=_OF_HEADERS, total=len(calls) * _OF_HEADERS)
            for (_, wanted), answer in zip(asked, answers, strict=True):
                some = self._read_headers(answer, wanted)
                found += some
                if len(some) < wanted * HEADER_SIZE:
                    break
            else:
                break
            # Short: its chain ends there, or it gives fewer at once than were asked for.
            most = whole(member(answer, "max", int, self.name), self.name, most=MOST_HEIGHT)
            if not some or most >= wanted:
                break
            self._headers_at_once = len(some) // HEADER_SIZE
        return bytes(found)

    def histories(
        self, scripts: Sequence[Script], counted: Counted
    ) -> list[tuple[HistoryEntry, ...] | None]:
        """The confirmed history of each script; None where it is too long for the server, or of
        a script that servers are known to leave out."""
        shown = [script for script in scripts if not script.startswith(_DROPPED)]
        calls = [
            Call("blockchain.scripthash.get_history", (show_hash(hashlib.sha256(each).digest()),))
            for each in shown
        ]
        answers = self._session.ask(calls, most=_OF_HISTORY, counted=counted)
        found = {
            script: self._read_history(call, answer)
            for script, call, answer in zip(shown, calls, answers, strict=True)
        }
        return [found.get(script) for script in scripts]

    def transactions(self, wanted: Sequence[tuple[Txid, Height]], counted: Counted) -> list[bytes]:
        """The bytes of confirmed transactions, in the order asked."""
        calls = [Call("blockchain.transaction.get", (show_hash(txid),)) for txid, _ in wanted]
        answers = self._ask(calls, most=_OF_TRANSACTION, counted=counted)
        return [
            hex_of(answer, self.name, most=_MOST_TRANSACTION, what="a transaction")
            for answer in answers
        ]

    def branches(self, wanted: Sequence[tuple[Txid, Height]], counted: Counted) -> list[Branch]:
        """Where they stand in their blocks, with their Merkle branches, in the order asked."""
        calls = [
            Call("blockchain.transaction.get_merkle", (show_hash(txid), height))
            for txid, height in wanted
        ]
        answers = self._ask(calls, most=_OF_OTHERS, counted=counted)
        return [
            self._read_branch(answer, member(answer, "pos", int, self.name)) for answer in answers
        ]

    def coinbases(self, heights: Sequence[tuple[Height, BlockHash]]) -> list[tuple[Txid, Branch]]:
        """The first transaction of the blocks with these heights, with its branch."""
        calls = [
            Call("blockchain.transaction.id_from_pos", (height, 0, True)) for height, _ in heights
        ]
        answers = self._ask(calls, most=_OF_OTHERS)
        return [
            (
                Txid(hash_of(member(answer, "tx_hash", str, self.name), self.name)),
                self._read_branch(answer, 0),
            )
            for answer in answers
        ]

    def _greet(self, session: ElectrumSession) -> None:
        """Agree on a version, and see which network it is on."""
        least, most = (".".join(map(str, each)) for each in (LEAST_PROTOCOL, MOST_PROTOCOL))
        answer = session.greeting(
            Call("server.version", ("erario", [least, most])), most=_OF_OTHERS
        )
        version = answer[1] if isinstance(answer, list) and len(answer) == 2 else None
        match = _VERSION.fullmatch(version) if isinstance(version, str) else None
        spoken = (int(match[1]), int(match[2])) if match else None
        if spoken is None or not LEAST_PROTOCOL <= spoken <= MOST_PROTOCOL:
            said = answer.words if isinstance(answer, Refusal) else ""
            raise SourceError(
                ServerCode.PROTOCOL,
                f"{self.name} speaks no version of Electrum's protocol from {least} to {most}"
                + (f': "{said}"' if said else ""),
                remedy="Ask another server.",
            )
        features = session.greeting(Call("server.features"), most=_OF_OTHERS)
        if isinstance(features, dict) and "genesis_hash" in features:
            genesis = hash_of(features["genesis_hash"], self.name, "the hash of its first block")
            if genesis != sha256d(network(self._network).genesis[:HEADER_SIZE]):
                raise SourceError(
                    ServerCode.OTHER_NETWORK,
                    f"{self.name} is not on {self._network.value}: its first block is another",
                    remedy="Ask a server of the reserve's network.",
                )

    def _ask(
        self,
        calls: Sequence[Call],
        *,
        most: int,
        total: int | None = None,
        counted: Callable[[int], None] = lambda _: None,
    ) -> list[Json]:
        """The results of calls, none of which may be refused."""
        if total is None:
            answers = self._session.ask(calls, most=most, counted=counted)
        else:
            answers = self._session.ask(calls, most=most, total=total, counted=counted)
        return [self._granted(call, each) for call, each in zip(calls, answers, strict=True)]

    def _granted(self, call: Call, answer: Answer) -> Json:
        if not isinstance(answer, Refusal):
            return answer
        raise SourceError(
            ServerCode.LACKS if _TOO_LONG.search(answer.words) else ServerCode.REFUSED,
            f'{self.name} refuses {call.method}: "{answer.words}" ({answer.code})',
            remedy="Try again in a minute, or ask another server.",
        )

    def _read_headers(self, answer: Json, wanted: int) -> bytes:
        most = wanted * HEADER_SIZE
        if isinstance(answer, dict) and "headers" in answer:
            items = member(answer, "headers", list, self.name)
            some = b"".join(
                hex_of(item, self.name, most=HEADER_SIZE) for item in items[: wanted + 1]
            )
        else:
            some = hex_of(member(answer, "hex", str, self.name), self.name, most=most)
        if len(some) % HEADER_SIZE or len(some) > most:
            raise self._garbage("gives headers that are cut, or more than were asked for")
        return some

    def _read_history(self, call: Call, answer: Answer) -> tuple[HistoryEntry, ...] | None:
        if isinstance(answer, Refusal) and _TOO_LONG.search(answer.words):
            return None
        entries = []
        for item in of_kind(self._granted(call, answer), list, self.name, "a history"):
            height = member(item, "height", int, self.name)
            # 0 and below: not confirmed. The first block's output is no coin.
            if height > 0:
                txid = hash_of(member(item, "tx_hash", str, self.name), self.name)
                entries.append(HistoryEntry(Txid(txid), self._height(height)))
        return tuple(entries)

    def _read_branch(self, answer: Json, position: int) -> Branch:
        nodes = member(answer, "merkle", list, self.name)
        if len(nodes) > _MOST_NODES:
            raise self._garbage(f"gives a Merkle branch of more than {_MOST_NODES} hashes")
        return Branch(position, tuple(hash_of(node, self.name) for node in nodes))

    def _height(self, value: int) -> Height:
        return height_of(value, self.name)

    def _garbage(self, what: str) -> SourceError:
        return SourceError(
            ServerCode.GARBAGE,
            f"{self.name} {what}",
            remedy="Ask another server, or check that this address is an Electrum server's.",
        )
