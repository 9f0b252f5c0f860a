"""Control: which scripts somebody showed that they can sign for, and as of which block.

A proof counts where its signature holds (both engines, bound to a key), its message names a block
of the best chain up to the cut-off and the holder of its script, its time locks have ended by the
cut-off, and its script is watched. It then speaks of the coins that were on the script at that
block; later ones are `stale`, and so are all where the block lies longer before the cut-off than
the asker allows. Whatever else a proof is, it is a finding and counts for nothing. An
input that a proof of funds adds counts as a proof of its script if it is a coin that the evidence
shows, to the satoshi.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from erario.assess.coins_digest import coins_digest
from erario.bitcoin.address import show_address
from erario.bitcoin.values import Outpoint, Script, total
from erario.holdings.coins import Ledger
from erario.holdings.movements import Member
from erario.holdings.timeline import State
from erario.proof.control_message import ControlMessage, read_control_message
from erario.proof.result import ClaimedCoin, Result
from erario.proof.result import State as ProofState
from erario.statement.evidence import BlockPoint, ControlProof, Evidence
from erario.statement.finding import Finding, FindingCode, Severity, Verdict
from erario.statement.model import Book, Coin, Control, ControlTotal, ScriptProof

_TIMES: Final = 500_000_000
"""Lock times from here on are times, below they are heights (Bitcoin Core, script/script.h)."""
_NO_RELATIVE_LOCK: Final = 1 << 31
_RELATIVE_LOCK: Final = 0xFFFF
_BY_TIME: Final = 1 << 22
"""Of a sequence number (BIP 68)."""
_DAY: Final = 86_400
_SHOWN: Final = 3
"""Scripts that a finding names; more are counted."""


@dataclass(slots=True)
class ProvedControl:
    """The latest proof that holds, by script, before any that is too old; and what became of the
    others."""

    proofs: dict[Script, ScriptProof] = field(default_factory=dict)
    # How many blocks old a coin must be, where a relative lock asks for it; and the next block.
    ages: dict[Script, int] = field(default_factory=dict)
    next_height: int = 0
    findings: list[Finding] = field(default_factory=list)

    def label(self, coin: Coin) -> Control:
        """What is shown of a coin."""
        return self._label(coin)[0]

    def _label(self, coin: Coin) -> tuple[Control, bool]:
        """The same, and whether it would be proved if its proof were not too old."""
        proof = self.proofs.get(coin.script)
        if proof is None:
            return Control.NONE, False
        if coin.height > proof.height:
            return Control.STALE, False
        if self.next_height - coin.height < self.ages.get(coin.script, 0):
            return Control.NONE, False
        return (Control.STALE, True) if proof.too_old else (Control.PROVED, False)

    def weakest(self, script: Script, coins: Iterable[Coin]) -> Control:
        """What is shown of a script with these unspent coins."""
        proof = self.proofs.get(script)
        if proof is None:
            return Control.NONE
        labels = {self.label(coin) for coin in coins}
        empty = Control.STALE if proof.too_old else Control.PROVED
        return next((label for label in Control if label in labels), empty)

    def totals(self, coins: Sequence[Coin]) -> tuple[ControlTotal, ...]:
        """The coins by what is shown of them, strongest first; labels without coins left out."""
        lines: dict[tuple[Control, bool], list[Coin]] = {}
        for coin in coins:
            lines.setdefault(self._label(coin), []).append(coin)
        return tuple(
            ControlTotal(
                label,
                total(coin.sats for coin in found),
                len(found),
                len({coin.script for coin in found}),
                too_old,
            )
            for label in reversed(Control)
            for too_old in (True, False)
            if (found := lines.get((label, too_old)))
        )


def judge_proofs(
    evidence: Evidence,
    ledger: Ledger,
    owners: Mapping[Script, str],
    members: Mapping[str, Member],
) -> ProvedControl:
    """Judge every control proof of the evidence.

    Args:
        evidence: with its proofs, and the blocks that their messages name.
        ledger: the coins up to the cut-off.
        owners: the wallet of each watched script.
        members: the wallets by name.
    """
    control = ProvedControl(next_height=evidence.cutoff.height + 1)
    if not evidence.proofs:
        return control
    judge = _Judge(evidence, ledger, owners, members)
    # In one order, whichever they came in: findings name them by it.
    for proof in sorted(set(evidence.proofs)):
        for script, found, blocks in judge.judge(proof):
            known = control.proofs.get(script)
            if known is None or _rank(known) < _rank(found):
                control.proofs[script] = found
                control.ages[script] = blocks
    control.findings += judge.findings()
    return control


class _RefusedError(Exception):
    """A proof counts for nothing, and why."""

    def __init__(self, verdict: Verdict, why: str) -> None:
        super().__init__(why)
        self.verdict = verdict
        self.why = why


class _Judge:
    def __init__(
        self,
        evidence: Evidence,
        ledger: Ledger,
        owners: Mapping[Script, str],
        members: Mapping[str, Member],
    ) -> None:
        self._evidence = evidence
        self._coins = ledger.coins
        self._owners = owners
        self._members = members
        self._points = {(one.height, one.block_hash): one for one in evidence.named}
        self._by_outpoint: dict[Outpoint, Coin] = {coin.outpoint: coin for coin in ledger.coins}
        self._refused: dict[tuple[Verdict, str], list[Script]] = {}
        self._digests: dict[tuple[str, BlockPoint], bytes] = {}
        self._signers = {one.id: one.signs_as or one.name for one in evidence.declaration.holders}

    def judge(self, proof: ControlProof) -> Iterator[tuple[Script, ScriptProof, int]]:
        """The scripts that a proof shows control of, and how many blocks old a coin has to be for
        it (BIP 68)."""
        try:
            said, point = self._place(proof)
            result = self._verify(proof)
            blocks = self._age_needed(result.locktime, result.sequence)
        except _RefusedError as refused:
            self._refuse(proof, refused.verdict, refused.why)
            return
        age = int((self._evidence.cutoff.time - point.time).total_seconds())
        within = self._evidence.proofs_within_days
        too_old = within is not None and age > within * _DAY
        yield proof.script, ScriptProof(point.height, age, result.keys, too_old), blocks
        for claimed in result.coins:
            try:
                self._check_claimed(claimed, said)
                blocks = self._age_needed(result.locktime, claimed.sequence)
            except _RefusedError as refused:
                self._refuse(proof, refused.verdict, refused.why)
                continue
            if claimed.keys:
                found = ScriptProof(point.height, age, claimed.keys, too_old)
                yield claimed.script, found, blocks
        self._compare_digest(proof, point, said.coins_digest)

    def _place(self, proof: ControlProof) -> tuple[ControlMessage, BlockPoint]:
        """What the message says, and the block that it names.

        Raises:
            _RefusedError: it is about no block of this chain, or about nobody's script here.
        """
        said = read_control_message(proof.message)
        if said is None:
            raise _RefusedError(Verdict.UNKNOWN, "its message does not name a block as it should")
        if said.height > self._evidence.cutoff.height:
            why = f"its message names block {said.height}, which lies after the cut-off"
            raise _RefusedError(Verdict.UNKNOWN, why)
        point = self._points.get((said.height, said.block_hash))
        if point is None:
            why = "its message names a block that is not on the best chain"
            raise _RefusedError(Verdict.UNKNOWN, why)
        if proof.script not in self._owners:
            raise _RefusedError(Verdict.UNKNOWN, "its script is in no wallet")
        if not self._is_holder(said.holder, proof.script):
            raise _RefusedError(Verdict.UNKNOWN, "its message names another holder")
        return said, point

    def _verify(self, proof: ControlProof) -> Result:
        """The result of a signature that holds.

        Raises:
            _RefusedError: it does not, or too little is known of it.
        """
        from erario.proof.checking import check_message  # noqa: PLC0415 - loads the engines

        result = check_message(proof.script, proof.message, proof.signature)
        if result.is_proved:
            return result
        if result.state is ProofState.VALID and result.binds_key:
            raise _RefusedError(Verdict.UNKNOWN, "only one script engine judged it")
        invalid = result.state is ProofState.INVALID
        verdict = Verdict.FAIL if invalid else Verdict.UNKNOWN
        raise _RefusedError(verdict, _lower(result.sentence))

    def _check_claimed(self, claimed: ClaimedCoin, said: ControlMessage) -> None:
        """Refuse a coin that a proof of funds adds, unless it is one of the holder's that is known.

        Raises:
            _RefusedError: it is not.
        """
        coin = self._by_outpoint.get(claimed.outpoint)
        if coin is None or (coin.script, coin.sats) != (claimed.script, claimed.sats):
            why = "it speaks of a coin that is none of the watched ones, or has another amount"
            raise _RefusedError(Verdict.UNKNOWN, why)
        if not self._is_holder(said.holder, claimed.script):
            why = "it speaks of a coin of another holder than its message names"
            raise _RefusedError(Verdict.UNKNOWN, why)

    def _is_holder(self, named: str, script: Script) -> bool:
        """Whether a message names the holder of a watched script."""
        return self._signers[self._members[self._owners[script]].holder] == named

    def _age_needed(self, locktime: int, sequence: int) -> int:
        """How many blocks old a coin has to be for what was signed to be spendable in the next one.

        Raises:
            _RefusedError: it stands under a lock that may not have ended at the cut-off.
        """
        cutoff = self._evidence.cutoff
        if locktime < _TIMES:
            is_open = locktime <= cutoff.height
        else:
            # BIP 113: it has to be below the median time past.
            is_open = locktime < cutoff.median_time_past.timestamp()
        needed = 0 if sequence & _NO_RELATIVE_LOCK else sequence & _RELATIVE_LOCK
        # By time: how old each coin is by the clock is not in the evidence.
        if not is_open or (needed and sequence & _BY_TIME):
            why = "it stands under a time lock that may not have ended at the cut-off"
            raise _RefusedError(Verdict.UNKNOWN, why)
        return needed

    def findings(self) -> Iterator[Finding]:
        """One for each reason that a proof was refused for."""
        for (verdict, why), scripts in self._refused.items():
            network = self._evidence.network
            names = [show_address(one, network) or one.hex()[:40] for one in scripts[:_SHOWN]]
            more = f" and {len(scripts) - _SHOWN:,} more" if len(scripts) > _SHOWN else ""
            yield Finding(
                FindingCode.CONTROL_PROOF,
                verdict,
                Severity.ERROR if verdict is Verdict.FAIL else Severity.WARNING,
                names[0],
                f"Of the control proofs for {', '.join(names)}{more}: {why}.",
                "A later cut-off, if the named block or the end of a lock lies behind it; else a "
                "new proof by those who hold the keys, over a block of the best chain.",
            )

    def _refuse(self, proof: ControlProof, verdict: Verdict, why: str) -> None:
        self._refused.setdefault((verdict, why), []).append(proof.script)

    def _compare_digest(self, proof: ControlProof, point: BlockPoint, signed: bytes) -> None:
        """Say so where the holder signed for other coins than are known at the block."""
        is_known = self._evidence.has_history or point.height == self._evidence.cutoff.height
        holder = self._members[self._owners[proof.script]].holder
        if not is_known or signed == self._digest(holder, point):
            return
        why = (
            f"{holder} signed for other coins at block {point.height} than are known now: its "
            "wallets were declared otherwise then, or it meant others"
        )
        self._refuse(proof, Verdict.UNKNOWN, why)

    def _digest(self, holder: str, point: BlockPoint) -> bytes:
        key = (holder, point)
        if key not in self._digests:
            state = State(point.height)
            counted = {
                name
                for name, member in self._members.items()
                if member.holder == holder
                and member.book is Book.COUNTED
                and member.window.counts_at(state)
            }
            held = [
                coin
                for coin in self._coins
                if coin.wallet in counted
                and coin.height <= point.height
                and not coin.lost
                and (coin.spent is None or coin.spent.height > point.height)
            ]
            self._digests[key] = coins_digest(self._evidence.network, point, held)
        return self._digests[key]


def _rank(proof: ScriptProof) -> tuple[bool, int, int]:
    """Which of two proofs of a script is told. The time of a later block can be an earlier one."""
    return not proof.too_old, proof.height, proof.keys


def _lower(sentence: str) -> str:
    """A sentence as a part of another."""
    return sentence[:1].lower() + sentence[1:].rstrip(".")
