import os
import shutil
from pathlib import Path

import pytest
from tests.training.nights import Night, fill, newest_whole, read_only

from overnight.training.checkpoint import write
from overnight.training.disk import DiskTrouble
from overnight.training.lineage import (
    Found,
    best_whole,
    newest_promoted,
    promoted,
    tidy,
)


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return Night(tmp_path).begin()


def newest(night: Night) -> str:
    return newest_whole(night.folder, night.entries).name


def test_a_night_without_checkpoints_begins_at_the_beginning(night: Night) -> None:
    assert newest_whole(night.folder, night.entries) == Found()


def test_the_newest_whole_one_is_found_with_its_step_and_folder(night: Night) -> None:
    night.save(35, 40)
    found = newest_whole(night.folder, night.entries)
    assert found == Found(name="checkpoint-40", step=40, path=night.folder / "checkpoint-40")


def test_a_damaged_one_is_named_and_passed_over(night: Night) -> None:
    night.save(35, 40)
    night.damage(40)
    found = newest_whole(night.folder, night.entries)
    assert found.name == "checkpoint-35"
    assert found.passed_over == (
        "checkpoint-40 is damaged (adapter_model.safetensors: hash differs), passed over; "
        "going on from checkpoint-35",
    )


def test_all_damaged_ones_are_named_newest_first(night: Night) -> None:
    night.save(5, 10, 15)
    night.damage(10, "COMPLETE")
    night.damage(5)
    shutil.rmtree(night.folder / "checkpoint-15")
    found = newest_whole(night.folder, night.entries)
    assert found.path is None
    assert found.passed_over == (
        "checkpoint-15 is missing, passed over; going on from the beginning",
        "checkpoint-10 is damaged (COMPLETE: not what was written), passed over; "
        "going on from the beginning",
        "checkpoint-5 is damaged (adapter_model.safetensors: hash differs), passed over; "
        "going on from the beginning",
    )


def test_damage_behind_the_one_to_go_on_from_is_no_news(night: Night) -> None:
    night.save(5, 10)
    night.damage(5, "COMPLETE")
    assert newest_whole(night.folder, night.entries).passed_over == ()


def test_one_renamed_into_place_just_before_a_kill_counts(night: Night) -> None:
    night.save(5).write(10)
    assert newest(night) == "checkpoint-10"


def test_what_a_rewind_left_behind_is_not_gone_on_from(night: Night) -> None:
    night.save(5, 10, 15).rewind(5)
    assert newest(night) == "checkpoint-5"
    night.save(8)
    assert newest(night) == "checkpoint-8"


def test_one_left_behind_is_not_news_even_if_it_is_damaged(night: Night) -> None:
    night.save(5, 10)
    night.damage(10)
    night.rewind(5)
    assert newest_whole(night.folder, night.entries).passed_over == ()


def test_after_a_rewind_the_same_name_counts_again_with_or_without_a_word(night: Night) -> None:
    night.save(5, 10).rewind(5).write(10, "anew")
    assert newest(night) == "checkpoint-10"
    night.save(10)
    assert newest(night) == "checkpoint-10"


def test_two_rewinds_leave_two_branches_behind(night: Night) -> None:
    night.save(5, 10).rewind(5).save(7, 20).rewind(7).save(9)
    assert newest(night) == "checkpoint-9"
    assert tidy(night.folder, night.entries).name == "checkpoint-9"
    assert night.set_aside() == ["checkpoint-10-1", "checkpoint-20-2"]


def test_what_a_resumption_passed_over_stays_passed_over(night: Night) -> None:
    night.save(5, 10).resume(5)
    assert newest(night) == "checkpoint-5"


def test_neither_the_highest_number_nor_the_newest_file_wins(night: Night) -> None:
    other = night.lineage(run="night-0")
    write(night.folder, step=99, lineage=other, fill=fill("99"))
    night.save(5, 10)
    os.utime(night.folder / "checkpoint-5", (2e9, 2e9))
    os.utime(night.folder / "checkpoint-10", (0, 0))
    found = newest_whole(night.folder, night.entries)
    assert found.name == "checkpoint-10"
    assert found.passed_over == (
        "checkpoint-99 belongs to another night, passed over; going on from checkpoint-10",
    )


def test_a_lost_rewind_line_does_not_bring_back_what_it_left_behind(night: Night) -> None:
    night.save(5, 10).rewind(5)
    night.entries.pop()
    night.save(8)
    assert newest(night) == "checkpoint-8"


def test_a_stock_checkpoint_is_named_and_left_where_it_is(night: Night) -> None:
    stock = night.folder / "checkpoint-500"
    stock.mkdir()
    (stock / "trainer_state.json").write_text("{}")
    night.save(5)
    found = tidy(night.folder, night.entries)
    assert found.passed_over == (
        "checkpoint-500 was written by another tool (no COMPLETE), passed over; "
        "going on from checkpoint-5",
    )
    assert night.names() == ["checkpoint-5", "checkpoint-500"]


