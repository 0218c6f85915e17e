"""What the signs say of every real history, against what each is known to be.

python bench/signs.py              reads shared/data and writes bench/results/signs.md, seconds
"""

import math
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import nights
from histories import EXPECTED, History, excerpts, own, states
from overnight.control import signs_epochs, signs_held_out, signs_steps, signs_trend
from overnight.control.figures import Sign
from overnight.control.health import Health
from overnight.control.signs import Signs
from overnight.control.signs_trend import Trend

OWN = """\
Journals of real nights that lay under --work, read as the nights were. Nothing above was chosen \
by them, and nobody has labelled them: what is listed is what was said."""
THRESHOLDS: tuple[tuple[ModuleType, str, str], ...] = (
    (signs_steps, "IN_A_ROW", "LLM Foundry's KillLossSpike: more than four"),
    (signs_steps, "TWICE", "KillLossSpike"),
    (signs_steps, "SPREADS", "chosen: five standard deviations of a normal scatter"),
    (signs_steps, "UNSEEN_SPREAD", "the noise of history 057, one row a step"),
    (signs_steps, "LEAST", "chosen: nats"),
    (signs_steps, "WEIGHT", "chosen: fifty losses"),
    (signs_epochs, "IN_A_ROW", "chosen"),
    (signs_epochs, "DIFFERENT", "chosen"),
    (signs_held_out, "ABOVE", "Prechelt 1998: GL5"),
    (signs_held_out, "RISES", "Prechelt 1998: UP2"),
    (signs_held_out, "LEAST", "chosen: nats"),
    (signs_held_out, "BETTER", "chosen"),
    (signs_held_out, "LEVEL_SHARE", "chosen"),
    (signs_trend, "HALF", "the first guide looks by halfway"),
    (signs_trend, "STUCK", "chosen between the flat and the healthy histories, see below"),
    (signs_trend, "SURELY", "chosen: above STUCK"),
    (signs_trend, "NEAR_ZERO", "chosen: nats"),
    (signs_trend, "LEVEL", "chosen"),
    (signs_trend, "DROPPED", "chosen"),
)
FACTORS = (0.5, 0.67, 1.5, 2.0)


def read(history: History) -> History:
    """The history with the signs that are given while it is read once."""
    signs, given = Signs(), []
    for figure in history.figures:
        signs = signs.after(figure)
        given += signs.fresh
    return History(number=history.number, labels=history.labels, figures=history.figures,
                   given=tuple(given))  # fmt: skip


def cost(histories: list[History]) -> float:
    """Microseconds of the processor a figure."""
    begun = time.process_time()
    for history in histories:
        read(history)
    return 1e6 * (time.process_time() - begun) / sum(len(one.figures) for one in histories)


def why_not(history: History) -> str:
    """What the figures lack that the label knows."""
    if not history.looks:
        return "no held-out loss was written down: its figures are those of a run that learns"
    if min(history.looks) == history.looks[-1]:
        return "its held-out loss fell to the end, as the training loss did"
    return "its held-out loss did not rise by 5 % at two looks in a row"


def shown(signs: list[Sign]) -> str:
    """Names with the steps at which they were given."""
    return ", ".join(f"{sign.name} {sign.step:,}" for sign in signs)


def row_of(history: History) -> str:
    """One line of the table."""
    last = history.figures[-1]
    done = f"{max(one.step for one in history.figures):,}"
    done += f" of {last.horizon:,}" if last.horizon else ""
    good = [sign for sign in history.given if sign.good]
    if history.kind in ("healthy", "neither"):
        right = "false alarm" if history.alarms else "yes"
    else:
        right = "yes" if history.found else f"no: {why_not(history)}"
    return (f"| {history.number} | {history.labels} | {done} | {shown(history.alarms) or 'well'} | "
            f"{shown(good)} | {right} |")  # fmt: skip


