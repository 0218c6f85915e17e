import pytest

from overnight.report import metrics
from overnight.report.metrics import Metrics
from overnight.values.ledger import Evaluated, Forecast, Stepped

from . import samples


def fed(entries):
    """Every entry with what it gave, in order."""
    made = Metrics(plan=samples.PLAN)
    return made, [(entry, values) for entry in entries if (values := made.of(entry))]


def test_steps_have_the_field_s_names():
    _, told = fed(samples.going())
    entry, values = next(one for one in told if isinstance(one[0].event, Stepped))
    assert values["train/loss"] == entry.event.loss
    assert values["train/tokens_per_second"] == pytest.approx(
        entry.event.tokens / entry.event.seconds)  # fmt: skip
    assert {"train/learning_rate", "train/grad_norm", "train/epoch", "train/global_step",
            "train/peak_memory_gb"} <= values.keys()  # fmt: skip


def test_forecasts_have_guide_4_s_names():
    _, told = fed(samples.going())
    entry, values = next(one for one in told if isinstance(one[0].event, Forecast))
    event = entry.event
    assert values["training/elapsed_hours"] == pytest.approx(entry.t / 3600)
    assert values["training/remaining_hours"] == pytest.approx(
        (samples.START + samples.WINDOW - entry.utc) / 3600)  # fmt: skip
    assert values["training/eta_hours"] == pytest.approx((event.mid_utc - entry.utc) / 3600)
    assert values["training/on_track"] == 1.0
    assert values["optimization/estimated_hours"] == pytest.approx(
        samples.PLAN.time.total.mid / 3600)  # fmt: skip


def test_looks_tell_whose_and_which_part():
    _, told = fed(samples.healthy())
    names = {name for entry, values in told if isinstance(entry.event, Evaluated)
             for name in values}  # fmt: skip
    assert {"base/loss", "base/test_loss", "eval/loss", "eval/test_loss", "eval/loss_low"} <= names


def test_the_end_has_guide_4_s_accuracy():
    report = samples.report(samples.healthy())
    told = metrics.ended(report)
    assert told["optimization/actual_hours"] == pytest.approx(report.as_of / 3600)
    assert told["optimization/time_accuracy"] == report.accuracy


def test_a_night_without_a_deadline_has_no_rest():
    entries = [e for e in samples.going() if isinstance(e.event, Forecast)]
    _, told = fed(entries)
    assert "training/remaining_hours" not in told[0][1]


def test_settings_are_plain_values():
    told = metrics.settings(samples.report(samples.going()))
    assert told["learning_rate"] == samples.CANDIDATE.learning_rate
    assert all(isinstance(value, str | int | float | bool) for value in told.values())
    assert "chats.jsonl" not in str(told)
