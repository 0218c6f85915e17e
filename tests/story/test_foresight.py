"""The plan before anything is measured, for what is there and for what is imagined."""

from dataclasses import replace

import pytest
from tests.fakes import FakeClock
from tests.planning.facts import CARD, LARGE, question
from tests.small_nights import Small

from overnight.planning import search
from overnight.story import foresight, tracing
from overnight.story.foresight import Case, propose
from overnight.values.errors import InputError, ModelError, NoPlanFits
from overnight.values.plan import MemoryEstimate
from overnight.values.request import Request, Window

GIB = 2**30


def test_a_plan_is_proposed_without_training(small: Small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    request = Request(data=str(small.data), model=str(small.model), window=Window(seconds=600.0))
    found = propose(request, FakeClock())
    assert found.plan.time.fits_in_window and found.plan.time.source == "catalogue"
    assert (found.dataset.num_rows, found.model.num_layers) == (240, 2)
    assert list(tmp_path.iterdir()) == []


def test_a_window_by_an_instant_is_as_long_as_what_is_left(small: Small):
    clock = FakeClock()
    request = Request(data=str(small.data), model=str(small.model),
                      window=Window(ends_utc=clock.utc() + 600.0))  # fmt: skip
    assert propose(request, clock).plan.window_seconds == 600.0
    soon = replace(request, window=Window(ends_utc=clock.utc() + 2.0))
    with pytest.raises(NoPlanFits, match="the shortest that works"):
        propose(soon, clock)


def test_a_card_and_rows_that_are_not_here_are_planned_for(small: Small):
    request = Request(data="", model=str(small.model), window=Window(seconds=3600.0))
    found = propose(request, FakeClock(), Case(gpu="T4", samples=8000, tokens=100))
    assert "T4" in found.hardware.name and found.plan.candidate.precision == "fp16"
    assert found.dataset.num_rows == 8000


def test_a_card_that_nobody_knows_is_refused(small: Small):
    request = Request(data="", model=str(small.model), window=Window(seconds=3600.0))
    with pytest.raises(InputError, match="Q9000"):
        propose(request, FakeClock(), Case(gpu="Q9000", samples=8000, tokens=100))


def counting(monkeypatch, *peaks: int) -> list[object]:
    """Traces that count these peaks, one after the other."""
    left, asked = list(peaks), []

    def counted(candidate, *_: object, **__: object) -> MemoryEstimate:
        asked.append(candidate)
        return MemoryEstimate(parts={"weights": left.pop(0)}, how="trace")

    monkeypatch.setattr(tracing, "traced", counted)
    return asked


def thin():
    """A question whose plan nearly uses the memory up."""
    plan = search.choose(question(model=LARGE, hardware=CARD, window=None))
    free = int(plan.memory.needed_bytes * 1.02)
    return question(model=LARGE, hardware=replace(CARD, memory_free_bytes=free), window=None)


def test_a_plan_with_room_is_not_traced(monkeypatch):
    asked = counting(monkeypatch)
    assert foresight.decide(question()).memory.how == "closed form"
    assert asked == []


def test_a_plan_that_nearly_uses_the_memory_up_is_traced(monkeypatch):
    asked = counting(monkeypatch, 20 * GIB)
    plan = foresight.decide(thin())
    assert len(asked) == 1 and plan.memory.how == "trace"
    assert any("by a trace" in note for note in plan.notes)


def test_a_trace_that_does_not_fit_leads_to_a_smaller_candidate(monkeypatch):
    asked = counting(monkeypatch, 200 * GIB, 20 * GIB)
    foresight.decide(thin())
    first, second = asked
    assert second != first


def test_a_plan_says_when_every_trace_went_to_larger_ones(monkeypatch):
    asking = thin()
    just_over = int(1.001 * search.choose(asking).memory_limit_bytes)
    asked = counting(monkeypatch, *(just_over for _ in range(foresight.TRIES)))
    plan = foresight.decide(asking, trace=True)
    assert len(asked) == foresight.TRIES
    assert plan.memory.how == "closed form" and foresight.UNTRACED in plan.notes


def test_a_trace_is_made_where_it_is_asked_for(monkeypatch):
    asked = counting(monkeypatch, GIB)
    assert foresight.decide(question(), trace=True).memory.peak_bytes == GIB
    assert len(asked) == 1


def test_a_model_that_cannot_be_traced_keeps_its_arithmetic(monkeypatch):
    def untraceable(*_: object, **__: object) -> MemoryEstimate:
        raise ModelError("its step cannot be traced")

    monkeypatch.setattr(tracing, "traced", untraceable)
    plan = foresight.decide(thin())
    assert plan.memory.how == "closed form"
    assert any("cannot be traced" in note for note in plan.notes)
    with pytest.raises(ModelError):
        foresight.decide(thin(), trace=True)
