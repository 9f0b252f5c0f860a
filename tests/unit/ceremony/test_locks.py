"""Time locks that a proof carries: only where no path does without."""

from __future__ import annotations

import pytest
from tests.unit.ceremony.kit import A, B, C

from erario.ceremony.locks import Locks, needed_locks
from erario.ceremony.quorum import NOBODYS_KEY

NOBODY = NOBODYS_KEY.hex()


@pytest.mark.parametrize(
    ("text", "locks"),
    [
        (f"wpkh({A})", Locks()),
        (f"wsh(sortedmulti(2,{A},{B},{C}))", Locks()),
        (f"wsh(and_v(v:pk({A}),older(144)))#aaaaaaaa", Locks(0, 144)),
        (f"sh(wsh(and_v(v:pk({A}),after(800))))", Locks(800, 0)),
        (f"wsh(or_d(pk({A}),and_v(v:pkh({B}),older(144))))", Locks()),
        (f"wsh(andor(pk({A}),older(7),and_v(v:pkh({B}),older(144))))", Locks(0, 144)),
        (f"wsh(andor(pk({A}),after(500000001),pkh({B})))", Locks()),
        (f"wsh(thresh(2,pk({A}),s:pk({B}),sln:older(12)))", Locks()),
        (f"wsh(thresh(3,pk({A}),s:pk({B}),sln:older(12)))", Locks(0, 12)),
        (f"wsh(and_v(v:pk({A}),and_v(v:older(4194305),older(9))))", Locks(0, 9)),
        (f"wsh(and_v(v:pk({A}),after(500000001)))", Locks(500000001, 0)),
        (f"tr({A},and_v(v:pk({B}),older(9)))", Locks()),
        (f"tr({NOBODY},and_v(v:pk({B}),older(9)))", Locks(0, 9)),
        (f"tr(02{NOBODY.upper()},and_v(v:pk({B}),after(800)))", Locks(800, 0)),
        (f"tr([00000000/1]{NOBODY},{{pk({A}),and_v(v:pk({B}),older(9))}})", Locks()),
        (f"tr({NOBODY},{{and_v(v:pk({A}),older(3)),and_v(v:pk({B}),older(9))}})", Locks(0, 9)),
        (f"tr({NOBODY})", Locks()),
        (f"tr({A})", Locks()),
    ],
)
def test_locks(text: str, locks: Locks) -> None:
    assert needed_locks(text) == locks
