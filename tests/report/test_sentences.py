import math
from dataclasses import replace

import pytest

from overnight.report.sentences import exit_words, sentence, stop_words, trouble
from overnight.values.choices import Piloted, Rated, Sized
from overnight.values.ledger import (
    Continued,
    Ended,
    Noted,
    Promoted,
    Replanned,
    Resumed,
    StageBegan,
    Stopped,
)
from overnight.values.troubles import Clipped, Crashed, Diagnosed, Dropped, Jumped, Rewound, Shrunk


def test_a_crash_says_how_the_process_died():
    assert trouble(Crashed(exit_status=-9, why="", attempt=2)) == (
        "The training process died, killed by SIGKILL (attempt 2)."
    )


@pytest.mark.parametrize(
    ("status", "told"),
    [(-15, "killed by SIGTERM"), (137, "killed by SIGKILL"), (1, "exit status 1")],
)
def test_an_exit_status_is_told_in_words(status, told):
    assert exit_words(status) == told


def test_a_resumption_names_the_checkpoint_the_loss_and_what_was_passed_over():
    event = Resumed(step=600, name="checkpoint-600", steps_lost=1, passed_over=("it is damaged",))
    assert trouble(event) == (
        "Went on from checkpoint-600; 1 step to be done again. it is damaged."
    )


def test_a_resumption_without_a_checkpoint_is_a_new_beginning():
    assert trouble(Resumed(step=0, name="", steps_lost=0)) == "Went on from the beginning."


def test_shrinking_says_that_the_step_stays_the_same():
    event = Shrunk(
        step=3, per_device_train_batch_size=1, gradient_accumulation_steps=8, why="out of memory"
    )
    assert trouble(event) == (
        "Memory ran out at step 3: micro-batches of 1 row x 8 from here on, the same rows a step "
        "(out of memory)."
    )


def test_a_rewind_says_whence_whither_and_why():
    event = Rewound(step=500, to_step=450, name="checkpoint-450", rate_factor=0.5, why="a spike")
    assert trouble(event) == (
        "Went back from step 500 to checkpoint-450 with 0.5 x the learning rate: a spike."
    )


def test_notes_changes_of_plan_and_ends_are_sentences_but_no_troubles():
    replanned = Replanned(
        step=5, horizon=1180, anchor_step=5, anchor_progress=0.5, warmup_steps=1, why="slower"
    )
    told = {
        replanned: "The horizon is now 1,180 steps: slower.",
        Noted(text="hello"): "hello",
        Stopped(step=7, reason="window"): (
            "Training is over after 7 steps: the window is used up."
        ),
        Ended(exit_status=0, why="done.", deadline_kept=True): "The night is over: done.",
    }
    assert {event: sentence(event) for event in told} == told
    assert all(trouble(event) is None for event in told)


def test_routine_is_not_worth_a_sentence():
    assert sentence(Promoted(step=1, name="checkpoint-1", why="healthy")) is None


def test_a_reason_that_is_not_known_is_told_as_it_is():
    assert stop_words("sun\x1brise") == "sun\\x1brise"


def test_borrowed_words_are_inert():
    told = trouble(Dropped(step=4, reason="\x1b[2Jnot\nfinite", seconds=1.0))
    assert told == "The gradients of step 4 were thrown away: \\x1b[2Jnot finite."


def test_a_clipped_gradient_says_how_long_it_was_and_what_is_left_of_it():
    assert trouble(Clipped(step=7, grad_norm=812.4, limit=1.5)) == (
        "The gradient of step 7 was 812 long, far above what is usual here: clipped to 1.5."
    )


def test_a_clock_that_was_set_and_a_machine_that_slept_are_told_apart():
    assert trouble(Jumped(wall_seconds=-86_400.0)) == "The wall clock was set back by 1 d 0 h."
    assert (
        trouble(Jumped(wall_seconds=0.0, slept_seconds=3600.0)) == "The machine slept for 1 h 00 m."
    )


def test_a_diagnosis_is_a_line_and_no_trouble():
    event = Diagnosed(step=9, sign="plateau", text="it has stood still")
    assert (sentence(event), trouble(event)) == ("it has stood still", None)


def test_a_night_from_another_trainer_s_checkpoint_says_what_came_along():
    event = Continued(name="checkpoint-1500", steps=1500, notes=("the moments\n too",))
    assert (sentence(event), trouble(event)) == (
        "Goes on from another trainer's checkpoint-1500, 1,500 steps done there. the moments too.",
        None,
    )
    assert sentence(Continued(name="mine", steps=None)) == "Goes on from another trainer's mine."


def test_what_was_tried_before_the_first_step_is_told_with_its_figures():
    sized = Sized(per_device_train_batch_size=8, gradient_accumulation_steps=1, seconds=1.0,
                  learning_rate=1e-3, tokens_per_second=900.0, fixed_tokens=90.0,
                  paces=((4, 800.0), (8, 900.0)), why="more rows are hardly faster")  # fmt: skip
    ran = Piloted(learning_rate=1e-3, steps=40, loss=2.5, seconds=3.0)
    told = {
        sized: "Steps of 8 rows: more rows are hardly faster (tokens/s by rows a step: "
        "4: 800, 8: 900).",
        ran: "Pilot of 40 steps at a rate of 0.001: held-out loss 2.500.",
        replace(ran, loss=math.nan, note="memory ran out"): (
            "Pilot of 40 steps at a rate of 0.001: memory ran out."
        ),
        Rated(
            learning_rate=1e-3, best=1e-3, steps=40, pilots=3, seconds=9.0, why="1e-3 was the best."
        ): ("The learning rate: 1e-3 was the best."),
    }
    assert {event: sentence(event) for event in told} == told


def test_a_stage_says_what_it_draws_from():
    best = StageBegan(step=1200, stage=1, stages=2, pool="best", rows=10_000, rows_per_step=8)
    more = StageBegan(step=40, stage=1, stages=3, pool="all", rows=900, rows_per_step=1)
    told = "Stage 2 of 2 begins after step 1,200: the best 10,000 rows, 8 rows a step."
    assert sentence(best) == told
    assert sentence(more) == "Stage 2 of 3 begins after step 40: all 900 rows, 1 row a step."
