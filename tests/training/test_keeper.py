"""The keeper: what it saves is whole, what it promotes is healthy, going back goes back."""

import numpy as np
import pytest
from tests.training import tiny
from tests.training.nights import Night, stepped

from overnight.control.health import Health
from overnight.training import checkpoint, lineage, manifest
from overnight.training.disk import DiskFull, DiskTrouble
from overnight.values.errors import OvernightError
from overnight.values.ledger import Evaluated, Loss

SICK = Health(dropped_in_a_row=3)


@pytest.fixture
def night(tmp_path):
    return Night(tmp_path).begin()


def saved(keeper, session, night):
    """A save that is journalled, as the loop's reader does."""
    event = keeper.save(session)
    night.add(event)
    return event


def evaluated(step, loss=1.0):
    return Evaluated(step=step, part="select", seconds=1.0,
                     loss=Loss(loss=loss, low=loss, high=loss, n=2))  # fmt: skip


@pytest.mark.tiny
def test_a_save_is_whole_and_says_where_it_comes_from(base, night):
    keeper, session = tiny.keeper(night), tiny.session(base)
    first = saved(keeper, session, night)
    tiny.train(session, 2)
    second = saved(keeper, session, night)
    assert [(one.step, one.name, one.parent) for one in (first, second)] == [
        (0, "checkpoint-0", ""), (2, "checkpoint-2", "checkpoint-0")]  # fmt: skip
    assert all(manifest.problem(night.folder / one.name) is None for one in (first, second))


@pytest.mark.tiny
def test_old_checkpoints_go_but_for_the_promoted_one(base, night):
    keeper, session = tiny.keeper(night, limit=2), tiny.session(base, tiny.LORA)
    for step in range(5):
        saved(keeper, session, night)
        if step == 1:
            night.promote(1)
        tiny.train(session, 1)
    names = [path.name for path in manifest.folders(night.folder)]
    assert names == ["checkpoint-0", "checkpoint-1", "checkpoint-4"]  # 0 is the next to be proved


@pytest.mark.tiny
def test_frequent_saves_never_delete_what_is_promoted_next(base, night):
    keeper, session = tiny.keeper(night, limit=2), tiny.session(base, tiny.LORA)
    for step in range(45):
        saved(keeper, session, night)
        tiny.train(session, 1)
        for one in keeper.promotions(stepped(step + 1), Health()):
            night.add(one)
            assert (night.folder / one.name).is_dir()
    promoted = lineage.newest_promoted(night.folder, night.entries)
    assert promoted.step >= 15  # of 45: at most twice the 20 healthy steps old
    assert len(manifest.folders(night.folder)) <= 4


@pytest.mark.tiny
@pytest.mark.parametrize("error", [DiskFull, DiskTrouble])
def test_a_refused_save_is_said_in_one_line_and_training_goes_on(base, night, monkeypatch, error):
    said = []
    keeper, session = tiny.keeper(night, said), tiny.session(base)

    def refuse(*_, **__):
        raise error("the disk says no")

    monkeypatch.setattr(checkpoint, "write", refuse)
    assert keeper.save(session) is None
    assert said == ["checkpoint-0 was not saved: the disk says no"]
    assert (keeper.pending, keeper.parent) == ([], "")
    assert session.step(tiny.RATE).taken


@pytest.mark.tiny
def test_a_weight_that_is_no_number_is_not_saved(base, night):
    said = []
    keeper, session = tiny.keeper(night, said), tiny.session(base)
    session.parameters[0].data[0, 0] = np.nan
    assert keeper.save(session) is None
    assert said == ["step 0: a weight is not finite, nothing is saved"]
    assert manifest.folders(night.folder) == []


@pytest.mark.tiny
def test_an_old_checkpoint_that_cannot_be_deleted_loses_nothing(base, night, monkeypatch):
    said = []
    keeper = tiny.keeper(night, said)

    def refuse(*_, **__):
        raise DiskTrouble("read-only")

    monkeypatch.setattr("overnight.training.lineage.prune", refuse)
    assert keeper.save(tiny.session(base)).name == "checkpoint-0"
    assert said == ["an old checkpoint could not be deleted: read-only"]


def test_without_a_beginning_there_is_nothing_to_save_under(tmp_path):
    with pytest.raises(OvernightError, match="no beginning"):
        tiny.keeper(Night(tmp_path)).line()


@pytest.mark.tiny
def test_a_measure_tells_the_mean_over_the_held_out_rows(base, night):
    keeper, session = tiny.keeper(night), tiny.session(base)
    sums, counts = session.evaluate([12, 13])
    found = keeper.evaluate(session)
    assert (found.part, found.base, found.step) == ("select", False, 0)
    assert found.loss.loss == pytest.approx(sums.sum() / counts.sum())


