"""Control proofs: messages signed by scripts (BIP-322), and the PSBTs in which they are signed.

`check_message` answers for one script, one message and one signature. Nothing here reads a chain,
and nothing here signs: a proof shows that a script was satisfied for a message, never that the
script holds a coin.
"""

from __future__ import annotations

from erario.proof.checking import check_message
from erario.proof.result import ClaimedCoin, Engine, Form, ProofCode, Result, State

__all__ = [
    "ClaimedCoin",
    "Engine",
    "Form",
    "ProofCode",
    "Result",
    "State",
    "check_message",
]
