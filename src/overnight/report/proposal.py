"""The plan as the terminal shows it before the night.

In: a plan and what it was made for. Out: tables and lines on the given console. Never: a decision;
markup or control characters from data.
"""

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from overnight.planning import curriculum
from overnight.report import jobs, tables
from overnight.report.finish import Finish
from overnight.report.words import Clock, between, in_unit, inert_line, rate
from overnight.values.facts import DatasetProfile, Hardware, ModelProfile
from overnight.values.plan import Plan
from overnight.values.units import show_bytes, show_count, show_duration

_HOW = {"closed form": "arithmetic", "trace": "a trace of the step", "measured": "measurement"}


def _settings(plan: Plan) -> Table:
    table = tables.table("setting", "value", "why")
    for reason in plan.reasons:
        why = f"{reason.why} (given)" if reason.given and "you" not in reason.why else reason.why
        tables.row(table, reason.setting, reason.value, why)
    return table


def _times(plan: Plan) -> Table:
    table = tables.table("phase", "expected", "nine times in ten", right=(1,))
    for phase, seconds in plan.time.phases.items():
        tables.row(table, phase, show_duration(seconds.mid), between(seconds, "seconds"))
    total = plan.time.total
    tables.row(table, "all", show_duration(total.mid), between(total, "seconds"), style="bold")
    return table


def _memory(plan: Plan, *, ink: str) -> Table:
    table = tables.table("part", "size", "", right=(1,))
    limit = max(plan.memory_limit_bytes, 1)
    for part, size in sorted(plan.memory.parts.items(), key=lambda item: -item[1]):
        tables.row(table, part, show_bytes(size), ink * round(24 * min(size / limit, 1.0)))
    peak, margin = plan.memory.peak_bytes, plan.memory.margin_bytes
    share = f"{100 * peak / limit:.0f} % of {show_bytes(limit)}"
    tables.row(table, "peak", show_bytes(peak), share, style="bold")
    if margin:
        tables.row(table, "margin", show_bytes(margin), "kept free for the estimate's own error")
    return table


def _machine(hardware: Hardware) -> str:
    devices = f"{hardware.num_devices} x " if hardware.num_devices > 1 else ""
    whose = " (by the catalogue, not this machine)" if hardware.catalogue else ""
    return f"on {devices}{hardware.name}, {show_bytes(hardware.memory_bytes)}{whose}"


def _choices(rows: Iterable[tuple[str, ...]], *columns: str) -> Table:
    table = tables.table(*columns)
    for row in rows:
        tables.row(table, *row)
    return table


def _headline(plan: Plan, dataset: DatasetProfile, model: ModelProfile) -> str:
    chosen = plan.candidate
    sizes = dict.fromkeys(leg.rows_per_step for leg in curriculum.legs(chosen))
    rows = ", ".join(map(str, sizes))
    method = {"lora": f"LoRA r {chosen.lora_r}", "qlora": f"QLoRA r {chosen.lora_r}",
              "full": "full fine-tuning"}[chosen.method]  # fmt: skip
    what = f"{method} of {model.path} ({show_count(model.num_parameters)} parameters)"
    data = f"{dataset.path} ({show_count(dataset.num_train)} rows)"
    passes = in_unit(plan.time.epochs, "epochs")
    epochs = f"{passes} epoch" if passes == "1" else f"{passes} epochs"
    work = f"{plan.time.total_steps:,} steps of {rows} rows, {epochs}"
    return f"{what} on {data}: {work}, learning rate {rate(chosen.learning_rate)}"


def _finish(plan: Plan, now_utc: float) -> Finish:
    total, window = plan.time.total, plan.window_seconds
    exact = (window or total.mid) < 3600
    high = total.high
    wanted = plan.time.steps_wanted
    if window is not None and (wanted is None or wanted > plan.time.total_steps >= 1):
        high = min(high, window - plan.reserve.margin)  # the clock ends it: fewer steps, not later
    return Finish(low=now_utc + min(total.low, high), high=now_utc + high,
                  deadline=now_utc + window if window is not None else None,
                  clock=Clock(near=now_utc, exact=exact))  # fmt: skip


def print_plan(plan: Plan, *, dataset: DatasetProfile, model: ModelProfile, hardware: Hardware,
               console: Console, now_utc: float | None = None) -> None:  # fmt: skip
    """The plan with its reasons, its time and memory, and what was not chosen.

    With `now_utc` the finish is told as times of day, as if the night began then.
    """
    notes = [(inert_line(note), "yellow") for note in plan.notes]
    sample = [inert_line(dataset.sampled.words)] if dataset.sampled else []
    pace = plan.time.tokens_per_second
    speed = f"at {in_unit(pace.mid, 'pace')} ({between(pace, 'pace')})"
    tables.labelled(console, "Plan", _headline(plan, dataset, model), _machine(hardware),
                    speed, *sample, *notes)  # fmt: skip
    tables.show(console, "Settings", _settings(plan))
    tables.show(console, f"Time (by {plan.time.source})", _times(plan))
    if now_utc is not None:
        console.print(Text("  ").append_text(_finish(plan, now_utc).words()), highlight=False)
    ink = "▇" if console.encoding.lower().startswith("utf") else "#"
    tables.show(console, f"Memory (by {_HOW[plan.memory.how]})", _memory(plan, ink=ink))
    if plan.what_ifs:
        rows = [(row.what, row.effect, row.command) for row in plan.what_ifs]
        tables.show(console, "What if", _choices(rows, "instead", "then", "flags"))
    if plan.rejections:
        pairs = [(rejection.what, rejection.why) for rejection in plan.rejections]
        tables.show(console, "Not chosen", _choices(pairs, "what", "why"))


def print_against(plan: Plan, others: Mapping[str, Plan | str], *, console: Console,
                  now_utc: float) -> None:  # fmt: skip
    """Other settings for the same job beside the plan: timelines, savings, a calendar.

    The first of `others` that has a plan is what the rest is held against, as in the guides.
    """
    planned = {name: one for name, one in others.items() if isinstance(one, Plan)}
    if planned:
        every = [*(jobs.planned(name, one) for name, one in planned.items()),
                 jobs.planned("this plan", plan)]  # fmt: skip
        jobs.show(every, console, start_utc=now_utc, how="estimated, nine times in ten")
    for name, why in others.items():
        if isinstance(why, str):
            tables.line(console, f"\n{name} has no plan here: {why}")
