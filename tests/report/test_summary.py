import json
from dataclasses import replace

import pytest

from overnight.codec import entry_to_line, to_json
from overnight.report import summary
from overnight.values.errors import InputError

from . import samples


def run_folder(tmp_path, entries, *, tail=""):
    plan = {"request": samples.REQUEST, "dataset": samples.DATASET, "model": samples.MODEL,
            "hardware": samples.HARDWARE, "plan": samples.PLAN}  # fmt: skip
    text = json.dumps({key: to_json(value) for key, value in plan.items()} | {"window": {}})
    (tmp_path / "plan.json").write_text(text)
    lines = "".join(entry_to_line(entry) + "\n" for entry in entries)
    (tmp_path / "events.jsonl").write_text(lines + tail)
    return tmp_path


def test_report_json_keeps_the_guides_keys_and_adds_what_came_of_it():
    data = summary.as_json(samples.report(samples.healthy()))
    assert set(data) == {
        "timestamp", "max_training_hours", "profile_name", "profile", "estimate", "dataset_info",
        "actual", "accuracy", "loss", "events", "machine",
    }  # fmt: skip
    assert data["timestamp"] == "2026-11-20T23:00:00+00:00"
    assert (data["max_training_hours"], data["profile_name"]) == (8.0, "balanced")
    assert data["dataset_info"] == {"num_samples": 12_800, "avg_tokens_per_sample": 425.0}


def test_profile_and_estimate_keep_the_guides_spellings():
    data = summary.as_json(samples.report(samples.healthy()))
    profile, estimate = data["profile"], data["estimate"]
    assert (profile["batch_size"], profile["gradient_accumulation_steps"]) == (8, 4)
    assert profile["estimated_throughput"] == 664
    assert (estimate["total_steps"], estimate["fits_in_window"]) == (1200, True)
    assert estimate["estimated_hours"] == pytest.approx(25_880 / 3600)


def test_losses_are_figures_with_intervals():
    loss = summary.as_json(samples.report(samples.healthy()))["loss"]
    assert set(loss) == {"base", "select", "test", "chosen", "keep"}
    assert loss["test"] == {"loss": 1.243, "low": 1.243 - 0.03, "high": 1.243 + 0.03, "n": 320}
    assert (loss["chosen"], loss["keep"]) == ("checkpoint-1200", "tuned")


def test_a_night_so_far_has_the_losses_that_it_has():
    loss = summary.as_json(samples.report(samples.going()))["loss"]
    assert loss["base"]["loss"] == 1.981
    assert loss["select"]["loss"] == pytest.approx(1.241, abs=1e-3)
    assert (loss["test"], loss["chosen"], loss["keep"]) == (None, None, None)


def test_accuracy_is_good_within_the_guides_band():
    accuracy = summary.as_json(samples.report(samples.healthy()))["accuracy"]
    assert accuracy["time_accuracy"] == pytest.approx(100.69, abs=0.01)
    assert (accuracy["good"], accuracy["steps"]) == (True, 1200)
    assert accuracy["estimated_hours"] == pytest.approx(24_600 / 1_195 * 1_200 / 3600)


def test_remaining_counts_to_the_deadline_and_eta_to_the_end_of_the_work():
    report = samples.report(samples.going())
    actual = summary.as_json(report)["actual"]
    assert actual["remaining_hours"] == pytest.approx(8.0 - report.as_of / 3600)
    assert actual["eta_hours"] == pytest.approx((report.eta_seconds or 0) / 3600)
    assert (actual["on_track"], actual["ended"]) == (True, None)


def test_events_are_all_but_steps_and_forecasts():
    data = summary.as_json(samples.report(samples.resumed()))
    kinds = {event["kind"] for event in data["events"]}
    assert {"Started", "Crashed", "Resumed", "Shrunk", "Ended"} <= kinds
    assert not {"Stepped", "Forecast"} & kinds


@pytest.mark.parametrize("entries", [[], samples.going()[:1], samples.going()[:9]])
def test_a_night_that_has_hardly_begun_is_valid_json_too(entries):
    assert json.dumps(summary.as_json(samples.report(entries)), allow_nan=False)


def test_a_run_folder_reads_back_as_the_same_report(tmp_path):
    entries = samples.resumed()
    read = summary.load(run_folder(tmp_path, entries))
    assert read == replace(samples.report(entries), first_plan=samples.PLAN)


def test_a_torn_last_line_is_passed_over_and_told(tmp_path):
    entries = samples.going()
    torn = summary.load(run_folder(tmp_path, entries, tail='{"t": 12.5, "ut'))
    assert torn.steps == samples.report(entries).steps
    line = len(entries) + 1
    assert torn.incidents[-1].text == f"1 line of events.jsonl cannot be read (line {line})."


def test_a_plan_without_a_journal_is_a_night_not_started(tmp_path):
    (run_folder(tmp_path, []) / "events.jsonl").unlink()
    assert summary.load(tmp_path).state == "planned"


def test_a_folder_that_is_no_runs_says_what_is_missing(tmp_path):
    with pytest.raises(InputError, match=r"holds no plan\.json; name the folder of a run"):
        summary.load(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"plan": 3}'])
def test_a_plan_that_cannot_be_read_is_one_line(tmp_path, text):
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(InputError, match=r"plan\.json is not a plan of this program") as error:
        summary.load(tmp_path)
    assert "\n" not in str(error.value)


def test_a_night_that_went_on_after_its_end_is_not_over():
    ended = samples.healthy()
    more = samples.Journal()
    more.t = ended[-1].t
    more.entries = list(ended)
    samples.train(more, 1201, 1210)
    report = samples.report(more.entries)
    assert (report.state, report.ended, report.chosen) == ("training", None, None)
