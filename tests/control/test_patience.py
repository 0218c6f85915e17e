"""Patience ends a night only where it was asked for."""

import math

from overnight.control.patience import Patience


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
