"""Journals of comparisons made by hand: a few held-out rows, losses as a test wants them."""

from collections.abc import Sequence

from overnight.values.ledger import Entry, Event, Started
from overnight.values.plan import Candidate
from overnight.values.trials import Divided, Entered, Kind, Sliced, Trial, Tried, Weighed

COUNTS = tuple(range(8, 28))
"""Supervised tokens of twenty held-out rows."""
CANDIDATE = Candidate(
    method="lora", per_device_train_batch_size=1, gradient_accumulation_steps=16, max_length=128,
    learning_rate=2e-4, precision="fp32", gradient_checkpointing=True,
)  # fmt: skip
STARTED = Started(
    run="r", started_utc=1.8e9, deadline_utc=1.8e9 + 600, window_seconds=600.0, started_boot=0.0,
    boot_id="b", label="10m", versions={"torch": "2.13"},
)  # fmt: skip


def entries(events: Sequence[Event]) -> list[Entry]:
    """The events as a journal's entries."""
    return [Entry(t=float(at), utc=1.8e9 + at, event=one) for at, one in enumerate(events)]


def trial(setting: str, seed: int = 1, kind: Kind = "time") -> Trial:
    return Trial(setting=setting, seed=seed, kind=kind)


def tried(setting: str, *, pace: float = 1000.0, step: float = 0.5) -> list[Event]:
    """The setting as it was planned, and its first steps; half of the tokens are supervised."""
    return [
        Entered(setting=setting, candidate=CANDIDATE, job_steps=100, job_epochs=1.0,
                job_tokens=1e5),
        Tried(setting=setting, steps=5, step_seconds=step, tokens_per_second=pace,
              learnt_per_second=pace / 2, peak_bytes=100, switch_seconds=0.1),
    ]  # fmt: skip


def divided(*, seeds: int = 1, work: bool = False, seconds: float = 20.0) -> Divided:
    return Divided(seconds=seconds, seeds=seeds, work=work, rounds=2, rows=len(COUNTS))


def slices(of: Trial, paces: Sequence[float], *, over: str = "window", step: int = 40,
           troubles: dict[str, int] | None = None) -> list[Event]:  # fmt: skip
    """Slices of ten seconds at these paces (all tokens a second); the last one ends the trial."""
    made: list[Event] = []
    learnt = 0
    for number, pace in enumerate(paces, start=1):
        learnt += int(pace * 5)
        last = number == len(paces)
        made.append(Sliced(
            trial=of, round=number, name=f"checkpoint-{number}",
            step=step * number // len(paces), spent=10.0 * number, learnt=learnt, steps=20,
            seconds=10.0, tokens=int(pace * 10), learnt_tokens=int(pace * 5), loss=2.0,
            peak_bytes=1000 + number, troubles=(troubles or {}) if last else {},
            over=over if last else "",
        ))  # fmt: skip
    return made


def looked(of: Trial | None, loss: float, *, tilt: float = 0.0) -> Weighed:
    """A look with this mean loss a token; `tilt` moves it between the rows."""
    middle = (len(COUNTS) - 1) / 2
    sums = [count * (loss + tilt * (at - middle)) for at, count in enumerate(COUNTS)]
    off = sum(sums) / sum(COUNTS) - loss
    flat = tuple(one - count * off for one, count in zip(sums, COUNTS, strict=True))
    return Weighed(trial=of, seconds=0.5, sums=flat, counts=COUNTS if of is None else ())


def whole(losses: dict[str, float], *, paces: dict[str, Sequence[float]]) -> list[Entry]:
    """A comparison of one seed at equal time, to its end."""
    told: list[Event] = [STARTED]
    for name in losses:
        told += tried(name, pace=paces[name][0])
    told += [looked(None, 6.0), divided()]
    for name, loss in losses.items():
        told += [*slices(trial(name), paces[name]), looked(trial(name), loss, tilt=0.001)]
    return entries(told)
