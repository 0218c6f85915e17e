"""A trial alive and parked: the same path whether it is left between two slices or not."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.live_comparisons import Stand
from tests.live_comparisons import looked as look_at
from tests.small_nights import Small
from tests.training import tiny

from overnight.story import comparing_tries
from overnight.story.comparing_course import Aim
from overnight.story.comparing_stage import Comparing
from overnight.story.comparing_trial import (
    Live,
    begun,
    built,
    forget_older,
    keep,
    moved,
    sliced,
    taken_up,
    weighed,
)
from overnight.story.look import Look
from overnight.training import parking
from overnight.values.trials import Sliced, Trial, Weighed

STEPS = 8


@pytest.fixture(scope="module")
def found(small: Small) -> Look:
    return look_at(small)


@pytest.fixture
def on(small: Small, found: Look, tmp_path: Path) -> Iterator[Comparing]:
    with Stand(small, found, tmp_path / "c") as stand:
        on = stand.on()
        comparing_tries.plan_all(on)
        yield on


def aim(on: Comparing, name: str) -> Aim:
    return Aim(candidate=on.plans[name].candidate, horizon=STEPS)


def trained(on: Comparing, name: str, *, parked: tuple[int, ...]) -> tuple[Weighed, list[Sliced]]:
    """A trial of eight steps, let go of and taken up again after the given steps."""
    one = Trial(setting=name, seed=1, kind="work")
    folder = on.folder / "trials" / f"{name}-{len(parked)}"
    live = begun(on.ground, one, aim(on, name), folder)
    told = []
    for number, stop in enumerate((*parked, STEPS + 1), start=1):
        told.append(sliced(on.ground, live, number, lambda at, stop=stop: _step(at) >= stop))
        forget_older(live)
        if stop <= STEPS:
            place = folder / live.name
            del live
            parking.let_go("cpu")
            again = taken_up(on.ground, one, aim(on, name), place)
            assert again is not None
            live = again
    seen = weighed(on.ground, live.session, on.ground.data.split.select, one)
    del live
    parking.let_go("cpu")
    return seen, told


def _step(live: Live) -> int:
    return live.session.progress.step


@pytest.mark.tiny
@pytest.mark.parametrize("name", ["whole", "pieces"])
def test_parking_changes_no_weight(on: Comparing, name: str) -> None:
    straight, _ = trained(on, name, parked=())
    swapped, told = trained(on, name, parked=(2, 5))
    assert swapped.sums == straight.sums
    assert [one.step for one in told] == [2, 5, 8] and told[-1].over == "horizon"
    assert [bool(one.over) for one in told[:2]] == [False, False]


@pytest.mark.tiny
def test_a_slice_tells_what_it_trained_and_what_it_took(on: Comparing) -> None:
    _, (first, last) = trained(on, "whole", parked=(5,))
    assert first.steps == 4 and last.steps == 3  # the first of the first slice got it going
    assert 0 < first.learnt_tokens < first.tokens and first.seconds > 0
    assert last.learnt > first.learnt and last.spent > first.spent > 0
    assert first.peak_bytes > 0 and first.troubles == {}


@pytest.mark.tiny
def test_only_the_newest_checkpoint_stays(on: Comparing) -> None:
    trained(on, "whole", parked=(2, 5))
    assert [path.name for path in (on.folder / "trials" / "whole-2").iterdir()] == ["checkpoint-8"]


@pytest.mark.tiny
def test_a_damaged_checkpoint_is_not_gone_on_from(on: Comparing) -> None:
    one = Trial(setting="whole", seed=1, kind="work")
    live = begun(on.ground, one, aim(on, "whole"), on.folder / "trials" / "x")
    place = live.folder / live.name
    del live
    parking.let_go("cpu")
    (place / "course.json").write_text("{}")
    assert taken_up(on.ground, one, aim(on, "whole"), place) is None
    assert taken_up(on.ground, one, aim(on, "whole"), place.with_name("gone")) is None


@pytest.mark.tiny
def test_losses_that_do_not_come_back_go_to_where_the_slice_began(on: Comparing) -> None:
    one = Trial(setting="whole", seed=1, kind="work")
    live = begun(on.ground, one, aim(on, "whole"), on.folder / "trials" / "y")
    sliced(on.ground, live, 1, lambda at: _step(at) >= 3)
    kept = tiny.weights(live.session)
    tiny.train(live.session, 2)
    assert live.rewind(live.session) == "checkpoint-3"
    assert tiny.same(kept, tiny.weights(live.session))
    assert (live.session.progress.step, live.session.progress.batch) == (3, 5)
    del live
    parking.let_go("cpu")


@pytest.mark.tiny
def test_the_same_state_is_written_once(on: Comparing) -> None:
    one = Trial(setting="whole", seed=1, kind="work")
    live = begun(on.ground, one, aim(on, "whole"), on.folder / "trials" / "z")
    keep(on.ground, live)
    assert [path.name for path in live.folder.iterdir()] == ["checkpoint-0"]
    del live
    parking.let_go("cpu")


@pytest.mark.tiny
def test_rows_are_looked_at_whole_whatever_a_setting_cuts(on: Comparing, found: Look) -> None:
    candidate = on.plans["whole"].candidate
    rows = found.data.split.select
    session = built(on.ground, "whole", candidate)
    long = weighed(on.ground, session, rows, None)
    del session
    parking.let_go("cpu")
    shorter = int(np.median(found.data.corpus.lengths)) - 1
    session = built(on.ground, "whole", replace(candidate, max_length=shorter))
    assert session.corpus.max_length == shorter
    assert weighed(on.ground, session, rows, None).sums == pytest.approx(long.sums, rel=1e-4)
    assert len(long.counts) == len(rows) == len(long.sums)
    del session
    parking.let_go("cpu")


@pytest.mark.tiny
def test_an_end_that_is_moved_moves_the_course_once(on: Comparing) -> None:
    one = Trial(setting="whole", seed=1, kind="time")
    timed = Aim(candidate=on.plans["whole"].candidate, horizon=STEPS, seconds=30.0)
    live = begun(on.ground, one, timed, on.folder / "trials" / "w")
    before = live.course
    moved(live, 30.0)
    assert live.course is before
    moved(live, 20.0)
    assert live.course.deadline.ends_at == pytest.approx(21.0) and live.course.deadline.moved
    del live
    parking.let_go("cpu")


@pytest.mark.tiny
def test_a_short_trial_lands_its_rate_at_zero_though_its_pace_was_misjudged(
    on: Comparing,
) -> None:
    one = Trial(setting="whole", seed=1, kind="time")
    hopeful = Aim(candidate=on.plans["whole"].candidate, horizon=30, seconds=6.0)
    live = begun(on.ground, one, hopeful, on.folder / "trials" / "v")
    told = sliced(on.ground, live, 1, lambda at: False)
    schedule = live.course.schedule
    assert told.over == "window" and 5 <= told.step <= 20
    assert schedule.rate(told.step - 1) < 0.25 * schedule.peak
    del live
    parking.let_go("cpu")