def counted(histories: list[History]) -> tuple[int, int]:
    """False alarms, and sick ones found."""
    sick = [one for one in histories if one.kind in EXPECTED]
    rest = [one for one in histories if one.kind not in EXPECTED or one.kind == "spike"]
    return sum(bool(one.alarms) for one in rest), sum(bool(one.found) for one in sick)


def moved(histories: list[History]) -> Iterator[str]:
    """Each threshold moved by itself: what becomes of the counts."""
    for module, name, source in THRESHOLDS:
        kept, cells = getattr(module, name), []
        for factor in FACTORS:
            value = kept * factor
            setattr(module, name, max(round(value), 1) if isinstance(kept, int) else value)
            cells.append("{} / {}".format(*counted([read(one) for one in histories])))
        setattr(module, name, kept)
        where = f"{module.__name__.rpartition('.')[2]}.{name}"
        yield f"| {where} | {kept:g} | {source} | {' | '.join(cells)} |"


def least_fall(history: History) -> float | None:
    """The least relative fall of the loss at any time from halfway on, where that is judged."""
    trend, least = Trend(), math.inf
    for figure in history.figures:
        trend = trend.after(figure)
        begun, judged = trend.losses.beginning().mean, figure.share >= signs_trend.HALF
        if figure.loss is None or not judged or not trend.losses.whole or begun < 0.1:
            continue
        if figure.step >= signs_trend.LEAST_STEPS and trend.crossed(figure, 0.25):
            least = min(least, (begun - trend.losses.quarters()[-1].mean) / begun)
    return least if math.isfinite(least) else None


def left_out(histories: list[History]) -> list[str]:
    """The one threshold chosen on these runs, chosen anew without each, and that judged by it."""
    falls = {one.number: fall for one in histories if (fall := least_fall(one)) is not None}
    flat = {
        one.number for one in histories if {"plateau", "no-learning"} & {s.name for s in one.found}
    }
    flat = {number for number in flat if falls[number] < signs_trend.DROPPED}
    well = {one.number for one in histories if one.kind == "healthy" and one.number in falls}
    wrong = []
    for out in flat | well:
        top = max(max(falls[one], 1e-3) for one in flat - {out})
        bottom = min(falls[one] for one in well - {out})
        if (falls[out] < math.sqrt(top * bottom)) != (out in flat):
            wrong.append(out)
    top, bottom = max(falls[one] for one in flat), min(falls[one] for one in well)
    return [
        f"The largest fall among the flat histories is {top:.1%}, the least among the healthy ones "
        f"{bottom:.1%}; the threshold stands at {signs_trend.STUCK:.0%}. Chosen anew as the "
        f"geometric middle without each of these {len(flat | well)} histories in turn, and that "
        f"one judged by it: {len(wrong)} wrong{': ' + ', '.join(sorted(wrong)) if wrong else ''}."
    ]


def every_step(history: History) -> bool:
    """Whether the loss of each step was written down."""
    steps = [one.step for one in history.figures if one.loss is not None]
    return len(steps) >= 50 and steps[-1] - steps[0] <= 1.05 * len(steps)


def ladder(history: History) -> tuple[int, int, int, list[str]]:
    """What the night's own ladder would have done: steps, norms, clipped, and where it rewound.

    A night has one schedule: where the log's rate begins anew, so does the night.
    """
    health, norms, clipped, rewound, rate, top = Health(), 0, 0, [], 0.0, 0.0
    losses = [one for one in history.figures if one.loss is not None]
    for one in losses:
        now = one.learning_rate or 0.0
        if rate < now and rate < signs_steps.RESTART * top:
            health, top = Health(), 0.0
        rate, top = now, max(top, now)
        norm, loss = one.grad_norm, one.loss
        assert loss is not None
        if norm is not None and not math.isfinite(norm):
            health = health.after_settling() if not norms else health.after_drop()
        else:
            clipped += norm is not None and norm > health.norms.limit
            norms += norm is not None
            health = health.after_step(loss, math.nan if norm is None else norm)
        if health.verdict != "well":
            rewound.append(f"{one.step}: {health.trouble}")
            health = health.after_rewind()
    return len(losses), norms, clipped, rewound


