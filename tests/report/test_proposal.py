import io
from dataclasses import replace

import pytest
from rich.console import Console

from overnight.report import proposal
from overnight.values.facts import Sampled
from overnight.values.plan import Reason

from . import samples

HOSTILE = samples.HOSTILE


def console(width=80, **how):
    return Console(file=io.StringIO(), width=width, **how)


def text(target: Console) -> str:
    return target.file.getvalue()


def plan(width=80, **changes):
    target = console(width)
    proposal.print_plan(
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
    proposal.print_plan(
        samples.PLAN, dataset=samples.DATASET, model=samples.MODEL, hardware=samples.HARDWARE,
        console=target,
    )  # fmt: skip
    assert "deadline" not in text(target)


def test_borrowed_text_in_the_plan_is_inert():
    printed = plan(reasons=(Reason(setting="a", value="b", why=HOSTILE),), width=200)
    assert "\x1b" not in printed and "\u202e" not in printed
    assert "[bold]x[/bold]" in printed


def test_what_a_sample_kept_stands_on_the_plan():
    sampled = Sampled(kept=31_204, of=63_394, engaged=15_848, drawn=15_356, engagement="likes")
    target = console(width=120)
    proposal.print_plan(
        samples.PLAN, dataset=replace(samples.DATASET, sampled=sampled), model=samples.MODEL,
        hardware=samples.HARDWARE, console=target,
    )  # fmt: skip
    told = "kept 31,204 of 63,394: 15,848 by engagement (`likes`), 15,356 drawn from the rest"
    assert told in flat(text(target))


def test_stages_of_other_sizes_are_told_with_the_steps():
    candidate = replace(samples.PLAN.candidate, strategy="progressive-guide")
    assert "steps of 64, 32, 16 rows" in flat(plan(width=120, candidate=candidate))
