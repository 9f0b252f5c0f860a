"""Closing: what looks afterwards fails, and who waits is woken."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from erario.chain.ending import Ending
from erario.chain.errors import ServerCode
from erario.errors import SourceError


def test_open_until_it_is_ended() -> None:
    ending = Ending("example.org")
    ending.check()
    ending.pause(0.0)
    assert not ending.is_ended
    ending.end()
    ending.end()
    assert ending.is_ended
    for ask in (ending.check, lambda: ending.pause(0.0)):
        with pytest.raises(SourceError) as caught:
            ask()
        assert caught.value.code is ServerCode.CLOSED
        assert "example.org" in caught.value.what
        assert caught.value.remedy


def test_all_who_wait_are_woken() -> None:
    ending = Ending("it")
    begun = threading.Barrier(4)

    def wait() -> None:
        begun.wait(30)
        ending.pause(500)

    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(wait) for _ in range(3)]
        begun.wait(30)
        ending.end()
        for each in waiting:
            with pytest.raises(SourceError):
                each.result(30)
