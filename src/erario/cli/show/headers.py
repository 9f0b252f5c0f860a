"""What became of all headers of a chain, as lines and as JSON."""

from __future__ import annotations

from math import log2

from rich.text import Text

from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import show_hash
from erario.chain.header_check import HeaderCheck
from erario.cli.show.layout import BAD, DOUBT, GOOD, labelled

_LABEL = 10


def header_lines(name: NetworkName, check: HeaderCheck) -> list[Text]:
    """How many headers keep every rule, and whether the pins hold."""
    work = f"2^{log2(check.work):.2f} hashes"
    if not check.enough_work:
        work += ", less than the network's chain has: it proves nothing"
    lines = labelled(
        "Headers", f"{check.headers:,} of {name}, from genesis, keep every rule", width=_LABEL
    )
    lines += labelled("Tip", f"block {check.tip} {show_hash(check.tip_hash)}", width=_LABEL)
    lines += labelled("Work", work, width=_LABEL, style=GOOD if check.enough_work else DOUBT)
    lines += labelled("Pins", _say_pins(check), width=_LABEL, style=BAD if check.against else GOOD)
    lines += labelled(
        "Took", f"{check.seconds:.2f} s to verify, {check.rate:,.0f} headers a second", width=_LABEL
    )
    return lines


def header_json(name: NetworkName, check: HeaderCheck) -> dict[str, object]:
    """The same as JSON. Work is in hex: it has more digits than a number in JSON may have."""
    return {
        "network": name.value,
        "headers": check.headers,
        "tip": {"height": check.tip, "hash": show_hash(check.tip_hash)},
        "work": f"{check.work:064x}",
        "enough_work": check.enough_work,
        "pins": {"known": check.pins, "held": check.held, "against": list(check.against)},
        "seconds": round(check.seconds, 3),
    }


def _say_pins(check: HeaderCheck) -> str:
    if not check.pins:
        return "none are carried for this network"
    if check.against:
        shown = ", ".join(map(str, check.against[:5]))
        more = f" and {len(check.against) - 5} more" if len(check.against) > 5 else ""
        return f"another block than the pinned one at height {shown}{more}"
    missing = check.pins - check.held
    rest = f"; {missing} above the tip" if missing else ""
    return f"{check.held} of {check.pins} are on this chain{rest}"
