"""The five networks, and the constants by which their rules differ.

Source of all constants: Bitcoin Core 31.0, src/kernel/chainparams.cpp (testnet4: BIP 94; signet:
BIP 325, the default challenge). Genesis blocks stand here whole: no source is asked for them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Final


class NetworkName(StrEnum):
    """The networks that a reserve can lie on."""

    MAIN = "main"
    TESTNET3 = "testnet3"
    TESTNET4 = "testnet4"
    SIGNET = "signet"
    REGTEST = "regtest"


@dataclass(frozen=True, slots=True)
class Network:
    """What distinguishes a network's rules.

    Attributes:
        magic: the four bytes before each message and each stored block.
        genesis: the raw bytes of block 0.
        pow_limit: the easiest target.
        easiest_bits: the same in compact form.
        minimum_work: cumulative work, in hashes, below which a chain proves nothing; 0 for none.
        bip34_height: first block of version 2 at least, with its height in the coinbase.
        bip66_height: first block of version 3 at least.
        bip65_height: first block of version 4 at least.
        segwit_height: first block under the witness rules (BIP 141).
        retargets: whether the difficulty moves every 2016 blocks.
        min_difficulty_blocks: whether a block 20 minutes after the last may be of the easiest.
        bip94: testnet4's retarget and timewarp rules.
        p2pkh_version: first byte of the Base58 addresses.
        p2sh_version: the same for P2SH.
        hrp: human-readable part of the Bech32 addresses.
        halving_interval: blocks between halvings of the subsidy.
        authenticated: false where blocks are worth a signature, not work, so that proof of work
            alone shows nothing (signet).
    """

    name: NetworkName
    magic: bytes
    genesis: bytes = field(repr=False)
    pow_limit: int
    easiest_bits: int
    minimum_work: int
    bip34_height: int
    bip66_height: int
    bip65_height: int
    segwit_height: int
    retargets: bool
    min_difficulty_blocks: bool
    bip94: bool
    p2pkh_version: int
    p2sh_version: int
    hrp: str
    halving_interval: int
    authenticated: bool


_POW_LIMIT: Final = (1 << 224) - 1

_TIMES_COINBASE: Final = bytes.fromhex(
    "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff00"
    "1d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b20"
    "6f66207365636f6e64206261696c6f757420666f722062616e6b73ffffffff0100f2052a01000000434104678afd"
    "b0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c"
    "384df7ba0b8d578a4c702b6bf11d5fac00000000"
)
_TESTNET4_COINBASE: Final = bytes.fromhex(
    "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff5504ffff00"
    "1d01044c4c30332f4d61792f32303234203030303030303030303030303030303030303030316562643538633234"
    "3439373062336161396437383362623030313031316662653865613865393865303065ffffffff0100f2052a0100"
    "00002321000000000000000000000000000000000000000000000000000000000000000000ac00000000"
)
_TIMES_ROOT: Final = "3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a"
_TESTNET4_ROOT: Final = "4e7b2b9128fe0291db0693af2ae418b767e657cd407e80cb1434221eaea7a07a"


def _genesis(root: str, time: int, bits: int, nonce: int, coinbase: bytes) -> bytes:
    header = (
        (1).to_bytes(4, "little")
        + bytes(32)
        + bytes.fromhex(root)
        + time.to_bytes(4, "little")
        + bits.to_bytes(4, "little")
        + nonce.to_bytes(4, "little")
    )
    return header + b"\x01" + coinbase


_NETWORKS: Final = (
    Network(
        name=NetworkName.MAIN,
        magic=bytes.fromhex("f9beb4d9"),
        genesis=_genesis(_TIMES_ROOT, 1231006505, 0x1D00FFFF, 2083236893, _TIMES_COINBASE),
        pow_limit=_POW_LIMIT,
        easiest_bits=0x1D00FFFF,
        minimum_work=0x1128750F82F4C366153A3A030,
        bip34_height=227_931,
        bip66_height=363_725,
        bip65_height=388_381,
        segwit_height=481_824,
        retargets=True,
        min_difficulty_blocks=False,
        bip94=False,
        p2pkh_version=0,
        p2sh_version=5,
        hrp="bc",
        halving_interval=210_000,
        authenticated=True,
    ),
    Network(
        name=NetworkName.TESTNET3,
        magic=bytes.fromhex("0b110907"),
        genesis=_genesis(_TIMES_ROOT, 1296688602, 0x1D00FFFF, 414098458, _TIMES_COINBASE),
        pow_limit=_POW_LIMIT,
        easiest_bits=0x1D00FFFF,
        minimum_work=0x17DDE1C649F3708D14B6,
        bip34_height=21_111,
        bip66_height=330_776,
        bip65_height=581_885,
        segwit_height=834_624,
        retargets=True,
        min_difficulty_blocks=True,
        bip94=False,
        p2pkh_version=111,
        p2sh_version=196,
        hrp="tb",
        halving_interval=210_000,
        authenticated=True,
    ),
    Network(
        name=NetworkName.TESTNET4,
        magic=bytes.fromhex("1c163f28"),
        genesis=_genesis(_TESTNET4_ROOT, 1714777860, 0x1D00FFFF, 393743547, _TESTNET4_COINBASE),
        pow_limit=_POW_LIMIT,
        easiest_bits=0x1D00FFFF,
        minimum_work=0x9A0FE15D0177D086304,
        bip34_height=1,
        bip66_height=1,
        bip65_height=1,
        segwit_height=1,
        retargets=True,
        min_difficulty_blocks=True,
        bip94=True,
        p2pkh_version=111,
        p2sh_version=196,
        hrp="tb",
        halving_interval=210_000,
        authenticated=True,
    ),
    Network(
        name=NetworkName.SIGNET,
        magic=bytes.fromhex("0a03cf40"),
        genesis=_genesis(_TIMES_ROOT, 1598918400, 0x1E0377AE, 52613770, _TIMES_COINBASE),
        pow_limit=0x377AE << 216,
        easiest_bits=0x1E0377AE,
        minimum_work=0xB463EA0A4B8,
        bip34_height=1,
        bip66_height=1,
        bip65_height=1,
        segwit_height=1,
        retargets=True,
        min_difficulty_blocks=False,
        bip94=False,
        p2pkh_version=111,
        p2sh_version=196,
        hrp="tb",
        halving_interval=210_000,
        authenticated=False,
    ),
    Network(
        name=NetworkName.REGTEST,
        magic=bytes.fromhex("fabfb5da"),
        genesis=_genesis(_TIMES_ROOT, 1296688602, 0x207FFFFF, 2, _TIMES_COINBASE),
        pow_limit=(1 << 255) - 1,
        easiest_bits=0x207FFFFF,
        minimum_work=0,
        bip34_height=1,
        bip66_height=1,
        bip65_height=1,
        segwit_height=0,
        retargets=False,
        min_difficulty_blocks=True,
        bip94=False,
        p2pkh_version=111,
        p2sh_version=196,
        hrp="bcrt",
        halving_interval=150,
        authenticated=True,
    ),
)


@cache
def network(name: NetworkName) -> Network:
    """The constants of a network."""
    return next(n for n in _NETWORKS if n.name == name)
