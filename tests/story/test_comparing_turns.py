"""Trials that take turns: a whole comparison of a tiny model, taken up where it was left."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.comparisons import slices, trial
from tests.live_comparisons import Stand
from tests.live_comparisons import looked as look_at
from tests.small_nights import Small

from overnight.story import comparing_tries, comparing_turns
from overnight.story.comparing_figures import compared
from overnight.story.comparing_turns import Heat
from overnight.story.look import Look
from overnight.values.errors import NoPlanFits
from overnight.values.trials import Divided, Refused, Sliced, Trial, Weighed


@pytest.fixture(scope="module")
def found(small: Small) -> Look:
    return look_at(small)


def go(stand: Stand, *, seeds: int = 1, until: int | None = None) -> None:
    """Compares, or as far as the slice of this number."""
    on = stand.on(seeds=seeds, wanted=lambda: "signal" if _done(stand, until) else "")
    comparing_tries.plan_all(on)
    comparing_tries.try_all(on)
    comparing_turns.run(on)
    on.drop()


def _done(stand: Stand, until: int | None) -> bool:
    return until is not None and len(stand.told(Sliced)) >= until


@pytest.fixture(scope="module", autouse=True)
def few_slices() -> Iterator[None]:
    """Two slices a trial: what is tested here needs no more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparing_turns.division, "ROUNDS", (2, 1))
        patch.setattr(comparing_turns.division, "SWITCH_SHARE", 1.0)
        yield


@pytest.fixture(scope="module")
def whole(small: Small, found: Look, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """A comparison to its end, with one seed."""
    with Stand(small, found, tmp_path_factory.mktemp("whole") / "c") as stand:
        go(stand)
        yield stand


@pytest.mark.tiny
def test_every_trial_is_trained_to_its_end_and_looked_at(whole: Stand) -> None:
    plan = whole.told(Divided)[0]
    looked = [one.trial for one in whole.told(Weighed)]
    timed = [Trial(setting=name, seed=1, kind="time") for name in ("whole", "pieces")]
    assert looked[0] is None and set(timed) <= set(looked)
    for one in timed:
        last = [told for told in whole.told(Sliced) if told.trial == one][-1]
        assert last.over and last.spent <= plan.seconds + 0.3
        assert last.spent == pytest.approx(plan.seconds, rel=0.2)


@pytest.mark.tiny
def test_settings_swap_there_and_back(whole: Stand) -> None:
    order = [(one.round, one.trial.setting) for one in whole.told(Sliced)
             if one.trial.kind == "time"]  # fmt: skip
    assert order[:4] == [(1, "whole"), (1, "pieces"), (2, "pieces"), (2, "whole")]


@pytest.mark.tiny
def test_both_learn_and_nothing_is_left_of_their_checkpoints(whole: Stand) -> None:
    base, *others = whole.told(Weighed)
    assert all(sum(one.sums) < sum(base.sums) for one in others)
    assert list((whole.folder / "trials").iterdir()) == []


@pytest.mark.tiny
def test_its_journal_makes_a_comparison(whole: Stand) -> None:
    told = compared(whole.entries, data="d", model="m", machine="x", names=["whole", "pieces"])
    assert all(one.at_time is not None for one in told.settings)
    assert any(one.at_work is not None for one in told.settings) and told.work > 0


@pytest.mark.tiny
def test_one_that_was_left_goes_on_and_measures_nothing_twice(
    small: Small, found: Look, tmp_path: Path
) -> None:
    with Stand(small, found, tmp_path / "c") as stand:
        go(stand, until=2)
        assert len(stand.told(Sliced)) == 2 and len(stand.told(Weighed)) == 1
        go(stand)
    timed = [one for one in stand.told(Sliced) if one.trial.kind == "time"]
    assert len({(one.trial, one.round) for one in timed}) == len(timed)
    assert {one.trial.setting for one in stand.told(Weighed) if one.trial} == {"whole", "pieces"}
    steps = [one.step for one in timed if one.trial.setting == "whole"]
    assert steps == sorted(steps) and len(set(steps)) == len(steps)


@pytest.mark.tiny
def test_a_window_for_no_more_than_a_step_names_the_shortest(
    small: Small, found: Look, tmp_path: Path
) -> None:
    with (
        Stand(small, found, tmp_path / "c", window=1.5) as stand,
        pytest.raises(NoPlanFits, match="the shortest that works is about"),
    ):
        go(stand)


def heat(*, steps: dict[str, int] | None = None) -> Heat:
    return Heat({"a": trial("a"), "b": trial("b")}, steps or {}, 20.0, 4)


def test_a_slice_is_over_by_its_own_time_or_its_steps() -> None:
    last = slices(trial("a"), [1.0, 1.0], step=40)[0]  # ten seconds, twenty steps
    assert isinstance(last, Sliced)
    timed, worked = heat(), heat(steps={"a": 40, "b": 40})
    assert timed.by_time and not worked.by_time
    assert timed.reached(last, 2) and not timed.reached(last, 3)
    assert worked.reached(last, 2) and not worked.reached(last, 3)
    assert not timed.reached(last, 4) and not timed.reached(None, 1)


@pytest.mark.tiny
def test_a_setting_that_is_left_out_on_the_way_lets_the_others_go_on(
    small: Small, found: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = comparing_turns.sliced

    def failing(ground: Any, live: Any, *rest: Any) -> Sliced:
        if live.trial.setting == "pieces":
            raise NoPlanFits("a single row does not fit")
        return real(ground, live, *rest)

    monkeypatch.setattr(comparing_turns, "sliced", failing)
    with Stand(small, found, tmp_path / "c", window=15.0) as stand:
        go(stand)
        assert [one.setting for one in stand.told(Refused)] == ["pieces"]
        looked = {one.trial.setting for one in stand.told(Weighed) if one.trial}
        told = compared(stand.entries, data="d", model="m", machine="x", names=["whole", "pieces"])
    assert looked == {"whole"} and told.refused == {"pieces": "a single row does not fit"}
    assert told.whole
