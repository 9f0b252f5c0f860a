"""Descriptors beside two other readers: rust-miniscript (through bdkpython) and embit.

rust-miniscript and erario must accept the same miniscript and derive the same scripts, with three
known differences: it takes a leaf that nothing can satisfy, refuses a key twice in a plain
multisig, and takes miniscript in `sh`, where BIP 379 does not allow it.
"""

from __future__ import annotations

import random

import pytest
from embit.descriptor import Descriptor as EmbitDescriptor
from hypothesis import given
from hypothesis import strategies as st

from erario.bitcoin.address import read_address
from erario.bitcoin.descriptor import Descriptor, read_descriptor
from erario.bitcoin.errors import DescriptorError
from erario.bitcoin.network import NetworkName

bdk = pytest.importorskip("bdkpython")

MAIN = NetworkName.MAIN
# From the vectors of BIP 381 to 389.
XPUBS = (
    "xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZRkrgZw4koxb5JaHWkY4ALHY2grBGRjaDMzQLcgJvLJuZZvRcEL",
    "xpub661MyMwAqRbcFW31YEwpkMuc5THy2PSt5bDMsktWQcFF8syAmRUapSCGu8ED9W6oDMSgv6Zz8idoc4a6mr8BDzTJY47LJhkJ8UB7WEGuduB",
    "xpub69H7F5d8KSRgmmdJg2KhpAK8SR3DjMwAdkxj3ZuxV27CprR9LgpeyGmXUbC6wb7ERfvrnKZjXoUmmDznezpbZb7ap6r1D3tgFxHmwMkQTPH",
)


class Writer:
    """Writes random descriptors from one source of chance; keys differ by their path."""

    def __init__(self, chance: random.Random, multipath: bool) -> None:
        self._chance = chance
        self._multipath = multipath
        self._keys = 0
        self.has_repeats = False

    def key(self) -> str:
        self._keys += 1
        if self._chance.random() < 0.03 and self._keys > 1:
            self._keys -= 1
            self.has_repeats = True
        branch = "<0;1>" if self._multipath else "0"
        return f"[d34db33f/48h/0h]{self._chance.choice(XPUBS)}/{self._keys}/{branch}/*"

    def plain(self) -> str:
        pick = self._chance.choice
        wrapper = pick(["{}", "sh({})", "wsh({})", "sh(wsh({}))"])
        if wrapper in {"{}", "sh({})"} and self._chance.random() < 0.5:
            return wrapper.format(f"wpkh({self.key()})")
        if wrapper == "{}":
            return f"{pick(['pkh', 'tr'])}({self.key()})"
        n = self._chance.randint(1, 5)
        keys = ",".join(self.key() for _ in range(n))
        multi = f"{pick(['multi', 'sortedmulti'])}({self._chance.randint(1, n)},{keys})"
        return wrapper.format(multi)

    def miniscript(self, depth: int, *, taproot: bool) -> str:
        pick = self._chance.choice
        wrappers = "".join(pick("ascdvjntlu") for _ in range(pick([0, 0, 0, 1, 1, 2])))
        head = f"{wrappers}:" if wrappers else ""
        if depth == 0 or self._chance.random() < 0.3:
            return head + self._leaf(taproot)

        def sub() -> str:
            return self.miniscript(depth - 1, taproot=taproot)

        shape = pick(
            [
                "and_v(v:{},{})", "and_b({},a:{})", "and_b({},s:{})", "or_b({},s:{})",
                "or_d({},{})", "t:or_c({},v:{})", "or_i({},{})", "andor({},{},{})",
                "and_n({},{})", "thresh(1,{},s:{})", "thresh(2,{},s:{},a:{})",
            ]
        )  # fmt: skip
        return head + shape.format(*(sub() for _ in range(shape.count("{}"))))

    def _leaf(self, taproot: bool) -> str:
        pick = self._chance.choice
        return pick(
            [
                lambda: f"{pick(['pk', 'pkh', 'pk_k', 'pk_h'])}({self.key()})",
                lambda: f"older({pick([1, 16, 17, 127, 128, 65535, 4194305])})",
                lambda: f"after({pick([1, 100, 499999999, 500000000, 2147483647])})",
                lambda: f"sha256({'ab' * 32})",
                lambda: f"hash160({'cd' * 20})",
                lambda: pick(["0", "1"]),
                lambda: f"multi{'_a' * taproot}({pick([1, 2])},{self.key()},{self.key()})",
            ]
        )()


