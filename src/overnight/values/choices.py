"""What was tried on the user's own rows before the first step, and what was chosen by it.

In: nothing. Out: frozen values, members of `ledger.Event`. Never: how it is tried (story/), what
follows from it (planning/).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sized:
    """The rows of a step were chosen by the pace of a few sizes."""

    per_device_train_batch_size: int
    gradient_accumulation_steps: int
    tokens_per_second: float
    """Of the size that was chosen, by the fit through all of them."""
    fixed_tokens: float
    """A step takes so many tokens' time whatever it holds."""
    paces: tuple[tuple[int, float], ...]
    """(rows a step, tokens per second) as they were measured, the smallest first."""
    steps: tuple[tuple[float, int], ...] = ()
    """(seconds, tokens) of each step that was timed."""
    seconds: float
    """That all of it took."""
    learning_rate: float
    """With which the night begins, for as many steps as are expected now."""
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piloted:
    """One short run with its own rate, annealed to zero; weights are as before."""

    learning_rate: float
    steps: int
    loss: float
    """On the *select* part, at its end; not a number where it diverged, or was given up."""
    seconds: float
    note: str = ""
    """Why it was given up, where it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """The pilots are over: what they say of the learning rate."""

    learning_rate: float
    """With which the night begins, for as many steps as are expected before the rehearsal."""
    best: float | None
    """What the pilots speak for at their own number of steps; None where they settle nothing, so
    that the rule stands."""
    steps: int
    """Of each pilot."""
    pilots: int
    seconds: float
    """Of all of them."""
    why: str
