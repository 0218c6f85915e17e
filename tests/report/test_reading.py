from itertools import pairwise

import pytest

from overnight.report import reading
from overnight.values.choices import Rated, Sized
from overnight.values.ledger import (
    Answered,
    Continued,
    Ended,
    Entry,
    Evaluated,
    Event,
    Noted,
    Prepared,
    Published,
    Rehearsed,
    Resumed,
    Saved,
    Stepped,
    Stopped,
)
from overnight.values.troubles import Crashed, Diagnosed, Rewound

from . import samples
from .samples import STARTED, evaluated, step

PREPARED = Prepared(import_seconds=1, data_seconds=1, load_seconds=1, fingerprint="", weights="")
REHEARSED = Rehearsed(steps=2, seconds=4.0, tokens_per_second=9.0, peak_bytes=1)
CRASHED = Crashed(exit_status=-9, why="", attempt=1)
PUBLISHED = Published(name="checkpoint-1", tested=True, seconds=3.0)
ENDED = Ended(exit_status=0, why="done", deadline_kept=True)


def told(*events: tuple[float, Event]) -> list[Entry]:
    return [Entry(t=t, utc=t, event=event) for t, event in events]


def resumed(at: int) -> Resumed:
    return Resumed(step=at, name=f"checkpoint-{at}", steps_lost=0)


def saved(at: int) -> Saved:
    return Saved(step=at, name="", parent="", seconds=1.0, bytes=1)


def steps(entries: list[Entry]) -> list[tuple[int, float]]:
    return [(s.event.step, s.t) for s in reading.kept(entries, Stepped)]


def test_steps_done_again_after_a_resumption_appear_once():
    entries = told((1, step(1, 2)), (2, step(2, 2)), (3, step(3, 2)), (5, resumed(1)),
                   (6, step(2, 2)), (7, step(3, 2)))  # fmt: skip
    assert steps(entries) == [(1, 1), (2, 6), (3, 7)]


def test_steps_taken_back_by_a_rewind_do_not_appear():
    back = Rewound(step=3, to_step=1, name="checkpoint-1", rate_factor=0.5, why="spike")
    entries = told((1, step(1, 2)), (2, step(2, 2)), (3, step(3, 9)), (4, back), (5, step(2, 2)))
    assert steps(entries) == [(1, 1), (2, 5)]


def test_a_step_written_twice_without_any_word_between_counts_once():
    assert steps(told((1, step(1, 2)), (2, step(2, 2)), (4, step(2, 2)))) == [(1, 1), (2, 4)]


def test_evaluations_of_an_abandoned_path_are_no_part_of_the_curve():
    entries = told((0, evaluated(0, 2.0, base=True)), (1, step(1, 2)), (2, step(2, 2)),
                   (3, evaluated(2, 1.5)), (4, resumed(1)), (5, step(2, 2)),
                   (6, evaluated(2, 1.4)))  # fmt: skip
    assert [e.t for e in reading.curve(entries)] == [0, 6]


def test_evaluations_of_the_ending_and_of_test_are_no_part_of_the_curve():
    entries = told((1, evaluated(1, 2.0)), (2, evaluated(1, 2.0, part="test")),
                   (3, Stopped(step=1, reason="window")), (4, evaluated(1, 1.9)))  # fmt: skip
    assert [e.t for e in reading.curve(entries)] == [1]


def test_every_second_of_a_plain_night_has_its_phase():
    entries = told((0, STARTED), (5, PREPARED), (8, evaluated(0, 2.0, base=True)), (12, REHEARSED),
                   (20, step(1, 2)), (22, evaluated(1, 2)), (23, saved(1)), (30, step(2, 2)),
                   (31, Stopped(step=2, reason="horizon")), (35, evaluated(2, 2)),
                   (36, saved(2)), (40, ENDED))  # fmt: skip
    assert reading.seconds_by_phase(reading.segments(entries)) == {
        "start": 8, "rehearsal": 4, "training": 16, "evaluations": 2, "saves": 1, "ending": 9,
    }  # fmt: skip


def test_a_crash_costs_the_work_done_again_the_downtime_and_the_new_start():
    entries = told((0, STARTED), (5, PREPARED), (10, step(1, 2)), (20, step(2, 2)), (22, CRASHED),
                   (40, resumed(1)), (45, PREPARED), (55, step(2, 2)))  # fmt: skip
    parts = reading.segments(entries)
    assert [(s.start, s.end, s.phase) for s in parts] == [
        (0, 5, "start"), (5, 10, "training"), (10, 45, "lost"), (45, 55, "training"),
    ]  # fmt: skip


def test_the_first_checkpoint_belongs_to_the_start():
    entries = told((0, STARTED), (5, PREPARED), (8, saved(0)), (9, evaluated(0, 2.0, base=True)),
                   (12, step(1, 2)), (12, REHEARSED))  # fmt: skip
    assert reading.seconds_by_phase(reading.segments(entries)) == {"start": 9, "rehearsal": 3}


