"""A block that may have no end is given one."""

import signal
import threading

import pytest

from overnight.training.time_limit import within

posix = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")


@posix
def test_a_block_without_end_is_ended_with_the_error_given():
    with pytest.raises(ValueError, match="late"), within(0.05, ValueError("late")):
        while True:
            pass


def test_a_block_that_ends_by_itself_is_let_be():
    with within(60.0, ValueError("late")):
        done = sum(range(10))
    assert done == 45


@posix
def test_the_alarm_that_was_set_before_is_heard_again():
    before = signal.getsignal(signal.SIGALRM)
    with within(60.0, ValueError("late")):
        assert signal.getsignal(signal.SIGALRM) != before
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_outside_of_the_main_thread_the_block_just_runs():
    seen = []

    def work() -> None:
        with within(60.0, ValueError("late")):
            seen.append(1)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [1]
