import io
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from overnight.report import terminal
from overnight.values.facts import Interval, Sampled

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


def profiled(**known):
    target = console(200)
    terminal.print_dataset(replace(samples.DATASET, **known), console=target)
    return flat(text(target))


def test_what_batching_makes_of_the_rows_is_told_where_it_is_known():
    assert not {"padding", "packing", "cut", "counted"} & {*profiled(findings=()).split()}
    printed = profiled(
        truncation={"512": 0.034, "1024": 0.0002},
        padding_shares={"shuffled": 0.381, "bucketed": 0.023},
        packing_fill=0.994,
    )
    assert "cut off 3.4 % at max_length 512, 0.02 % at max_length 1024 (of the tokens)" in printed
    assert "38 % in random order, 2.3 % sorted by length, as is done (8 rows" in printed
    assert "packed rows would be 99 % full" in printed


def test_tokens_of_a_sample_are_told_with_their_doubt():
    within = Interval(low=5_420_100, mid=5_440_000, high=5_459_900)
    printed = profiled(counted_rows=100_000, tokens_interval=within)
    assert "100,000 rows; all have 5.420 M to 5.460 M tokens, nine times in ten" in printed
    few = profiled(counted_rows=100_000, tokens_interval=within.scaled(0.1))
    assert "542,010 to 545,990 tokens" in few


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


def test_a_sample_is_told_with_the_rows():
    sampled = Sampled(kept=9, of=20, recent=4, drawn=5, time="created_at")
    target = console(120)
    terminal.print_dataset(replace(samples.DATASET, sampled=sampled), console=target)
    told = "kept 9 of 20: 4 of the last 90 days (`created_at`), 5 drawn from the rest"
    assert told in flat(text(target))