@pytest.mark.tiny
def test_a_look_that_would_end_too_late_is_none_and_said(base, night):
    said: list[str] = []
    keeper, session = tiny.keeper(night, said), tiny.session(base)
    keeper.latest = keeper.clock() - 1.0
    assert keeper.evaluate(session) is None
    assert keeper.rows == {}
    assert "select part was given up" in said[0]


def test_what_waits_for_its_proof_can_be_promoted_at_the_end(night):
    keeper = pending(night, 5, 30)
    assert names(keeper.promote_all("healthy to its last step")) == [
        "checkpoint-5", "checkpoint-30"]  # fmt: skip
    assert keeper.promote_all("again") == []


@pytest.mark.tiny
def test_the_gain_is_paired_row_by_row(base, night):
    keeper, session = tiny.keeper(night), tiny.session(base)
    before = keeper.measure(session, "test", base=True)
    tiny.train(session, 6)
    after = keeper.measure(session, "test")
    differences = keeper.rows["test", True][0] - keeper.rows["test", False][0]
    gain = keeper.gain()
    assert gain.loss == pytest.approx(before.loss.loss - after.loss.loss)
    ends = differences / keeper.rows["test", True][1]
    assert ends.min() - 1e-9 <= gain.low <= gain.high <= ends.max() + 1e-9


def test_without_a_figure_of_both_models_there_is_no_gain(night):
    keeper = tiny.keeper(night)
    assert keeper.gain() is None
    keeper.rows["test", True] = (np.ones(3), np.ones(3, dtype=np.int64))
    keeper.rows["test", False] = (np.ones(2), np.ones(2, dtype=np.int64))
    assert keeper.gain() is None


def pending(night, *steps):
    keeper = tiny.keeper(night)
    keeper.pending = [(step, f"checkpoint-{step}") for step in steps]
    return keeper


def names(promotions):
    return [one.name for one in promotions]


def test_twenty_healthy_steps_promote(night):
    keeper = pending(night, 5, 10)
    assert keeper.promotions(stepped(24), Health()) == []
    assert names(keeper.promotions(stepped(25), Health())) == ["checkpoint-5"]
    assert keeper.pending == [(10, "checkpoint-10")]


def test_a_finite_evaluation_promotes_what_was_saved_by_then(night):
    keeper = pending(night, 5, 10, 11)
    assert names(keeper.promotions(evaluated(10), Health())) == ["checkpoint-5", "checkpoint-10"]
    assert keeper.promotions(evaluated(10), Health()) == []


@pytest.mark.parametrize("loss", [np.nan, np.inf])
def test_an_evaluation_that_is_no_number_promotes_nothing(night, loss):
    assert pending(night, 5).promotions(evaluated(10, loss), Health()) == []


def test_nothing_is_promoted_while_something_is_wrong(night):
    keeper = pending(night, 5)
    assert keeper.promotions(stepped(99), SICK) == []
    assert keeper.promotions(evaluated(99), SICK) == []
    assert keeper.pending == [(5, "checkpoint-5")]


@pytest.mark.tiny
def test_a_rewind_goes_back_to_the_promoted_weights_and_skips_the_batches(base, night):
    keeper, session = tiny.keeper(night), tiny.session(base)
    tiny.train(session, 2)
    saved(keeper, session, night)
    promoted = tiny.weights(session)
    night.promote(2)
    tiny.train(session, 2)
    saved(keeper, session, night)
    assert keeper.rewind(session) == "checkpoint-2"
    assert tiny.same(tiny.weights(session), promoted)
    place = session.progress
    assert (place.step, place.epoch, place.batch) == (2, 1, 1)
    assert (keeper.pending, keeper.parent) == ([], "checkpoint-2")


@pytest.mark.tiny
def test_after_a_rewind_the_way_is_saved_anew_beside_what_was_left_behind(base, night):
    keeper, session = tiny.keeper(night), tiny.session(base)
    for _ in range(2):
        tiny.train(session, 1)
        saved(keeper, session, night)
    night.promote(1)
    keeper.rewind(session)
    night.rewind(1)
    tiny.train(session, 1)
    assert saved(keeper, session, night).parent == "checkpoint-1"
    assert night.set_aside() == ["checkpoint-2-1"]


@pytest.mark.tiny
def test_without_a_promoted_checkpoint_there_is_no_way_back(base, night):
    keeper, session = tiny.keeper(night), tiny.session(base)
    saved(keeper, session, night)
    before = tiny.weights(session)
    assert keeper.rewind(session) is None
    assert tiny.same(tiny.weights(session), before)


def test_the_world_is_asked_whether_to_stop(night):
    keeper = tiny.keeper(night)
    keeper.wanted = lambda: "signal"
    assert keeper.asked() == "signal"
