"""What trackers get: plain numbers under the field's names and guide 4's.

In: entries of the journal, the plan. Out: values by name. Never: a tracker, a row of the data.
"""

from dataclasses import asdict, dataclass
from typing import Any

from overnight.report.account import Report
from overnight.values.ledger import Entry, Evaluated, Forecast, Started, Stepped
from overnight.values.plan import Plan

HOUR = 3600.0
Values = dict[str, float]


@dataclass(slots=True)
class Metrics:
    """The figures of one night as it goes."""

    plan: Plan
    step: int = 0
    deadline_utc: float | None = None

    def of(self, entry: Entry) -> Values:
        """What an entry gives; nothing for most. `step` is then the step that it belongs to."""
        match entry.event:
            case Started(deadline_utc=deadline):
                self.deadline_utc = deadline
            case Stepped() as event:
                self.step = event.step
                return _stepped(event)
            case Evaluated(part=part, loss=loss, base=base):
                name = f"{'base' if base else 'eval'}/{'loss' if part == 'select' else 'test_loss'}"
                return {name: loss.loss, f"{name}_low": loss.low, f"{name}_high": loss.high}
            case Forecast() as event:
                return self._foreseen(entry, event)
            case _:
                pass
        return {}

    def _foreseen(self, entry: Entry, event: Forecast) -> Values:
        told = {
            "training/elapsed_hours": entry.t / HOUR,
            "training/eta_hours": (event.mid_utc - entry.utc) / HOUR,
            "training/eta_low_hours": (event.low_utc - entry.utc) / HOUR,
            "training/eta_high_hours": (event.high_utc - entry.utc) / HOUR,
            "optimization/estimated_hours": self.plan.time.total.mid / HOUR,
        }
        if self.deadline_utc is not None:
            told["training/remaining_hours"] = (self.deadline_utc - entry.utc) / HOUR
            told["training/on_track"] = float(event.high_utc <= self.deadline_utc)
        return told


def _stepped(event: Stepped) -> Values:
    return {
        "train/loss": event.loss,
        "train/learning_rate": event.learning_rate,
        "train/grad_norm": event.grad_norm,
        "train/epoch": event.epoch,
        "train/global_step": float(event.step),
        "train/tokens_per_second": event.tokens / event.seconds if event.seconds > 0 else 0.0,
        "train/peak_memory_gb": event.peak_bytes / 1e9,
    }


def ended(report: Report) -> Values:
    """Guide 4's figures of a night that is over."""
    told = {"optimization/estimated_hours": report.plan.time.total.mid / HOUR,
            "optimization/actual_hours": report.as_of / HOUR}  # fmt: skip
    if report.accuracy is not None:
        told["optimization/time_accuracy"] = report.accuracy
    return told


def settings(report: Report) -> dict[str, Any]:
    """What the night was trained with, as trackers keep it: names and plain values."""
    plain = (str, int, float, bool)
    found = asdict(report.plan.candidate).items()
    own = {name: value for name, value in found if isinstance(value, plain)}
    return own | {
        "num_parameters": report.model.num_parameters,
        "num_train_rows": report.dataset.num_train,
        "machine": report.hardware.name,
    }
