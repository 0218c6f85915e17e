from dataclasses import replace

import pytest

from overnight.report.verdict import judge, quality
from overnight.values.ledger import Chosen, Ended, Entry, Loss, Noted
from overnight.values.troubles import Crashed

from . import samples
from .samples import Journal, begin, finish, train


def ended(count: int = 60, **how: object) -> list[Entry]:
    journal = Journal()
    begin(journal)
    train(journal, 1, count)
    finish(journal, **how)  # type: ignore[arg-type]
    return journal.entries


def title(entries: list[Entry]) -> str:
    return judge(samples.report(entries)).title


def told(entries: list[Entry]) -> str:
    return " ".join(judge(samples.report(entries)).sentences)


def test_a_good_night_says_so_first_and_then_what_to_use():
    verdict = judge(samples.report(samples.healthy()))
    assert verdict.title == "In time, and better than the base model"
    assert verdict.sentences[0] == "Use the model in final/ (checkpoint-1200, step 1,200)."
    assert verdict.tone == "good"


def test_the_figures_stand_with_their_intervals():
    assert "1.243 (1.213 to 1.273), the base model's 1.981 (1.951 to 2.011): 37.3 % lower." in told(
        ended()
    )


def test_where_the_base_is_better_it_is_to_be_kept():
    entries = ended(test=2.2, keep="base")
    assert title(entries) == "In time, the base model was better: keep the base model"
    assert "Go on using the base model" in told(entries)
    assert judge(samples.report(entries)).tone == "fair"


def test_an_interval_around_nothing_is_no_clear_difference():
    assert title(ended(test=1.98)) == "In time, no clear difference from the base model"


def test_a_night_past_its_deadline_says_by_how_much():
    late = samples.report(samples.healthy())
    assert late.started is not None
    late = replace(late, started=replace(late.started, deadline_utc=late.as_of_utc - 185))
    assert judge(late).title == "3 m 05 s late, and better than the base model"
    assert judge(late).tone == "fair"


def test_without_a_deadline_the_night_is_just_done():
    free = samples.report(samples.healthy())
    assert free.started is not None
    free = replace(free, started=replace(free.started, deadline_utc=None))
    assert judge(free).title == "Done, and better than the base model"


def test_a_night_stopped_early_has_a_usable_model_and_says_why():
    entries = ended(status=4, reason="stop")
    assert title(entries) == "Stopped early with a usable model; better than the base model"
    assert "60 of 1,200 planned steps were done: somebody asked it to stop." in told(entries)


def test_a_night_without_a_model_is_bad_and_says_why():
    journal = Journal()
    begin(journal)
    journal.after(1.0, Ended(exit_status=3, why="no checkpoint is healthy", deadline_kept=True))
    verdict = judge(samples.report(journal.entries))
    assert (verdict.tone, verdict.title) == ("bad", "Ended without a model")
    assert "It ended because no checkpoint is healthy." in verdict.sentences


def test_a_crashed_night_says_how_to_go_on():
    entries = samples.going()
    dead = Entry(t=9e4, utc=9e4, event=Crashed(exit_status=-9, why="", attempt=5))
    assert title([*entries, dead]) == "The training process died and has not come back"
    assert "The same command goes on from the newest whole checkpoint." in told([*entries, dead])


def test_a_resumed_night_says_what_the_interruption_cost():
    assert "It went on after 1 interruption, which cost 20 m" in told(samples.resumed())


def test_a_night_so_far_says_when_it_will_be_over():
    assert title(samples.going()) == ("Training, on track: finishes 06:04 to 06:23, deadline 07:00")
    assert told(samples.going()) == "610 of 1,200 steps are done."


def test_a_night_that_has_only_begun_is_getting_ready():
    journal = Journal()
    begin(journal)
    assert title(journal.entries) == "Getting ready"
    assert title([]) == "Planned, not started"


def test_one_held_out_part_for_both_is_admitted():
    report = samples.report(ended())
    shared = replace(report, dataset=replace(report.dataset, shared_heldout=True))
    assert "which flatters" in " ".join(judge(shared).sentences)
    assert "which flatters" not in " ".join(judge(report).sentences)


def test_a_model_that_was_not_load_tested_is_said_to_be():
    report = samples.report(ended())
    assert report.published is not None
    untested = replace(report, published=replace(report.published, tested=False))
    assert "It was put there without a load test." in judge(untested).sentences


def test_a_note_after_the_end_changes_nothing():
    entries = ended()
    assert title([*entries, Entry(t=9e4, utc=9e4, event=Noted(text="x"))]) == title(entries)


@pytest.mark.parametrize(
    ("base", "test", "result"),
    [((2.0, 2.1), (1.5, 1.6), "better"), ((1.5, 1.6), (2.0, 2.1), "worse"),
     ((1.5, 1.8), (1.7, 2.0), "unclear")],
)  # fmt: skip
def test_without_a_paired_gain_the_intervals_must_lie_apart(base, test, result):
    figures = {
        name: Loss(loss=sum(ends) / 2, low=ends[0], high=ends[1], n=20)
        for name, ends in (("base", base), ("test", test))
    }
    assert quality(Chosen(step=1, name="", why="", loss=figures)) == result


def test_what_was_not_measured_is_not_judged():
    assert quality(None) == "unmeasured"
    assert quality(Chosen(step=1, name="", why="")) == "unmeasured"


def test_a_model_worse_than_its_base_is_followed_by_what_to_try():
    words = told(ended(test=2.2, keep="base"))
    assert "smaller steps first" in words
    assert "smaller steps" not in told(ended())
