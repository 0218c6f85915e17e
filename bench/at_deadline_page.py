"""bench/results/at_deadline.md out of the results.

In: results as at_deadline.py keeps them. Out: the page. Never: a figure of its own.
"""

from collections.abc import Iterable, Iterator
from statistics import mean, median

from at_deadline_arms import ARMS, OURS, SAVE_SHARE
from at_deadline_night import PHASES
from at_deadline_standings import Result, Standing, Table, by_run, method

HEAD = (
    "| cell | arm | rate | loss by seed | loss | behind ours, nats | share of it | steps | "
    "tokens/s | nothing left |\n|---|---|---|---|---|---|---|---|---|---|"
)


def page(results: Iterable[Result]) -> str:
    """The whole page."""
    table = Table(results)
    parts = (_top(table), _summary(table), _bases(table), _shipped(table), _tuned(table),
             _tunings(table), _thirds(table), _phases(table), _chosen(table), _arms())  # fmt: skip
    return "\n".join(line for part in parts for line in (*part, "")) + REPEAT


REPEAT = "Repeat: `python bench/at_deadline.py --plan full` (goes on where it stopped).\n"


def _top(table: Table) -> Iterator[str]:
    runs = table.results
    yield from ("# Held-out loss of what is on the disk at the deadline", "")
    for words in dict.fromkeys(_machine(one) for one in runs):
        dates = sorted(one["date"][:10] for one in runs if _machine(one) == words)
        yield f"{words}, {' to '.join(dict.fromkeys((dates[0], dates[-1])))}"
    yield ""
    yield (f"{len(runs)} runs. Every arm is a process of its own with the same base, the same rows "
           "in the same tokens, the same adapter (LoRA cells: r 16, alpha 32, every linear layer), "
           "and the same window from the process's start; whatever still runs at the deadline is "
           f"killed. Peers get their rows tokenised and save at most every {SAVE_SHARE:.0%} of the "
           "window (weights only); ours reads and tokenises its file within the window. Then one "
           "judge (transformers and peft, fp32) reads the newest artefact that loads: mean loss a "
           "learnt token on rows that nobody was given. `behind ours`: its loss minus ours, paired "
           "by row and seed, with a bootstrap over both (95 %).")  # fmt: skip


def _machine(one: Result) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in one["versions"].items())
    return f"{one['machine']}; {versions}; threads: {one['threads']}"


def _summary(table: Table) -> Iterator[str]:
    yield from ("## What it says", "")
    shipped, tuned = _peers(table, tuned=False), _peers(table, tuned=True)
    for words, some in (("as shipped", shipped), ("with the rate tuned", tuned)):
        if not some:
            continue
        won, runs = by_run(table, some)
        cells = sum(one.behind.mid > 0 for one in some)
        sure = sum(one.surely_not_worse for one in some)
        yield (f"- Against peers {words}: lower in {cells} of {len(some)} pairings of a peer "
               f"and a cell ({won} of {runs} single runs); `worse by 1 %` excluded in "
               f"{sure}.")  # fmt: skip
    thirds = [third for cell in table.cells if (third := table.third(cell)) is not None]
    shares = [third.share for third in thirds if third.share is not None]
    whole = [third.shorter < third.best.loss for third in thirds if third.shorter is not None]
    if whole:
        yield (f"- A whole night of a third of the window is below the best peer's final loss in "
               f"{sum(whole)} of {len(whole)} cells.")  # fmt: skip
    if shares:
        yield (f"- The best peer's final loss was there after {median(shares):.0%} of the window "
               f"(median over {len(shares)} cells; latest {max(shares):.0%}).")  # fmt: skip
    lost = sum(one.nothing for one in (*shipped, *tuned))
    yield f"- Runs of peers that left nothing readable: {lost}."


def _peers(table: Table, *, tuned: bool) -> list[Standing]:
    return [one for cell in table.cells
            for one in (table.tuned(cell) if tuned else table.shipped(cell))
            if one.arm != OURS]  # fmt: skip


def _bases(table: Table) -> Iterator[str]:
    yield from ("## Before training", "", "| base and data | parameters | rows to train on | "
                "tokens | judge's rows | loss of the base |",
                "|---|---|---|---|---|---|")  # fmt: skip
    for name, one in table.bases.items():
        yield (f"| {name} | {one['parameters']:,} | {one['train_rows']:,} | "
               f"{one['train_tokens']:,} | {one['n']} | {one['loss']:.4f} |")  # fmt: skip


def _shipped(table: Table) -> Iterator[str]:
    yield from ("## As shipped", "", HEAD)
    for cell in table.cells:
        yield from map(_row, table.shipped(cell))


