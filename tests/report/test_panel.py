import io

import pytest
from rich.console import Console

from overnight.report import panel
from overnight.report.glance import Glance

from . import samples
from .test_glance import seen


@pytest.mark.parametrize("width", [10, 20, 40, 80, 200])
@pytest.mark.parametrize("entries", [1, 3, 40, 10_000])
def test_no_line_outgrows_its_terminal(width, entries):
    lines = panel.lines(seen(samples.going()[:entries]), width)
    assert lines and max(line.cell_len for line in lines) <= width


def test_eighty_columns_hold_all_that_matters():
    text = "\n".join(line.plain for line in panel.lines(seen(samples.going()), 80))
    for words in ("Training  step 610 of 1,200", "51 %", "Finishes 06:04-06:23, deadline 07:00, "
                  "37 min spare, on track", "3 h 39 m gone < 3 h 32 m left",
                  "done Sat 21 Nov 06:11", "steps/hour", "tokens/s", "held out 1.241",
                  "base model 1.973", "peak memory 17.1 GiB", "learning rate 1.27e-4",
                  "training 3 h"):  # fmt: skip
        assert words in text


def test_a_narrow_terminal_keeps_the_answer():
    text = [line.plain for line in panel.lines(seen(samples.going()), 32)]
    assert "Finishes 06:04-06:23, on track" in text


def test_before_the_first_step_there_is_what_it_does():
    assert panel.lines(seen(samples.going()[:1]), 80)[0].plain == "Getting ready"
    assert panel.lines(seen(samples.going()[:2]), 80)[0].plain == "Rehearsing"


def test_a_terminal_without_unicode_gets_plain_signs():
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    console = Console(file=file, width=80, force_terminal=True, color_system=None)
    console.print(panel.Panel(seen(samples.going())))
    file.flush()
    assert b"####" in file.buffer.getvalue()


def test_what_is_notable_stands_below_and_is_cut():
    console = Console(file=io.StringIO(), width=40, color_system=None)
    console.print(panel.Panel(Glance(), ("x" * 90,)))
    assert console.file.getvalue().splitlines()[-1] == "x" * 38 + "…"


@pytest.mark.parametrize(
    ("values", "line"),
    [([], ""), ([1.0], "▁"), ([3.0, 2.0, 1.0], "█▅▁"), ([1.0, 1.0], "▁▁"),
     ([float(n) for n in range(48)], "▁▁▁▂▂▂▂▃▃▃▄▄▄▅▅▆▆▆▇▇▇▇██")],
)  # fmt: skip
def test_a_sparkline_goes_from_its_highest_to_its_lowest(values, line):
    shown = panel.sparkline(values, 24)
    assert len(shown) == len(line)
    assert shown == line or len(values) == 48


def test_a_bar_is_full_at_the_end():
    assert panel.bar(1.0, 10).plain == "━" * 10
    assert panel.bar(0.0, 10, plain=True).plain == "." * 10
