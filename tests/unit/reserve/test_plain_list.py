"""Plain lists: read, turned into a reserve, and written down so that it loads the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from erario.bitcoin.network import NetworkName
from erario.errors import DeclarationError, Place, RequestError
from erario.reserve.cutoff import MomentCode
from erario.reserve.loader import check, load
from erario.reserve.model import Attribution, Comparator
from erario.reserve.moment import AtHeight, Interval
from erario.reserve.plain_list import ListCode, read_list, reserve_from_list
from erario.reserve.problems import ProblemCode

ADDRESS = "32ixEdVJWo3kmvJGMTZq5jAQVZZeuwnqzo"
OTHER = "3Fh6QjPzfu2LWYxVYqRZ45QPTja1PrFmNC"
XPUB = "xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZRkrgZw4koxb5JaHWkY4ALHY2grBGRjaDMzQLcgJvLJuZZvRcEL"
TPUB = "tpubD6NzVbkrYhZ4XzL5Dhayo67Gorv1YMS7j8pRUvVMd5odC2LBPLAygka9p7748JtSq82FNGPppFEz5xxZUdasBRCqJqXvUHq6xpnsMcYJzeh"
WIF = "L4rK1yDtCWekvXuE6oXD9jCYfFNV2cWRpVuPLBcCU2z8TrisoyY1"
REGTEST = "bcrt1qs758ursh4q9z627kt3pp5yysm78ddny6txaqgw"
TESTNET = "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn"

LIST = f"""\
# from the gazette

