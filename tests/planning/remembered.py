"""Nights as history keeps them, made up for tests of what is learnt from them."""

from dataclasses import replace
from typing import Any

from overnight.planning.alike import Asked
from overnight.values.lessons import Remembered
from overnight.values.plan import Candidate

DAY = 86400.0
ASKED = Asked(
    machine="here", versions="torch 2", architecture="Llama", num_parameters=10**6, hidden_size=64,
    avg_tokens_per_sample=100.0, data="sums", method="full", precision="fp32", tokens=800.0,
)  # fmt: skip


def candidate(**changed: Any) -> Candidate:
    made = Candidate(
        method="full", per_device_train_batch_size=8, gradient_accumulation_steps=1,
        max_length=256, learning_rate=1e-3, precision="fp32", gradient_checkpointing=False,
    )  # fmt: skip
    return replace(made, **changed)


def night(ratio: float = 1.0, *, key: str = "tokens_per_second", **changed: Any) -> Remembered:
    """A night like the one that is asked for, whose prior was off by `ratio`."""
    made = Remembered(
        when_utc=100 * DAY, kind="night", run="run", machine="here", versions="torch 2",
        architecture="Llama", num_parameters=10**6, hidden_size=64,
        avg_tokens_per_sample=100.0, candidate=candidate(), prior={key: 1000.0},
        actual={key: 1000.0 * ratio, "steps": 200.0}, night=f"{ratio}", data="sums", well=True,
    )  # fmt: skip
    return replace(made, **changed)
