"""What a check of a signed message found: one of the three states of BIP-322, with its reason.

    valid           at time T (nLockTime of to_sign) and age S (nSequence of its first input)
    invalid         consensus, a required rule or the form is broken
    inconclusive    an upgradeable rule is broken, or nobody here could tell

`code` names the reason in words of ours, `sentence` says it to people. Valid is not control: a
script that any message satisfies can be valid too. `keys` counts the distinct keys without whose
signatures the script would not have been satisfied; `is_proved` asks for one of them at least, and
for two engines that agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from erario.bitcoin.values import Outpoint, Sats, Script


class State(StrEnum):
    """The three outcomes of BIP-322."""

    VALID = "valid"
    INVALID = "invalid"
    INCONCLUSIVE = "inconclusive"


class Form(StrEnum):
    """How a signature was written."""

    SIMPLE = "simple"
    FULL = "full"
    PROOF_OF_FUNDS = "proof-of-funds"
    LEGACY = "legacy"


class Template(StrEnum):
    """Scripts whose every execution is known from their bytes."""

    P2PKH = "p2pkh"
    P2WPKH = "p2wpkh"
    P2SH_P2WPKH = "p2sh-p2wpkh"
    P2SH_MULTISIG = "p2sh-multisig"
    P2WSH_MULTISIG = "p2wsh-multisig"
    P2SH_P2WSH_MULTISIG = "p2sh-p2wsh-multisig"
    P2TR_KEY = "p2tr-key"


class Engine(StrEnum):
    """Who judged. `RULES` are the byte checks of ours, which speak for templates alone."""

    KERNEL = "libbitcoinkernel"
    RULES = "template rules"
    BTCLIB = "btclib"
    EMBIT = "embit"


class ProofCode(StrEnum):
    """Why a proof has the state that it has."""

    VALID = "valid"
    NO_KEY = "valid.no-key"

    TOO_LONG = "signature.too-long"
    EMPTY = "signature.empty"
    BASE64 = "signature.base64"
    FORM = "signature.form"
    FORM_SCRIPT = "signature.form-script"
    LEGACY_SCRIPT = "signature.legacy-script"
    WITNESS = "signature.witness"
    TRANSACTION = "signature.transaction"
    PSBT = "signature.psbt"

    INPUTS = "to-sign.inputs"
    FIRST_INPUT = "to-sign.first-input"
    OUTPUT = "to-sign.output"
    TRANSACTION_RULES = "to-sign.rules"
    UTXO_MISSING = "to-sign.utxo-missing"
    UTXO_OTHER = "to-sign.utxo-other"
    UTXO_SATS = "to-sign.utxo-sats"

    OTHER_KEY = "consensus.other-key"
    OTHER_SCRIPT = "consensus.other-script"
    LEGACY_OTHER = "consensus.legacy"
    CONSENSUS = "consensus"

    SIGHASH = "required.sighash-all"
    CODESEPARATOR = "required.codeseparator"
    FIND_AND_DELETE = "required.find-and-delete"
    LOW_S = "required.low-s"
    STRICTENC = "required.strictenc"
    NULLFAIL = "required.nullfail"
    MINIMALDATA = "required.minimaldata"
    CLEANSTACK = "required.cleanstack"
    MINIMALIF = "required.minimalif"
    REQUIRED = "required"

    VERSION = "upgradeable.version"
    NOP = "upgradeable.nop"
    WITNESS_VERSION = "upgradeable.witness-version"
    LEAF_VERSION = "upgradeable.leaf-version"
    OP_SUCCESS = "upgradeable.op-success"
    KEY_TYPE = "upgradeable.key-type"
    UPGRADEABLE = "upgradeable"

    NOT_PUSH_ONLY = "unchecked.not-push-only"
    MAYBE_FIND_AND_DELETE = "unchecked.find-and-delete"
    TOO_LARGE = "unchecked.too-large"
    NO_POLICY_ENGINE = "unchecked.no-policy-engine"
    ENGINES_DISAGREE = "unchecked.engines-disagree"


_GROUPS: Final = {
    "valid": State.VALID,
    "upgradeable": State.INCONCLUSIVE,
    "unchecked": State.INCONCLUSIVE,
}
_STATES: Final = {code: _GROUPS.get(code.partition(".")[0], State.INVALID) for code in ProofCode}


def state_of(code: ProofCode) -> State:
    """The state that a reason stands for: the first word of the code tells it."""
    return _STATES[code]


_SENTENCES: Final = {
    ProofCode.VALID: "The script was satisfied for this message.",
    ProofCode.NO_KEY: (
        "The script was satisfied, but no signature was needed for it: any message would do, and "
        "nothing is shown about who controls it."
    ),
    ProofCode.TOO_LONG: "The signature is longer than any that is read here.",
    ProofCode.EMPTY: "There is no signature.",
    ProofCode.BASE64: "The signature is not plain base64, exactly as it is written.",
    ProofCode.FORM: "The signature is neither a witness, a transaction nor a legacy signature.",
    ProofCode.FORM_SCRIPT: "The simple form is only for scripts that are a witness program.",
    ProofCode.LEGACY_SCRIPT: "The legacy form is only for P2PKH.",
    ProofCode.WITNESS: "The signature says that it is simple, but it is no witness.",
    ProofCode.TRANSACTION: "The signature says that it is full, but it is no transaction.",
    ProofCode.PSBT: "The signature says that it is a proof of funds, but it is no finalised PSBT.",
    ProofCode.INPUTS: "The signed transaction has more inputs than its form allows.",
    ProofCode.FIRST_INPUT: (
        "The first input does not stand for this message and script: another was signed."
    ),
    ProofCode.OUTPUT: "The signed transaction does not have the one output that it must have.",
    ProofCode.TRANSACTION_RULES: "The signed transaction breaks rules that hold for every one.",
    ProofCode.UTXO_MISSING: "The coin of an input is not given as its type demands.",
    ProofCode.UTXO_OTHER: "What is given as the coin of an input is not what the input spends.",
    ProofCode.UTXO_SATS: "The coin of an input has an amount that cannot exist.",
    ProofCode.OTHER_KEY: "The public key that was given is not the one of this script.",
    ProofCode.OTHER_SCRIPT: "The script that was revealed is not the one that was asked about.",
    ProofCode.LEGACY_OTHER: "Another message or another key was signed.",
    ProofCode.CONSENSUS: (
        "The script is not satisfied: another message or another key was signed, or a signature "
        "is missing or damaged."
    ),
    ProofCode.SIGHASH: "A signature does not cover the whole transaction (SIGHASH_ALL).",
    ProofCode.CODESEPARATOR: "The script has an OP_CODESEPARATOR.",
    ProofCode.FIND_AND_DELETE: "The script holds one of its own signatures.",
    ProofCode.LOW_S: "A signature has the higher of its two forms (LOW_S).",
    ProofCode.STRICTENC: "A signature or a key is not strictly encoded (STRICTENC).",
    ProofCode.NULLFAIL: "A signature that failed is not empty (NULLFAIL).",
    ProofCode.MINIMALDATA: "Something is not pushed in the shortest way (MINIMALDATA).",
    ProofCode.CLEANSTACK: "More than the result is left on the stack (CLEANSTACK).",
    ProofCode.MINIMALIF: "A condition is neither empty nor exactly one (MINIMALIF).",
    ProofCode.REQUIRED: "A rule is broken that every proof must keep.",
    ProofCode.VERSION: "The signed transaction has a version that is neither 0 nor 2.",
    ProofCode.NOP: "The script runs an operation that is reserved for later rules.",
    ProofCode.WITNESS_VERSION: "The script is a witness program that has no rules yet.",
    ProofCode.LEAF_VERSION: "The leaf of the script tree has a version that has no rules yet.",
    ProofCode.OP_SUCCESS: "The script has an operation that always succeeds until it has rules.",
    ProofCode.KEY_TYPE: "The script has a key of a type that has no rules yet.",
    ProofCode.UPGRADEABLE: "The script relies on something that has no rules yet.",
    ProofCode.NOT_PUSH_ONLY: "The input runs operations of its own, which is not judged here.",
    ProofCode.MAYBE_FIND_AND_DELETE: (
        "The script may delete an empty signature from itself, which cannot be told here."
    ),
    ProofCode.TOO_LARGE: "The script or the transaction is larger than what is run here.",
    ProofCode.NO_POLICY_ENGINE: (
        "Consensus holds, but the engine that knows the other rules of BIP-322 is not installed."
    ),
    ProofCode.ENGINES_DISAGREE: "The two script engines do not agree.",
}


@dataclass(frozen=True, slots=True)
class ClaimedCoin:
    """An input that a proof of funds adds. It counts only for a coin that somebody proved, with
    the same outpoint, script and satoshis: nothing here shows that it exists.

    Attributes:
        keys: as of `Result`.
        sequence: nSequence of the input, reported and not judged.
    """

    outpoint: Outpoint
    script: Script
    sats: Sats
    keys: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome for one script, message and signature.

    Attributes:
        code: the reason; its state is `state`.
        form: how the signature was written; None if that could not be told.
        template: the kind of script, where no other execution was possible.
        engines: those that judged and agree; for an invalid proof, those that were asked.
        keys: distinct keys that the first input needed a signature of; 0 unless valid.
        locktime: T, nLockTime of to_sign.
        sequence: S, nSequence of its first input.
        input: the number of the input that `code` is about.
        coins: what a valid proof of funds adds.
    """

    code: ProofCode
    form: Form | None = None
    template: Template | None = None
    engines: tuple[Engine, ...] = ()
    keys: int = 0
    locktime: int = 0
    sequence: int = 0
    input: int = 0
    coins: tuple[ClaimedCoin, ...] = ()

    @property
    def state(self) -> State:
        """Valid, invalid or inconclusive."""
        return state_of(self.code)

    @property
    def sentence(self) -> str:
        """The reason, for people."""
        if self.input:
            return f"Input {self.input}: {_SENTENCES[self.code]}"
        return _SENTENCES[self.code]

    @property
    def binds_key(self) -> bool:
        """Whether a signature of at least one key was needed."""
        return self.keys > 0

    @property
    def is_one_engine(self) -> bool:
        """Whether fewer than two engines judged."""
        return len(self.engines) < 2

    @property
    def is_proved(self) -> bool:
        """Whether somebody showed control: valid, bound to a key, and two engines agree."""
        return self.code is ProofCode.VALID and self.binds_key and not self.is_one_engine
