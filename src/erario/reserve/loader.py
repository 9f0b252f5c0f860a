"""From a `reserve.toml` to a `Reserve`."""

from __future__ import annotations

import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

from erario.bitcoin.address import read_address
from erario.bitcoin.descriptor import read_descriptor
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import Sats, Script, read_btc
from erario.errors import Place, Problem
from erario.reserve.cutoff import end_of_day, read_cutoff, read_instant, start_of_day
from erario.reserve.model import (
    Attribution,
    Claim,
    Comparator,
    Cosigner,
    DeclaredDescriptor,
    DeclaredScript,
    Document,
    Holder,
    Reserve,
    Role,
    Wallet,
)
from erario.reserve.moment import AtHeight, AtInstant, ClaimMoment, Interval


def load(path: str | Path) -> Reserve:
    """The reserve that a file, or the `reserve.toml` in a folder, declares.

    Raises:
        DeclarationError: it cannot be used; carries every problem.
    """
    file = Path(path)
    if file.is_dir():
        file = file / "reserve.toml"
    place = Place(str(file))
    data: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))
    network = NetworkName(data["network"])
    zone = data.get("timezone", "UTC")
    holders = tuple(
        Holder(id, h.get("name", id), h.get("complete", False), h.get("signs_as"), place)
        for id, h in data.get("holders", {}).items()
    )
    only = holders[0].id if len(holders) == 1 else ""
    return Reserve(
        network=network,
        timezone=zone,
        holders=holders,
        cosigners=tuple(
            Cosigner(id, c["name"], c.get("site"), place)
            for id, c in data.get("cosigners", {}).items()
        ),
        wallets=tuple(
            _wallet(id, w, network, zone, only, place) for id, w in data.get("wallets", {}).items()
        ),
        documents=tuple(
            Document(
                id,
                d["title"],
                d.get("issuer"),
                d.get("date"),
                d.get("url"),
                d.get("sha256"),
                file.parent / d["file"] if "file" in d else None,
                place,
            )
            for id, d in data.get("documents", {}).items()
        ),
        claims=tuple(_claim(id, c, zone, only, place) for id, c in data.get("claims", {}).items()),
        path=str(path),
    )


def check(path: str | Path) -> tuple[Problem, ...]:
    """Every problem of a reserve file; none if it can be used."""
    load(path)
    return ()


def _wallet(
    id: str, data: dict[str, Any], network: NetworkName, zone: str, only: str, place: Place
) -> Wallet:
    scripts = [
        DeclaredScript(read_address(address, network), address, None, None, place)
        for address in data.get("addresses", [])
    ]
    scripts += [
        DeclaredScript(Script(bytes.fromhex(s)), None, None, None, place)
        for s in data.get("scripts", [])
    ]
    since, until = data.get("since"), data.get("until")
    return Wallet(
        id=id,
        holder=data.get("holder", only),
        role=Role(data.get("role", "holding")),
        attribution=Attribution(data.get("attribution", "declared")),
        document=data.get("document"),
        descriptors=tuple(
            DeclaredDescriptor(read_descriptor(d, network), None, place)
            for d in data.get("descriptors", [])
        ),
        scripts=tuple(scripts),
        derive=data.get("derive"),
        since=since and _instant(since, zone, end=False),
        until=until and _instant(until, zone, end=True),
        place=place,
    )


def _instant(value: Any, zone: str, *, end: bool) -> datetime:
    if isinstance(value, datetime):
        return read_instant(value)
    return end_of_day(value, zone) if end else start_of_day(value, zone)


def _claim(id: str, data: dict[str, Any], zone: str, only: str, place: Place) -> Claim:
    comparator, amount, _unit = data["holds"].split()
    within = data.get("within")
    return Claim(
        id=id,
        holds=data["holds"],
        comparator=Comparator(comparator),
        amount=read_btc(amount),
        within=read_btc(within.split()[0]) if within else Sats(0),
        moment=_moment(data["at"], zone),
        holder=data.get("holder", only),
        wallets=tuple(data.get("wallets", ())),
        document=data.get("document"),
        place=place,
    )


def _moment(at: Any, zone: str) -> ClaimMoment:
    if isinstance(at, dict):
        written = f"{at['from']} to {at['to']}"
        return Interval(
            _point(at["from"], zone, end=False), _point(at["to"], zone, end=True), written
        )
    if isinstance(at, int | datetime):
        return _point(at, zone, end=True)
    return Interval(_point(at, zone, end=False), _point(at, zone, end=True), str(at))


def _point(value: Any, zone: str, *, end: bool) -> AtHeight | AtInstant:
    if isinstance(value, int):
        point = read_cutoff(value, zone)
        assert isinstance(point, AtHeight)
        return point
    return AtInstant(_instant(value, zone, end=end), str(value))
