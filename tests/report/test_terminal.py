import io
from pathlib import Path

from rich.console import Console

from overnight.report import terminal

from . import samples

HOSTILE = samples.HOSTILE


def console(width=80, **how):
    return Console(file=io.StringIO(), width=width, **how)


def text(target: Console) -> str:
    return target.file.getvalue()


def flat(printed: str) -> str:
    return " ".join(printed.split())


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
