"""What a night would be: the plan before anything is measured, for this machine or another.

In: a Request, and for `overnight plan` what is imagined. Out: a plan and what it rests on. Never:
weights, training. Where the memory is nearly used up the step is traced before it is believed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from overnight.planning import search
from overnight.planning.curriculum import fullest
from overnight.planning.imagined import imagined
from overnight.planning.question import Question
from overnight.probe import architecture, catalogue, hardware
from overnight.probe.clock import Clock
from overnight.story import continued, tracing
from overnight.story.intake import survey
from overnight.story.look import load_tokenizer
from overnight.story.remember import lessons_for
from overnight.values.errors import ModelError, OvernightError
from overnight.values.facts import DatasetProfile, Hardware, Interval, ModelProfile
from overnight.values.lessons import Lesson
from overnight.values.plan import MemoryEstimate, Plan
from overnight.values.request import Request, Window

THIN = 0.9
"""Of the memory: a plan that needs more by the closed form is traced, whose error is a third."""
PATIENT = 600.0
"""Seconds: in shorter windows the trace's own seconds are not paid unless asked for."""
TRIES = 3
"""Traces at most: each takes about ten seconds for 8B parameters."""
UNTRACED = f"memory by arithmetic that {TRIES} traces of larger candidates have corrected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What `overnight plan` takes in place of what is there."""

    gpu: str | None = None
    """A card of the catalogue in place of this machine's."""
    samples: int | None = None
    """Rows in place of data, of `tokens` each in the mean."""
    tokens: int | None = None
    trace: bool = False
    """Whether the step is to be traced in any case."""


NOTHING_IMAGINED = Case()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A plan and what it rests on."""

    plan: Plan
    dataset: DatasetProfile
    model: ModelProfile
    hardware: Hardware
    others: dict[str, Plan | str] = field(default_factory=dict)
    """Other settings for the same job by name: each one's plan, or why there is none."""


def propose(request: Request, clock: Clock, case: Case = NOTHING_IMAGINED,
            against: Mapping[str, Request] = {}) -> Proposal:  # fmt: skip
    """The plan before anything is measured but the machine's own rates.

    `against` are other requests for the same job, each planned as if it had all the time it takes.

    Raises:
        InputError: what was asked cannot be used; NoPlanFits: nothing fits.
    """
    window = request.window
    seconds = window.seconds if window.ends_utc is None else window.ends_utc - clock.utc()
    model = architecture.profile(request.model, trust_remote_code=request.trust_remote_code)
    came = continued.find(request)
    asked = Question(
        request=continued.asked(request, came),
        dataset=_dataset(request, case, model),
        model=model,
        hardware=catalogue.find(case.gpu) if case.gpu else hardware.look(),
        window_seconds=seconds,
    )
    if not case.gpu:  # what this machine taught says nothing about another
        asked = replace(asked, lessons=lessons_for(asked))
    plan = continued.planned(decide(asked, trace=case.trace), came)
    others = {name: _other(asked, one) for name, one in against.items()}
    return Proposal(plan=plan, dataset=asked.dataset, model=model, hardware=asked.hardware,
                    others=others)  # fmt: skip


def _other(asked: Question, request: Request) -> Plan | str:
    """Another plan for the same job, or why there is none."""
    try:
        alone = replace(request, window=Window())
        return decide(replace(asked, request=alone, window_seconds=None))
    except OvernightError as error:
        return str(error)


def _dataset(request: Request, case: Case, model: ModelProfile) -> DatasetProfile:
    if case.samples is not None and case.tokens is not None:
        return imagined(case.samples, case.tokens)
    tokenizer = load_tokenizer(request)
    return survey(request, max_positions=model.max_positions, tokenizer=tokenizer).profile


def decide(question: Question, *, trace: bool = False) -> Plan:
    """The plan, its memory traced where that is asked for or nearly used up.

    Raises:
        NoPlanFits: nothing fits.
        ModelError: a trace was asked for and the model cannot be traced.
    """
    plan = search.choose(question)
    for _ in range(TRIES):
        if not trace and not _thin(plan):
            return plan
        try:
            counted = _traced(plan, question)
        except ModelError as error:
            if trace:
                raise
            return replace(plan, notes=(*plan.notes, f"memory by arithmetic alone: {error}"))
        if counted.needed_bytes <= plan.memory_limit_bytes:
            return search.traced(plan, counted)
        # What the trace taught about the closed form holds for its neighbours as well.
        plan = search.choose(_taught(question, plan, counted))
    return replace(plan, notes=(*plan.notes, UNTRACED))


def _thin(plan: Plan) -> bool:
    patient = plan.window_seconds is None or plan.window_seconds >= PATIENT
    return patient and plan.memory.needed_bytes > THIN * plan.memory_limit_bytes


def _traced(plan: Plan, question: Question) -> MemoryEstimate:
    return tracing.traced(
        fullest(plan.candidate), question.model, question.hardware, limit=plan.memory_limit_bytes,
        trust_remote_code=question.request.trust_remote_code,
    )  # fmt: skip


def _taught(question: Question, plan: Plan, counted: MemoryEstimate) -> Question:
    """The same question, with the closed form as far off as the trace has shown."""
    ratio = counted.needed_bytes / plan.memory.peak_bytes
    lesson = Lesson(ratio=Interval.exactly(ratio), nights=1)
    by_key = {**question.lessons.by_key, "peak_bytes": lesson}
    return replace(question, lessons=replace(question.lessons, by_key=by_key))
