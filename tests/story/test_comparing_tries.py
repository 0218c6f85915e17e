"""Before the window is divided: settings planned, tried, or refused."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.live_comparisons import Stand
from tests.live_comparisons import looked as look_at
from tests.small_nights import Small

from overnight.story import comparing_tries
from overnight.story.comparing_stage import Comparing
from overnight.story.look import Look
from overnight.values.request import Settings
from overnight.values.trials import Entered, Refused, Tried, Weighed


@pytest.fixture(scope="module")
def found(small: Small) -> Look:
    return look_at(small)


@pytest.fixture
def stand(small: Small, found: Look, tmp_path: Path) -> Iterator[Stand]:
    with Stand(small, found, tmp_path / "c") as stand:
        yield stand


def asking(on: Comparing, name: str, **settings: object) -> None:
    """Other settings for one of the things compared."""
    question = on.questions[name]
    request = replace(question.request, settings=replace(question.request.settings, **settings))
    on.questions[name] = replace(question, request=request)


def tried(on: Comparing) -> None:
    comparing_tries.plan_all(on)
    comparing_tries.try_all(on)


@pytest.mark.tiny
def test_each_takes_a_few_steps_and_the_base_is_looked_at_once(stand: Stand) -> None:
    tried(stand.on())
    assert [one.setting for one in stand.told(Tried)] == ["whole", "pieces"]
    assert all(one.steps >= 2 and one.learnt_per_second > 0 for one in stand.told(Tried))
    (base,) = stand.told(Weighed)
    assert base.trial is None and len(base.counts) == len(base.sums) >= 12
    assert stand.turns == ["whole", "pieces"]
    assert list((stand.folder / "trials").iterdir()) == []


@pytest.mark.tiny
def test_what_was_tried_is_not_tried_again(stand: Stand) -> None:
    tried(stand.on())
    tried(stand.on())
    assert len(stand.told(Tried)) == 2 and len(stand.told(Weighed)) == 1


@pytest.mark.tiny
def test_a_setting_that_cannot_be_run_is_refused_and_the_others_go_on(stand: Stand) -> None:
    on = stand.on()
    asked = on.questions["pieces"]
    half = replace(asked.request, precision="fp16")
    on.questions["pieces"] = replace(asked, request=half)
    tried(on)
    (refused,) = stand.told(Refused)
    assert refused.setting == "pieces" and "fp16" in refused.why and list(on.plans) == ["whole"]


@pytest.mark.tiny
def test_the_whole_job_is_its_own_epochs_else_those_of_the_first_that_says_any(
    stand: Stand,
) -> None:
    on = stand.on()
    asking(on, "pieces", num_train_epochs=3.0)
    tried(on)
    jobs = {one.setting: (one.job_epochs, one.job_steps) for one in stand.told(Entered)}
    rows = stand.found.data.profile.num_train
    assert jobs["whole"][0] == jobs["pieces"][0] == pytest.approx(3.0, rel=0.02)
    assert jobs["whole"][1] == pytest.approx(3 * rows / 8, abs=3)


@pytest.mark.tiny
def test_our_own_plan_is_one_for_as_long_as_a_trial_lasts(stand: Stand) -> None:
    on = stand.on()
    question = on.questions["whole"]
    free = replace(question, request=replace(question.request, settings=Settings(), method="auto"))
    short = comparing_tries.planned(free, 5.0)
    assert short.time.total_steps >= 1
    assert short.time.phases["training"].mid <= 6.0