def ladders(histories: list[History]) -> Iterator[str]:
    """One line a history whose every step is known."""
    for one in histories:
        if every_step(one):
            steps, norms, clipped, rewound = ladder(one)
            limit = f"{clipped} of {norms:,}" if norms else "not written down"
            yield (f"| {one.number} | {one.labels} | {steps:,} | {limit} | "
                   f"{'; '.join(rewound) or 'none'} |")  # fmt: skip


def summary(histories: list[History]) -> str:
    """The counts in words."""
    healthy = [one for one in histories if one.kind == "healthy"]
    neither = [one for one in histories if one.kind == "neither"]
    names = {"levelled-off", "held-out-level"}
    remarks = [one for one in healthy if names & {sign.name for sign in one.given}]
    figures, alarms = sum(len(one.figures) for one in histories), "called sick"
    words = [
        f"{len(histories)} real histories, {figures:,} figures.",
        f"Healthy: {len(healthy)}, {alarms}: {sum(bool(one.alarms) for one in healthy)}.",
    ]
    for kind in EXPECTED:
        those = [one for one in histories if one.kind == kind]
        words.append(f"{kind}: {sum(bool(one.found) for one in those)} of {len(those)} found.")
    count = sum(bool(one.alarms) for one in neither)
    words.append(f"Neither healthy nor sick by their label: {len(neither)}, {alarms}: {count}.")
    words.append(f"`levelled-off` is a remark and no alarm: {len(remarks)} healthy ones got it.")
    return " ".join(words)


def by_ourselves(work: Path) -> list[str]:
    """Nights of our own, none of which the thresholds have seen."""
    found = [read(one) for one in own(work)]
    if not found:
        return []
    bad = [one for one in found if one.alarms]
    figures = sum(len(one.figures) for one in found)
    count = f"{len(found)} nights, {figures:,} figures; with a bad sign: {len(bad)}."
    rows = [f"| {one.number} | {one.looks[0]:.3f} | {min(one.looks):.3f} | {one.looks[-1]:.3f} | "
            f"{shown(one.alarms)} |" for one in bad if one.looks]  # fmt: skip
    head = ["| night | held out at first | best | last | bad signs |", "|---|---|---|---|---|"]
    return ["## Nights of our own", "", OWN, "", count, "", *(head + rows if rows else []), ""]


def main() -> None:
    """Everything into one file."""
    asked = nights.arguments("signs against every real history")
    raw = [*states(asked.data), *excerpts(asked.data)]
    histories = [read(one) for one in raw]
    lines = [
        "# What the signs say of real runs", "", nights.machine(), "", summary(histories), "",
        "`steps` as far as the log goes, of those planned; each sign with the step at which it is "
        "given, in one pass, knowing nothing of what comes later. Labels are those of the data's "
        "manifest, given by people who saw the whole run and its history.", "",
        f"A figure costs {cost(raw):.0f} microseconds, however long the run.", "",
        "| history | known as | steps | verdict | remarks and good signs | right |",
        "|---|---|---|---|---|---|", *map(row_of, histories), "",
        "## The ladder of the night on the same runs", "",
        "Histories with every step written down, through the rules that act: gradients above the "
        "moving limit, and rewinds. Where a log begins a new schedule (045 and 049 do), so does "
        "the night.", "",
        "| history | known as | steps | gradients clipped | rewinds |", "|---|---|---|---|---|",
        *ladders(histories), "",
        "## The thresholds", "",
        "Each moved by itself; `a / b`: false alarms on the healthy and neutral histories, and "
        "sick ones found. As they stand: {} / {}.".format(*counted(histories)), "",
        "| threshold | value | from | " + " | ".join(f"x {f:g}" for f in FACTORS) + " |",
        "|---|---|---|" + "---|" * len(FACTORS), *moved(raw), "",
        *left_out(histories), "", *by_ourselves(asked.work), "Repeat: `python bench/signs.py`",
    ]  # fmt: skip
    (nights.RESULTS / "signs.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
