"""A ceremony as text and as JSON: what is asked and revealed, who signed, what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.text import Text

from erario.bitcoin.address import show_address
from erario.bitcoin.network import NetworkName
from erario.bitcoin.values import show_btc
from erario.ceremony.combinations import Combination
from erario.ceremony.folder import SIGNED
from erario.ceremony.forecast import Forecast, WalletForecast
from erario.ceremony.gathering import Gathered
from erario.ceremony.plan import Ceremony, Signer
from erario.ceremony.progress import Progress, progress_of
from erario.ceremony.standing import Standing
from erario.cli.clean import clean
from erario.cli.hiding import hide
from erario.cli.show.layout import (
    BAD,
    DOUBT,
    GOOD,
    STRONG,
    Column,
    Row,
    labelled,
    paragraph,
    table,
)
from erario.cli.show.message import say_age, say_time
from erario.cli.show.words import count
from erario.errors import ErarioError

_LABEL = 10
_NAMED = 3
"""Addresses that are still to be signed for and are named; more are counted."""


def forecast_lines(ceremony: Ceremony, seen: Forecast) -> list[Text]:
    """What is said before anything is written."""
    lines = [Text("The message, which each device shows", STRONG)]
    lines += paragraph(ceremony.message.text, indent=2)
    lines += [Text(), Text("What is asked", STRONG)]
    for wallet in seen.wallets:
        lines += paragraph(_wallet_line(wallet), indent=2)
    if seen.approvals:
        columns = [Column("signer"), Column("key"), Column("approvals, at most", right=True)]
        rows = [
            Row((clean(one.title), one.fingerprint, f"{number:,}"))
            for one, number in seen.approvals.items()
        ]
        lines += [Text(), *table(columns, rows, indent=2)]
    lines += [Text(), Text("What published proofs reveal", STRONG)]
    return lines + [line for said in _revealed(seen) for line in paragraph(said, indent=2)]


def standing_lines(ceremony: Ceremony, gathered: Gathered) -> list[Text]:
    """What was signed, by whom, and what is missing."""
    said = ceremony.message
    lines = [Text(f"{said.purpose}, {said.holder}, block {said.height:,}", STRONG), Text()]
    for standing in gathered.standings:
        progress = progress_of(ceremony, standing)
        label, style = _label(standing, progress)
        said_of = _said(ceremony.network, standing, progress)
        told = f"{standing.ask.name}: {said_of}"
        lines += labelled(label, clean(told), width=_LABEL, style=style)
    lines += refused_lines(gathered.refused)
    done = sum(one.is_proved for one in gathered.standings)
    lines += [Text(), Text(f"{done:,} of {count(len(gathered.standings), 'proof')} complete")]
    return lines


def next_lines(ceremony: Ceremony, gathered: Gathered, folder: Path) -> list[Text]:
    """What to do next."""
    name = clean(str(folder))
    if gathered.is_complete:
        what = f"erario prove finish {name} -o proofs.json"
        return [Text(), *labelled("Next", what, width=_LABEL)]
    what = (
        f"put what signers send back into {name}/{SIGNED}, PSBTs or lines of an address and a "
        "signature, and ask again. erario prove finish writes what is proved so far."
    )
    if any(
        not one.is_proved and progress_of(ceremony, one).missing is None
        for one in gathered.standings
    ):
        what += " With --merged it writes the PSBTs that only a wallet can finalise."
    return [Text(), *labelled("Next", what, width=_LABEL)]


def refused_lines(refused: Sequence[ErarioError]) -> list[Text]:
    """Each file that was no part of it, and why."""
    lines: list[Text] = []
    for error in refused:
        where = f"{error.place}: " if error.place else ""
        said = f"{where}{error.what}. {error.remedy}"
        lines += labelled("REFUSED", clean(hide(said)), width=_LABEL, style=BAD)
    return lines


def combination_lines(
    found: Iterable[tuple[Standing, Sequence[Combination]]],
) -> list[Text]:
    """Every combination of every quorum."""
    lines: list[Text] = []
    for standing, combinations in found:
        if not combinations:
            said = f"{standing.ask.name}: only its wallet knows who must sign"
            lines += [Text(), Text(said, STRONG)]
            continue
        done = sum(one.is_complete for one in combinations)
        head = f"{standing.ask.name}: {done:,} of {count(len(combinations), 'combination')}"
        lines += [Text(), Text(head, STRONG)]
        for one in combinations:
            names = ", ".join(signer.title for signer in one.signers)
            lacking = ", ".join(signer.title for signer in one.lacking)
            said = f"{names} (missing: {lacking})" if lacking else names
            if one.trouble:
                said = f"{names}: {one.trouble}"
            label, style = ("COMPLETE", GOOD) if one.is_complete else ("OPEN", DOUBT)
            lines += labelled(f"  {label}", clean(said), width=_LABEL + 2, style=style)
    return lines


def standing_json(ceremony: Ceremony, gathered: Gathered) -> dict[str, object]:
    """The same as a JSON object."""
    return {
        "message": ceremony.message.text,
        "complete": gathered.is_complete,
        "asks": [_ask_json(ceremony, one) for one in gathered.standings],
        "refused": [
            {
                "code": str(error.code),
                "what": hide(error.what),
                "file": error.place.file if error.place else None,
            }
            for error in gathered.refused
        ],
    }


def combinations_json(
    found: Iterable[tuple[Standing, Sequence[Combination]]],
) -> dict[str, object]:
    """Combinations by the name of the ask."""
    return {
        standing.ask.name: [
            {
                "signers": [one.fingerprint for one in each.signers],
                "missing": [one.fingerprint for one in each.lacking],
                "complete": each.is_complete,
            }
            for each in combinations
        ]
        for standing, combinations in found
    }


def _wallet_line(wallet: WalletForecast) -> str:
    what = f"{wallet.wallet}: {count(wallet.scripts, 'script')}"
    if wallet.psbts != wallet.scripts:
        what += f" in {count(wallet.psbts, 'proof')} of funds"
    if not wallet.quorums:
        return (
            f"{what}. Only addresses are known: sign the message, or the PSBT, with the wallet "
            "that has the keys, and bring back the signature."
        )
    known = [
        f"{needed} of {_names(signers)}" for needed, signers in wallet.quorums if needed is not None
    ]
    if len(known) < len(wallet.quorums):
        known.append("as its wallet knows, which must finalise the PSBT")
    return f"{what}, each signed by {', or '.join(known)}."


def _revealed(seen: Forecast) -> Iterator[str]:
    yield (
        f"{show_btc(seen.newly_exposed)} BTC at least have public keys that would be visible for "
        "the first time: they count as exposed from then on."
    )
    if seen.revealed_scripts:
        yield (
            f"{count(seen.revealed_scripts, 'script')} with all their keys, which so far only a "
            "hash shows."
        )
    if seen.exposed_already:
        yield f"{show_btc(seen.exposed_already)} BTC are behind keys that are visible already."
    yield "Proofs that are sealed in a bundle (--seal-proofs) reveal it to the auditor alone."


def _label(standing: Standing, progress: Progress) -> tuple[str, str]:
    if standing.is_proved:
        return "PROVED", GOOD
    if standing.trouble:
        return "FAILED", BAD
    return ("PARTLY", DOUBT) if progress.signed or standing.proofs else ("OPEN", DOUBT)


def _said(network: NetworkName, standing: Standing, progress: Progress) -> str:
    by = _names(progress.signed)
    parts = [f"signed by {by}"] if by else []
    scripts = standing.ask.scripts
    if standing.is_proved:
        parts = parts or [f"{_strings(standing)} came back"]
        return "; ".join([*parts, *_locks(standing)])
    if standing.trouble:
        return "; ".join([*parts, standing.trouble])
    if standing.proofs:
        # Strings that were pasted: each is of one script, so that they leave the PSBT as it was.
        lacking = [one for one in scripts if one not in standing.proofs]
        names = ", ".join(show_address(one, network) or one.hex() for one in lacking[:_NAMED])
        more = f" and {len(lacking) - _NAMED:,} more" if len(lacking) > _NAMED else ""
        parts.append(
            f"{len(standing.proofs):,} of {count(len(scripts), 'script')} proved, "
            f"{_strings(standing)} came back; to sign still: {names}{more}, by a string each or "
            "all by the PSBT"
        )
        return "; ".join(parts)
    if progress.partly:
        parts.append(
            "in part by "
            + ", ".join(f"{one.title} ({done} of {all_})" for one, done, all_ in progress.partly)
        )
    if progress.missing is None:
        asked = "its wallet must sign and finalise it"
    elif progress.open:
        asked = f"needs {progress.missing} more of {_names(progress.open)}"
    else:
        asked = "needs a signature"
    return "; ".join([*parts, asked])


def _strings(standing: Standing) -> str:
    number = len(set(standing.proofs.values()))
    return "a signature that holds" if number == 1 else f"{number:,} signatures that hold"


def _locks(standing: Standing) -> Iterator[str]:
    transaction = standing.ask.psbt.transaction
    if transaction.locktime:
        yield say_time(transaction.locktime)
    if transaction.version == 2:
        yield say_age(transaction.inputs[0].sequence)


def _names(signers: Sequence[Signer]) -> str:
    return ", ".join(one.title for one in signers)


def _ask_json(ceremony: Ceremony, standing: Standing) -> dict[str, object]:
    progress = progress_of(ceremony, standing)
    return {
        "name": standing.ask.name,
        "wallet": standing.ask.wallet,
        "scripts": [script.hex() for script in standing.ask.scripts],
        "proved": standing.is_proved,
        "keys": min((standing.keys.get(script, 0) for script in standing.ask.scripts), default=0),
        "proved_scripts": [one.hex() for one in standing.ask.scripts if one in standing.proofs],
        "signed": [one.fingerprint for one in progress.signed],
        "open": [one.fingerprint for one in progress.open],
        "missing": progress.missing,
        "trouble": standing.trouble or None,
    }
