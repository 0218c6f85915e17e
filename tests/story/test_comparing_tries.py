"""Before the window is divided: settings planned, tried, or refused."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.live_comparisons import Stand
from tests.live_comparisons import looked as look_at
from tests.small_nights import Small

from overnight.planning import search
from overnight.planning.question import Question
from overnight.story import comparing_tries, packed
from overnight.story.comparing_stage import Comparing
from overnight.story.look import Look
from overnight.values.ledger import Noted
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


def packing(on: Comparing, attention: str) -> None:
    """Tries both, the first planned with its rows packed and this attention."""
    comparing_tries.plan_all(on)
    plan = on.plans["whole"]
    other = replace(plan.candidate, packing=True, attn_implementation=attention)
    on.plans["whole"] = replace(plan, candidate=other)
    comparing_tries.try_all(on)


@pytest.mark.tiny
def test_an_attention_that_does_not_load_is_said_and_torchs_own_compared(stand: Stand) -> None:
    on = stand.on()
    packing(on, "flash_attention_2")
    entered = {one.setting: one.candidate for one in stand.told(Entered)}
    (said,) = stand.told(Noted)
    start = "whole: rows are batched by length, not packed: flash_attention_2 does not load here ("
    assert said.text.startswith(start) and stand.told(Refused) == []
    assert on.plans["whole"].candidate == entered["whole"]
    assert entered["whole"].attn_implementation == "sdpa" and not entered["whole"].packing


@pytest.fixture
def leaky(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model in which packed rows see each other."""
    monkeypatch.setattr(packed.leaks, "found", lambda session: "they see each other")


@pytest.mark.tiny
@pytest.mark.usefixtures("leaky")
def test_a_setting_whose_packed_rows_see_each_other_goes_on_unpacked_and_says_so(
    stand: Stand,
) -> None:
    on = stand.on()
    packing(on, "sdpa")
    (said,) = stand.told(Noted)
    assert said.text.startswith("whole: rows are batched by length, not packed: packed rows do not")
    assert not on.plans["whole"].candidate.packing and list(on.plans) == ["whole", "pieces"]


@pytest.mark.tiny
@pytest.mark.usefixtures("leaky")
def test_packing_that_was_asked_for_and_cannot_be_had_is_refused(stand: Stand) -> None:
    on = stand.on()
    asking(on, "whole", packing=True)
    packing(on, "sdpa")
    (refused,) = stand.told(Refused)
    assert refused.setting == "whole" and "leave packing out" in refused.why


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
def test_a_setting_is_planned_once_with_the_rate_for_as_long_as_a_trial_lasts(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    question, real = stand.on().questions["whole"], search.choose
    free = replace(question, request=replace(question.request, settings=Settings(), method="auto"))
    night = real(replace(free, window_seconds=60.0))
    asked: list[Question] = []
    monkeypatch.setattr(search, "choose", lambda one: (asked.append(one), real(one))[1])
    plan = comparing_tries.planned(free, night.time.phases["training"].mid)
    assert len(asked) == 1 and night.time.total_steps >= 1
    assert plan.candidate.learning_rate == pytest.approx(night.candidate.learning_rate, rel=0.02)
    assert replace(plan.candidate, learning_rate=1.0) == replace(night.candidate, learning_rate=1.0)
    longer = comparing_tries.planned(free, 500.0 * night.time.phases["training"].mid)
    assert longer.candidate.learning_rate < plan.candidate.learning_rate