def test_what_was_tried_before_the_first_step_has_its_own_seconds():
    sized = Sized(per_device_train_batch_size=8, gradient_accumulation_steps=1, seconds=1.5,
                  learning_rate=1e-3, tokens_per_second=900.0, fixed_tokens=90.0, paces=(),
                  why="")  # fmt: skip
    rated = Rated(learning_rate=1e-3, best=None, steps=0, pilots=0, seconds=0.0, why="")
    entries = told((0, STARTED), (5, PREPARED), (8, sized), (9, evaluated(0, 2.0, base=True)),
                   (9.5, rated), (12, step(1, 2)), (12, REHEARSED))  # fmt: skip
    assert reading.seconds_by_phase(reading.segments(entries)) == {
        "start": 8, "trials": 1.5, "rehearsal": 2.5,
    }  # fmt: skip


def test_another_trainer_s_weights_belong_to_the_start_with_the_look_at_them():
    came = Continued(name="checkpoint-500", steps=500)
    based = evaluated(0, 2.0, base=True)
    entries = told((0, STARTED), (5, PREPARED), (6, based), (7, came), (8, saved(0)),
                   (9, evaluated(0, 1.5)), (12, step(1, 2)), (12, REHEARSED))  # fmt: skip
    assert reading.seconds_by_phase(reading.segments(entries)) == {"start": 9, "rehearsal": 3}


def test_a_process_that_was_ended_after_its_training_cost_nothing():
    entries = told((0, STARTED), (5, step(1, 2)), (6, Stopped(step=1, reason="window")),
                   (8, CRASHED), (12, PUBLISHED), (12, ENDED))  # fmt: skip
    assert reading.seconds_by_phase(reading.segments(entries)) == {"training": 6, "ending": 6}


def test_a_night_whose_end_was_moved_was_away_until_it_went_on():
    stopped = Stopped(step=1, reason="window")
    entries = told((0, STARTED), (6, step(1, 2)), (7, stopped), (9, ENDED), (109, STARTED),
                   (115, PREPARED), (116, resumed(1)), (120, step(2, 2)))  # fmt: skip
    assert reading.seconds_by_phase(reading.segments(entries)) == {
        "start": 6, "training": 11, "ending": 2, "lost": 1, "away": 100,
    }  # fmt: skip


def test_the_time_between_an_end_and_going_on_is_away_not_lost():
    entries = told((0, STARTED), (5, step(1, 2)), (6, Stopped(step=1, reason="stop")), (7, ENDED),
                   (100, resumed(1)), (110, step(2, 2)))  # fmt: skip
    assert reading.seconds_by_phase(reading.segments(entries)) == {
        "training": 16, "ending": 1, "away": 93,
    }  # fmt: skip


@pytest.mark.parametrize("make", [samples.healthy, samples.resumed, samples.going])
def test_phases_follow_each_other_without_gap_from_start_to_end(make):
    entries = make()
    parts = reading.segments(entries)
    assert parts[0].start == 0 and parts[-1].end == entries[-1].t
    assert all(a.end == b.start for a, b in pairwise(parts))


def test_a_clock_that_stumbles_back_makes_no_negative_time():
    entries = told((0, STARTED), (9, PREPARED), (8, step(1, 2)), (12, step(2, 2)))
    assert all(s.end >= s.start for s in reading.segments(entries))


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ((), "planned"),
        ((STARTED, PREPARED), "starting"),
        ((STARTED, step(1, 2), Noted(text="")), "training"),
        ((step(1, 2), CRASHED), "crashed"),
        ((step(1, 2), CRASHED, resumed(0)), "training"),
        ((step(1, 2), Stopped(step=1, reason="window"), evaluated(1, 2)), "ending"),
        ((ENDED,), "finished"),
        ((Ended(exit_status=4, why="", deadline_kept=True),), "stopped"),
        ((Ended(exit_status=3, why="", deadline_kept=True),), "failed"),
        ((Stopped(step=1, reason="stop"), ENDED, resumed(1)), "training"),
    ],
)
def test_how_the_night_stands_is_told_by_its_last_word(events, state):
    assert reading.state(told(*((float(i), e) for i, e in enumerate(events)))) == state


def test_answers_are_paired_by_prompt():
    entries = told((1, Answered(when="before", prompt="a", text="x")),
                   (2, Answered(when="before", prompt="b", text="y")),
                   (3, Answered(when="after", prompt="a", text="z")))  # fmt: skip
    assert reading.answers(entries) == (
        reading.Answers(prompt="a", before="x", after="z"),
        reading.Answers(prompt="b", before="y"),
    )


def test_incidents_are_the_troubles_and_the_notes_in_order():
    entries = told((1, step(1, 2)), (2, CRASHED), (3, resumed(0)), (4, Noted(text="a\x07b")))
    assert [(i.kind, i.t) for i in reading.incidents(entries)] == [
        ("Crashed", 2), ("Resumed", 3), ("Noted", 4),
    ]  # fmt: skip


def test_a_bad_sign_is_an_incident_and_a_good_one_a_note():
    bad = Diagnosed(step=9, sign="plateau", text="Loss stuck at same value.")
    good = Diagnosed(step=9, sign="dropping", text="A good sign.", good=True)
    entries = told((1, bad), (2, good))
    assert [(i.kind, i.text) for i in reading.incidents(entries)] == [
        ("Diagnosed", "Loss stuck at same value."), ("Noted", "A good sign."),
    ]  # fmt: skip


def test_the_newest_of_a_kind_is_found_or_none():
    entries = told((1, step(1, 2)), (2, step(2, 2)))
    assert reading.newest(entries, Stepped) == step(2, 2)
    assert reading.newest(entries, Evaluated) is None
