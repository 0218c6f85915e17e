import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from overnight.report import terminal
from overnight.values.plan import Reason

from . import samples

HOSTILE = samples.HOSTILE


def console(width=80, **how):
    return Console(file=io.StringIO(), width=width, **how)


def text(target: Console) -> str:
    return target.file.getvalue()


def plan(width=80, **changes):
    target = console(width)
    terminal.print_plan(
        replace(samples.PLAN, **changes), dataset=samples.DATASET, model=samples.MODEL,
        hardware=samples.HARDWARE, console=target, now_utc=samples.START,
    )  # fmt: skip
    return text(target)


def flat(printed: str) -> str:
    return " ".join(printed.split())


def test_the_plan_says_what_when_and_why():
    printed = flat(plan(width=120))
    assert "LoRA r 32 of ./base-3b (3.08 B parameters) on chats.jsonl (12,160 rows)" in printed
    assert "finishes Sat 05:46-06:46, deadline 07:00, 13 min spare, on track" in printed
    assert all(reason.why in printed for reason in samples.REASONS)
    assert all(one.what in printed and one.why in printed for one in samples.REJECTIONS)


def test_the_plan_shows_phases_with_intervals_and_memory_against_its_limit():
    printed = flat(plan())
    assert "training 6 h 50 m 6 h 28 m to 7 h 18 m" in printed
    assert "peak 17.8 GiB 76 % of 23.5 GiB" in printed


def test_what_must_be_known_before_is_printed_with_the_plan():
    assert "2.3 of 3 epochs" in plan(notes=("2.3 of 3 epochs",))


@pytest.mark.parametrize("width", [80, 200])
def test_no_line_of_the_plan_outgrows_the_terminal(width):
    assert max(len(line) for line in plan(width).splitlines()) <= width


def test_without_a_time_the_plan_names_no_time_of_day():
    target = console()
    terminal.print_plan(
        samples.PLAN, dataset=samples.DATASET, model=samples.MODEL, hardware=samples.HARDWARE,
        console=target,
    )  # fmt: skip
    assert "deadline" not in text(target)


def test_borrowed_text_in_the_plan_is_inert():
    printed = plan(reasons=(Reason(setting="a", value="b", why=HOSTILE),), width=200)
    assert "\x1b" not in printed and "\u202e" not in printed
    assert "[bold]x[/bold]" in printed


def examples(**how):
    target = console(200, **how)
    pieces = [("user: hi\n", False), (f"bot: {HOSTILE}", True)]
    terminal.print_dataset(samples.DATASET, examples=[pieces], console=target)
    return text(target)


def test_what_is_learnt_is_green_where_there_is_colour():
    printed = examples(force_terminal=True, color_system="standard", legacy_windows=False)
    assert "\x1b[32mbot: <script>" in printed
    assert "what is learnt stands in green" in printed


def test_what_is_learnt_is_marked_where_there_is_no_colour():
    printed = examples()
    assert "user: hi [[bot: <script>" in flat(printed)
    assert "between [[ and ]]" in printed and "\x1b" not in printed


def test_the_data_is_told_with_what_looks_wrong():
    printed = flat(examples())
    assert "12,800: 12,160 to train on, 320 to choose by, 320 to judge by" in printed
    assert "212 rows that occur more than once; one was kept chats.jsonl:88" in printed


def ending(entries, width=100):
    target = console(width)
    folder = Path("runs/chats-base-3b")
    terminal.print_ending(samples.report(entries), run_folder=folder, console=target)
    return text(target)


def test_the_ending_gives_the_verdict_first_and_the_paths_last():
    lines = ending(samples.healthy()).strip().splitlines()
    assert lines[0] == "In time, and better than the base model"
    assert lines[-2:] == [
        "Model   runs/chats-base-3b/final", "Report  runs/chats-base-3b/report.html",
    ]  # fmt: skip


def test_the_ending_holds_promises_against_what_was_done():
    printed = flat(ending(samples.healthy()))
    assert "finish 05:46 to 06:46 06:09 inside" in printed
    assert "ending 2 m 30 s to 5 m 30 s 1 m 56 s outside" in printed


def test_a_night_without_a_model_names_no_model():
    assert "final" not in ending(samples.going())


def test_paths_are_not_broken_at_the_edge_of_the_terminal():
    assert "Report  runs/chats-base-3b/report.html\n" in ending(samples.healthy(), width=30)
