"""Guide 2's three safety levels for values that the user gave, and what is true of them.

In: a plan, what it was asked for. Out: sentences. Never: a value changed or refused.
"""

from overnight.planning import rules
from overnight.planning.question import Question
from overnight.values.plan import Plan

SAFE, TEST, NOT = "safe to use (no risk)", "test first (low risk)", "not recommended"
"""Guide 2, Safety Guidelines, in its words."""
ACCUMULATION = ((32, SAFE), (128, TEST))
"""Up to so many micro-batches a step; the guide names 32, 64 and "above 128"."""
MEASURED = "16 a step took 0.97 to 1.01 of the time of one"
"""bench/results/accumulation.md: full fine-tuning and LoRA, two processors."""
RATE = ((2.5e-4, SAFE), (5e-4, TEST))
"""Up to this learning rate; it names 2.5e-4, 3e-4 and "above 5e-4"."""
NEAR = 2.0
"""Of a rate that is safe by the guide nothing is said within this factor of the rule's: twice too
high or too low cost under 0.02 nats where it was measured (one model, not refereed)."""


def notes(plan: Plan, question: Question) -> tuple[str, ...]:
    """One sentence for each given value that the guide has a level for and that is worth a word."""
    found = (_accumulation(question), _rate(plan, question), _epochs(question))
    return tuple(note for note in found if note)


def _level(value: float, levels: tuple[tuple[float, str], ...]) -> str:
    return next((level for most, level in levels if value <= most), NOT)


def _accumulation(question: Question) -> str:
    given = question.request.settings.gradient_accumulation_steps
    if given is None or given < ACCUMULATION[0][0]:
        return ""
    return (
        f"gradient_accumulation_steps={given}: guide 2 says {_level(given, ACCUMULATION)}; "
        f"measured, {MEASURED}, so no hour is saved and the same rows make fewer updates"
    )


def _rate(plan: Plan, question: Question) -> str:
    given, method = question.request.settings.learning_rate, plan.candidate.method
    if given is None:
        return ""
    steps = max(plan.time.total_steps, 1)
    rule = rules.learning_rate(method, question.model.hidden_size, steps)
    level, ratio = _level(given, RATE), given / rule
    if level == SAFE and 1.0 / NEAR <= ratio <= NEAR:
        return ""
    what = "full fine-tuning" if method == "full" else "LoRA"
    return (f"learning_rate={given:g}: guide 2 says {level}; it is {ratio:.2g} x the {rule:.2g} "
            f"that the rule gives for this model, {what} and {steps:,} steps")  # fmt: skip


def _epochs(question: Question) -> str:
    given = question.request.settings.num_train_epochs
    if given is None or given >= 1.0:
        return ""
    return (f"num_train_epochs={given:g}: guide 2 says {NOT} below one for its 63,000 rows; the "
            "learning rate lands at zero all the same, and what is lost is the rows never "
            "seen")  # fmt: skip
