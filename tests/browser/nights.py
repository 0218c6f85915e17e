"""Nights for real pages: healthy, resumed, diverged, missed and saved, very long, hostile."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from tests.report import samples
from tests.report.samples import Journal

from overnight.report import comparison_page, pages
from overnight.values.comparison import Compared, Comparison, Outcome, Spread
from overnight.values.ledger import Ended, Entry, Published, Stopped
from overnight.values.troubles import Crashed, Diagnosed, Rewound


def diverged() -> list[Entry]:
    """It fell, then ran away; went back twice and was given up."""
    journal = Journal()
    samples.begin(journal)
    samples.train(journal, 1, 240)
    for again in range(2):
        for number in range(241, 281):
            journal.after(20.4, samples.step(number, 1.3 + 0.05 * (number - 240) ** 1.6))
        text = "The loss runs away: 1.3 at step 240, 19 now."
        journal.after(0.0, Diagnosed(step=280, sign="divergence", good=False, text=text))
        journal.after(4.0, Rewound(step=280, to_step=240, name="checkpoint-240", rate_factor=0.5,
                                   why=f"the loss ran away for the {again + 1}. time"))  # fmt: skip
    samples.finish(journal, reason="health", status=4, test=1.52)
    return journal.entries


def missed() -> list[Entry]:
    """Its process hung and was ended; the last good checkpoint was published untested, in time."""
    journal = Journal()
    samples.begin(journal)
    samples.train(journal, 1, 900)
    journal.t = samples.WINDOW - 40.0
    journal.after(0.0, Crashed(exit_status=-9, why="it did not end in time and was ended",
                               attempt=1))  # fmt: skip
    journal.after(1.0, Published(name="checkpoint-880", tested=False, seconds=0.4))
    journal.after(0.5, Ended(exit_status=4, why="it did not end in time and was ended",
                             deadline_kept=True))  # fmt: skip
    return journal.entries


def long(steps: int = 50_000) -> list[Entry]:
    """Fifty thousand steps of half a second."""
    journal = Journal()
    samples.begin(journal)
    for number in range(1, steps + 1):
        loss = 1.2 + 6.0 / (1 + number / 300) + 0.1 * ((number * 7919) % 101 - 50) / 50
        one = samples.step(number, loss, took=0.5, horizon=steps)
        journal.after(0.5, replace(one, tokens=one.tokens + 40 * ((number * 31) % 60)))
        if number % 500 == 0:
            samples.forecast(journal, number * samples.STEPS // steps)
    journal.after(0.1, Stopped(step=steps, reason="horizon"))
    journal.after(1.0, Published(name=f"checkpoint-{steps}", tested=True, seconds=1.0))
    journal.after(1.0, Ended(exit_status=0, why="horizon", deadline_kept=True))
    return journal.entries


def hostile() -> Sequence[Entry]:
    return list(samples.hostile(samples.resumed()))


NIGHTS: dict[str, tuple[Callable[[], Sequence[Entry]], str]] = {
    "healthy": (samples.healthy, "In time, and better than the base model"),
    "resumed": (samples.resumed, "In time, and better than the base model"),
    "diverged": (diverged, "Stopped early with a usable model; better than the base model"),
    "missed": (missed, "Stopped early with a usable model; not measured against the base model"),
    "going": (samples.going, "Training, on track"),
    "long": (long, "In time, not measured against the base model"),
    "hostile": (hostile, "In time, and better than the base model"),
}
"""By name: the entries, and how the headline begins."""


def page(name: str) -> str:
    """The page of one of them."""
    return pages.render(samples.report(NIGHTS[name][0]()), name=f"{name} night")


def spread(mid: float, part: float = 0.05) -> Spread:
    return Spread(mid=mid, low=mid * (1 - part), high=mid * (1 + part), n=4)


def setting(name: str, pace: float, loss: float, quality: float | None) -> Compared:
    """One setting of a comparison."""
    share = None if quality is None else spread(quality)
    outcome = Outcome(loss=spread(loss, 0.02), seeds=(loss, loss + 0.01), steps=400.0,
                      learnt_tokens=2e6, seconds=600.0, quality=share,
                      difference=None if quality is None else spread(-0.1))  # fmt: skip
    return Compared(
        name=name, candidate=samples.CANDIDATE, tokens_per_second=spread(pace),
        learnt_per_second=spread(pace / 2), step_seconds=spread(2.0), speed=spread(pace / 600.0),
        job_steps=1200, job_epochs=1.0, job_seconds=spread(3.6e7 / pace), peak_bytes=9 * 2**30,
        at_time=outcome, at_work=outcome,
    )  # fmt: skip


def comparison(*, hostile: bool = False) -> str:
    """The page of a comparison of three."""
    bad = samples.HOSTILE if hostile else "aggressive"
    found = Comparison(
        data="chats.jsonl", model="base-3b", machine="a card", versions="torch 2.13.0",
        when_utc=samples.START, window_seconds=1800.0, base_loss=3.4, rows=320, seeds=2,
        seconds=600.0, work=2e6, refused={bad: bad},
        settings=(setting("baseline", 600.0, 2.1, None), setting(bad, 620.0, 2.4, 80.0),
                  setting("overnight", 1500.0, 1.8, 121.0)),
    )  # fmt: skip
    return comparison_page.render(found)
