"""What the ending chooses and says, read from a whole night and from journals made by hand."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.small_nights import told
from tests.training.nights import Night, stepped

from overnight.control.deadline import Deadline
from overnight.story import ending
from overnight.training import export
from overnight.values.errors import NoPlanFits
from overnight.values.ledger import Chosen, Evaluated, Saved, Stopped

DEADLINE = Deadline(started_at=0.0, ends_at=100.0, steps_wanted=None, tokens_per_step=1.0,
                    publish_seconds=10.0, select_seconds=4.0, test_seconds=6.0)  # fmt: skip


def stage(now: float = 0.0, **more: Any) -> Any:
    session = SimpleNamespace(agreed=lambda value: value)
    return SimpleNamespace(now=now, publish_seconds=10.0, answer_seconds=8.0, session=session,
                           **more)  # fmt: skip


def loop(deadline: Deadline = DEADLINE) -> Any:
    return SimpleNamespace(course=SimpleNamespace(deadline=deadline))


@pytest.mark.parametrize(("part", "seconds"), [("select", 4.0), ("test", 6.0), ("answers", 8.0)])
def test_there_is_room_for_a_look_only_if_publishing_still_fits(part: str, seconds: float):
    last = 100.0 - 10.0 - seconds - 0.5 * DEADLINE.reserve.margin
    assert ending._room(stage(last - 0.1), loop(), part)
    assert not ending._room(stage(last + 0.1), loop(), part)


def test_without_a_deadline_there_is_always_room():
    assert ending._room(stage(1e9), loop(replace(DEADLINE, ends_at=None)), "test")


def test_a_window_without_a_single_step_is_refused_with_one_that_works():
    on = stage(20.0, started_at=0.0, plan=SimpleNamespace(window_seconds=30.0))
    with pytest.raises(NoPlanFits, match=r"a window of 30 s .* the shortest that works is about"):
        ending.end(on, loop(), Stopped(step=0, reason="window"))


@pytest.fixture
def night(tmp_path: Path) -> Night:
    """Two promoted checkpoints, the earlier one with the lower loss."""
    night = Night(tmp_path).begin().save(5).evaluate(5, 1.0).promote(5).add(stepped(6))
    return night.save(10).evaluate(10, 2.0).promote(10)


def best(night: Night, *, by_loss: bool, looked: bool = True) -> tuple[str, str]:
    candidate = SimpleNamespace(load_best_model_at_end=by_loss)
    teller = SimpleNamespace(run_folder=night.folder, entries=night.entries)
    on = stage(teller=teller, plan=SimpleNamespace(candidate=candidate))
    found, why = ending._best(on, looked=looked)
    return found.name, why


def test_the_lowest_loss_is_chosen_even_if_it_is_not_the_last(night: Night):
    name, why = best(night, by_loss=True)
    assert name == "checkpoint-5"
    assert why == "an earlier one, with the lowest loss on the select part"


def test_the_last_one_is_chosen_where_that_was_asked_for(night: Night):
    name, why = best(night, by_loss=False)
    assert name == "checkpoint-10" and "load_best_model_at_end=false" in why


def test_without_any_evaluation_the_newest_healthy_one_is_chosen(tmp_path: Path):
    night = Night(tmp_path).begin().save(5).promote(5).add(stepped(6)).save(10)
    name, why = best(night, by_loss=True)
    assert name == "checkpoint-5" and "no time to compare" in why


def test_a_last_state_that_there_was_no_time_to_look_at_is_chosen_for_its_health(night: Night):
    name, why = best(night, by_loss=True, looked=False)
    assert name == "checkpoint-10" and "no time to compare" in why


def test_a_damaged_checkpoint_is_not_chosen(night: Night):
    night.damage(5)
    assert best(night, by_loss=True)[0] == "checkpoint-10"


def last(run: Path) -> Chosen:
    event = told(run, Chosen)[-1].event
    assert isinstance(event, Chosen)
    return event


@pytest.mark.tiny
def test_the_last_state_is_saved_and_measured(finished: Path):
    assert told(finished, Saved)[-1].event.step == 60
    seen = [one.event for one in told(finished, Evaluated) if one.event.step == 60]
    assert [event.part for event in seen] == ["select", "test"]


@pytest.mark.tiny
def test_the_test_part_is_read_once_besides_the_base(finished: Path):
    seen = [one.event for one in told(finished, Evaluated) if one.event.part == "test"]
    assert [event.base for event in seen] == [True, False]


@pytest.mark.tiny
def test_the_choice_says_what_it_was_made_by(finished: Path):
    chosen = last(finished)
    losses = [one.event.loss for one in told(finished, Evaluated) if one.event.part == "select"]
    assert chosen.loss["select"].loss == min(loss.loss for loss in losses)
    assert set(chosen.loss) == {"base", "test", "base_select", "select"}
    assert chosen.gain is not None and chosen.keep == "tuned"
    difference = chosen.loss["base"].loss - chosen.loss["test"].loss
    assert chosen.gain.loss == pytest.approx(difference)


@pytest.mark.tiny
def test_the_choice_is_said_before_the_test_part_is_read(finished: Path):
    kinds = [entry.event for entry in told(finished, Chosen, Evaluated)][-3:]
    first, test, second = kinds
    assert isinstance(first, Chosen) and "test" not in first.loss and first.gain is None
    assert isinstance(test, Evaluated) and test.part == "test"
    assert isinstance(second, Chosen) and second.name == first.name


@pytest.mark.tiny
def test_a_probe_is_left_for_the_load_test(finished: Path):
    probe = json.loads((finished / export.PROBE).read_text(encoding="utf-8"))
    assert 1 < len(probe["tokens"]) <= ending.PROBE_TOKENS
    assert probe["loss"] > 0.0


def leave(reason: str, *, waits: float, verdict: str = "well") -> tuple[list[str], list[str]]:
    """What an ending that nobody waits for does, and what it promotes; a save takes two seconds."""
    did: list[str] = []
    promoted: list[str] = []
    saved = Saved(step=7, name="checkpoint-7", parent="", seconds=2.0, bytes=1)
    keeper = SimpleNamespace(save=lambda session: did.append("save") or saved,
                             promote_all=lambda why: promoted.append(why) or [])  # fmt: skip
    teller = SimpleNamespace(state="", tell=lambda event: None, all=lambda events: None)
    on = stage(teller=teller, keeper=keeper, waits=lambda: waits,
               leave=lambda: did.append("leave"), safe=lambda: did.append("safe"))  # fmt: skip
    course = SimpleNamespace(deadline=replace(DEADLINE, save_seconds=2.0, saved_step=5),
                             health=SimpleNamespace(verdict=verdict))  # fmt: skip
    under_way: Any = SimpleNamespace(course=course, happened=lambda event: event)
    ending.end(on, under_way, Stopped(step=7, reason=reason))
    return did, promoted


@pytest.mark.parametrize("reason", ["signal", "session"])
def test_an_end_that_nobody_waits_for_saves_and_leaves_without_a_look(reason: str):
    did, promoted = leave(reason, waits=float("inf"))
    assert did == ["save", "leave"]
    assert promoted == [ending.LEFT[reason]]


def test_a_save_that_may_not_end_before_the_kill_is_not_begun():
    assert leave("signal", waits=2.9)[0] == ["leave"]
    assert leave("signal", waits=3.1)[0] == ["save", "leave"]


def test_a_sick_state_that_is_left_is_not_promoted():
    assert leave("signal", waits=60.0, verdict="rewind")[1] == []