def _tuned(table: Table) -> Iterator[str]:
    yield from ("## With the rate tuned", "",
                "Rates tuned for the peers alone, by the judge's own rows, at nobody's cost.", "",
                HEAD)  # fmt: skip
    for cell in table.cells:
        found = table.tuned(cell)
        yield from map(_row, found if len(found) > 1 else ())


def _row(one: Standing) -> str:
    rate = "as shipped" if one.rate is None else f"{one.rate:g}"
    losses = " ".join(f"{loss:.4f}" for loss in one.losses)
    nothing = f"{one.nothing}" + (f" ({one.passed_over} unreadable)" if one.passed_over else "")
    apart = one.behind
    behind = (f"{apart.mid:+.4f} ({apart.low:+.4f} to {apart.high:+.4f}) | {one.share:+.2%}"
              if one.arm != OURS else "- | -")  # fmt: skip
    name = f"**{one.arm}**" if one.arm == OURS else one.arm
    return (f"| {one.cell} | {name} | {'' if one.arm == OURS else rate} | {losses} | "
            f"{one.loss:.4f} | {behind} | {one.steps:,.0f} | {one.pace:,.0f} | "
            f"{nothing} |")  # fmt: skip


def _tunings(table: Table) -> Iterator[str]:
    yield from (
        "## The tuning",
        "",
        "| method | arm | loss at each rate | best |",
        "|---|---|---|---|",
    )
    for (kind, arm), tried in table.tunings().items():
        told = ", ".join(f"{rate:g}: {loss:.4f}" for rate, loss in sorted(tried.items()))
        best = table.rates(kind)[arm]
        edge = "" if min(tried) < best < max(tried) else " (an edge)"
        yield f"| {kind} | {arm} | {told} | {best:g}{edge} |"


def _thirds(table: Table) -> Iterator[str]:
    yield from ("## How soon ours has the best peer's final loss", "",
                "By the looks that a night takes anyway, at a rate that has not fallen yet: so "
                "sooner if the night had been planned to end then, which the last column is.", "",
                "| cell | best peer | its loss | reached after | a whole night of a third of the "
                "window |", "|---|---|---|---|---|")  # fmt: skip
    for cell in table.cells:
        third = table.third(cell)
        if third is None:
            continue
        best = third.best
        rate = "" if best.rate is None else f" at {best.rate:g}"
        share = "-" if third.share is None else f"{third.share:.0%}"
        shorter = "-" if third.shorter is None else f"{third.shorter:.4f}"
        yield f"| {cell} | {best.arm}{rate} | {best.loss:.4f} | {share} | {shorter} |"


def _phases(table: Table) -> Iterator[str]:
    yield from ("## Where our window goes", "", "Seconds, means over seeds.", "",
                f"| cell | {' | '.join(PHASES)} |", "|---" * (len(PHASES) + 1) + "|")  # fmt: skip
    names = dict.fromkeys(one["cell"] for one in table.results if one["arm"] == OURS)
    for cell in names:
        runs = [one["phases"] for one in table.of(cell, OURS).values()]
        told = " | ".join(f"{mean(one[name] for one in runs):.1f}" for name in PHASES)
        yield f"| {cell} | {told} |"


def _chosen(table: Table) -> Iterator[str]:
    yield from ("## What ours chose", "", "| cell, seed | method | rows x accumulation | rate | "
                "precision | steps | tokens/s |", "|---|---|---|---|---|---|---|")  # fmt: skip
    for one in table.results:
        if one["arm"] != OURS or not one.get("candidate"):
            continue
        of = one["candidate"]
        yield (f"| {one['cell']}, {one['seed']} | {of['method']} | "
               f"{of['per_device_train_batch_size']} x {of['gradient_accumulation_steps']} | "
               f"{of['learning_rate']:g} | {of['precision']} | {one['steps']:,} | "
               f"{one['tokens'] / one['window']:,.0f} |")  # fmt: skip


def _arms() -> Iterator[str]:
    yield from ("## The arms", "")
    for arm in ARMS.values():
        yield f"- **{arm.name}** ({arm.trainer}): {arm.about}."


def brief(one: Result, table: Table) -> str:
    """One line of a run that has just ended."""
    loss = "nothing readable" if one["loss"] is None else f"{one['loss']:.4f}"
    took = f", {one['took']:.1f} s, {one['steps']} steps" if "took" in one else ""
    said = f"\n    {one['said']}" if one.get("said") else ""
    return f"{one['key']}: {loss}{took} ({len(table.results)} runs, {method(one['cell'])}){said}"
