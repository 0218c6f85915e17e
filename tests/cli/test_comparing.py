"""Settings to compare, as people write them."""

from pathlib import Path
from typing import Any

import pytest
from tests.fakes import FakeClock

from overnight.cli.comparing import asked
from overnight.cli.settings import Surroundings
from overnight.story.comparing import Asked
from overnight.values.errors import InputError


@pytest.fixture
def around(tmp_path: Path, clock: FakeClock) -> Surroundings:
    return Surroundings(environ={}, folder=tmp_path, clock=clock)


def read(around: Surroundings, settings: str | None = None, **more: Any) -> Asked:
    given = {"data": "d", "model": "m", "within": "30m", "settings": settings, "seeds": None}
    return asked(given | more, around)[0]


def test_without_names_the_guides_are_set_against_our_own_plan(around: Surroundings) -> None:
    found = read(around)
    names = [one.name for one in found.settings]
    assert names == ["baseline", "optimized", "aggressive", "overnight"] and found.seeds == 2
    steps = [one.request.settings.gradient_accumulation_steps for one in found.settings]
    assert steps == [16, 32, 64, None]


def test_pairs_are_joined_by_a_plus(around: Surroundings) -> None:
    mine = read(around, "learning_rate=1e-3+per_device_train_batch_size=8, overnight").settings[0]
    assert mine.request.settings.given() == {
        "learning_rate": 1e-3, "per_device_train_batch_size": 8,
    }  # fmt: skip


def test_a_file_is_a_setting(around: Surroundings, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("learning_rate: 3e-4\nmethod: full\n")
    mine = read(around, f"{tmp_path / 'mine.yaml'},overnight").settings[0].request
    assert (mine.settings.learning_rate, mine.method) == (3e-4, "full")


def test_what_all_share_gives_way_to_what_a_setting_says(around: Surroundings) -> None:
    found = read(around, "optimized,overnight", precision="fp32", method="full", seed="7",
                 set=["gradient_accumulation_steps=2"])  # fmt: skip
    guide, ours = (one.request for one in found.settings)
    assert (guide.method, guide.precision, guide.settings.fp16) == ("lora", "auto", True)
    assert guide.settings.gradient_accumulation_steps == 32
    assert (ours.method, ours.precision) == ("full", "fp32")
    assert ours.settings.gradient_accumulation_steps == 2 and ours.settings.seed == 7


def test_what_surrounds_the_command_is_no_setting_s_own(
    around: Surroundings, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("LEARNING_RATE=9e-4\n")
    guide, ours = (one.request.settings for one in read(around, "baseline,overnight").settings)
    assert (guide.learning_rate, ours.learning_rate) == (2e-4, 9e-4)


@pytest.mark.parametrize("settings, said", [
    ("baselin,overnight", "near: baseline"),
    ("overnigt,baseline", "near: overnight"),
    ("no.yaml,overnight", "no.yaml"),
    ("learning_rat=1,overnight", "did you mean learning_rate"),
    ("learning_rate=fast,overnight", "learning_rate is 'fast'"),
])  # fmt: skip
def test_a_name_that_nobody_knows_is_told_with_the_nearest(
    around: Surroundings, settings: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        read(around, settings)


@pytest.mark.parametrize("seeds", ["0", "two", "-1", "1.5"])
def test_seeds_are_a_whole_number(around: Surroundings, seeds: str) -> None:
    with pytest.raises(InputError, match="from 1 up"):
        read(around, seeds=seeds)


def test_whence_a_named_configuration_is_said_once(around: Surroundings) -> None:
    given: dict[str, Any] = {"data": "d", "model": "m", "within": "30m",
                             "settings": "baseline,overnight", "seeds": "1"}  # fmt: skip
    _, said = asked(given, around)
    assert [line for line in said if "guides 2 and 5" in line] == [
        "baseline: guides 2 and 5, Baseline"
    ]
