"""The guides' decision tree: a few questions that end in a command.

In: yes or no, question by question. Out: the next question, or the advice with its command.
Never: asking (cli/guide.py), or a promise about time: the plan makes that.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from overnight.values.errors import InputError

_YES = frozenset(("y", "yes", "true", "1", "ja", "j"))
_NO = frozenset(("n", "no", "false", "0", "nein"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Where the questions lead."""

    configuration: str
    """The guides' name for what they advise here."""
    guides_say: str
    here: str
    """What `overnight` does about it, in a sentence."""
    flags: tuple[str, ...]
    """Of the command, after the data and the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question; a yes ends the conversation."""

    text: str
    if_yes: Advice


_BASELINE = Advice(
    configuration="baseline",
    guides_say="accumulation 16, no half precision, one epoch; 35 hours",
    here="No deadline, so nothing is cut short: the whole epoch, for as long as it takes.",
    flags=("--epochs", "1"),
)
_OPTIMIZED = Advice(
    configuration="optimized",
    guides_say="accumulation 32, fp16, one epoch; 13 to 18 hours, the same quality",
    here="One epoch if the window holds it; half precision where the card runs it well, "
         "accumulation only where memory asks for it.",
    flags=("--epochs", "1", "--within", "14h"),
)  # fmt: skip
_AGGRESSIVE = Advice(
    configuration="aggressive",
    guides_say="accumulation 64, fp16, one epoch; 8 to 10 hours, 95 to 98 % of the quality",
    here="The shorter window is kept by fewer steps, with the rate brought to zero at its end; "
         "accumulation would save no time.",
    flags=("--epochs", "1", "--within", "9h", "--priority", "fast"),
)  # fmt: skip
_QUALITY = Advice(
    configuration="baseline",
    guides_say="the baseline again: accumulation 16; 35 hours",
    here="The whole window is used, with small steps, and the best checkpoint by held-out loss "
         "is kept.",
    flags=("--within", "35h", "--priority", "quality"),
)  # fmt: skip
_TODAY = Advice(
    configuration="aggressive, on half of the rows",
    guides_say="accumulation 64, fp16, half of the data; 4 to 5 hours, 90 % of the quality",
    here="The window says how much of the data is read: rows come shuffled, so a cut epoch is a "
         "random share of them.",
    flags=("--epochs", "1", "--within", "5h", "--priority", "fast"),
)  # fmt: skip
_PROMPTS = Advice(
    configuration="aggressive, on a small sample",
    guides_say="accumulation 64 and a small sample; 1 to 2 hours",
    here="Long enough to see what your prompts do, short enough to do it again.",
    flags=("--epochs", "1", "--within", "90m", "--priority", "fast"),
)

QUESTIONS = (
    Question(text="Do you need absolute certainty, whatever time it takes?",
             if_yes=_BASELINE),
    Question(text="Is this your first training on this data?", if_yes=_OPTIMIZED),
    Question(text="Are you training again after testing what came out?", if_yes=_AGGRESSIVE),
    Question(text="Do you want the best quality there is?", if_yes=_QUALITY),
    Question(text="Do you need the result today?", if_yes=_TODAY),
    Question(text="Are you only trying out prompts?", if_yes=_PROMPTS),
)  # fmt: skip
"""Guide 5's tree first (certainty, then the first training), then what guide 2 asks beside."""
OTHERWISE = _OPTIMIZED
"""Both guides recommend it where nothing else is said."""
WINDOW_NOTE = (
    "The time is the guides' for 63,000 messages on an RTX 2080 Ti; put yours in its place."
)


def read_answer(text: str) -> bool:
    """Yes or no, as people write them.

    Raises:
        InputError: it is neither.
    """
    word = text.strip().strip(".!").lower()
    if word in _YES | _NO:
        return word in _YES
    raise InputError(f"'{text.strip()}' is neither yes nor no; answer yes or no")


def where(answers: Sequence[bool]) -> Question | Advice:
    """The question that comes next, or where the answers lead.

    >>> where([False, True]).configuration
    'optimized'
    >>> where([False, False]).text
    'Are you training again after testing what came out?'

    Raises:
        InputError: there are answers after the last question.
    """
    for place, yes in enumerate(answers):
        if place >= len(QUESTIONS) or (yes and place + 1 < len(answers)):
            asked = min(place + 1, len(QUESTIONS))
            raise InputError(f"{len(answers)} answers for {asked} questions; give {asked}")
        if yes:
            return QUESTIONS[place].if_yes
    return QUESTIONS[len(answers)] if len(answers) < len(QUESTIONS) else OTHERWISE
