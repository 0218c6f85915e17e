"""Patience ends a night only where it was asked for; the guard where epochs were left open."""

import math
from dataclasses import replace

from overnight.control.patience import Guard, Patience


def test_without_a_limit_it_is_never_lost():
    patience = Patience()
    for loss in (1.0, 2.0, 3.0, 4.0):
        patience = patience.after(loss)
    assert not patience.lost


def test_it_is_lost_after_so_many_evaluations_without_a_better_one():
    patience = Patience(limit=2).after(1.0).after(1.5)
    assert not patience.lost
    assert patience.after(1.0).lost


def test_a_better_loss_starts_the_count_anew():
    patience = Patience(limit=2).after(1.0).after(1.5).after(0.9).after(0.95)
    assert not patience.lost
    assert patience.best == 0.9


def test_a_loss_that_is_no_number_is_no_improvement():
    assert Patience(limit=1).after(1.0).after(math.nan).lost


def looked(*losses: float, active: bool = True, epoch: float = 2.0) -> Guard:
    guard = Guard(active=active).at(epoch)
    for loss in losses:
        guard = guard.after(loss)
    return guard


RISING = (1.0, 0.9, 1.0, 1.1, 1.2)


def test_the_guard_fires_when_the_smoothed_loss_has_risen_three_times():
    assert looked(*RISING).fires
    assert not looked(*RISING[:-1]).fires


def test_it_never_fires_where_epochs_were_asked_for_or_no_row_was_seen_twice():
    assert not looked(*RISING, active=False).fires
    assert not looked(*RISING, epoch=0.9).fires


def test_a_single_bad_look_does_not_fire_it():
    assert not looked(1.0, 0.9, 1.6, 0.8, 0.7, 0.75).fires


def test_a_loss_that_creeps_up_by_less_than_looks_differ_does_not_fire_it():
    assert not looked(1.0, 1.001, 1.002, 1.003, 1.004).fires


def test_a_look_without_a_number_changes_nothing():
    assert looked(1.0, math.nan) == looked(1.0)


def test_it_fires_once():
    assert not replace(looked(*RISING), back=True).fires
