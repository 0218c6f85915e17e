from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console
from tests.planning.remembered import night

from overnight.planning.alike import again
from overnight.planning.lessons import lessons
from overnight.report.past import accuracy, print_past, summary, truth
from overnight.values.facts import Interval
from overnight.values.lessons import Remembered

HOUR = 3600.0


def past(planned: float, took: float | None, **changed: object) -> Remembered:
    """A night planned for so many hours, within a tenth, that took so many."""
    about = Interval(low=0.9 * planned * HOUR, mid=planned * HOUR, high=1.1 * planned * HOUR)
    actual = {"tokens_per_second": 900.0, "peak_bytes": 2.0 * 2**30}
    made = night(
        predicted={"total": about.mid, "tokens_per_second": 1000.0, "peak_bytes": 1.9 * 2**30},
        promised={"total": about}, rehearsed={"tokens_per_second": Interval.exactly(910.0)},
        actual=actual | ({"total": took * HOUR} if took else {}), ended="horizon", rows=19_671,
        prior={"tokens_per_second": 1000.0},
    )  # fmt: skip
    return replace(made, **changed)  # type: ignore[arg-type]


def printed(*nights: Remembered, width: int = 80) -> str:
    into = StringIO()
    groups = {"here": (nights, lessons(nights, again(nights[0])))}
    print_past(groups, Console(file=into, width=width))
    return into.getvalue()


def test_accuracy_is_estimated_over_actual_in_per_cent() -> None:
    assert accuracy(past(9.0, 10.0)) == pytest.approx(90.0)
    assert accuracy(past(9.0, None)) is None


def test_of_several_plans_the_median_error_the_good_and_the_held_are_counted() -> None:
    found = truth([past(1.0, 1.05), past(1.0, 1.0), past(1.0, 2.0)], "total")
    assert found is not None
    assert found.error == pytest.approx(1 - 1 / 1.05)
    assert (found.plans, found.good, found.held, found.intervals) == (3, 2, 2, 3)


def test_figures_without_an_interval_are_not_counted_as_held() -> None:
    found = truth([past(1.0, 1.0)], "peak_bytes")
    assert found is not None
    assert (found.plans, found.intervals) == (1, 0)
    assert truth([past(1.0, None)], "total") is None


def test_a_night_that_the_clock_ended_is_no_merit_of_its_plan() -> None:
    told = summary([past(1.0, 1.0, ended="window"), past(1.0, 2.0)])
    assert told["time, its steps done"].plans == 1
    assert told["pace before rehearsing"].plans == 2


def test_a_night_under_way_does_not_count_yet() -> None:
    assert summary([past(1.0, 1.0, kind="rehearsal")]) == {}


def test_only_the_last_ten_plans_are_judged() -> None:
    told = summary([*[past(1.0, 1.0)] * 10, *[past(1.0, 5.0)] * 90])
    assert (told["time, its steps done"].plans, told["time, its steps done"].error) == (10, 0.0)


def test_every_night_is_one_line_of_each_table_at_eighty_columns() -> None:
    long = past(4.6, 5.1, run="a-night-with-a-very-long-name", num_parameters=926_482)
    text = printed(long, past(2.3, 2.05, run="short"))
    assert max(len(line) for line in text.splitlines()) <= 80
    assert sum("a-night-w…" in line for line in text.splitlines()) == 2
    assert "90 %" in text
    assert "112 %" in text
    assert "19,671" in text
    assert "a-night-with-a-very-long-name" in printed(long, width=120)


@pytest.mark.parametrize("architecture, shown", [
    ("LlamaForCausalLM", "Llama 0.93 M full"),
    ("GPT2LMHeadModel", "GPT2 0.93 M full"),
    ("Qwen2Model", "Qwen2 0.93 M full"),
])  # fmt: skip
def test_a_model_is_named_by_its_family_and_size(architecture: str, shown: str) -> None:
    assert shown in printed(past(1.0, 1.0, architecture=architecture, num_parameters=926_482))


@pytest.mark.parametrize("changed, said", [
    ({"kind": "rehearsal", "ended": ""}, "not over"),
    ({"ended": "stop"}, "stop"),
    ({"ended": "horizon"}, "resumed"),
])  # fmt: skip
def test_where_a_total_cannot_be_judged_the_table_says_why(
    changed: dict[str, object], said: str
) -> None:
    assert said in printed(past(1.0, None, **changed))


def test_what_the_next_plan_starts_from_is_shown() -> None:
    text = printed(past(1.0, 1.0), past(1.0, 1.0))
    (line,) = [line for line in text.splitlines() if line.strip().startswith("pace  ")]
    assert "0.90" in line
    assert line.rstrip().endswith("2")


def test_of_very_many_nights_the_newest_are_listed() -> None:
    text = printed(*[past(1.0, 1.0)] * 25)
    assert "5 older ones" in text


def test_a_name_that_would_act_on_the_terminal_is_shown_as_text() -> None:
    assert "\x1b" not in printed(past(1.0, 1.0, run="\x1b[31mred"))
