"""Crashes that follow one another, and when enough is enough."""

from overnight.story.restarts import MOST_WAIT, Restarts


def crash(restarts: Restarts, step: int, saved: int, *, after: float = 1.0) -> Restarts:
    now = max(restarts._at, 0.0) + after
    restarts.crashed("exit status 1", step=step, saved=saved, now=now)
    return restarts


def test_two_crashes_before_anything_was_done_are_enough():
    restarts = crash(Restarts(), 0, -1)
    assert not restarts.hopeless
    assert crash(restarts, 0, -1).hopeless
    assert restarts.words == "it crashed twice before its first step and came no further " \
                             "(exit status 1)"  # fmt: skip


def test_a_crash_at_the_same_step_is_said_with_its_step_whatever_was_saved_meanwhile():
    restarts = crash(Restarts(), 499, 450)
    for saved in (470, 490):
        assert not restarts.hopeless
        crash(restarts, 499, saved)
    assert restarts.hopeless
    assert restarts.words.startswith("it crashed twice at step 500 and came no further")


def test_a_night_that_comes_further_each_time_may_crash_as_often_as_it_likes():
    restarts = Restarts()
    for step in range(100, 3000, 100):
        assert not crash(restarts, step, step - 20).hopeless


def test_steps_without_a_checkpoint_are_no_progress():
    restarts = crash(Restarts(), 10, 0)
    crash(restarts, 20, 0)
    assert crash(restarts, 30, 0).hopeless


def test_a_crash_whose_cause_is_mended_does_not_count():
    restarts = crash(crash(Restarts(), 5, 4), 5, 4)
    restarts.forgive()
    assert not crash(restarts, 5, 4).hopeless


def test_each_wait_is_twice_the_one_before_and_none_is_long():
    restarts, waits = Restarts(), []
    for step in range(1, 12):
        waits.append(crash(restarts, step, step, after=60.0).wait)
    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert max(waits) == MOST_WAIT


def test_after_a_quiet_time_the_next_crash_is_the_first_again():
    restarts = crash(crash(Restarts(), 1, 1), 2, 2)
    assert crash(restarts, 3, 3, after=3600.0).wait == 1.0


def test_what_is_said_before_another_start():
    said = crash(Restarts(), 7, 5).notice()
    assert said == "the training process died (exit status 1); again in 1.0 s"