def test_one_of_ours_that_lost_its_complete_is_damaged_not_foreign(night: Night) -> None:
    night.save(5, 10)
    (night.folder / "checkpoint-10" / "COMPLETE").unlink()
    (told,) = newest_whole(night.folder, night.entries).passed_over
    assert told.startswith("checkpoint-10 is damaged (COMPLETE: missing)")


def test_tidying_up_moves_the_damaged_aside_and_keeps_every_byte(night: Night) -> None:
    night.save(5, 10)
    night.damage(10)
    found = tidy(night.folder, night.entries)
    assert (found.name, len(found.passed_over)) == ("checkpoint-5", 1)
    assert night.names() == ["checkpoint-5", "set-aside"]
    assert (night.folder / "set-aside" / "checkpoint-10-1" / "optimizer.pt").is_file()


def test_tidying_up_removes_what_a_kill_left(night: Night) -> None:
    night.save(5)
    for name in (".staging-checkpoint-7-ab", ".trash-checkpoint-1-cd"):
        (night.folder / name).mkdir()
        (night.folder / name / "optimizer.pt").write_bytes(b"half")
    (night.folder / ".status.json.12ab.tmp").write_text("{")
    (night.folder / ".ballast").write_text("stays")
    tidy(night.folder, night.entries)
    assert night.names() == [".ballast", "checkpoint-5"]


def test_a_completed_staging_gets_its_last_rename(night: Night) -> None:
    night.save(5).write(10).rename(night.folder / ".staging-checkpoint-10-ab")
    assert newest(night) == "checkpoint-5"
    assert tidy(night.folder, night.entries).name == "checkpoint-10"


def test_a_completed_staging_of_another_night_goes(night: Night) -> None:
    other = night.lineage(run="night-0")
    written = write(night.folder, step=9, lineage=other, fill=fill("9"))
    written.path.rename(night.folder / ".staging-checkpoint-9-ab")
    assert tidy(night.folder, night.entries) == Found()
    assert night.names() == []


def test_a_disk_that_refuses_to_be_tidied_is_told(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    night.save(5)
    night.damage(5)
    monkeypatch.setattr(os, "rename", read_only)
    with pytest.raises(DiskTrouble, match="Read-only file system"):
        tidy(night.folder, night.entries)


def test_promoted_ones_are_told_in_order_without_what_was_left_behind(night: Night) -> None:
    night.save(5, 10, 15).promote(5).promote(10).rewind(5)
    assert promoted(night.entries) == ["checkpoint-5"]
    night.save(10)
    assert promoted(night.entries) == ["checkpoint-5"]
    night.promote(10)
    assert promoted(night.entries) == ["checkpoint-5", "checkpoint-10"]


def test_a_name_saved_anew_has_to_prove_itself_again(night: Night) -> None:
    night.save(5, 10).promote(5).promote(10).save(10)
    assert newest_promoted(night.folder, night.entries).name == "checkpoint-5"


def test_the_newest_promoted_one_that_is_whole_may_be_published(night: Night) -> None:
    night.save(5, 10, 15).promote(5).promote(10)
    assert newest_promoted(night.folder, night.entries).name == "checkpoint-10"
    night.damage(10)
    found = newest_promoted(night.folder, night.entries)
    assert found.name == "checkpoint-5"
    assert found.passed_over == (
        "checkpoint-10 is damaged (adapter_model.safetensors: hash differs), passed over; "
        "taking checkpoint-5",
    )


def test_where_nothing_promoted_is_whole_nothing_is_taken(night: Night) -> None:
    night.save(5, 10).promote(5).promote(10)
    shutil.rmtree(night.folder / "checkpoint-5")
    night.damage(10, "COMPLETE")
    found = newest_promoted(night.folder, night.entries)
    assert found.path is None
    assert found.passed_over == (
        "checkpoint-10 is damaged (COMPLETE: not what was written), passed over; taking none",
        "checkpoint-5 is missing, passed over; taking none",
    )


def test_the_best_is_the_lowest_finite_loss_at_its_own_step(night: Night) -> None:
    night.save(5).evaluate(5, 2.0).save(10).evaluate(10, 1.0).save(15).evaluate(15, float("nan"))
    night.evaluate(17, 0.1)
    assert best_whole(night.folder, night.entries).name == "checkpoint-10"
    night.damage(10)
    assert best_whole(night.folder, night.entries).name == "checkpoint-5"


def test_a_loss_that_a_rewind_left_behind_does_not_count(night: Night) -> None:
    night.save(5).evaluate(5, 2.0).save(10).evaluate(10, 1.0).rewind(5).save(10)
    assert best_whole(night.folder, night.entries).name == "checkpoint-5"
