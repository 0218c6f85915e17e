import io
import re

import pytest
from rich.console import Console

from overnight.report.glance import Glance
from overnight.report.live import LiveView, notable
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
    with LiveView(console, Glance(horizon=samples.STEPS), every=every) as view:
        for entry in entries:
            view.tell(entry, status)
    return console.file.getvalue()


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
    text = shown(samples.resumed())
    for words in ("Memory ran out at step 301", "The training process died", "Found checkpoint:",
                  "The horizon is now 1,180 steps"):  # fmt: skip
        assert text.count(words) == 1


def test_without_a_terminal_lines_are_whole_and_plain():
    text = shown(list(samples.hostile(samples.resumed())), width=40, every=1e9)
    assert "\x1b" not in text and "\r" not in text and "\u202e" not in text
    assert "\nHeld-out loss (select) at step 60: 1.726 (1.696 to 1.756)\n" in text


@pytest.mark.parametrize(("every", "lines"), [(1e9, 1), (3600.0, 4)])
def test_without_a_terminal_steps_have_a_line_only_once_in_a_while(every, lines):
    text = shown(samples.going(), every=every)
    assert len(re.findall(r"^step ", text, re.MULTILINE)) == lines


def test_on_a_terminal_the_panel_is_redrawn_in_place_and_gone_at_the_end():
    text = shown(samples.going()[:40], terminal=True)
    assert "\x1b[2K" in text and "Rehearsing" in text
    assert "Rehearsed 5 steps: 661 tokens/s" in text


def test_a_line_for_a_log_says_everything_at_once():
    (line,) = (one for one in shown(samples.going(), every=1e9).splitlines() if "it/s" in one
               or "s/it" in one)  # fmt: skip
    assert line.startswith("step 1/1,200 (0 %) · ")
    line = [one for one in shown(samples.going()).splitlines() if one.startswith("step ")][-1]
    assert re.fullmatch(
        r"step 610/1,200 \(51 %\) · 3 h 39 m gone < 3 h 32 m left · loss \d\.\d{3} · \S+ s/it · "
        r"\d+ tokens/s · finishes 06:04-06:23, deadline 07:00, 37 min spare, on track",
        line,
    )


def test_a_status_overrules_what_the_entries_said():
    steps = [e for e in samples.going()[:80] if type(e.event).__name__ == "Stepped"]
    line = shown(steps, status=STATUS).splitlines()[-1]
    assert line.startswith("step 700/1,180 (59 %) · ") and "loss 1.111" in line


def test_routine_entries_print_nothing():
    quiet = [e for e in samples.going() if type(e.event).__name__ in ("Saved", "Promoted")]
    assert len(quiet) > 10
    assert shown([Entry(t=e.t, utc=e.utc, event=e.event) for e in quiet]) == ""