def ours(text: str) -> Descriptor | None:
    try:
        return read_descriptor(text, MAIN)
    except DescriptorError:
        return None


def theirs(text: str):
    try:
        descriptor = bdk.Descriptor(text, bdk.NetworkKind.MAIN)
        descriptor.sanity_check()
    except (bdk.DescriptorError, bdk.MiniscriptError):
        return None
    return descriptor


def agree(descriptor: Descriptor, oracle) -> None:
    singles = oracle.to_single_descriptors() if oracle.is_multipath() else [oracle]
    assert len(singles) == len(descriptor.branches)
    for branch, single in zip(descriptor.branches, singles, strict=True):
        for index in (0, 1, 7, 2**31 - 1):
            address = str(single.derive_address(index, bdk.Network.BITCOIN))
            assert branch.scripts(index, 1) == [(index, read_address(address, MAIN))]


@given(st.randoms(use_true_random=False), st.booleans())
def test_plain_descriptors_agree(chance: random.Random, multipath: bool) -> None:
    writer = Writer(chance, multipath)
    text = writer.plain()
    descriptor, oracle = ours(text), theirs(text)
    assert descriptor is not None
    if not writer.has_repeats:
        agree(descriptor, oracle)


@given(st.randoms(use_true_random=False), st.integers(0, 3), st.booleans())
def test_miniscript_agrees(chance: random.Random, depth: int, taproot: bool) -> None:
    for _ in range(6):  # most random scripts are ill-typed, and cheap to refuse
        writer = Writer(chance, multipath=False)
        script = writer.miniscript(depth, taproot=taproot)
        text = f"tr({XPUBS[0]}/99/*,{script})" if taproot else f"wsh({script})"
        descriptor, oracle = ours(text), theirs(text)
        if descriptor is not None and oracle is not None:
            agree(descriptor, oracle)
        elif descriptor is not None:
            assert writer.has_repeats
            assert script.startswith("multi(")
        elif oracle is not None:
            assert taproot
            with pytest.raises(DescriptorError, match="nothing can satisfy it"):
                read_descriptor(text, MAIN)


@given(st.randoms(use_true_random=False))
def test_embit_derives_the_same_scripts(chance: random.Random) -> None:
    text = Writer(chance, multipath=True).plain()
    descriptor, other = ours(text), EmbitDescriptor.from_string(text)
    assert descriptor is not None
    for branch in descriptor.branches:
        script = other.derive(3, branch.number).script_pubkey().data
        assert branch.scripts(3, 1) == [(3, script)]


KNOWN = [
    # Wallets that people run: a recovery key after a year, a hash lock, a decaying multisig.
    "wsh(or_d(pk({}),and_v(v:pkh({}),older(52560))))",
    "wsh(andor(pk({}),sha256(" + "ab" * 32 + "),and_v(v:pk({}),after(900000))))",
    "wsh(thresh(3,pk({}),s:pk({}),s:pk({}),sln:older(4320)))",
    "wsh(or_i(and_v(v:pkh({}),older(65535)),or_d(multi(2,{},{}),and_v(v:pk({}),older(10)))))",
    "tr({},{{and_v(v:multi_a(2,{},{}),older(144)),{{pk({}),pkh({})}}}})",
]


@pytest.mark.parametrize("template", KNOWN)
def test_known_policies_agree(template: str) -> None:
    writer = Writer(random.Random(1), multipath=True)
    writer.key()
    count = template.count("{}")
    keys = [f"[d34db33f/48h]{XPUBS[n % 3]}/{n}/<0;1>/*" for n in range(count)]
    text = template.format(*keys)
    descriptor, oracle = ours(text), theirs(text)
    assert descriptor is not None
    assert oracle is not None
    agree(descriptor, oracle)


@given(st.randoms(use_true_random=False))
def test_checksums_agree(chance: random.Random) -> None:
    text = Writer(chance, multipath=False).plain()
    oracle = theirs(text)
    if oracle is not None:
        descriptor = ours(text)
        assert descriptor is not None
        assert str(oracle).replace("'", "h").split("#")[0] == descriptor.text.split("#")[0]
        assert theirs(descriptor.text) is not None
