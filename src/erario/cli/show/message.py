"""What a signed message shows, on a page and as JSON."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from erario.bitcoin.values import show_btc, show_hash
from erario.cli.show.layout import BAD, DOUBT, GOOD, labelled, paragraph
from erario.cli.show.words import count
from erario.proof.result import ClaimedCoin, Result, State

_LABEL = 10
_STYLES = {State.VALID: GOOD, State.INVALID: BAD, State.INCONCLUSIVE: DOUBT}
_TIMESTAMPS = 500_000_000
"""A lock time from here on is a moment, below it a height (BIP 65)."""
_AGE_IN_TIME = 1 << 22
_AGE_OFF = 1 << 31


def message_lines(result: Result) -> list[Text]:
    """The page of a result."""
    return list(_lines(result))


def _lines(result: Result) -> Iterator[Text]:
    style = _STYLES[result.state] if result.is_proved or result.state is not State.VALID else DOUBT
    yield from labelled(
        result.state.upper(), f"{result.sentence} [{result.code}]", width=14, style=style
    )
    if result.form is not None:
        script = f", {result.template} script" if result.template else ""
        yield from labelled("Form", f"{result.form}{script}", width=_LABEL)
    if result.state is State.VALID:
        yield from labelled("Control", _say_control(result), width=_LABEL)
    if result.engines:
        yield from labelled("Judged", _say_engines(result), width=_LABEL)
    if result.locktime:
        yield from labelled("Time", say_time(result.locktime), width=_LABEL)
    if result.sequence and not result.sequence & _AGE_OFF:
        yield from labelled("Age", say_age(result.sequence), width=_LABEL)
    if result.coins:
        said = f"{count(len(result.coins), 'coin')}, signed for; nothing here shows that they exist"
        yield from labelled("Claims", said, width=_LABEL)
    for coin in result.coins:
        keys = count(coin.keys, "key") if coin.keys else "no key"
        line = f"{coin.outpoint}  {show_btc(coin.sats)} BTC, {keys}"
        yield from paragraph(line, indent=2)


def _say_control(result: Result) -> str:
    if not result.binds_key:
        return "not shown: no signature was needed, so anybody can make this proof"
    shown = f"shown by {count(result.keys, 'distinct key')}"
    return shown if result.is_proved else f"{shown}, on the word of one engine: not proved"


def _say_engines(result: Result) -> str:
    named = " and ".join(result.engines)
    if result.state is not State.VALID:
        return f"by {named}"
    return f"by {named}, one engine" if result.is_one_engine else f"by {named}, which agree"


def say_time(locktime: int) -> str:
    """From when on a proof with this lock time counts."""
    if locktime < _TIMESTAMPS:
        return f"only counts from block {locktime} on"
    return f"only counts once {locktime} seconds since 1970 have passed"


def say_age(sequence: int) -> str:
    """For coins of which age a proof with this sequence counts."""
    units = sequence & 0xFFFF
    if sequence & _AGE_IN_TIME:
        return f"only counts for coins that are at least {units * 512:,} seconds old"
    return f"only counts for coins that are at least {count(units, 'block')} old"


def message_json(result: Result) -> dict[str, object]:
    """The result as a JSON object."""
    return {
        "state": result.state.value,
        "code": result.code.value,
        "sentence": result.sentence,
        "input": result.input,
        "form": result.form.value if result.form else None,
        "template": result.template.value if result.template else None,
        "engines": [engine.value for engine in result.engines],
        "keys": result.keys,
        "binds_key": result.binds_key,
        "proved": result.is_proved,
        "time": result.locktime,
        "age": result.sequence,
        "coins": [_coin_json(coin) for coin in result.coins],
    }


def _coin_json(coin: ClaimedCoin) -> dict[str, object]:
    return {
        "txid": show_hash(coin.outpoint.txid),
        "vout": coin.outpoint.vout,
        "script": coin.script.hex(),
        "sats": coin.sats,
        "keys": coin.keys,
        "sequence": coin.sequence,
    }
