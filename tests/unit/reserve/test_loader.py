"""Loading: the whole format, from the text to the values."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from tests.unit.reserve.whole import FILES, WHOLE, XPUB, XPUB_2

from erario.bitcoin.address import read_address
from erario.bitcoin.network import NetworkName
from erario.errors import DeclarationError, Place
from erario.reserve.loader import check, load
from erario.reserve.model import Attribution, Comparator, Role
from erario.reserve.moment import AtHeight, AtInstant, Interval
from erario.reserve.problems import ProblemCode


def test_the_whole_format(write) -> None:
    folder = write(WHOLE, FILES)
    reserve = load(folder)
    toml = str(folder / "reserve.toml")
    assert reserve.path == str(folder)
    assert (reserve.network, reserve.timezone) == (NetworkName.MAIN, "America/El_Salvador")

    treasury, mint = reserve.holders
    assert (treasury.name, treasury.complete, treasury.signs_as) == (
        "Treasury of Exampleland",
        True,
        "Treasury",
    )
    assert (mint.id, mint.name, mint.complete, mint.signs_as) == ("mint", "mint", False, None)
    assert treasury.place == Place(toml, 5)
    (cosigner,) = reserve.cosigners
    assert (cosigner.fingerprint, cosigner.name, cosigner.site) == (
        "d34db33f",
        "Director",
        "capital",
    )

    vault, published, seized = reserve.wallets
    assert (vault.holder, vault.role, vault.attribution) == (
        "treasury",
        Role.HOLDING,
        Attribution.DECLARED,
    )
    assert [d.descriptor.text.partition("#")[0] for d in vault.descriptors] == [
        f"wsh(sortedmulti(1,[d34db33f/48h/0h/0h/2h]{XPUB}/<0;1>/*,{XPUB_2}/<0;1>/*))",
        f"wpkh({XPUB}/<0;1>/*)",
        vault.descriptors[2].descriptor.text.partition("#")[0],
    ]
    assert vault.descriptors[2].descriptor.text.startswith("sh(wpkh(xpub")
    assert [(d.note, d.place.line) for d in vault.descriptors] == [
        (None, 18),
        ("daily", 20),
        (None, 21),
    ]
    assert vault.derive == 2000
    assert vault.since == datetime(2024, 3, 14, 6, tzinfo=UTC)
    assert vault.until == datetime(2026, 1, 1, tzinfo=UTC)

    assert (published.attribution, published.document) == (Attribution.DOCUMENTED, "gazette")
    first, second = published.scripts
    assert (first.address, first.page, first.note) == (
        "32ixEdVJWo3kmvJGMTZq5jAQVZZeuwnqzo",
        "7",
        "first, of two",
    )
    assert first.place == Place(str(folder / "lists/addresses.csv"), 2)
    assert second.place.line == 4
    assert second.script == read_address(second.address or "", NetworkName.MAIN)

    assert (seized.role, seized.attribution) == (Role.ORIGIN, Attribution.INFERRED)
    assert [s.address for s in seized.scripts] == [
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        None,
    ]

    gazette, press = reserve.documents
    assert gazette.date == date(2025, 8, 29)
    assert gazette.file == folder / "gazette.html"
    assert (press.url, press.file, press.sha256) == (None, None, None)

    minister, about, height, instant, heights = reserve.claims
    assert (minister.comparator, minister.amount, minister.within) == (
        Comparator.MORE,
        6100 * 10**8,
        0,
    )
    assert minister.moment == Interval(
        AtInstant(datetime(2025, 4, 3, 6, tzinfo=UTC), "2025-04-03"),
        AtInstant(datetime(2025, 4, 4, 6, tzinfo=UTC), "2025-04-03"),
        "2025-04-03",
    )
    assert (about.comparator, about.amount, about.within) == (
        Comparator.ABOUT,
        610_050_000_000,
        50_000_000,
    )
    assert about.moment == Interval(
        AtInstant(datetime(2025, 4, 3, 6, tzinfo=UTC), "2025-04-03"),
        AtInstant(datetime(2025, 5, 2, 6, tzinfo=UTC), "2025-05-01"),
        "2025-04-03 to 2025-05-01",
    )
    # The holder of wallets that a claim names need not be said.
    assert (about.holder, about.wallets) == ("treasury", ("vault", "published"))
    assert (height.moment, height.holder) == (AtHeight(890712), "mint")
    assert instant.moment == AtInstant(
        datetime(2025, 4, 3, 18, tzinfo=UTC), "2025-04-03T12:00:00-06:00"
    )
    assert heights.moment == Interval(AtHeight(1), AtHeight(2), "1 to 2")
    assert heights.amount == 21_000_000 * 10**8


def test_a_file_loads_as_its_folder_does(write) -> None:
    folder = write(WHOLE, FILES)
    assert load(folder) == load(str(folder / "reserve.toml"))
    assert check(folder) == ()


def test_defaults(write) -> None:
    reserve = load(
        write('erario = 1\nnetwork = "regtest"\n[holders.a]\n[wallets.w]\nscripts = ["51"]')
    )
    (wallet,) = reserve.wallets
    assert (wallet.holder, wallet.role, wallet.attribution) == ("a", "holding", "declared")
    assert (wallet.derive, wallet.since, wallet.until, wallet.document) == (None,) * 4
    assert reserve.timezone == "UTC"


def test_a_holder_without_wallets_is_fine(write) -> None:
    reserve = load(write('erario = 1\nnetwork = "main"\n[holders.a]\n'))
    assert reserve.wallets == ()


def test_a_byte_order_mark_and_windows_line_ends(write) -> None:
    plain = load(write(WHOLE, FILES))
    text = b"\xef\xbb\xbf" + WHOLE.replace("\n", "\r\n").encode()
    lists = {"lists/addresses.csv": FILES["lists/addresses.csv"].replace("\n", "\r\n")}
    folder = write("", {**FILES, **lists})
    (folder / "reserve.toml").write_bytes(text)
    assert load(folder) == plain
    assert load(folder).wallets[1].scripts[1].place.line == 4


@pytest.mark.parametrize("make", ["missing", "folder", "pipe", "long name"])
def test_what_is_no_file(tmp_path: Path, make: str) -> None:
    path = tmp_path / ("x" * 300 if make == "long name" else "reserve.toml")
    if make == "folder":
        path.mkdir()
    if make == "pipe":
        os.mkfifo(path)
    with pytest.raises(DeclarationError) as caught:
        load(path)
    assert caught.value.code is ProblemCode.UNREADABLE
    assert check(path) == caught.value.problems


def test_too_large(write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("erario.reserve.loader.MAX_RESERVE", 2**20)
    (problem,) = check(write("#" * (2**20 + 1)))
    assert problem.code is ProblemCode.UNREADABLE
    assert "1 MiB" in problem.what


def test_a_long_list_loads(write) -> None:
    rows = "".join(f"0014{number:040x}\n" for number in range(20_000))
    text = 'erario = 1\nnetwork = "main"\n[holders.a]\n[wallets.w]\nscripts = { file = "s.csv" }'
    reserve = load(write(text, {"s.csv": "script\n" + rows}))
    assert len(reserve.wallets[0].scripts) == 20_000
    assert reserve.wallets[0].scripts[-1].place.line == 20_001


def test_a_hundred_thousand_wrong_rows_are_counted_not_listed(write) -> None:
    text = 'erario = 1\nnetwork = "main"\n[holders.a]\n[wallets.w]\nscripts = { file = "s.csv" }'
    found = check(write(text, {"s.csv": "script\n" + "zz\n" * 100_000}))
    assert len(found) == 1001
    assert found[-1].code is ProblemCode.MORE
    assert "99,000" in found[-1].what


@pytest.mark.shared
@pytest.mark.parametrize("name", ["el-salvador", "united-states"])
def test_public_addresses(write, shared_data: Path, name: str) -> None:
    data = json.loads((shared_data / f"{name}.json").read_text())
    addresses = data.get("addresses") or [a for w in data["wallets"] for a in w["addresses"]]
    text = (
        'erario = 1\nnetwork = "main"\n[holders.a]\n[wallets.w]\nattribution = "inferred"\n'
        f"addresses = {json.dumps(addresses)}\n"
    )
    assert len(load(write(text)).wallets[0].scripts) == len(addresses)
