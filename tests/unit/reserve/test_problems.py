"""What is wrong with a reserve: each problem with its code, its line and a remedy, all at once."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.reserve.problems import ProblemCode, show

XPUB = "xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZRkrgZw4koxb5JaHWkY4ALHY2grBGRjaDMzQLcgJvLJuZZvRcEL"
TPUB = "tpubD6NzVbkrYhZ4XzL5Dhayo67Gorv1YMS7j8pRUvVMd5odC2LBPLAygka9p7748JtSq82FNGPppFEz5xxZUdasBRCqJqXvUHq6xpnsMcYJzeh"
WIF = "L4rK1yDtCWekvXuE6oXD9jCYfFNV2cWRpVuPLBcCU2z8TrisoyY1"
XPRV = "xprvA1RpRA33e1JQ7ifknakTFpgNXPmW2YvmhqLQYMmrj4xJXXWYpDPS3xz7iAxn8L39njGVyuoseXzU6rcxFLJ8HFsTjSyQbLYnMpCqE2VbFWc"
PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"
ADDRESS = "32ixEdVJWo3kmvJGMTZq5jAQVZZeuwnqzo"
OTHER = "3Fh6QjPzfu2LWYxVYqRZ45QPTja1PrFmNC"
# The first receiving address of wpkh(XPUB/0/*), by rust-miniscript.
FIRST = "bc1qxzv66jwlm5pphum53alctrsdr7stfahcs3g4zm"

HEAD = 'erario = 1\nnetwork = "main"\n[holders.a]\n'  # lines 1 to 3
WALLET = HEAD + "[wallets.w]\n"  # line 4
CLAIM = WALLET + f'addresses = ["{ADDRESS}"]\n[claims.c]\n'  # lines 5 and 6


def wallet(line: str) -> str:
    return f"{WALLET}{line}\n"


def claim(*lines: str) -> str:
    return CLAIM + "\n".join(lines) + "\n"


# The whole text, and all of its problems as (code, line).
CASES = [
    # The file
    ("", [("missing-key", 1), ("missing-key", 1)]),
    ("erario = 1\n", [("missing-key", 1)]),
    ("erario = 2\nnonsense = 1", [("version", 1)]),
    ('erario = "1"\nnetwork = "main"', [("wrong-type", 1)]),
    ('erario = true\nnetwork = "main"', [("wrong-type", 1)]),
    ("erario = 1\nnetwork = \n", [("syntax", 2)]),
    ('erario = 1\nerario = 1\nnetwork = "main"', [("syntax", 2)]),
    ("erario = 1\nx = [", [("syntax", 2)]),
    ("x = " + "[" * 5000, [("syntax", 1)]),
    ("x = " + "9" * 5000, [("syntax", None)]),
    ('erario = 1\nnetwork = "mainnet"', [("bad-value", 2)]),
    ('erario = 1\nnetwork = 1', [("wrong-type", 2)]),
    (HEAD + "[wallet.w]\n", [("unknown-key", 4)]),
    ('erario = 1\nnetwork = "main"\ntimezone = "Europe/Roma"', [("timezone", 3)]),
    ('erario = 1\nnetwork = "main"\ntimezone = "../x"', [("timezone", 3)]),
    ('erario = 1\nnetwork = "main"\nholders = 3', [("wrong-type", 3)]),
    ('erario = 1\nnetwork = "main"\n[holders]\na = 3', [("wrong-type", 4)]),
    ('erario = 1\nnetwork = "main"\n[holders."A b"]', [("bad-id", 3)]),
    (HEAD + "complete = 1\n", [("wrong-type", 4)]),
    (HEAD + 'name = "a\\nb"\n', [("bad-text", 4)]),
    (HEAD + 'name = "a\\u202Eb"\n', [("bad-text", 4)]),
    (HEAD + 'name = "\\u001b[31m"\n', [("bad-text", 4)]),
    (HEAD + f'name = "{"x" * 2000}"\n', [("bad-text", 4)]),
    (HEAD + 'signs_as = "Trésor"\n', [("bad-text", 4)]),
    (HEAD + "[cosigners.D34DB33F]\n", [("bad-id", 4)]),
    (HEAD + "[cosigners.d34db33]\n", [("bad-id", 4)]),
    # Wallets
    (wallet(""), [("missing-key", 4)]),
    (wallet(f'address = ["{ADDRESS}"]'), [("unknown-key", 5), ("missing-key", 4)]),
    (wallet(f'addresses = "{ADDRESS}"'), [("wrong-type", 5)]),
    (wallet("addresses = [1]"), [("wrong-type", 5)]),
    (wallet(f'addresses = [\n"{ADDRESS}",\n"{ADDRESS[:-1]}p",\n]'), [("checksum", 7)]),
    (wallet('addresses = ["bcrt1qs758ursh4q9z627kt3pp5yysm78ddny6txaqgw"]'), [("other-network", 5)]),
    (wallet('addresses = ["mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn"]'), [("other-network", 5)]),
    (wallet('addresses = ["hello, world"]'), [("address", 5)]),
    (wallet('addresses = [""]'), [("address", 5)]),
    (wallet(f'addresses = ["{XPUB}"]'), [("address", 5)]),
    (wallet(f'addresses = ["{ADDRESS}",\n"{ADDRESS}"]'), [("repeated-script", 6)]),
    (wallet('scripts = ["zz", "abc", ""]'), [("script", 5)]),
    (wallet(f'scripts = ["{"ab" * 32}"]'), [("secret", 5)]),
    (wallet(f'scripts = ["{"ab" * 10_001}"]'), [("script", 5)]),
    (wallet('descriptors = ["raw(deadbeef)#89f8spxn"]'), [("checksum", 5)]),
    (wallet(f'descriptors = ["wpkh({TPUB}/0/*)"]'), [("other-network", 5)]),
    (wallet(f'descriptors = ["wpkh({XPUB}/0h/*)"]'), [("range", 5)]),
    (wallet(f'descriptors = ["wpkh({XPUB[:-2]}/0/*)"]'), [("key", 5)]),
    (wallet('descriptors = ["wsh(older(1))"]'), [("descriptor", 5)]),
    (wallet(f'descriptors = ["wpkh({"ab" * 32})"]'), [("secret", 5)]),
    (wallet(f'keys = [{{ key = "{XPUB}" }}]'), [("key", 5)]),
    (wallet(f'keys = [\n{{ key = "{XPUB}", type = "wpkhh" }}]'), [("bad-value", 6)]),
    (wallet(f'keys = ["{XPUB}"]'), [("wrong-type", 5)]),
    (wallet('keys = [{ type = "wpkh" }]'), [("missing-key", 5)]),
    (wallet(f'keys = [{{ key = "{XPUB}", typ = "wpkh" }}]'), [("unknown-key", 5), ("key", 5)]),
    (wallet(f'keys = [{{ key = "{"ab" * 32}", type = "wpkh" }}]'), [("secret", 5)]),
    (wallet(f'addresses = ["{ADDRESS}"]\nderive = 1000001'), [("range", 6)]),
    (wallet(f'addresses = ["{ADDRESS}"]\nderive = 0'), [("range", 6)]),
    (wallet(f'addresses = ["{ADDRESS}"]\nderive = true'), [("wrong-type", 6)]),
    (wallet(f'addresses = ["{ADDRESS}"]\nrole = "holdings"'), [("bad-value", 6)]),
    (wallet(f'addresses = ["{ADDRESS}"]\nholder = "b"'), [("unknown-id", 6)]),
    (wallet(f'addresses = ["{ADDRESS}"]\ndocument = "b"'), [("unknown-id", 6)]),
    (wallet(f'addresses = ["{ADDRESS}"]\nattribution = "documented"'), [("undocumented", 6)]),
    (
        wallet(f'addresses = ["{ADDRESS}"]\nsince = 2025-01-02\nuntil = 2025-01-01'),
        [("reversed", 7)],
    ),
    (wallet(f'addresses = ["{ADDRESS}"]\nsince = 2025-01-02T00:00:00'), [("moment", 6)]),
    (wallet(f'addresses = ["{ADDRESS}"]\nsince = 12:00:00'), [("wrong-type", 6)]),
    (wallet(f'addresses = ["{ADDRESS}"]\nsince = 890000'), [("wrong-type", 6)]),
    (wallet(f'addresses = ["{ADDRESS}"]\nsince = 1999-01-01'), [("moment", 6)]),
    (HEAD + f'[holders.b]\n[wallets.w]\naddresses = ["{ADDRESS}"]', [("missing-key", 5)]),
    (
        f'erario = 1\nnetwork = "main"\n[wallets.w]\naddresses = ["{ADDRESS}"]',
        [("missing-key", 3)],
    ),
    # Two wallets
    (
        wallet(f'addresses = ["{ADDRESS}"]\n[wallets.v]\naddresses = ["{ADDRESS}"]'),
        [("same-script", 7)],
    ),
    (
        wallet(f'addresses = ["{FIRST}"]\n[wallets.v]\ndescriptors = ["wpkh({XPUB}/<0;1>/*)"]'),
        [("same-script", 7)],
    ),
    (
        wallet(f'descriptors = ["wpkh({XPUB}/<0;1>/*)"]\nkeys = [{{ key = "{XPUB}", type = "wpkh" }}]'),
        [("repeated-script", 6)] * 40,
    ),
    # Lists
    (wallet("addresses = [\n" + f'"{ADDRESS}",\n' * 21 + "]"), [("long-list", 5)] + [("repeated-script", n) for n in range(7, 27)]),
    (wallet('addresses = { file = "no.csv" }'), [("file", 5)]),
    (wallet('addresses = { file = "../x.csv" }'), [("file", 5)]),
    (wallet('addresses = { file = "/etc/passwd" }'), [("file", 5)]),
    (wallet('addresses = { file = "." }'), [("file", 5)]),
    (wallet('addresses = { file = "" }'), [("file", 5)]),
    (wallet('addresses = { file = "C:\\\\x" }'), [("file", 5)]),
    (wallet('addresses = { path = "x" }'), [("unknown-key", 5), ("missing-key", 5)]),
    # Documents
    (HEAD + "[documents.d]\n", [("missing-key", 4)]),
    (HEAD + '[documents.d]\ntitle = "t"\nurl = "javascript:x"', [("bad-value", 6)]),
    (HEAD + '[documents.d]\ntitle = "t"\ndate = "2025-01-01"', [("wrong-type", 6)]),
    (HEAD + '[documents.d]\ntitle = "t"\ndate = 2025-01-01T00:00:00Z', [("wrong-type", 6)]),
    (HEAD + '[documents.d]\ntitle = "t"\nfile = "no"', [("file", 6), ("missing-key", 4)]),
    (HEAD + f'[documents.d]\ntitle = "t"\nsha256 = "{"0" * 64}"', [("missing-key", 6)]),
    (HEAD + '[documents.d]\ntitle = "t"\nsha256 = "0"', [("bad-value", 6)]),
    # Claims
    (claim(""), [("missing-key", 6), ("missing-key", 6)]),
    (claim('holds = "> 1 BTC"', "at = 2025-02-01", "hold = 1"), [("unknown-key", 9)]),
    (claim('holds = "> 1.123456789 BTC"', "at = 2025-02-01"), [("amount", 7)]),
    (claim('holds = "> 6,100 BTC"', "at = 2025-02-01"), [("amount", 7)]),
    (claim('holds = "6100 BTC"', "at = 2025-02-01"), [("amount", 7)]),
    (claim('holds = "> 6100"', "at = 2025-02-01"), [("amount", 7)]),
    (claim('holds = "> 6100 sats"', "at = 2025-02-01"), [("amount", 7)]),
    (claim('holds = "> -1 BTC"', "at = 2025-02-01"), [("amount", 7)]),
    (claim('holds = "> 21000001 BTC"', "at = 2025-02-01"), [("amount", 7)]),
    (claim('holds = "~ 1 BTC"', "at = 2025-02-01"), [("within", 7)]),
    (claim('holds = "> 1 BTC"', "at = 2025-02-01", 'within = "1 BTC"'), [("within", 9)]),
    (claim('holds = "~ 1 BTC"', "at = 2025-02-01", 'within = "1%"'), [("amount", 9)]),
    (claim('holds = "~ 1 BTC"', "at = 2025-02-01", 'within = "0 BTC"'), [("within", 9)]),
    (claim('holds = "> 1 BTC"', 'at = "2025-02-01"'), [("moment", 8)]),
    (claim('holds = "> 1 BTC"', "at = 2025-02-01T00:00:00"), [("moment", 8)]),
    (claim('holds = "> 1 BTC"', "at = 12:00:00"), [("moment", 8)]),
    (claim('holds = "> 1 BTC"', "at = -1"), [("moment", 8)]),
    (claim('holds = "> 1 BTC"', "at = true"), [("moment", 8)]),
    (claim('holds = "> 1 BTC"', "at = 1.5"), [("moment", 8)]),
    (claim('holds = "> 1 BTC"', "at = 2008-02-01"), [("moment", 8)]),
    (claim('holds = "> 1 BTC"', "at = { from = 2025-02-01 }"), [("missing-key", 8)]),
    (claim('holds = "> 1 BTC"', "at = { from = 2025-02-02, to = 2025-02-01 }"), [("reversed", 8)]),
    (claim('holds = "> 1 BTC"', "at = { from = 3, to = 2 }"), [("reversed", 8)]),
    (claim('holds = "> 1 BTC"', "at = { from = 3, to = 2025-02-01 }"), [("moment", 8)]),
    (claim('holds = "> 1 BTC"', "at = { from = 3, too = 4 }"), [("unknown-key", 8), ("missing-key", 8)]),
    (claim('holds = "> 1 BTC"', "at = 3", 'wallets = ["v"]'), [("unknown-id", 9)]),
    (claim('holds = "> 1 BTC"', "at = 3", 'wallets = ["w", "w"]'), [("bad-value", 9)]),
    (claim('holds = "> 1 BTC"', "at = 3", "wallets = []"), [("bad-value", 9)]),
    (claim('holds = "> 1 BTC"', "at = 3", 'document = "x"'), [("unknown-id", 9)]),
    (
        claim('holds = "> 1 BTC"', "at = 3", 'wallets = ["w"]', 'holder = "b"', "[holders.b]")
        .replace("[wallets.w]\n", '[wallets.w]\nholder = "a"\n'),
        [("other-holder", 10)],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_problems(problems, text: str, expected: list[tuple[str, int | None]]) -> None:
    found = problems(text)
    assert sorted((p.code.removeprefix("reserve."), p.place.line or 0) for p in found) == sorted(
        (code, line or 0) for code, line in expected
    )
    assert [p.place.line or 0 for p in found] == sorted(p.place.line or 0 for p in found)
    for problem in found:
        assert problem.what
        assert problem.remedy
        assert problem.what.isprintable()


def test_nearest_names(problems) -> None:
    (key,) = problems(HEAD + "[wallet.w]\n")
    assert key.remedy == 'Did you mean "wallets"?'
    (role,) = problems(wallet(f'addresses = ["{ADDRESS}"]\nrole = "holdings"'))
    assert 'Did you mean "holding"?' in role.remedy
    (zone,) = problems('erario = 1\nnetwork = "main"\ntimezone = "Europe/Roma"')
    assert zone.remedy == 'Did you mean "Europe/Rome"?'
    (checksum,) = problems(wallet('descriptors = ["raw(deadbeef)#89f8spxn"]'))
    assert "#89f8spxm" in checksum.remedy


@pytest.mark.parametrize("at", ["2011-12-30", "{ from = 2011-12-30, to = 2011-12-30 }"])
def test_a_day_that_a_time_zone_skipped(problems, at: str) -> None:
    lines = claim('holds = "> 1 BTC"', f"at = {at}")
    zone = 'network = "main"\ntimezone = "Pacific/Apia"'
    (problem,) = problems(lines.replace('network = "main"', zone))
    assert (problem.code, problem.place.line) == (ProblemCode.MOMENT, 9)
    assert problem.what == (
        "there is no 2011-12-30 in the time zone Pacific/Apia: its clocks skipped that day"
    )
    assert "the day before" in problem.remedy
    assert problems(lines) == ()


def test_all_at_once_in_order_of_place(problems) -> None:
    text = wallet(
        'addresses = { file = "b.csv" }\nrole = "x"\nkey = 1\n'
        '[claims.c]\nholds = "~ 1.123456789 BTC"\nat = "soon"'
    )
    found = problems(text, {"b.csv": "address\nno address\n3Fh6QjPzfu2LWYxVYqRZ45QPTja1PrFmND\n"})
    shown = [(p.place.file.rsplit("/", 1)[-1], p.place.line, p.code.value[8:]) for p in found]
    assert shown == [
        ("b.csv", 2, "address"),
        ("b.csv", 3, "checksum"),
        ("reserve.toml", 6, "bad-value"),
        ("reserve.toml", 7, "unknown-key"),
        ("reserve.toml", 9, "amount"),
        ("reserve.toml", 9, "within"),
        ("reserve.toml", 10, "moment"),
    ]


CSVS = [
    ("", [("list", 1)]),
    ("\n\n", [("list", 1)]),
    ("script\n", [("list", 1)]),
    (f"{ADDRESS}\n", [("list", 1)]),
    ("adress\n", [("list", 1)]),
    ("address,address\n", [("list", 1)]),
    ("address,colour\n", [("list", 1)]),
    (f"address\n{ADDRESS},x\n", [("list", 2)]),
    (f"note,address\nx\n{ADDRESS}\n", [("list", 2), ("list", 3)]),
    (f'address\n{ADDRESS}\n"{OTHER}\n', [("list", 3)]),
    (f'address\n"{ADDRESS}" x\n', [("list", 2)]),
    (f'address,note\n{ADDRESS},"two\nlines"\n{OTHER}x,\n', [("bad-text", 2), ("checksum", 4)]),
    (f"address,note\n{ADDRESS},\x1b[0m\n", [("bad-text", 2)]),
    (f"address\n{ADDRESS}\n{ADDRESS}\n", [("repeated-script", 3)]),
    (f"address\n{'x' * 200_000}\n", [("list", 2)]),
    (b"address\n\xff\xfe\n", [("unreadable", 2)]),
    (f"address,note\n{ADDRESS},{WIF}\n", [("secret", 2)]),
    (f"address,note\n{ADDRESS},{PHRASE}\n", [("secret", 2)]),
    (f"address\n{WIF}\n", [("secret", 2)]),
]


@pytest.mark.parametrize(("csv", "expected"), CSVS)
def test_lists(found, csv: str | bytes, expected: list[tuple[str, int]]) -> None:
    result = found(wallet('addresses = { file = "a.csv" }'), {"a.csv": csv})
    assert [(code, line) for code, line, _ in result] == expected
    assert {name for *_, name in result} == {"a.csv"}


def test_links_out_of_the_folder_are_refused(write, found, tmp_path_factory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "a.csv"
    outside.write_text(f"address\n{ADDRESS}\n")
    text = wallet('addresses = { file = "a.csv" }')
    folder = write(text, {"real.csv": f"address\n{ADDRESS}\n"})
    (folder / "a.csv").symlink_to("real.csv")
    assert found(text) == []
    (folder / "a.csv").unlink()
    (folder / "a.csv").symlink_to(outside)
    assert [code for code, *_ in found(text)] == ["file"]
    (folder / "a.csv").unlink()
    (folder / "a.csv").symlink_to("a.csv")
    assert [code for code, *_ in found(text)] == ["file"]


DOCUMENTED = (
    HEAD
    + '[wallets.w]\nattribution = "documented"\ndocument = "d"\n{lists}\n'
    + '[documents.d]\ntitle = "t"\nfile = "d.html"\nsha256 = "{digest}"\n'
)
BECH32 = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
MENTIONS = [
    # the wallet's list, the document, and whether it names all
    (f'addresses = ["{ADDRESS}"]', f"<p>{ADDRESS}</p>", True),
    (f'addresses = ["{ADDRESS}"]', f"bitcoin:{ADDRESS}?amount=1", True),
    (f'addresses = ["{ADDRESS}"]', f"{ADDRESS[:9]}<wbr/>{ADDRESS[9:]}", True),
    (f'addresses = ["{ADDRESS}"]', f"{ADDRESS[:9]}&shy;{ADDRESS[9:]}", True),
    (f'addresses = ["{ADDRESS}"]', f"&#51;{ADDRESS[1:]}", True),
    (f'addresses = ["{ADDRESS}"]', f"\ufeff{ADDRESS}".encode("utf-16"), True),
    (f'addresses = ["{ADDRESS}"]', b"\xe9" + ADDRESS.encode(), True),
    (f'addresses = ["{ADDRESS}"]', ADDRESS.lower(), False),
    (f'addresses = ["{ADDRESS}"]', ADDRESS + "x", False),
    (f'addresses = ["{ADDRESS}"]', f"{ADDRESS[:9]}</td><td>{ADDRESS[9:]}", False),
    (f'addresses = ["{BECH32}"]', BECH32.upper(), True),
    (f'addresses = ["{BECH32.upper()}"]', BECH32, True),
    ('scripts = ["0014751e76e8199196d454941c45d1b3a323f1433bd6"]', BECH32, True),
    ('scripts = ["0014751e76e8199196d454941c45d1b3a323f1433bd6"]', BECH32[:-1], False),
    (f'descriptors = ["wpkh({XPUB}/<0;1>/*)"]', f"our key is {XPUB}.", True),
    (f'descriptors = ["wpkh({XPUB}/<0;1>/*)"]', "our key is secret", False),
    (f'keys = [{{ key = "{XPUB}", type = "tr" }}]', XPUB, True),
    (f'addresses = ["{ADDRESS}"]', b"%PDF-1.7\0", True),  # not text: its hash alone is checked
]


@pytest.mark.parametrize(("lists", "document", "names_all"), MENTIONS)
def test_documents_name_what_rests_on_them(
    problems, lists: str, document: str | bytes, names_all: bool
) -> None:
    data = document if isinstance(document, bytes) else document.encode()
    text = DOCUMENTED.format(lists=lists, digest=hashlib.sha256(data).hexdigest())
    found = [(p.code, p.place.line) for p in problems(text, {"d.html": data})]
    assert found == ([] if names_all else [(ProblemCode.NOT_IN_DOCUMENT, 7)])


def test_a_changed_document(problems) -> None:
    text = DOCUMENTED.format(lists=f'addresses = ["{ADDRESS}"]', digest="0" * 64)
    (problem,) = problems(text, {"d.html": ADDRESS})
    assert (problem.code, problem.place.line) == (ProblemCode.DOCUMENT_CHANGED, 11)
    assert hashlib.sha256(ADDRESS.encode()).hexdigest() in problem.what


SECRETS = [
    # Where a secret can stand; {} is the secret.
    "# {}\n" + HEAD,
    HEAD + "# note: {}\n",
    HEAD + 'name = "{}"\n',
    HEAD + 'nmae = "{}"\n',
    HEAD + "{} = 1\n",
    HEAD + '[holders."{}"]\n',
    HEAD + "broken {}\n",
    HEAD + '"broken {}\n',
    wallet('addresses = ["{}"]'),
    wallet('descriptors = ["wpkh({})"]'),
    wallet('descriptors = ["{}"]'),
    wallet('keys = [{{ key = "{}", type = "wpkh" }}]'),
    wallet('keys = [{{ key = "{}", type = "{}" }}]'),
    wallet('scripts = ["{}"]'),
    wallet('role = "{}"'),
    wallet('holder = "{}"'),
    claim('holds = "{}"', "at = 1"),
    claim('holds = "> 1 BTC"', 'at = "{}"'),
    claim('holds = "> 1 BTC"', "at = 1", 'wallets = ["{}"]'),
    'erario = 1\nnetwork = "{}"\n',
    'erario = "{}"\n',
    'erario = 1\nnetwork = "main"\ntimezone = "{}"\n',
]


@pytest.mark.parametrize("secret", [WIF, XPRV, PHRASE, XPRV.replace("xprv", "vprv")])
@pytest.mark.parametrize("template", SECRETS)
def test_secrets_are_told_and_never_repeated(problems, template: str, secret: str) -> None:
    text = template.replace("{}", secret).replace("{{", "{").replace("}}", "}")
    found = problems(text)
    line = next(n for n, row in enumerate(text.split("\n"), 1) if secret in row)
    assert (ProblemCode.SECRET, line) in [(p.code, p.place.line) for p in found]
    said = repr(found).lower()
    assert secret.lower() not in said
    assert "sausage" not in said
    assert secret[8:30].lower() not in said


@pytest.mark.parametrize(
    "written",
    [
        WIF.replace("L4", "\\u004C4"),
        "\\n" + WIF,
        PHRASE.replace(" ", "\\n"),
        "\\t" + XPRV,
    ],
)
def test_escapes_do_not_hide_secrets(problems, written: str) -> None:
    (problem,) = problems(wallet(f'role = "{written}"\naddresses = ["{ADDRESS}"]'))
    assert (problem.code, problem.place.line) == (ProblemCode.SECRET, 5)


def test_a_seed_phrase_over_several_lines(problems) -> None:
    words = ",\n".join(f'"{word}"' for word in PHRASE.split())
    found = problems(wallet(f"addresses = [\n{words}\n]"))
    assert (ProblemCode.SECRET, 6) in [(p.code, p.place.line) for p in found]
    assert "sausage" not in repr(found)


@given(st.text())
def test_show_is_safe(text: str) -> None:
    shown = show(text)
    assert shown.isprintable()
    assert len(shown) <= 60 * 6 + 2


REST = 'holder = "no one"\naddresses = ["nonsense!"]\n'


def test_a_near_network_hides_nothing(found) -> None:
    text = f'erario = 1\nnetwork = "mainnet"\n[holders.h]\n[wallets.w]\n{REST}'
    assert found(text) == [
        ("bad-value", 2, "reserve.toml"),
        ("unknown-id", 5, "reserve.toml"),
        ("address", 6, "reserve.toml"),
    ]


def test_what_was_not_looked_at_is_said(found) -> None:
    text = f'erario = 1\nnetwork = "x"\n[holders.h]\n[wallets.w]\n{REST}'
    assert found(text) == [
        ("bad-value", 2, "reserve.toml"),
        ("not-read", 2, "reserve.toml"),
    ]


def test_a_bad_name_hides_nothing_of_its_table(found) -> None:
    text = 'erario = 1\nnetwork = "main"\n[holders."The Mint"]\nnome = "x"\n[wallets.w]\nrole = "x"\naddresses = ["32ixEdVJWo3kmvJGMTZq5jAQVZZeuwnqzo"]\n'
    assert found(text) == [
        ("bad-id", 3, "reserve.toml"),
        ("unknown-key", 4, "reserve.toml"),
        ("bad-value", 6, "reserve.toml"),
    ]
