"""The verdict of a comparison in words."""

import math
from dataclasses import replace

import pytest
from tests.comparisons import CANDIDATE, divided, looked, slices, trial, tried

from overnight.report.comparison_words import risk, settings_words, short, told, verdict
from overnight.values.comparison import Compared, Comparison, Outcome, Spread
from overnight.values.ledger import Noted
from overnight.values.trials import Refused

ONE = Spread(mid=1.0, low=1.0, high=1.0, n=0)


def outcome(loss: float, *, apart: float | None = None, wide: float = 0.04) -> Outcome:
    """A loss, and by how much it differs from the reference's."""
    spread = Spread(mid=loss, low=loss - 0.1, high=loss + 0.1, n=100)
    between = None
    if apart is not None:
        between = Spread(mid=apart, low=apart - wide, high=apart + wide, n=100)
    quality = None if apart is None else Spread(mid=90.0, low=85.0, high=95.0, n=100)
    return Outcome(loss=spread, seeds=(loss, loss + 0.02), steps=40.0, learnt_tokens=1e4,
                   seconds=20.0, difference=between, quality=quality)  # fmt: skip


def setting(name: str, *, speed: Spread = ONE, at_time: Outcome | None = None,
            troubles: dict[str, int] | None = None) -> Compared:  # fmt: skip
    pace = Spread(mid=1000.0, low=900.0, high=1100.0, n=4)
    return Compared(name=name, candidate=CANDIDATE, tokens_per_second=pace, learnt_per_second=pace,
                    step_seconds=pace, speed=speed, job_steps=10, job_epochs=1.0, job_seconds=pace,
                    peak_bytes=2**29, at_time=at_time, troubles=troubles or {})  # fmt: skip


def comparison(*settings: Compared) -> Comparison:
    return Comparison(data="d", model="m", machine="x", versions="v", when_utc=1.8e9,
                      window_seconds=600.0, settings=settings)  # fmt: skip


def against(speed: tuple[float, float, float], apart: float, *, wide: float = 0.04) -> str:
    """What is said of a second setting."""
    low, mid, high = speed
    second = setting("optimized", speed=Spread(mid=mid, low=low, high=high, n=4),
                     at_time=outcome(4.0 + apart, apart=apart, wide=wide))  # fmt: skip
    return verdict(comparison(setting("baseline", at_time=outcome(4.0)), second))[0]


def test_no_faster_and_worse_is_said_with_its_intervals() -> None:
    assert against((0.98, 1.02, 1.07), 0.21) == (
        "`optimized` is no faster than `baseline`: 1.02x (0.98 to 1.07). After the same time its "
        "loss is 0.210 higher (0.170 to 0.250), 90 % (85 to 95) of the gain of "
        "`baseline`."
    )


@pytest.mark.parametrize("speed, said", [
    ((1.9, 2.0, 2.1), "is 2x (1.9 to 2.1) as fast as `baseline`"),
    ((0.4, 0.5, 0.6), "is slower than `baseline`: 0.5x (0.4 to 0.6) as fast"),
    ((0.5, 1.1, 2.3), "cannot be told from `baseline` in speed: 1.1x (0.5 to 2.3)"),
])  # fmt: skip
def test_a_speed_is_only_what_its_interval_tells(
    speed: tuple[float, float, float], said: str
) -> None:
    assert said in against(speed, -0.2)


def test_a_lower_loss_is_told_without_its_sign() -> None:
    said = against((0.9, 1.0, 1.1), -0.2)
    assert "its loss is 0.200 lower (0.160 to 0.240)" in said


def test_a_loss_within_its_interval_is_no_difference() -> None:
    assert "cannot be told from it: -0.010 (-0.050 to +0.030)" in against((0.9, 1.0, 1.1), -0.01)


def test_one_look_at_speed_is_said_to_be_one() -> None:
    second = setting("b", speed=Spread(mid=1.5, low=1.5, high=1.5, n=1))
    said = verdict(comparison(setting("a"), second))
    assert "1.5x the speed of `a` in one look" in said[0] and "No losses were compared" in said[1]


