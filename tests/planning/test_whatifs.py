"""What else could be chosen, with what it would cost."""

from tests.planning.facts import CARD, LARGE, question

from overnight.planning import search
from overnight.values.request import Settings


def rows(**asked):
    return {row.what: row for row in search.choose(question(**asked)).what_ifs}


def test_checkpointing_is_told_with_pace_and_memory():
    row = rows(model=LARGE, hardware=CARD)["with checkpointing"]
    assert "% slower" in row.effect and "GiB less" in row.effect
    assert row.command == "--set gradient_checkpointing=true"


def test_without_checkpointing_is_told_where_it_was_given():
    asked = Settings(gradient_checkpointing=True)
    assert "without checkpointing" not in rows(model=LARGE, hardware=CARD, settings=asked)


def test_other_priorities_say_steps_end_and_memory():
    row = rows(model=LARGE, hardware=CARD, window=36_000.0)["priority fast"]
    assert "steps of" in row.effect and "over after" in row.effect


def test_a_night_that_is_over_before_half_of_its_window_could_do_more():
    told = rows(window=36_000.0)
    assert "priority quality" in told
    assert "would fill it" in told["half of the window is left: more epochs"].effect


def test_epochs_that_do_not_fit_are_answered_with_those_that_do():
    told = rows(window=60.0, settings=Settings(num_train_epochs=500.0))
    assert "fit into the window" in told["fewer epochs"].effect
    assert "priority fast" in told


def test_a_full_window_asks_for_nothing():
    assert not any("window" in what for what in rows(window=60.0, priority="quality"))


def test_what_does_not_fit_is_said_to_be_so():
    assert rows(model=LARGE, hardware=CARD)["full"].effect == "does not fit"


def test_a_given_method_is_not_questioned():
    assert not any(what.startswith(("lora", "full")) for what in rows(method="lora"))
