"""Whole nights of each strategy and of a sample, left alone and killed: the same weights."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.small_nights import Small, told
from tests.story.test_same_night import ASKED, SPIKE, STEPS, Troubles, lived

from overnight.training import sealed
from overnight.values.ledger import Resumed, StageBegan, Stepped
from overnight.values.troubles import Rewound

pytestmark = pytest.mark.tiny
STRATEGIES = {
    "two-stage": replace(ASKED, strategy="two-stage", stage2_rows=40),
    "progressive": replace(ASKED, strategy="progressive"),
    "progressive-guide": replace(ASKED, strategy="progressive-guide",
                                 per_device_train_batch_size=16),
}  # fmt: skip
BEGAN = {"two-stage": [16], "progressive": [14, 21], "progressive-guide": [4, 12]}


@pytest.fixture(scope="module")
def alone(small: Small, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    """A night of each strategy that nobody killed: its folder and its last state."""
    folder = tmp_path_factory.mktemp("alone")
    return {name: (folder / name, lived(small, folder / name, Troubles(), settings=asked))
            for name, asked in STRATEGIES.items()}  # fmt: skip


def begins(folder: Path) -> list[StageBegan]:
    return [one.event for one in told(folder, StageBegan)]  # type: ignore[misc]


@pytest.mark.parametrize("name", STRATEGIES)
def test_each_stage_begins_where_it_was_said_to(alone, name: str) -> None:
    folder, _ = alone[name]
    # The guide's first border lies in the rehearsal, which is the first stage's.
    assert [event.step for event in begins(folder)] == [max(at, 8) for at in BEGAN[name]]
    steps = [one.event for one in told(folder, Stepped)]
    assert len(steps) == STEPS
    epochs = [step.epoch for step in steps]
    assert epochs == sorted(epochs)


def test_the_second_stage_draws_the_best_rows_alone(alone) -> None:
    (event,) = begins(alone["two-stage"][0])
    assert (event.pool, event.rows, event.rows_per_step) == ("best", 40, 8)


@pytest.mark.parametrize(("name", "sizes"), [
    ("progressive", [4, 8, 16]), ("progressive-guide", [64, 32, 16]),
])  # fmt: skip
def test_batches_grow_and_the_guides_fall(alone, name: str, sizes: list[int]) -> None:
    folder, _ = alone[name]
    assert [event.rows_per_step for event in begins(folder)] == sizes[1:]
    tokens = [one.event.tokens for one in told(folder, Stepped)]
    first, last = sum(tokens[:4]), sum(tokens[-3:-1]) * 2
    assert (first < last) == (sizes[0] < sizes[-1])


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_killed_night_crosses_the_same_borders(small, tmp_path, alone, name) -> None:
    folder, state = alone[name]
    kills = (4, 15, 23)  # in the rehearsal, about a border, after it
    run = tmp_path / "run"
    assert lived(small, run, Troubles(kills=list(kills)), settings=STRATEGIES[name]) == state
    assert len(told(run, Resumed)) == len(kills)
    assert {event.step for event in begins(run)} == {event.step for event in begins(folder)}


def test_a_stage_that_has_begun_goes_on_after_a_rewind_also_of_a_killed_night(small, tmp_path):
    asked = STRATEGIES["progressive"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    state = lived(small, whole, Troubles(sick_batches=SPIKE), settings=asked)
    again = lived(small, killed, Troubles(sick_batches=SPIKE, kills=[16, 24]), settings=asked)
    assert again == state
    assert len(told(whole, Rewound)) >= 1


def test_a_sample_is_told_in_the_plan_and_its_night_is_the_same_again(small, tmp_path) -> None:
    states = [
        lived(small, tmp_path / str(n), Troubles(kills=kills), settings=ASKED, sample=0.5)
        for n, kills in enumerate(([], [13]))
    ]
    assert states[0] == states[1]
    sampled = sealed.read(tmp_path / "0" / "plan.json")["dataset"]["sampled"]
    assert (sampled["kept"], sampled["of"]) == (100, 200)


def test_a_real_base_takes_the_same_path_again(shared_data, small, tmp_path) -> None:
    """One strategy for the time's sake; all three were seen to."""
    real = Small(shared_data / "stories260K/hf", small.data)
    states = [
        lived(real, tmp_path / str(n), Troubles(kills=kills), settings=STRATEGIES["two-stage"])
        for n, kills in enumerate(([], [18]))
    ]
    assert states[0] == states[1]
    assert begins(tmp_path / "0")
