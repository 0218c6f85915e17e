"""Sizing: the rows of a step, chosen by the pace of a few sizes on the user's own rows.

In: the live stage before its first step. Out: a session whose steps hold the chosen rows, the plan
on the disk, the event `Sized`. Never: moves a weight (the rate is zero), leaves a trace in random
states, optimizer or the order of rows; takes more than a rehearsal may.
"""

from dataclasses import replace

from overnight.planning import search, sizes, trials
from overnight.planning.profiles import weights
from overnight.planning.sizes import Timed
from overnight.story.look import question
from overnight.story.plan_file import write_plan
from overnight.story.stage import Stage
from overnight.training.room import MemoryGone, OptimizerMemoryGone
from overnight.training.snapshot import Snapshot, resize
from overnight.values.choices import Sized
from overnight.values.plan import Candidate


def size(on: Stage) -> None:
    """Chooses the rows of a step, if that is still open and there is more than one to choose."""
    asked = question(on.request, on.found, on.plan.window_seconds)
    open_ = trials.sizing_wanted(asked, on.session.candidate) and on.ends_at is not None
    if on.found.sized is not None or not open_:
        return
    known = {one.rows_per_step: one for one in sizes.alike(asked, on.session.candidate)}
    if len(known) < 2:
        return
    begun, before = on.now, Snapshot.of(on.session, weights=False)
    try:
        timed, fitting = _timed(on, known)
    finally:
        before.put_back(on.session)
    if len({one.rows for one in timed}) < 2:
        return
    tokens = on.session.corpus.lengths[on.session.train_rows].mean()
    share = weights(on.request.priority).pace_share
    ahead = on.plan.time.total_steps * on.session.tokens_per_step
    hurried = on.request.priority == "fast"  # it wants the pace alone
    found = sizes.chosen(timed, fitting, row_tokens=float(tokens), share=share,
                         ahead=None if hurried else ahead)  # fmt: skip
    _take(on, known[on.session.agreed(found).rows], on.session.agreed(found), timed, on.now - begun)


def recall(on: Stage) -> None:
    """What was chosen before this process began; the plan on the disk has it."""
    told = [one.event for one in on.teller.entries if isinstance(one.event, Sized)]
    if told:
        on.found = replace(on.found, sized=told[-1])


def _timed(on: Stage, known: dict[int, Candidate]) -> tuple[list[Timed], list[int]]:
    """Steps of a few sizes, the planned one first; and the sizes that fit."""
    planned, timed, fitting = on.session.candidate.rows_per_step, list[Timed](), sorted(known)
    step = on.session.tokens_per_step / on.plan.time.tokens_per_second.mid
    limit = sizes.SHARE * (on.plan.window_seconds or 0.0)
    coming = list(on.session.agreed(sizes.tried(fitting, planned, afford=limit / step)))
    while coming and not on.session.agreed(bool(on.wanted())):
        rows = coming.pop(0)
        try:
            timed += _steps(on, known[rows])
        except (MemoryGone, OptimizerMemoryGone):
            proven = max((one.rows for one in timed), default=0)
            fitting = [one for one in fitting if one <= proven]
        if rows == planned and timed:
            afford = limit / max(timed[-1].seconds, 1e-6)
            coming = list(on.session.agreed(sizes.tried(fitting, planned, afford=afford)[1:]))
    return timed, fitting


def _steps(on: Stage, candidate: Candidate) -> list[Timed]:
    """A few steps at a rate of zero, twice: kernels that are built for a new shape take longer than
    a small step, and a night meets its shapes again and again."""
    resize(on.session, candidate)
    place = Snapshot.of(on.session, weights=False)
    _taken(on, candidate.rows_per_step)
    place.put_back(on.session)
    return _taken(on, candidate.rows_per_step)


def _taken(on: Stage, rows: int) -> list[Timed]:
    found = []
    for _ in range(sizes.STEPS):
        begun = on.teller.clock.awake()
        taken = on.session.step(0.0)
        seconds = on.teller.clock.awake() - begun
        found.append(Timed(rows=rows, tokens=taken.tokens, seconds=seconds))
    return found


def _take(on: Stage, candidate: Candidate, found: sizes.Choice, timed: list[Timed],
          seconds: float) -> None:  # fmt: skip
    """The session, the plan and the journal with this size."""
    told = Sized(
        per_device_train_batch_size=candidate.per_device_train_batch_size,
        gradient_accumulation_steps=candidate.gradient_accumulation_steps,
        tokens_per_second=found.tokens_per_second,
        fixed_tokens=found.fixed_tokens,
        paces=sizes.paces(timed),
        steps=tuple((one.seconds, one.tokens) for one in timed),
        seconds=seconds,
        learning_rate=candidate.learning_rate,
        why=found.why,
    )
    resize(on.session, candidate)
    on.found = replace(on.found, sized=told)
    asked = question(on.request, on.found, on.plan.window_seconds)
    on.plan = search.sized(on.plan, asked, candidate, spread=found.spread)
    told = replace(told, learning_rate=on.plan.candidate.learning_rate)
    if on.teller.main:
        write_plan(on.teller.run_folder, on.plan, on.request, on.found)
    on.teller.tell(told)
