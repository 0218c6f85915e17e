"""Four priorities, each findable."""

from typing import get_args

from overnight.planning.profiles import PROFILES, weights
from overnight.values.request import Priority


def test_every_priority_has_its_weights():
    assert {profile.priority for profile in PROFILES} == set(get_args(Priority))
    assert all(weights(priority).priority == priority for priority in get_args(Priority))


def test_memory_efficient_plans_with_less_than_the_others():
    least = min(PROFILES, key=lambda profile: profile.memory_share)
    assert least.priority == "memory_efficient"


def test_quality_gives_up_more_pace_for_smaller_steps_than_fast():
    shares = {profile.priority: profile.pace_share for profile in PROFILES}
    assert shares["quality"] < shares["balanced"] < shares["fast"]
