"""Public servers that ship as data, for somebody who has none: named, not vouched for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

_FILE: Final = "public-servers.json"


@dataclass(frozen=True, slots=True)
class PublicServer:
    """A public server of the main chain: who runs it, and who names it."""

    name: str
    url: str
    operator: str
    named_by: str


def public_servers() -> tuple[PublicServer, ...]:
    """All of them, in the order of the file, whose note says where they are from."""
    data = json.loads(files("erario.cli").joinpath(_FILE).read_text("utf-8"))
    return tuple(
        PublicServer(one["name"], one["url"], one["operator"], one["from"])
        for one in data["servers"]
    )
