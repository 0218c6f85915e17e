"""How a night with a judged candidate would go: its prices and its phases.

In: a question, a judged candidate. Out: prices (by the arithmetic, and with what history taught)
and a time estimate. Never: ranks, measures.
"""

from dataclasses import dataclass, fields, replace

from overnight.planning import prices as pricing
from overnight.planning import timing, trials
from overnight.planning.lessons import corrected
from overnight.planning.prices import Prices
from overnight.planning.question import Question
from overnight.planning.ranking import Judged
from overnight.values.plan import Source, TimeEstimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is expected of a night before anything is measured."""

    prior: Prices
    """By the arithmetic alone."""
    prices: Prices
    """With what history taught."""
    time: TimeEstimate


def terms(question: Question, source: Source) -> timing.Terms:
    """Under which circumstances this night is estimated."""
    given = question.request.settings.given()
    asked = "num_train_epochs" in given or "max_steps" in given
    return timing.Terms(window=question.window_seconds, source=source, asked=asked)


def of(question: Question, judged: Judged) -> Outlook:
    """The outlook of a night with this candidate."""
    prior = pricing.prior_prices(
        judged.candidate, question.model, question.dataset, judged.prior,
        hardware=question.hardware, window=question.window_seconds,
    )  # fmt: skip
    prices = _learnt(question, prior)
    known = question.lessons.about("tokens_per_second") is not None
    under = terms(question, "history" if known else "catalogue")
    time = _estimate(question, judged, prices, under)
    look = 0.5 * prices.evaluation.mid
    under = replace(under, trials=trials.seconds(question, judged.candidate, time, look))
    return Outlook(prior=prior, prices=prices, time=_estimate(question, judged, prices, under))


def _estimate(
    question: Question, judged: Judged, prices: Prices, under: timing.Terms
) -> TimeEstimate:
    return timing.estimate(
        judged.candidate, question.dataset, prices, pace=judged.pace, terms=under
    )


def _learnt(question: Question, prior: Prices) -> Prices:
    about = question.lessons.about
    names = [one.name for one in fields(prior)]
    return Prices(**{name: corrected(getattr(prior, name), about(name)) for name in names})


def raw(judged: Judged, prior: Prices) -> dict[str, float]:
    """The figures of the arithmetic alone, under the keys of `Plan.prior`."""
    prices = {one.name: getattr(prior, one.name).mid for one in fields(prior)}
    peak = float(judged.memory.peak_bytes)
    return {"tokens_per_second": judged.prior.mid, "peak_bytes": peak, **prices}
