"""Descriptors: the vectors that BIP 380 to 386 and BIP 389 publish, and the rules around them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erario.bitcoin.descriptor import read_descriptor
from erario.bitcoin.descriptor_tree import MAX_DEPTH, MAX_LENGTH, checksum_of
from erario.bitcoin.errors import BitcoinCode, DescriptorError
from erario.bitcoin.network import NetworkName

MAIN, REGTEST = NetworkName.MAIN, NetworkName.REGTEST

# Keys of the BIPs' vectors.
KEY = "03a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd"
KEY_2 = "0260b2003c386519fc9eadf2b5cf124dd8eea4c4e68d5e154050a9346ea98ce600"
LONG_KEY = (
    "04a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd"
    "5b8dec5235a0fa8722476c7709c02559e3aa73aa03918ba2d492eea75abea235"
)
X_ONLY = KEY[2:]
XPUB_A = "xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZRkrgZw4koxb5JaHWkY4ALHY2grBGRjaDMzQLcgJvLJuZZvRcEL"
XPUB_B = "xpub68NZiKmJWnxxS6aaHmn81bvJeTESw724CRDs6HbuccFQN9Ku14VQrADWgqbhhTHBaohPX4CjNLf9fq9MYo6oDaPPLPxSb7gwQN3ih19Zm4Y"
XPUB_C = "xpub69H7F5d8KSRgmmdJg2KhpAK8SR3DjMwAdkxj3ZuxV27CprR9LgpeyGmXUbC6wb7ERfvrnKZjXoUmmDznezpbZb7ap6r1D3tgFxHmwMkQTPH"
XPUB_D = "xpub661MyMwAqRbcFW31YEwpkMuc5THy2PSt5bDMsktWQcFF8syAmRUapSCGu8ED9W6oDMSgv6Zz8idoc4a6mr8BDzTJY47LJhkJ8UB7WEGuduB"
TPUB = "tpubD6NzVbkrYhZ4XzL5Dhayo67Gorv1YMS7j8pRUvVMd5odC2LBPLAygka9p7748JtSq82FNGPppFEz5xxZUdasBRCqJqXvUHq6xpnsMcYJzeh"
WIF = "L4rK1yDtCWekvXuE6oXD9jCYfFNV2cWRpVuPLBcCU2z8TrisoyY1"
WIF_LONG = "5KYZdUEo39z3FPrtuX2QbbwGnNP5zTd7yyr2SC1j299sBCnWjss"
XPRV = "xprvA1RpRA33e1JQ7ifknakTFpgNXPmW2YvmhqLQYMmrj4xJXXWYpDPS3xz7iAxn8L39njGVyuoseXzU6rcxFLJ8HFsTjSyQbLYnMpCqE2VbFWc"

MULTI_SCRIPT = f"5121{KEY}41{LONG_KEY}52ae"

VECTORS = [
    # BIP 381
    (f"pk({KEY})", [f"21{KEY}ac"]),
    (f"pkh([deadbeef/1/2'/3/4']{KEY})", ["76a9149a1c78a507689f6f54b847ad1cef1e614ee23f1e88ac"]),
    (f"pkh([deadbeef/1/2h/3/4h]{KEY})", ["76a9149a1c78a507689f6f54b847ad1cef1e614ee23f1e88ac"]),
    (f"pk({LONG_KEY})", [f"41{LONG_KEY}ac"]),
    (f"pkh({LONG_KEY})", ["76a914b5bd079c4d57cc7fc28ecf8213a6b791625b818388ac"]),
    (f"sh(pk({KEY}))", ["a9141857af51a5e516552b3086430fd8ce55f7c1a52487"]),
    (f"sh(pkh({KEY}))", ["a9141a31ad23bf49c247dd531a623c2ef57da3c400c587"]),
    (
        "pkh([bd16bee5/2147483647h]xpub69H7F5dQzmVd3vPuLKtcXJziMEQByuDidnX3YdwgtNsecY5HRGtAAQC5mXTt4dsv9RzyjgDjAQs9VGVV6ydYCHnprc9vvaA5YtqWyL6hyds/0)",
        ["76a914ebdc90806a9c4356c1c88e42216611e1cb4c1c1788ac"],
    ),
    (
        f"pk({XPUB_B}/0)",
        ["210379e45b3cf75f9c5f9befd8e9506fb962f6a9d185ac87001ec44a8d3df8d4a9e3ac"],
    ),
    # BIP 382
    (f"wpkh({KEY})", ["00149a1c78a507689f6f54b847ad1cef1e614ee23f1e"]),
    (
        f"wpkh([ffffffff/13']{XPUB_C}/1/2/*)",
        [
            "0014326b2249e3a25d5dc60935f044ee835d090ba859",
            "0014af0bd98abc2f2cae66e36896a39ffe2d32984fb7",
            "00141fa798efd1cbf95cebf912c031b8a4a6e9fb9f27",
        ],
    ),
    (f"wsh(pkh({KEY}))", ["0020338e023079b91c58571b20e602d7805fb808c22473cbc391a41b1bd3a192e75b"]),
    (f"wsh(pk({KEY}))", ["00202e271faa2325c199d25d22e1ead982e45b64eeb4f31e73dbdf41bd4b5fec23fa"]),
    (f"sh(wsh(pkh({KEY})))", ["a914b61b92e2ca21bac1e72a3ab859a742982bea960a87"]),
    # BIP 383
    (f"multi(1,{KEY},{LONG_KEY})", [MULTI_SCRIPT]),
    (f"sortedmulti(1,{LONG_KEY},{KEY})", [MULTI_SCRIPT]),
    (
        f"sh(multi(2,[00000000/111'/222]{XPUB_A},{XPUB_B}/0))",
        ["a91445a9a622a8b0a1269944be477640eedc447bbd8487"],
    ),
    (
        f"sortedmulti(2,{XPUB_A}/*,{XPUB_B}/0/0/*)",
        [
            "5221025d5fc65ebb8d44a5274b53bac21ff8307fec2334a32df05553459f8b1f7fe1b62102fbd47cc8034098f0e6a94c6aeee8528abf0a2153a5d8e46d325b7284c046784652ae",
            "52210264fd4d1f5dea8ded94c61e9641309349b62f27fbffe807291f664e286bfbe6472103f4ece6dfccfa37b211eb3d0af4d0c61dba9ef698622dc17eecdf764beeb005a652ae",
            "5221022ccabda84c30bad578b13c89eb3b9544ce149787e5b538175b1d1ba259cbb83321024d902e1a2fc7a8755ab5b694c575fce742c48d9ff192e63df5193e4c7afe1f9c52ae",
        ],
    ),
    # BIP 384, by the words of the BIP: what the four descriptors give above
    (
        f"combo({KEY})",
        [
            f"21{KEY}ac",
            "76a9149a1c78a507689f6f54b847ad1cef1e614ee23f1e88ac",
            "00149a1c78a507689f6f54b847ad1cef1e614ee23f1e",
            "a91484ab21b1b2fd065d4504ff693d832434b6108d7b87",
        ],
    ),
    (
        f"combo({LONG_KEY})",
        [f"41{LONG_KEY}ac", "76a914b5bd079c4d57cc7fc28ecf8213a6b791625b818388ac"],
    ),
    # BIP 385
    ("raw(deadbeef)", ["deadbeef"]),
    (f"raw({MULTI_SCRIPT})", [MULTI_SCRIPT]),
    (
        "addr(3PUNyaW7M55oKWJ3kDukwk9bsKvryra15j)",
        ["a914eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee87"],
    ),
    # BIP 386
    (f"tr({X_ONLY})", ["512077aab6e066f8a7419c5ab714c12c67d25007ed55a43cadcacb4d7a970a093f11"]),
    (f"tr({KEY})", ["512077aab6e066f8a7419c5ab714c12c67d25007ed55a43cadcacb4d7a970a093f11"]),
    (
        f"tr({XPUB_A}/0/*,pk({XPUB_A}/1/*))",
        [
            "512078bc707124daa551b65af74de2ec128b7525e10f374dc67b64e00ce0ab8b3e12",
            "512001f0a02a17808c20134b78faab80ef93ffba82261ccef0a2314f5d62b6438f11",
            "512021024954fcec88237a9386fce80ef2ced5f1e91b422b26c59ccfc174c8d1ad25",
        ],
    ),
    (
        f"tr({X_ONLY},pk(669b8afcec803a0d323e9a17f3ea8e68e8abe5a278020a929adbec52421adbd0))",
        ["512017cf18db381d836d8923b1bdb246cfcd818da1a9f0e6e7907f187f0b2f937754"],
    ),
    # rawtr, by its definition: the key is the output key
    (f"rawtr({X_ONLY})", [f"5120{X_ONLY}"]),
    (f"rawtr({KEY})", [f"5120{X_ONLY}"]),
]


@pytest.mark.parametrize(("text", "scripts"), VECTORS)
def test_published_scripts(text: str, scripts: list[str]) -> None:
    descriptor = read_descriptor(text, MAIN)
    (branch,) = descriptor.branches
    found = branch.scripts(0, len(scripts))
    assert [script.hex() for _, script in found] == scripts
    if branch.is_ranged:
        assert [index for index, _ in found] == list(range(len(scripts)))
    else:
        assert {index for index, _ in found} == {0}


@pytest.mark.parametrize(("text", "_"), VECTORS)
def test_the_canonical_text_reads_as_itself(text: str, _: object) -> None:
    descriptor = read_descriptor(text, MAIN)
    again = read_descriptor(descriptor.text, MAIN)
    assert again == descriptor
    assert again.text == descriptor.text
    assert read_descriptor(f"  {text}#{checksum_of(text)}\n", MAIN) == descriptor


def test_hardened_marks_and_hex_have_one_spelling() -> None:
    mixed = read_descriptor(f"wpkh([DEADBEEF/0'/0h/7]{KEY.upper()})", MAIN)
    assert mixed.text.startswith(f"wpkh([deadbeef/0h/0h/7]{KEY})#")


# BIP 389: multipath descriptors and what they expand into.
MULTIPATHS = [
    (f"pk({XPUB_B}/<0;1>)", [f"pk({XPUB_B}/0)", f"pk({XPUB_B}/1)"]),
    (
        f"wpkh([ffffffff/13h]{XPUB_C}/<1;3>/2/*)",
        [f"wpkh({XPUB_C}/1/2/*)", f"wpkh({XPUB_C}/3/2/*)"],
    ),
    (
        f"multi(2,{XPUB_A}/<1;2>/*,{XPUB_B}/<3;4>/0/*)",
        [f"multi(2,{XPUB_A}/1/*,{XPUB_B}/3/0/*)", f"multi(2,{XPUB_A}/2/*,{XPUB_B}/4/0/*)"],
    ),
    (f"pkh({XPUB_D}/<0;1;2>)", [f"pkh({XPUB_D}/{n})" for n in range(3)]),
    (
        f"sh(multi(2,{XPUB_A}/<1;2;3>/0/*,{XPUB_B}/0/*,{XPUB_D}/0/0/<3;4;5>/*))",
        [
            f"sh(multi(2,{XPUB_A}/{a}/0/*,{XPUB_B}/0/*,{XPUB_D}/0/0/{b}/*))"
            for a, b in ((1, 3), (2, 4), (3, 5))
        ],
    ),
]


@pytest.mark.parametrize(("text", "expanded"), MULTIPATHS)
def test_multipath_expands(text: str, expanded: list[str]) -> None:
    branches = read_descriptor(text, MAIN).branches
    assert [branch.number for branch in branches] == list(range(len(expanded)))
    for branch, single in zip(branches, expanded, strict=True):
        assert branch.scripts(0, 3) == read_descriptor(single, MAIN).branches[0].scripts(0, 3)


SYNTAX, CHECKSUM, PRIVATE, KEYS, NETWORK, RANGE, UNSUPPORTED = (
    BitcoinCode.DESCRIPTOR_SYNTAX,
    BitcoinCode.DESCRIPTOR_CHECKSUM,
    BitcoinCode.DESCRIPTOR_PRIVATE_KEY,
    BitcoinCode.DESCRIPTOR_KEY,
    BitcoinCode.DESCRIPTOR_NETWORK,
    BitcoinCode.DESCRIPTOR_RANGE,
    BitcoinCode.DESCRIPTOR_UNSUPPORTED,
)
SIXTEEN = ",".join(f"{XPUB_A}/{n}" for n in range(16))

REFUSED = [
    # BIP 380, checksums
    ("raw(deadbeef)#", CHECKSUM),
    ("raw(deadbeef)#89f8spxmx", CHECKSUM),
    ("raw(deadbeef)#89f8spx", CHECKSUM),
    ("raw(deedbeef)#89f8spxm", CHECKSUM),
    ("raw(deedbeef)##9f8spxm", CHECKSUM),
    ("raw(Ü)#00000000", SYNTAX),
    # BIP 380, key expressions
    (f"pk([deadbeef/0h/0h/0h/*]{KEY})", KEYS),
    (f"pk([deadbeef/0h/0h/0h/]{KEY})", KEYS),
    (f"pk([deadbef/0h/0h/0h]{KEY})", KEYS),
    (f"pk([deadbeeef/0h/0h/0h]{KEY})", KEYS),
    (f"pk([deadbeef/0f/0f/0f]{KEY})", KEYS),
    (f"pk([deadbeef/0H/0H/0H]{KEY})", KEYS),
    (f"pk([deadbeef/-0/-0/-0]{KEY})", KEYS),
    (f"pk({XPUB_A}/3h/4h/5h/*)", RANGE),
    (f"pk({XPUB_A}/3/*h)", RANGE),
    (f"pk({XPUB_A}/3/*')", RANGE),
    (f"pk({XPUB_A}/2147483648)", RANGE),
    (f"pk({XPUB_A}/1aa)", KEYS),
    (f"pk([aaaaaaaa][aaaaaaaa]{XPUB_A}/0)", KEYS),
    (f"pk(aaaaaaaa]{XPUB_A}/0)", KEYS),
    (f"pk([gaaaaaaa]{XPUB_A}/0)", KEYS),
    ("pk([deadbeef])", KEYS),
    (f"pk({KEY}/0)", KEYS),
    (f"pk({XPUB_A}/*/0)", KEYS),
    (f"pk({XPUB_A}//0)", KEYS),
    (f"pk({XPUB_A}/007)", KEYS),
    (f"pk({XPUB_A[:-1]}M)", KEYS),
    ("pk(02" + "00" * 32 + ")", KEYS),
    (f"pk(06{LONG_KEY[2:]})", KEYS),
    # BIP 381
    (f"pk(pk({KEY}))", SYNTAX),
    (f"pkh(pk({KEY}))", SYNTAX),
    (f"sh({KEY})", UNSUPPORTED),
    (f"sh(sh(pkh({KEY})))", UNSUPPORTED),
    # BIP 382
    (f"wpkh({LONG_KEY})", KEYS),
    (f"sh(wpkh({LONG_KEY}))", KEYS),
    (f"wsh(pk({LONG_KEY}))", KEYS),
    (f"wsh(wpkh({KEY}))", UNSUPPORTED),
    (f"wsh(wsh(pkh({KEY})))", UNSUPPORTED),
    (f"sh(wsh(wsh(pkh({KEY}))))", UNSUPPORTED),
    (f"wpkh(wsh(pkh({KEY})))", SYNTAX),
    (f"wsh({KEY})", SYNTAX),
    # BIP 383
    (f"sh(multi(16,{SIXTEEN}))", RANGE),
    (f"multi(a,{KEY},{LONG_KEY})", RANGE),
    (f"multi(0,{KEY},{LONG_KEY})", RANGE),
    (f"multi(3,{KEY},{KEY_2})", RANGE),
    (f"multi(01,{KEY})", RANGE),
    (f"multi(1,{KEY},{KEY_2},{KEY},{KEY_2})", RANGE),
    ("wsh(multi(1," + ",".join([KEY] * 21) + "))", RANGE),
    ("multi(1)", RANGE),
    # BIP 385
    ("raw(asdf)", SYNTAX),
    ("raw(abc)", SYNTAX),
    ("raw()", SYNTAX),
    ("addr(asdf)", SYNTAX),
    ("sh(raw(deadbeef))", UNSUPPORTED),
    ("wsh(raw(deadbeef))", UNSUPPORTED),
    ("sh(addr(3PUNyaW7M55oKWJ3kDukwk9bsKvryra15j))", UNSUPPORTED),
    ("wsh(addr(3PUNyaW7M55oKWJ3kDukwk9bsKvryra15j))", UNSUPPORTED),
    # BIP 386
    (f"tr({LONG_KEY})", KEYS),
    (f"wsh(tr({X_ONLY}))", UNSUPPORTED),
    (f"sh(tr({X_ONLY}))", UNSUPPORTED),
    (f"tr({KEY},wsh(pk({KEY_2})))", UNSUPPORTED),
    (f"tr({KEY},{{pk({KEY_2})}})", SYNTAX),
    (f"tr({KEY},multi(1,{KEY_2}))", SYNTAX),
    (f"wsh(multi_a(1,{KEY_2}))", SYNTAX),
    # BIP 389
    (f"pkh({XPUB_D}/<0;1>/<2;3>)", KEYS),
    (f"pkh([deadbeef/<0;1>]{XPUB_D}/0)", KEYS),
    (f"sh(multi(2,{XPUB_A}/<1;2;3>/0/*,{XPUB_B}/0/*,{XPUB_D}/0/0/<3;4>/*))", KEYS),
    (f"wpkh({XPUB_D}/<>/*)", KEYS),
    (f"wpkh({XPUB_D}/0>/*)", KEYS),
    (f"wpkh({XPUB_D}/<0/*)", KEYS),
    (f"wpkh({XPUB_D}/<0;>/*)", KEYS),
    (f"wpkh({XPUB_D}/<0>/*)", KEYS),
    (f"wpkh({XPUB_D}/<1;1>/*)", KEYS),
    (f"wpkh({XPUB_D}/{{0,1}}/*)", SYNTAX),
    # Networks
    (f"wpkh({TPUB}/0/*)", NETWORK),
    ("addr(bcrt1qs758ursh4q9z627kt3pp5yysm78ddny6txaqgw)", NETWORK),
    # Miniscript: types, sanity, limits (BIP 379)
    (f"wsh(and_v(pk({KEY}),pk({KEY_2})))", SYNTAX),
    ("wsh(older(1))", UNSUPPORTED),
    (f"wsh(and_v(v:pk({KEY}),older(0)))", RANGE),
    (f"wsh(or_i(pk({KEY}),older(4)))", UNSUPPORTED),
    (f"wsh(and_b(pk({KEY}),s:pk({KEY})))", UNSUPPORTED),
    (f"wsh(and_v(v:pk({KEY}),and_v(v:after(100),after(1000000000))))", UNSUPPORTED),
    (f"wsh(thresh(3,pk({KEY}),s:pk({KEY_2})))", SYNTAX),
    (f"wsh(x:pk({KEY}))", UNSUPPORTED),
    (f"wsh(:pk({KEY}))", SYNTAX),
    (f"sh(and_v(v:pk({KEY}),older(1)))", UNSUPPORTED),
    # Brackets
    ("", SYNTAX),
    ("wpkh", SYNTAX),
    (f"wpkh({KEY}", SYNTAX),
    (f"wpkh({KEY}))", SYNTAX),
    (f"wpkh({KEY})x", SYNTAX),
    (f"wpkh({KEY}" + "}", SYNTAX),
    ("(", SYNTAX),
    (f"({KEY})", SYNTAX),
    ("wsh(" * (MAX_DEPTH + 1) + ")" * (MAX_DEPTH + 1), SYNTAX),
    ("(" * MAX_LENGTH, SYNTAX),
    ("{" * MAX_LENGTH, SYNTAX),
    (f"pk({KEY})" + " " * 3 + "x" * MAX_LENGTH, SYNTAX),
    (f"sp({KEY})", UNSUPPORTED),
    (f"wpkh({KEY},{KEY})", SYNTAX),
]


@pytest.mark.parametrize(("text", "code"), REFUSED)
def test_refusals(text: str, code: BitcoinCode) -> None:
    with pytest.raises(DescriptorError) as caught:
        read_descriptor(text, MAIN)
    assert caught.value.code is code
    assert caught.value.remedy
    # Nothing of the text is repeated, addresses of other networks apart.
    assert not any(part in caught.value.what for part in (KEY, X_ONLY, XPUB_A, XPUB_D, TPUB))


def test_a_wrong_checksum_names_the_right_one() -> None:
    with pytest.raises(DescriptorError) as caught:
        read_descriptor("raw(deadbeef)#89f8spxn", MAIN)
    assert "#89f8spxm" in caught.value.remedy


@pytest.mark.parametrize("wrong", ["raw(asdf)#89f8spxm", f"wsh(wpkh({KEY}))#89f8spxm"])
def test_a_wrong_body_is_told_before_a_wrong_checksum(wrong: str) -> None:
    with pytest.raises(DescriptorError) as caught:
        read_descriptor(wrong, MAIN)
    assert caught.value.code is not CHECKSUM


PRIVATE_TEXTS = [
    f"wpkh({WIF})",
    f"pk({WIF_LONG})",
    f"wpkh([deadbeef/0h]{WIF})",
    f"wsh(multi(1,{KEY},{WIF}))",
    f"wpkh({XPRV}/0/*)",
    f"wpkh({XPRV}/3h/4h/5h/*h)",
    f"wpkh({XPRV.replace('xprv', 'zprv')}/0/*)",
    f"wpkh({XPRV.replace('xprv', 'tprv')}/0/*)",
    f"tr({XPUB_A}/*,pk({XPRV}/*))",
    f"tr({X_ONLY},{{pk({KEY}),and_v(v:pk({WIF}),older(3))}})",
    f"addr({WIF})",
    f"raw({WIF})",
    f"{WIF}({KEY})",
    f"wpkh({KEY})#{WIF}",
    WIF,
    XPRV,
    f"wpkh({WIF[:-1]}2)",  # a typing error does not make it harmless
    f"wpkh({X_ONLY})",  # 64 hex digits where a key of 66 belongs
    f"wsh(pkh({X_ONLY}))",
]


@pytest.mark.parametrize("text", PRIVATE_TEXTS)
def test_private_keys_are_refused_and_never_echoed(text: str) -> None:
    with pytest.raises(DescriptorError) as caught:
        read_descriptor(text, MAIN)
    error = caught.value
    assert error.code is PRIVATE
    chain: list[BaseException | None] = [error, error.__cause__, error.__context__]
    said = " ".join(repr(each) + str(each) for each in chain) + repr(error.args) + error.remedy
    for secret in (WIF, WIF[:-1], WIF_LONG, XPRV[4:], X_ONLY):
        assert secret not in said


def test_keys_fit_the_network() -> None:
    for name in NetworkName:
        good, bad = (XPUB_A, TPUB) if name is MAIN else (TPUB, XPUB_A)
        assert read_descriptor(f"wpkh({good}/<0;1>/*)", name).network is name
        with pytest.raises(DescriptorError):
            read_descriptor(f"wpkh({bad}/<0;1>/*)", name)


def test_fifteen_keys_fit_in_sh_and_sixteen_in_wsh() -> None:
    fifteen = ",".join(f"{XPUB_A}/{n}" for n in range(15))
    assert read_descriptor(f"sh(sortedmulti(8,{fifteen}))", MAIN)
    script = read_descriptor(f"wsh(sortedmulti(16,{SIXTEEN}))", MAIN).branches[0].scripts(0, 1)
    assert len(script) == 1
    twenty = ",".join(f"{XPUB_A}/{n}" for n in range(20))
    assert read_descriptor(f"sh(wsh(multi(17,{twenty})))", MAIN)


def test_indexes_are_bounded() -> None:
    (branch,) = read_descriptor(f"wpkh({XPUB_A}/*)", MAIN).branches
    assert [index for index, _ in branch.scripts(2**31 - 2, 2)] == [2**31 - 2, 2**31 - 1]
    assert branch.scripts(5, 0) == []
    for start, count in ((2**31 - 1, 2), (-1, 1), (0, -1)):
        with pytest.raises(DescriptorError):
            branch.scripts(start, count)
    (single,) = read_descriptor(f"wpkh({XPUB_A}/7)", MAIN).branches
    assert not single.is_ranged
    assert len(single.scripts(0, 1000)) == 1
    assert single.scripts(1, 1000) == []


def test_a_tree_may_be_128_deep() -> None:
    def tree(depth: int) -> str:
        text = f"pk({XPUB_A}/0)"
        for number in range(1, depth + 1):
            text = f"{{pk({XPUB_A}/{number}),{text}}}"
        return f"tr({KEY_2},{text})"

    assert len(read_descriptor(tree(128), MAIN).branches[0].scripts(0, 1)) == 1
    with pytest.raises(DescriptorError):
        read_descriptor(tree(129), MAIN)


PARTS = st.sampled_from(
    [
        "pk(", "pkh(", "wpkh(", "sh(", "wsh(", "tr(", "multi(", "sortedmulti(", "combo(", "raw(",
        "addr(", "rawtr(", "and_v(", "or_d(", "thresh(", "older(", "after(", "sha256(", "v:", "s:",
        "{", "}", ")", ",", ")", ",", "1", "2", "0", KEY, X_ONLY, XPUB_A, WIF, "/<0;1>", "/*", "/0",
        "[deadbeef/0h]", "#", "deadbeef", "h", "'", "\u2028", "\0", " ",
    ]
)  # fmt: skip


@given(st.one_of(st.text(max_size=60), st.lists(PARTS, max_size=25).map("".join)))
def test_junk_ends_in_a_descriptor_or_a_typed_error(text: str) -> None:
    try:
        descriptor = read_descriptor(text, MAIN)
    except DescriptorError as error:
        said = f"{error!r} {error} {error.remedy} {error.__cause__!r} {error.__context__!r}"
        assert WIF not in said
    else:
        assert WIF not in descriptor.text
        assert read_descriptor(descriptor.text, MAIN) == descriptor
        for branch in descriptor.branches:
            branch.scripts(0, 2)