{ADDRESS}   # first, with a note
\t{OTHER},
0014751e76e8199196d454941c45d1b3a323f1433bd6
wpkh({XPUB}/<0;1>/*)
"""


@pytest.fixture
def given(tmp_path: Path):
    def write(text: str | bytes, name: str = "list.txt") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def saved(files: dict[str, bytes], folder: Path) -> Path:
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_rows_of_a_list(given, newline: str) -> None:
    path = given(LIST.replace("\n", newline))
    rows = read_list(path)
    assert [(r.text, r.note, r.place.line) for r in rows.addresses] == [
        (ADDRESS, "first, with a note", 3),
        (OTHER, None, 4),
    ]
    assert [(r.text[:4], r.place.line) for r in rows.scripts] == [("0014", 5)]
    assert [(r.text[:4], r.place.line) for r in rows.descriptors] == [("wpkh", 6)]
    assert rows.addresses[0].place.file == str(path)


def test_a_csv_with_a_header(given) -> None:
    text = f'# exported\nlabel,Address,note\nx,{ADDRESS},"a, b"\ny,{OTHER},\n\nz,,\n'
    rows = read_list(given(text, "list.csv"))
    assert [(r.text, r.note, r.place.line) for r in rows.addresses] == [
        (ADDRESS, "a, b", 3),
        (OTHER, None, 4),
    ]


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (f"address;note\n{ADDRESS};a, b\n", "a, b"),
        (f"address\tnote\n{ADDRESS}\ta; b\n", "a; b"),
        (f'No;"Bitcoin Address";Note\n1;{ADDRESS};x\n', "x"),
        (f"Bitcoin Address\n{ADDRESS}\n", None),
        (f"BTC_addresses,label\n{ADDRESS},x\n", None),
    ],
)
def test_what_spreadsheets_write(given, text: str, note: str | None) -> None:
    (row,) = read_list(given(text, "list.csv")).addresses
    assert (row.text, row.note, row.place.line) == (ADDRESS, note, 2)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (f"{ADDRESS};x\n{OTHER};y\n", 1, "semicolons"),
        (f"{ADDRESS}\n{OTHER}\ty\n", 2, "tabs"),
        (f"Konto,Betrag\n{ADDRESS},1\n", 1, "commas"),
        (f"from address,to address\n{ADDRESS},{OTHER}\n", 1, '"from address", "to address"'),
        ('{"descriptors": []}', None, "exports"),
    ],
)
def test_tables_that_could_mean_anything(given, text, line, said) -> None:
    with pytest.raises(DeclarationError) as caught:
        read_list(given(text))
    (problem,) = caught.value.problems
    assert (problem.code, problem.place.line) == (ProblemCode.LIST, line)
    assert said in problem.what


def test_mixed_networks_are_shown_where_they_meet(given) -> None:
    with pytest.raises(RequestError) as caught:
        reserve_from_list(given(f"{ADDRESS}\n{OTHER}\n{REGTEST}\n"))
    assert caught.value.place is not None
    assert caught.value.place.line == 3
    assert "regtest" in caught.value.what


@pytest.mark.parametrize(
    ("holds", "remedy"),
    [
        ("1 BTC", "comparator"),
        ("> 1", "only unit"),
        ("> 30000000 BTC", "Correct"),
        ("> 1.123456789 BTC", "eight decimals"),
    ],
)
def test_the_remedy_of_a_claim_meets_the_point(given, holds: str, remedy: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        reserve_from_list(given(ADDRESS), claims=[(holds, "2025-04-03", None)])
    assert remedy in caught.value.problems[0].remedy


def test_a_list_is_an_inferred_wallet(given) -> None:
    path = given(LIST)
    reserve, files = reserve_from_list(path)
    (wallet,) = reserve.wallets
    assert (reserve.network, reserve.path) == (NetworkName.MAIN, str(path))
    assert wallet.attribution is Attribution.INFERRED
    assert [s.place.line for s in wallet.scripts] == [3, 4, 5]
    assert [d.place.line for d in wallet.descriptors] == [6]
    assert {p.place.file for p in (*wallet.scripts, *wallet.descriptors, wallet)} == {str(path)}
    assert set(files) == {"reserve.toml", "addresses.csv", "scripts.csv"}


CLAIMS = [("> 6100 BTC", "2025-04-03", None), ("~ 1 BTC", "890712", "0.5 BTC")]


@pytest.mark.parametrize("document", [None, "gazette 112.html", "reserve.toml", "a.csv"])
def test_what_is_saved_loads_the_same(given, tmp_path: Path, document: str | None) -> None:
    path = given(f'{ADDRESS} # a "note", with comma\n{OTHER}\n')
    source = None
    if document is not None:
        (tmp_path / "in").mkdir()
        source = tmp_path / "in" / document
        source.write_text(f"<p>{ADDRESS}</p><p>{OTHER}</p>")
    reserve, files = reserve_from_list(
        path, document=source, claims=CLAIMS, timezone="Europe/Rome", title='The "Mint" \\ of É'
    )
    assert load(saved(files, tmp_path / "out")) == reserve
    assert reserve.holders[0].name == 'The "Mint" \\ of É'
    assert reserve.wallets[0].attribution is (
        Attribution.INFERRED if document is None else Attribution.DOCUMENTED
    )
    assert [c.file for c in reserve.documents] == ([] if source is None else [source])
    first, second = reserve.claims
    assert (first.comparator, first.wallets) == (Comparator.MORE, ("list",))
    assert isinstance(first.moment, Interval)
    assert second.moment == AtHeight(890712)


def test_a_document_must_name_every_address(given) -> None:
    document = given(f"<p>{ADDRESS}</p>", "page.html")
    with pytest.raises(DeclarationError) as caught:
        reserve_from_list(given(f"{ADDRESS}\n{OTHER}\n"), document=document)
    (problem,) = caught.value.problems
    assert (problem.code, problem.place.line) == (ProblemCode.NOT_IN_DOCUMENT, 2)


def test_a_document_that_is_no_text(given) -> None:
    with pytest.raises(DeclarationError) as caught:
        reserve_from_list(given(ADDRESS), document=given(b"%PDF-1.7\0", "page.pdf"))
    assert caught.value.code is ProblemCode.NOT_IN_DOCUMENT
    with pytest.raises(DeclarationError) as caught:
        reserve_from_list(given(ADDRESS), document="no such file")
    assert caught.value.code is ProblemCode.UNREADABLE


@pytest.mark.parametrize(
    ("rows", "network"),
    [
        ([ADDRESS], NetworkName.MAIN),
        ([REGTEST], NetworkName.REGTEST),
        ([TESTNET, REGTEST], NetworkName.REGTEST),
        ([f"wpkh({XPUB}/0/*)"], NetworkName.MAIN),
        ([REGTEST, f"wpkh({TPUB}/0/*)"], NetworkName.REGTEST),
    ],
)
def test_the_network_shows(given, rows: list[str], network: NetworkName) -> None:
    assert reserve_from_list(given("\n".join(rows)))[0].network is network


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([TESTNET], ListCode.NETWORK_OPEN),
        (["51" * 2], ListCode.NETWORK_OPEN),
        ([f"wpkh({TPUB}/0/*)"], ListCode.NETWORK_OPEN),
        ([ADDRESS, REGTEST], ListCode.NETWORKS_MIXED),
    ],
)
def test_the_network_must_be_said(given, rows: list[str], code: ListCode) -> None:
    with pytest.raises(RequestError) as caught:
        reserve_from_list(given("\n".join(rows)))
    assert caught.value.code is code
    assert "--network" in caught.value.remedy


def test_a_network_that_is_said(given) -> None:
    assert reserve_from_list(given(TESTNET), network="signet")[0].network is NetworkName.SIGNET
    with pytest.raises(DeclarationError) as mixed:
        reserve_from_list(given(f"{TESTNET}\n{ADDRESS}"), network="signet")
    assert [(p.code, p.place.line) for p in mixed.value.problems] == [
        (ProblemCode.OTHER_NETWORK, 2)
    ]
    with pytest.raises(RequestError) as unknown:
        reserve_from_list(given(TESTNET), network="mainnet")
    assert unknown.value.code is ListCode.UNKNOWN_NETWORK


BAD = [
    ("", [("reserve.list", None)]),
    ("# only\n\n", [("reserve.list", None)]),
    (f"{ADDRESS}\n{ADDRESS}\n", [("reserve.repeated-script", 2)]),
    (f"{ADDRESS}\nnonsense!\n{OTHER[:-1]}x\n", [("reserve.address", 2), ("reserve.checksum", 3)]),
    (f"{ADDRESS}\n{'ab' * 32}\n", [("reserve.secret", 2)]),
    (f"{ADDRESS}\n{WIF}\n", [("reserve.secret", 2)]),
    (f"{ADDRESS} # {WIF}\n", [("reserve.secret", 1)]),
    (f"wpkh({XPUB}/0/*)#xxxxxxxx\n", [("reserve.checksum", 1)]),
    (f'address,note\n{ADDRESS},"open\n', [("reserve.list", 2)]),
    (b"\xff\xfe", [("reserve.unreadable", 1)]),
    ("nonsense\n", [("reserve.checksum", 1)]),
]


@pytest.mark.parametrize(("text", "expected"), BAD)
def test_problems(given, text: str | bytes, expected: list[tuple[str, int | None]]) -> None:
    path = given(text)
    with pytest.raises(DeclarationError) as caught:
        reserve_from_list(path)
    assert [(p.code, p.place.line) for p in caught.value.problems] == expected
    assert {p.place.file for p in caught.value.problems} == {str(path)}
    assert WIF not in repr(caught.value.problems)


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        (("> 1.123456789 BTC", "2025-04-03", None), ProblemCode.AMOUNT),
        (("~ 1 BTC", "2025-04-03", None), ProblemCode.WITHIN),
        (('" BTC\n', "2025-04-03", None), ProblemCode.BAD_TEXT),
        (("> 1 BTC", None, None), MomentCode.UNREADABLE),
        (("> 1 BTC", "tip", None), MomentCode.UNREADABLE),
        (("> 1 BTC", "00" * 32, None), MomentCode.UNREADABLE),
        (("> 1 BTC", "soon", None), MomentCode.UNREADABLE),
        (("> 1 BTC", "2025-04-03T12:00", None), MomentCode.NO_OFFSET),
    ],
)
def test_claims_that_cannot_be(given, claim, code) -> None:
    with pytest.raises((DeclarationError, RequestError)) as caught:
        reserve_from_list(given(ADDRESS), claims=[claim])
    assert caught.value.code is code


PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"


@pytest.mark.parametrize("secret", [WIF, PHRASE])
@pytest.mark.parametrize(
    ("key", "said"), [("title", "--holder"), (0, "--holds"), (1, "--at"), (2, "--within")]
)
def test_a_secret_in_a_question_is_not_blamed_on_the_list(given, secret, key, said) -> None:
    claim = ["~ 1 BTC", "2025-04-03", "0.5 BTC"]
    if key != "title":
        claim[key] = secret
    title = secret if key == "title" else None
    path = given(ADDRESS)
    with pytest.raises(RequestError) as caught:
        reserve_from_list(path, title=title, claims=[tuple(claim)])
    assert caught.value.code is ProblemCode.SECRET
    assert said in caught.value.what
    assert caught.value.place is None
    assert secret[:20] not in repr((str(caught.value), caught.value.remedy))


@pytest.mark.parametrize(
    ("page", "line"),
    [
        (f"<p>\n{WIF}", 2),
        (f"<p>\n<p>{PHRASE}", 2),
        (f"{WIF[:20]}<wbr>{WIF[20:]}", None),
        (WIF.replace("L", "&#76;"), None),
    ],
)
def test_a_document_that_holds_a_secret(given, page: str, line: int | None) -> None:
    document = given(f"{ADDRESS} {page}\n", "page.html")
    with pytest.raises(DeclarationError) as caught:
        reserve_from_list(given(ADDRESS), document=document)
    (problem,) = caught.value.problems
    assert problem.code is ProblemCode.SECRET
    assert problem.place == Place(str(document), line)


def test_what_stands_twice_is_cited_where_it_was_given(given) -> None:
    path = given(f"# list\n{ADDRESS}\n{OTHER}\n{ADDRESS}\n")
    with pytest.raises(DeclarationError) as caught:
        reserve_from_list(path)
    (problem,) = caught.value.problems
    assert problem.place.line == 4
    assert problem.what.endswith(f", at {path}:2")


def test_an_unknown_time_zone(given) -> None:
    with pytest.raises(RequestError) as caught:
        reserve_from_list(given(ADDRESS), timezone="Mars/Olympus")
    assert caught.value.code is MomentCode.UNKNOWN_TIMEZONE


@pytest.mark.shared
def test_a_public_list(given, shared_data: Path, tmp_path: Path) -> None:
    import json  # noqa: PLC0415

    data = json.loads((shared_data / "el-salvador.json").read_text())
    _, files = reserve_from_list(given("\n".join(data["addresses"])), claims=CLAIMS[:1])
    assert check(saved(files, tmp_path / "out")) == ()
