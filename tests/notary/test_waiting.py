"""Waiting ends with a signal, whenever it comes."""

import os
import signal
from threading import Timer, get_ident

import pytest

from grace.notary.waiting import Interruptible


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_the_wait_is_not_lost(number: signal.Signals) -> None:
    """It came while the work was being done: the next wait does not begin."""
    with Interruptible() as wait:
        assert wait(0) is False
        os.kill(os.getpid(), number)
        assert wait(3600) is True


def test_a_signal_during_the_wait_ends_it() -> None:
    """At once, not when the time is over."""
    with Interruptible() as wait:
        later = Timer(0.01, signal.pthread_kill, (get_ident(), signal.SIGTERM))
        later.start()
        assert wait(60) is True
        later.join()


def test_afterwards_signals_mean_what_they_meant() -> None:
    """The handlers of whoever called are put back."""
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with Interruptible():
        assert signal.getsignal(signal.SIGTERM) != before[0]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
