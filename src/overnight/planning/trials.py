"""What is tried before a night's first step, and what that may cost: sizes, then learning rates.

In: a question, a candidate, an estimate without trials. Out: which of them are wanted, seconds.
Never: runs one (story/sizing.py, story/pilots.py).
"""

from overnight.planning import pilots, sizes, timing
from overnight.planning.question import Question
from overnight.values.facts import Interval
from overnight.values.plan import Candidate, TimeEstimate

SIZED_AS, SIZED_LEAST = 30.0, 9.0
"""Steps of the planned size that all of them take together, where there is time; with less time
than for one of twice the rows none is tried."""


def sizing_wanted(question: Question, candidate: Candidate) -> bool:
    """Whether a clock ends the night, the rows of a step were left open, and memory held them."""
    given = question.request.settings.given()
    settled = {"per_device_train_batch_size", "gradient_accumulation_steps"} & set(given)
    plain = candidate.strategy == "one-stage" and not candidate.max_tokens_per_micro_batch
    return question.window_seconds is not None and not settled and plain


def pilots_wanted(question: Question) -> bool:
    """Whether a clock ends the night, and neither the user nor history knows its rate."""
    known = question.lessons.learning_rate is not None
    settled = {"learning_rate", "learning_rate_rule"} & set(question.request.settings.given())
    return question.window_seconds is not None and not known and not settled


def seconds(question: Question, candidate: Candidate, time: TimeEstimate, look: float) -> Interval:
    """What they are expected to take in all; `look` is one evaluation of the *select* part."""
    window = question.window_seconds
    if window is None:
        return Interval.exactly(0.0)
    step = timing.step_seconds(candidate, question.dataset, time.tokens_per_second).mid
    sized = question.sized.seconds if question.sized else 0.0
    if not sized and sizing_wanted(question, candidate):
        sized = min(SIZED_AS * step, sizes.SHARE * window)
        sized = sized if sized >= SIZED_LEAST * step else 0.0
    room = pilots.SHARE * window - sized
    steps = 0
    if question.rated is None and pilots_wanted(question):
        steps = pilots.steps(horizon=time.total_steps, step_seconds=step, look_seconds=look,
                             room=room)  # fmt: skip
    flown = steps * step + look if steps else 0.0
    return Interval(low=0.0, mid=sized + pilots.USUAL * flown,
                    high=sized + min(pilots.MOST * flown, max(room, 0.0)))  # fmt: skip
