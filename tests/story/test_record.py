import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.report import samples

from overnight.codec import to_json
from overnight.story.record import machine, record
from overnight.values.choices import Rated
from overnight.values.ledger import Continued, Entry, Published
from overnight.values.lessons import Remembered
from overnight.values.plan import TimeEstimate
from overnight.values.troubles import Rewound

PRIOR = {"tokens_per_second": 500.0, "peak_bytes": 19e9, "imports": 7.0}


def written() -> dict[str, Any]:
    """plan.json of the invented night; its first plan was slower and says what arithmetic said."""
    slow = replace(samples.PLAN.time, tokens_per_second=samples.seconds(300, 500, 700))
    first = replace(samples.PLAN, prior=PRIOR, time=slow)
    parts = {"dataset": samples.DATASET, "model": samples.MODEL, "hardware": samples.HARDWARE,
             "plan": samples.PLAN, "first_plan": first}  # fmt: skip
    return {name: to_json(part) for name, part in parts.items()}


def lived(entries: Sequence[Entry]) -> Remembered:
    made = record(written(), entries, run="fri-20")
    assert made is not None
    return made


@pytest.fixture(scope="module")
def whole() -> Remembered:
    return lived(samples.healthy())


def test_a_night_is_remembered_with_what_it_was_promised_and_did(whole: Remembered) -> None:
    assert (whole.kind, whole.run, whole.night, whole.ended) == (
        "night", "fri-20", "r-7f3a", "horizon")  # fmt: skip
    assert whole.prior == PRIOR
    assert whole.predicted["tokens_per_second"] == 500.0
    assert whole.rehearsed["tokens_per_second"].mid == 664.0
    assert whole.actual["tokens_per_second"] == pytest.approx(13_400 / 20.4, rel=0.01)


def test_every_price_is_what_the_journal_says(whole: Remembered) -> None:
    prices = {name: whole.actual[name] for name in
              ("imports", "tokenising", "loading", "save", "evaluation", "publish")}  # fmt: skip
    assert prices == {"imports": 9.0, "tokenising": 21.0, "loading": 22.0, "save": 3.8,
                      "evaluation": 76.0, "publish": 31.0}  # fmt: skip
    assert whole.actual["total"] == samples.healthy()[-1].t
    assert whole.actual["steps"] == samples.STEPS


def test_learning_shows_as_a_gain_where_the_base_was_looked_at(whole: Remembered) -> None:
    assert whole.gain is None  # that journal has no loss of the base on the select part


def test_what_is_remembered_names_no_path_and_no_text(whole: Remembered) -> None:
    text = json.dumps(to_json(whole))
    told = (samples.DATASET.path, samples.MODEL.path, samples.DATASET.fingerprint,
            *samples.ANSWERS[0], samples.DATASET.findings[0].example)  # fmt: skip
    assert [each for each in told if str(each) in text] == []


def test_a_night_that_is_not_over_is_a_rehearsal_with_what_is_known(whole: Remembered) -> None:
    early = lived(samples.going())
    assert (early.kind, early.ended, early.well) == ("rehearsal", "", False)
    assert not {"total", "steps", "publish"} & set(early.actual)
    assert early.actual["save"] == 3.8


def test_before_the_first_step_there_is_nothing_to_remember() -> None:
    journal = samples.Journal()
    samples.begin(journal)
    assert record(written(), journal.entries, run="fri-20") is None


def test_a_disturbed_night_says_nothing_of_its_total_nor_of_a_pace_it_was_not_planned_for() -> None:
    made = lived(samples.resumed())
    assert not {"total", "steps", "tokens_per_second", "settling"} & set(made.actual)
    assert made.actual["peak_bytes"] >= samples.PLAN.memory.peak_bytes


def test_what_memory_left_of_the_plan_is_remembered(whole: Remembered) -> None:
    assert whole.fitted is None
    left = lived(samples.resumed()).fitted
    assert left is not None
    assert left.per_device_train_batch_size == 4
    assert whole.free_bytes == samples.HARDWARE.memory_free_bytes


def test_a_night_that_was_stopped_says_nothing_of_its_total() -> None:
    journal = samples.Journal()
    samples.begin(journal)
    samples.train(journal, 1, 100)
    samples.finish(journal, reason="stop", status=4)
    made = lived(journal.entries)
    assert (made.ended, "total" in made.actual, made.well) == ("stop", False, False)
    assert made.actual["tokens_per_second"] > 0


def with_gain(gain: float, keep: str = "tuned", **changed: Any) -> Remembered:
    """The healthy night, its choice known on the select part."""
    entries = samples.healthy()
    index = next(i for i, one in enumerate(entries) if type(one.event).__name__ == "Chosen")
    event: Any = entries[index].event
    loss = {**event.loss, "base_select": samples.held(event.loss["select"].loss + gain)}
    entries[index] = replace(entries[index], event=replace(event, loss=loss, keep=keep))
    return lived([*entries[:-1], *changed.get("more", ()), entries[-1]])


def test_only_a_night_that_went_well_is_an_example_for_the_next() -> None:
    rewound = Entry(t=1.0, utc=1.0, event=Rewound(step=9, to_step=5, name="checkpoint-5",
                                                  rate_factor=0.5, why="diverged"))  # fmt: skip
    assert with_gain(0.7).gain == pytest.approx(0.7)
    assert with_gain(0.7).well
    assert not with_gain(-0.1).well
    assert not with_gain(0.7, keep="base").well
    assert not with_gain(0.7, more=[rewound]).well
    continued = Entry(t=1.0, utc=1.0, event=Continued(name="checkpoint-500", steps=500))
    assert not with_gain(0.7, more=[continued]).well


def test_an_untested_publication_has_no_price() -> None:
    entries = [one for one in samples.healthy() if not isinstance(one.event, Published)]
    hasty = Published(name="checkpoint-1200", tested=False, seconds=0.2)
    entries.insert(-1, Entry(t=entries[-1].t, utc=0.0, event=hasty))
    assert "publish" not in lived(entries).actual


def test_the_same_machine_has_the_same_name_and_another_device_another() -> None:
    here = samples.HARDWARE
    assert machine(here) == machine(replace(here, memory_free_bytes=1, flops={}))
    assert machine(here) != machine(replace(here, num_devices=2))
    assert "GeForce RTX 4090" in machine(here)


def test_a_plan_file_without_a_plan_is_refused() -> None:
    broken = written() | {"plan": to_json(TimeEstimate), "first_plan": {}}
    with pytest.raises(ValueError, match="not a Plan"):
        record(broken, samples.going(), run="fri-20")


@pytest.mark.parametrize(("best", "piloted"), [(2e-3, True), (None, False)])
def test_a_rate_that_pilots_spoke_for_is_remembered_as_such(
    best: float | None, piloted: bool
) -> None:
    entries = samples.healthy()
    rated = Rated(learning_rate=1e-3, best=best, steps=100, pilots=3, seconds=9.0, why="")
    told = replace(entries[3], event=rated)
    assert lived([*entries[:3], told, *entries[3:]]).piloted is piloted