def conclusion(*settings: Compared) -> str:
    return verdict(comparison(*settings))[len(settings) - 1]


def test_the_lowest_loss_is_taken_where_its_interval_says_so() -> None:
    first, better = setting("a", at_time=outcome(4.0)), outcome(3.5, apart=-0.5)
    assert conclusion(first, setting("b", at_time=better)).startswith("Take `b`")
    worse = outcome(4.5, apart=0.5)
    assert conclusion(first, setting("b", at_time=worse)).startswith("Take `a`")


def test_one_seed_is_said_where_one_is_taken() -> None:
    first, better = setting("a", at_time=outcome(4.0)), outcome(3.5, apart=-0.5)
    found = replace(comparison(first, setting("b", at_time=better)), seeds=1)
    assert verdict(found)[1].endswith(
        "after the same time with the one seed that there was time for."
    )


def test_a_tie_is_called_one() -> None:
    first = setting("a", at_time=outcome(4.0))
    near = setting("b", at_time=outcome(3.99, apart=-0.01))
    assert "`b` has the lowest loss" in conclusion(first, near)
    assert "`a` cannot be told from it" in conclusion(first, near)
    far = setting("c", at_time=outcome(4.01, apart=0.01))
    assert "`a` has the lowest loss" in conclusion(first, far)


def test_a_loss_that_is_no_number_is_never_taken() -> None:
    bad = Spread(mid=math.nan, low=math.nan, high=math.nan, n=1)
    lost = replace(outcome(4.0, apart=0.1), loss=bad, difference=bad, quality=None)
    said = verdict(comparison(setting("a", at_time=outcome(4.0)), setting("b", at_time=lost)))
    assert "its loss was no number" in said[0] and said[1].startswith("Take `a`")


def test_what_was_left_out_is_named() -> None:
    noted = replace(setting("b"), notes=("its rate is the rule's",))
    found = replace(comparison(setting("a"), noted), refused={"c": "it does not fit."},
                    whole=False)  # fmt: skip
    assert verdict(found)[-3:] == [
        "`c` was left out: it does not fit.",
        "`b`: its rate is the rule's.",
        "The window or somebody ended it before everything that was planned was measured.",
    ]


def test_risk_is_what_was_seen_and_how_far_seeds_lie_apart() -> None:
    assert risk(setting("a", at_time=outcome(4.0))) == "nothing seen, seeds 0.020 apart"
    troubled = setting("a", troubles={"rewound": 2, "gave up": 1})
    assert risk(troubled) == (
        "2 steps where it had to go back, 1 run given up, the loss did not come back"
    )


def test_a_setting_in_a_line() -> None:
    assert settings_words(CANDIDATE) == "lora r 16, 1 x 16 rows, fp32, checkpointing, rate 2e-4"


def test_long_names_and_paths_are_cut_for_tables() -> None:
    assert short("/home/me/settings/mine.yaml") == "mine.yaml" and short("bot/baseline") == (
        "bot/baseline"
    )
    assert len(short("learning_rate=1e-3+per_device_train_batch_size=8")) == 28


def test_everything_worth_a_line_is_said_on_the_way() -> None:
    events = [*tried("a"), divided(seeds=2, work=True), *slices(trial("a"), [1000.0]),
              looked(None, 6.0), Refused(setting="c", why="it does not fit")]  # fmt: skip
    said = [told(one) for one in events]
    assert said[0] == "a: lora r 16, 1 x 16 rows, fp32, checkpointing, rate 2e-4"
    assert said[1] == "a: 1,000 tokens/s, 0.5 s a step (first 5 steps)"
    assert said[2] == (
        "each trains 20 s a seed in 2 slices, 2 seeds, equal work besides, 20 held-out rows"
    )
    assert said[3] == (
        "a, equal time, seed 1, slice 1: 1,000 tokens/s, loss 2.000; over after 40 steps"
    )
    assert said[4] == "the base model: looked at 20 held-out rows"
    assert said[5] == "c takes no further part: it does not fit"
    assert told(Noted(text="x")) is None
