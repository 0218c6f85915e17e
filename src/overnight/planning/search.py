"""Enumerate, estimate, reject with a reason, rank, choose -> Plan.

In: what was asked and what is. Out: the chosen candidate, its estimates, every rejection's reason.
Never: measures anything; a setting that the user gave is kept, the search fills in what is open.
"""

from dataclasses import replace

from overnight.planning import outlook, pilots, ranking, reasons, rules, timing, whatifs
from overnight.planning.batch_rates import by_rule
from overnight.planning.prices import Prices
from overnight.planning.question import Question
from overnight.planning.rates import rate_for
from overnight.values.errors import NoPlanFits
from overnight.values.facts import Interval
from overnight.values.plan import (
    Candidate,
    MemoryEstimate,
    Plan,
    Reserve,
    TimeEstimate,
    margin_seconds,
)
from overnight.values.units import show_duration

__all__ = ["choose", "corrected", "for_horizon", "rated", "sized", "too_short", "traced"]


def _refuse_hopeless(question: Question, prices: Prices) -> None:
    """Refuses a window that two starts of Python and the libraries use up; others are tried.

    Prices that rest on a measured rate do not count here: a machine that was busy for a moment
    must not turn a good window away.

    Raises:
        NoPlanFits: with the shortest window that is likely to work.
    """
    window = question.window_seconds
    if window is None:
        return
    if window <= prices.start.low + prices.publish.low + margin_seconds(window):
        likely = prices.start.mid + prices.evaluation.mid
        raise too_short(window, likely, timing.reserve(prices, window))


def _limit(question: Question, memory: MemoryEstimate) -> int:
    """The memory that the plan stays within: the priority's share, or all of it."""
    usual = ranking.limit(question)
    return usual if memory.needed_bytes <= usual else ranking.whole(question)


def choose(question: Question) -> Plan:
    """The plan before anything is measured.

    Raises:
        NoPlanFits: nothing fits the memory, or not one step and the ending fit the window.
        InputError: a given setting cannot be run here.
    """
    judged, seen = ranking.chosen(question)
    expected = outlook.of(question, judged)
    _refuse_hopeless(question, expected.prices)
    candidate = for_horizon(judged.candidate, question, expected.time.total_steps)
    draft = Plan(
        candidate=candidate,
        memory=judged.memory,
        memory_limit_bytes=_limit(question, judged.memory),
        time=expected.time,
        reserve=timing.reserve(expected.prices, question.window_seconds),
        window_seconds=question.window_seconds,
        reasons=reasons.of(candidate, question, judged.pace),
        rejections=tuple(ranking.rejections(question, judged, seen)),
        what_ifs=tuple(whatifs.of(question, judged, expected.time, seen)),
        prior=outlook.raw(judged, expected.prior),
    )
    return replace(draft, notes=reasons.notes(draft, question))


def traced(plan: Plan, memory: MemoryEstimate) -> Plan:
    """The same plan with the memory that a trace of its step has counted."""
    return replace(plan, memory=memory, notes=(*plan.notes, *reasons.trace_note(plan, memory)))


def too_short(window: float, spent: float, reserve: Reserve) -> NoPlanFits:
    """The refusal of a window in which not one step and the ending fit, with one that works."""
    shortest = show_duration(timing.shortest_window(spent, reserve))
    return NoPlanFits(
        f"a window of {show_duration(window)} leaves no time for a single step and the ending; "
        f"the shortest that works is about {shortest}"
    )


def corrected(
    plan: Plan, question: Question, *, time: TimeEstimate, memory: MemoryEstimate, reserve: Reserve
) -> Plan:
    """The same candidate with what the rehearsal measured in place of the priors."""
    candidate = for_horizon(plan.candidate, question, time.total_steps)
    better = replace(
        plan,
        candidate=candidate,
        time=time,
        memory=memory,
        reserve=reserve,
        reasons=reasons.of(candidate, question, time.tokens_per_second),
    )
    return replace(better, notes=reasons.notes(better, question))


def sized(plan: Plan, question: Question, candidate: Candidate, *, spread: float) -> Plan:
    """The plan with steps of the rows that their measured pace has chosen (`question.sized`)."""
    assert question.sized is not None
    pace, wide = question.sized.tokens_per_second, 1.0 + 2.0 * spread
    judged = replace(
        ranking.judge(question, candidate),
        pace=Interval(low=pace / wide, mid=pace, high=pace * wide),
    )
    expected = outlook.of(question, judged)
    candidate = for_horizon(candidate, question, expected.time.total_steps)
    better = replace(
        plan,
        candidate=candidate,
        memory=judged.memory,
        time=replace(expected.time, source="rehearsal"),
        reasons=reasons.of(candidate, question, judged.pace),
        prior=outlook.raw(judged, expected.prior),
    )
    return replace(better, notes=reasons.notes(better, question))


def rated(plan: Plan, question: Question) -> Plan:
    """The plan with the rate that pilots speak for, or that a base that was looked at asks for."""
    candidate = for_horizon(plan.candidate, question, plan.time.total_steps)
    told = reasons.of(candidate, question, plan.time.tokens_per_second)
    return replace(plan, candidate=candidate, reasons=told)


def for_horizon(candidate: Candidate, question: Question, steps: int) -> Candidate:
    """The candidate with the rate that suits so many steps, unless the user gave one."""
    settings = question.request.settings
    if settings.learning_rate is not None:
        return candidate
    if settings.learning_rate_rule is not None:
        rate = by_rule(settings.learning_rate_rule, candidate.rows_per_step)
        return replace(candidate, learning_rate=rate)
    tried = question.rated
    if tried is not None and tried.best is not None:
        rate = pilots.for_horizon(tried.best, pilot_steps=tried.steps, steps=steps)
        return replace(candidate, learning_rate=rate)
    width = question.model.hidden_size
    learnt = rate_for(question.lessons, method=candidate.method, hidden_size=width, steps=steps)
    if learnt is not None:
        return replace(candidate, learning_rate=learnt)
    rate = rules.learning_rate(candidate.method, width, steps)
    if rules.untrained(question.base_loss, question.model.vocab_size):
        rate = rules.from_scratch(rate, candidate.method)
    return replace(candidate, learning_rate=rate)
