"""Ctrl-C is seen even where Python drops its exception; SIGTERM and SIGHUP are as it is."""

from __future__ import annotations

import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from nstyle.system.interrupts import ENDS, Interruption, Postponement, ends_as_ctrl_c


@pytest.fixture(autouse=True)
def usual_handler():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Interrupted:
    """An object during whose deletion Ctrl-C is pressed."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_during_a_deletion_comes_at_the_next_step_without_a_word(capsys):
    hook = sys.unraisablehook
    with Interruption() as ctrl_c:
        ctrl_c()
        thing = Interrupted()
        del thing  # Python drops the exception
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()
    assert sys.unraisablehook is hook
    assert capsys.readouterr().err == ""


def test_ctrl_c_raises_at_once_and_the_handler_is_put_back():
    with Interruption(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_somebody_elses_handler_stays():
    seen = []
    signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    with Interruption() as ctrl_c:
        signal.raise_signal(signal.SIGINT)
        ctrl_c()
    assert seen == [1]


def test_in_other_threads_nothing_happens():
    def work() -> None:
        with Interruption() as ctrl_c:
            ctrl_c()

    with ThreadPoolExecutor(1) as threads:
        threads.submit(work).result()


def test_ctrl_c_can_wait_until_it_is_asked_for():
    with Postponement() as ctrl_c:
        assert ctrl_c() is False
        signal.raise_signal(signal.SIGINT)
        assert ctrl_c() is True
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("number", ENDS)
def test_other_ends_do_what_ctrl_c_does_but_once(number):
    with ends_as_ctrl_c():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        for again in ENDS:
            signal.raise_signal(again)
    with ends_as_ctrl_c():
        with Interruption() as ctrl_c, pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        signal.raise_signal(number)  # while the picture is being kept
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()
    with ends_as_ctrl_c(), Postponement() as ctrl_c:
        signal.raise_signal(number)
        signal.raise_signal(number)
        assert ctrl_c() is True
    assert [signal.getsignal(each) for each in ENDS] == [signal.SIG_DFL] * 2


def test_what_is_ignored_stays_so_and_the_others_are_heard():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as of what a script runs in the background
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nohup
    try:
        with ends_as_ctrl_c(), Postponement() as ctrl_c:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGHUP)
            assert ctrl_c() is False
            signal.raise_signal(signal.SIGTERM)
            assert ctrl_c() is True
    finally:
        signal.signal(signal.SIGHUP, before)
