"""From evidence to statement: `assess(evidence)`, and nothing else.

assessing      the statement as a whole
ground         the books that everything stands on, built once
existence      whether the evidence shows what it says
control        which scripts somebody showed that they can sign for
exposure       which keys their proofs show
claims         verdicts; `wording`: their sentences
totals         sums by the axes that are never merged
coins_digest   what control proofs sign
findings       what is unknown or wrong beside the claims
"""

from __future__ import annotations

from erario.assess.assessing import assess

__all__ = ["assess"]
