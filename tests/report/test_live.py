import io
import re

import pytest
from rich.console import Console

from overnight.report.live import Finish, LiveView, notable, spare_words
from overnight.report.words import Clock
from overnight.values.ledger import Continued, Entry, Resumed, Status

from . import samples

NOW = samples.START + 13_000.0
STATUS = Status(
    state="training", step=700, horizon=1180, loss=1.111, tokens_per_second=512.0,
    updated_utc=NOW, started_utc=samples.START, deadline_utc=samples.START + samples.WINDOW,
    finish_low_utc=NOW + 100, finish_high_utc=NOW + 4000, on_track=True, pid=7,
)  # fmt: skip


def shown(entries, *, width=80, every=0.0, status=None, terminal=False):
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)
    with LiveView(console, horizon=samples.STEPS, every=every) as view:
        for entry in entries:
            view.tell(entry, status)
        line = view._glance.line(width)
    return console.file.getvalue(), line


def test_resuming_is_told_in_two_lines():
    event = Resumed(step=1500, name="checkpoint-1500", steps_lost=0)
    assert notable(event) == [
        "Found checkpoint: checkpoint-1500", "Resuming training from step 1500...",
    ]  # fmt: skip


def test_another_trainer_s_checkpoint_is_told_in_the_same_lines():
    event = Continued(name="checkpoint-1500", steps=1500, notes=("moments anew\x1b[2J",))
    assert notable(event) == [
        "Found checkpoint: checkpoint-1500", "Resuming training from step 1500...",
        "moments anew\\x1b[2J",
    ]  # fmt: skip
    assert notable(Continued(name="mine", steps=None)) == ["Found checkpoint: mine"]


def test_a_damaged_checkpoint_and_lost_steps_are_told_with_the_resumption():
    event = Resumed(
        step=9, name="checkpoint-9", steps_lost=4, passed_over=("checkpoint-12 is bad",)
    )
    lines = notable(event)
    assert lines[0] == "checkpoint-12 is bad"
    assert lines[-1] == "4 steps will be done again."


def test_a_new_beginning_is_told_as_one():
    assert notable(Resumed(step=0, name="", steps_lost=0)) == [
        "No whole checkpoint was found: training starts from its beginning."
    ]


def test_every_trouble_is_told_once():
    text, _ = shown(samples.resumed())
    for words in ("Memory ran out at step 301", "The training process died", "Found checkpoint:",
                  "The horizon is now 1,180 steps"):  # fmt: skip
        assert text.count(words) == 1


def test_without_a_terminal_lines_are_whole_and_plain():
    text, _ = shown(list(samples.hostile(samples.resumed())), width=40)
    assert "\x1b" not in text and "\r" not in text and "\u202e" not in text
    assert "\nHeld-out loss (select) at step 60: 1.726 (1.696 to 1.756)\n" in text


@pytest.mark.parametrize(("every", "lines"), [(1e9, 1), (3600.0, 4)])
def test_without_a_terminal_steps_have_a_line_only_once_in_a_while(every, lines):
    text, _ = shown(samples.going(), every=every)
    assert len(re.findall(r"^step ", text, re.MULTILINE)) == lines


def test_without_a_terminal_steps_between_two_lines_are_passed_over():
    _, line = shown(samples.going(), every=1e9)
    assert line.plain.startswith("step 1/")


def test_on_a_terminal_the_line_is_redrawn_in_place_and_gone_at_the_end():
    text, _ = shown(samples.going()[:40], terminal=True)
    assert "\x1b[2K" in text
    assert "Rehearsed 5 steps: 661 tokens/s" in text


def test_a_wide_line_says_everything():
    _, line = shown(samples.going(), width=200)
    assert re.fullmatch(
        r"step 610/1,200 · loss \d\.\d{3} · \d+ tokens/s · finishes 06:04-06:23, deadline 07:00, "
        r"37 min spare, on track · lr 1\.2\de-4",
        line.plain,
    )


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 120])
def test_a_line_never_outgrows_its_terminal(width):
    _, line = shown(samples.going(), width=width)
    assert line.cell_len <= width
    assert line.plain.startswith("step 610/1,200")


def test_eighty_columns_hold_the_finish_and_the_deadline():
    _, line = shown(samples.going(), width=80)
    assert line.plain.endswith("finishes 06:04-06:23, deadline 07:00, on track")


def test_a_status_overrules_what_the_entries_said():
    _, line = shown(samples.going()[:80], width=200, status=STATUS)
    assert line.plain.startswith("step 700/1,180 · loss 1.111 · 512 tokens/s · finishes")


def test_before_the_first_step_the_phase_is_told():
    _, line = shown(samples.going()[:2])
    assert line.plain == "rehearsing"


@pytest.mark.parametrize(
    ("deadline", "held"), [(None, None), (300.0, "on track"), (150.0, "tight"), (50.0, "late")]
)
def test_a_deadline_inside_the_interval_is_tight(deadline, held):
    finish = Finish(low=100.0, high=200.0, deadline=deadline, clock=Clock(near=0.0))
    assert finish.held == held


def test_without_a_deadline_only_the_finish_is_told():
    finish = Finish(low=0.0, high=3600.0, deadline=None, clock=Clock(near=0.0))
    assert finish.words().plain == "finishes 00:00-01:00"


@pytest.mark.parametrize(
    ("seconds", "told"), [(59.0, "59 s"), (1741.0, "29 min"), (5400.0, "1 h 30 m")]
)
def test_spare_time_is_no_finer_than_a_forecast(seconds, told):
    assert spare_words(seconds) == told


def test_routine_entries_print_nothing():
    quiet = [e for e in samples.going() if type(e.event).__name__ in ("Saved", "Promoted")]
    assert len(quiet) > 10
    assert shown([Entry(t=e.t, utc=e.utc, event=e.event) for e in quiet])[0] == ""
