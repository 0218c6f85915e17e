"""What may be decided, and where training stands."""

from dataclasses import FrozenInstanceError
from typing import get_args

import pytest

from overnight.values.decisions import Decision, Progress, Stop


@pytest.mark.parametrize("kind", get_args(Decision), ids=lambda kind: kind.__name__)
def test_a_decision_is_an_imperative_that_says_what_it_asks_for(kind: type) -> None:
    assert not kind.__name__.endswith("ed")
    assert not (kind.__doc__ or "").startswith(f"{kind.__name__}(")


def test_a_decision_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Stop(reason="window").reason = "horizon"  # type: ignore[misc]


def test_epochs_done_counts_the_part_of_the_one_begun() -> None:
    assert Progress(epoch=2, batch=5, batches_per_epoch=20).epochs_done == 2.25
    assert Progress(batches_per_epoch=0).epochs_done == 0


def test_epochs_of_a_later_stage_are_told_in_passes_over_all_rows() -> None:
    late = Progress(stage=1, epoch=1, batch=1, batches_per_epoch=2, before=0.75, weight=0.1)
    assert late.epochs_done == pytest.approx(0.9)
    assert late.place > Progress(epoch=7, batch=3).place
