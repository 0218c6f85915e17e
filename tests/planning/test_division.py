"""A window divided among settings."""

from dataclasses import replace

import pytest

from overnight.planning.division import (
    FEWEST_STEPS,
    LEAST_STEPS,
    Division,
    Terms,
    divide,
    extra,
    fitted,
    heats,
    same_work,
    shortest,
    turns,
)
from overnight.values.trials import Tried

TERMS = Terms(left=600.0, seeds=2, look_seconds=1.0)


def tried(name: str, *, pace: float = 1000.0, step: float = 0.1, switch: float = 0.5) -> Tried:
    return Tried(setting=name, steps=5, step_seconds=step, tokens_per_second=2 * pace,
                 learnt_per_second=pace, peak_bytes=1, switch_seconds=switch)  # fmt: skip


ALIKE = [tried("a"), tried("b"), tried("c")]


def cost(settings: list[Tried], found: Division, terms: Terms) -> float:
    """Seconds of everything that is planned, counted trial by trial."""
    slowest = min(one.learnt_per_second for one in settings)
    trials = [found.seconds] * len(settings)
    trials += [found.seconds * slowest / one.learnt_per_second for one in extra(settings)
               if found.work]  # fmt: skip
    switches = [one.switch_seconds for one in [*settings, *(extra(settings) if found.work else [])]]
    return found.seeds * (sum(trials) + found.rounds * sum(switches)
                          + len(trials) * terms.look_seconds)  # fmt: skip


def test_everything_planned_fills_the_window_and_no_more() -> None:
    settings = [*ALIKE, tried("fast", pace=4000.0)]
    found = divide(settings, TERMS)
    assert found is not None and found.work and found.seeds == 2
    assert cost(settings, found, TERMS) == pytest.approx(TERMS.left)


def test_settings_of_one_pace_need_no_trials_of_equal_work_besides() -> None:
    assert extra([*ALIKE, tried("near", pace=1040.0)]) == []
    assert [one.setting for one in extra([*ALIKE, tried("fast", pace=2000.0)])] == ["fast"]


def test_a_dear_change_between_settings_makes_fewer_and_longer_slices() -> None:
    cheap, dear = divide(ALIKE, TERMS), divide([tried("a", switch=20.0), *ALIKE], TERMS)
    assert cheap is not None and dear is not None and dear.rounds < cheap.rounds


def test_long_steps_make_fewer_slices() -> None:
    settings = [tried(name, step=20.0) for name in "abc"]
    found = divide([*settings, tried("quick")], replace(TERMS, left=330.0))
    assert found is not None and found.rounds < 8 and found.seconds / found.rounds >= 20.0


def test_one_setting_with_long_steps_leaves_the_others_their_slices() -> None:
    found = divide([*ALIKE, tried("slow", step=8.0)], TERMS)
    assert found is not None and found.rounds == 8


def test_too_little_for_all_seeds_leaves_one() -> None:
    settings = [tried("slow", step=7.0), tried("a"), tried("b")]
    found = divide(settings, replace(TERMS, left=230.0))
    assert found is not None and found.seeds == 1 and found.seconds >= LEAST_STEPS * 7.0


def test_equal_work_is_given_up_after_the_seeds() -> None:
    settings = [tried("slow", step=7.0, pace=900.0), tried("a"), tried("b")]
    found = divide(settings, replace(TERMS, left=185.0))
    assert found is not None and (found.seeds, found.work) == (1, False)


def test_a_few_steps_are_still_compared_and_fewer_are_not() -> None:
    settings = [tried("slow", step=7.0), tried("a")]
    least = shortest(settings, TERMS)
    found = divide(settings, replace(TERMS, left=least + 0.1))
    assert found is not None and found.seconds >= FEWEST_STEPS * 7.0
    assert divide(settings, replace(TERMS, left=least - 0.1)) is None


def test_turns_go_there_and_back_so_that_drift_cancels() -> None:
    assert [name for _, name in turns(("a", "b", "c"), 2)] == ["a", "b", "c", "c", "b", "a"]
    places = {name: [] for name in "abc"}
    for place, (_, name) in enumerate(turns(("a", "b", "c"), 4)):
        places[name].append(place)
    assert len({sum(at) for at in places.values()}) == 1


def test_a_seed_is_whole_before_the_next_begins() -> None:
    both = Division(seconds=1.0, seeds=2, work=True, rounds=2)
    assert list(heats(both)) == [(1, "time"), (1, "work"), (2, "time"), (2, "work")]
    assert list(heats(replace(both, work=False))) == [(1, "time"), (2, "time")]


def test_what_is_late_is_cut_for_all_alike_and_never_lengthened() -> None:
    assert fitted(30.0, [10.0, 10.0, 10.0], room=30.0, step=1.0) == pytest.approx(20.0)
    assert fitted(30.0, [0.0, 0.0, 0.0], room=900.0, step=1.0) == 30.0


def test_the_last_round_goes_on_though_one_with_long_steps_is_nearly_there() -> None:
    assert fitted(35.0, [29.0, 29.0, 34.0, 29.0], room=20.0, step=4.0) == 35.0
    assert fitted(35.0, [29.0, 29.0, 34.0, 29.0], room=18.0, step=4.0) == pytest.approx(34.75)


def test_one_that_would_be_cut_off_before_its_rate_can_land_ends_the_heat() -> None:
    assert fitted(35.0, [20.0, 28.0], room=10.0, step=4.0) is None
    assert fitted(35.0, [20.0, 22.0], room=10.0, step=4.0) == pytest.approx(26.0)


def test_what_cannot_be_over_in_time_is_not_gone_on_with() -> None:
    assert fitted(35.0, [10.0, 34.0], room=5.0, step=0.1) is None
    assert fitted(35.0, [10.0, 12.0], room=-5.0, step=0.1) is None
    assert fitted(35.0, [0.0, 0.0], room=5.0, step=1.0) is None


def test_work_within_a_twentieth_is_the_same_work() -> None:
    assert same_work(1040.0, 1000.0) and same_work(960.0, 1000.0)
    assert not same_work(1060.0, 1000.0)
