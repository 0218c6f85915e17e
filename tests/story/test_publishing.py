"""What is put into `final/`, when it is tested, and what happens where a test fails or hangs."""

import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.training.nights import WEIGHTS, Night, stepped

from overnight.codec import entry_to_line
from overnight.probe.clock import SystemClock
from overnight.story.examiner import Examiner
from overnight.story.publishing import Publisher
from overnight.training import export, journal
from overnight.training.journal import Journal
from overnight.values.ledger import Chosen, Continued, Published, Saved

PYTHON = sys.executable
PUBLISHES = """
import sys
from pathlib import Path
from overnight.training import export
open({starts!r}, "a").write(sys.argv[-1] + " ")
export.put_in_place(Path(sys.argv[-2]), export.stage(Path(sys.argv[-2]), sys.argv[-1]))
"""
REFUSES = (
    """
import sys
open({starts!r}, "a").write(sys.argv[-1] + " ")
if sys.argv[-1] != "checkpoint-5":
    print("overnight: error: its logits are not finite", file=sys.stderr)
    sys.exit(3)
"""
    + PUBLISHES
)
HANGS = "import time; time.sleep(600)"


@pytest.fixture
def night(tmp_path: Path) -> Night:
    """Two promoted checkpoints; everything is in the journal on the disk too."""
    (tmp_path / "run").mkdir()
    night = Night(tmp_path / "run").begin().save(5).promote(5).add(stepped(6))
    return night.save(10).promote(10).add(stepped(11))


def journal_of(night: Night) -> Journal:
    """The journal on the disk, as the training process left it."""
    lines = (entry_to_line(entry) + "\n" for entry in night.entries)
    (night.folder / journal.EVENTS).write_text("".join(lines))
    return Journal.open(night.folder, night.clock)


def publisher_of(night: Night, written: Journal) -> Publisher:
    return Publisher(night.folder, written, night.clock, None, 10.0, Examiner(night.folder))


@pytest.fixture
def publisher(night: Night):
    with journal_of(night) as written:
        yield publisher_of(night, written)


@pytest.fixture
def tests_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The fresh process runs this program; the answer is a file with what it was asked for."""

    def install(program: str) -> Path:
        path, starts = tmp_path / "python", tmp_path / "starts"
        starts.write_text("")
        path.write_text(f"#!{PYTHON}\n{program.format(starts=str(starts))}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(sys, "executable", str(path))
        return starts

    return install


def chosen(name: str) -> Chosen:
    return Chosen(step=5, name=name, why="the lowest loss")


def published(publisher: Publisher) -> list[Published]:
    events = [entry.event for entry in journal.read(publisher.folder)]
    return [event for event in events if isinstance(event, Published)]


def holds(publisher: Publisher, text: str) -> bool:
    return (publisher.folder / export.FINAL / WEIGHTS).read_bytes().startswith(text.encode())


def test_the_chosen_one_is_published_and_tested(publisher: Publisher, tests_with):
    tests_with(PUBLISHES)
    publisher.journal.append(chosen("checkpoint-5"))
    assert publisher.publish()
    assert holds(publisher, "5")
    assert (published(publisher)[-1].name, published(publisher)[-1].tested) == (
        "checkpoint-5",
        True,
    )


@pytest.mark.parametrize("trusted", [False, True])
def test_code_of_the_model_s_own_is_run_only_where_the_command_said_so(
    publisher: Publisher, tests_with, trusted: bool
):
    starts = tests_with('import sys; open({starts!r}, "a").write(" ".join(sys.argv)); sys.exit(3)')
    publisher.journal.append(chosen("checkpoint-5"))
    replace(publisher, examiner=Examiner(publisher.folder, trusted)).publish()
    assert ("--trust-remote-code" in starts.read_text()) is trusted


AHEAD = """
import sys
from pathlib import Path
from overnight.training import export
open({starts!r}, "a").write(sys.argv[-1] + " ")
name = sys.stdin.readline().strip() if sys.argv[-1] == "-" else sys.argv[-1]
export.put_in_place(Path(sys.argv[-2]), export.stage(Path(sys.argv[-2]), name))
"""


def test_what_is_published_is_told_to_the_process_that_waits(publisher: Publisher, tests_with):
    starts = tests_with(AHEAD)
    publisher.examiner.prepare()
    publisher.journal.append(chosen("checkpoint-5"))
    assert publisher.publish()
    assert (holds(publisher, "5"), published(publisher)[-1].tested) == (True, True)
    assert starts.read_text() == "- "


def test_one_that_died_before_its_turn_is_replaced(publisher: Publisher, tests_with):
    starts = tests_with(
        AHEAD.replace("name =", "sys.exit(1) if sys.argv[-1] == '-' else 0; name =")
    )
    publisher.examiner.prepare()
    assert publisher.examiner._ahead.wait(30.0) == 1
    publisher.journal.append(chosen("checkpoint-5"))
    assert publisher.publish() and holds(publisher, "5")
    assert starts.read_text() == "- checkpoint-5 "


def test_what_was_chosen_before_training_went_on_counts_no_more(publisher, tests_with):
    tests_with(PUBLISHES)
    publisher.journal.append(chosen("checkpoint-5"))
    publisher.journal.append(stepped(12))
    publisher.journal.mark()
    assert publisher.publish()
    assert holds(publisher, "10")


@pytest.mark.parametrize(
    ("events", "says"),
    [([], "this is the base model"),
     ([Continued(name="checkpoint-1500", steps=1500)], "this is checkpoint-1500 as it came")],
)  # fmt: skip
def test_the_checkpoint_before_step_1_is_said_to_be_what_it_is(night, tests_with, events, says):
    tests_with(PUBLISHES)
    night.save(0).promote(0)
    with journal_of(night) as written:
        for event in (*events, chosen("checkpoint-0")):
            written.append(event)
        publisher = publisher_of(night, written)
        assert publisher.publish()
    assert published(publisher)[-1].note.endswith(says)


def test_where_the_test_fails_the_next_one_is_published_and_the_reason_is_kept(
    publisher, tests_with
):
    starts = tests_with(REFUSES)
    publisher.journal.append(chosen("checkpoint-10"))
    assert publisher.publish()
    assert starts.read_text().split()[:2] == ["checkpoint-10", "checkpoint-5"]
    assert published(publisher)[0].note == "its logits are not finite"
    assert holds(publisher, "5")


def test_where_every_one_is_refused_nothing_is_published(publisher, tests_with):
    tests_with(REFUSES.replace('!= "checkpoint-5"', '!= "none"'))
    assert not publisher.publish()
    assert not (publisher.folder / export.FINAL).exists()


def test_where_the_test_itself_fails_the_model_is_put_in_place_untested(publisher, tests_with):
    tests_with("import sys; sys.exit(1)  # {starts}")
    assert publisher.publish()
    assert not published(publisher)[-1].tested
    assert holds(publisher, "10")


def test_a_user_who_leaves_at_once_does_not_wait_for_a_test(publisher, tests_with):
    tests_with(HANGS)
    assert replace(publisher, left_at_once=lambda: True).publish()
    assert not published(publisher)[-1].tested


def test_where_the_chosen_one_fails_the_newest_promoted_one_is_published(publisher, tests_with):
    starts = tests_with(REFUSES.replace('!= "checkpoint-5"', '!= "checkpoint-10"'))
    publisher.journal.append(chosen("checkpoint-5"))
    assert publisher.publish()
    assert starts.read_text().split()[:2] == ["checkpoint-5", "checkpoint-10"]
    assert holds(publisher, "10")


def test_where_no_time_is_left_the_model_is_put_in_place_untested(publisher, tests_with, night):
    starts = tests_with(PUBLISHES)
    late = replace(publisher, ends_at=night.clock.boot() + 4.9)
    assert late.publish()
    assert starts.read_text() == ""
    assert "no time was left" in published(late)[-1].note
    assert holds(late, "10")


def test_a_test_that_hangs_is_ended_and_the_model_is_put_in_place(publisher, tests_with):
    tests_with(HANGS)
    clock = SystemClock()
    assert replace(publisher, clock=clock, ends_at=clock.boot() + 2.1, price=1.0).publish()
    assert not published(publisher)[-1].tested
    assert holds(publisher, "10")


def test_a_model_that_stands_tested_is_not_published_again(publisher, tests_with):
    starts = tests_with(PUBLISHES)
    assert publisher.publish() and publisher.publish()
    assert starts.read_text() == "checkpoint-10 "
    assert not (publisher.folder / "set-aside").exists()


def test_a_model_whose_folder_is_gone_is_published_again(publisher, tests_with):
    tests_with(PUBLISHES)
    assert publisher.publish()
    (publisher.folder / export.FINAL).rename(publisher.folder / "mine")
    assert publisher.publish()
    assert holds(publisher, "10")


def test_a_model_that_was_damaged_since_is_published_again(publisher, tests_with):
    starts = tests_with(PUBLISHES)
    assert publisher.publish()
    weights = publisher.folder / export.FINAL / WEIGHTS
    weights.write_bytes(bytes(weights.stat().st_size))
    assert export.damage(publisher.folder) == f"{WEIGHTS}: hash differs"
    assert publisher.publish()
    assert starts.read_text() == "checkpoint-10 checkpoint-10 "
    assert export.damage(publisher.folder) == ""


def test_in_the_last_moment_too_a_damaged_model_is_not_published(publisher, tests_with, night):
    tests_with(HANGS)
    publisher.journal.append(chosen("checkpoint-5"))
    night.damage(5)
    assert replace(publisher, ends_at=night.clock.boot() + 4.9).publish()
    assert published(publisher)[-1].name == "checkpoint-10"


def test_a_probe_that_is_damaged_is_said(publisher, tests_with):
    tests_with(PUBLISHES)
    export.write_probe(publisher.folder, export.Probe(name="checkpoint-10", tokens=[1], loss=2.0))
    text = (publisher.folder / export.PROBE).read_text()
    (publisher.folder / export.PROBE).write_text(text.replace("2.0", "3.0"))
    assert publisher.publish()
    assert published(publisher)[-1].note.startswith("probe.json is damaged, so its loss was not")


def test_a_checkpoint_of_the_same_name_that_was_saved_since_is_published_anew(
    publisher, tests_with, night
):
    starts = tests_with(PUBLISHES)
    assert publisher.publish()
    publisher.journal.append(night.entries[-3].event)  # checkpoint-10 is saved once more
    publisher.journal.append(night.entries[-2].event)
    assert publisher.publish()
    assert starts.read_text() == "checkpoint-10 checkpoint-10 "


def test_what_was_published_before_a_night_began_again_still_counts(publisher, tests_with, night):
    starts = tests_with(PUBLISHES)
    assert publisher.publish()
    for saved in [one.event for one in night.entries if isinstance(one.event, Saved)]:
        publisher.journal.append(saved)  # under the same names, and not promoted yet
    assert publisher.publish()
    assert starts.read_text() == "checkpoint-10 "


def test_a_damaged_checkpoint_gives_way_to_the_one_before(publisher, tests_with, night: Night):
    tests_with(PUBLISHES)
    night.damage(10)
    assert publisher.publish()
    assert holds(publisher, "5")


def test_without_a_promoted_checkpoint_nothing_is_published(tmp_path: Path, tests_with):
    starts = tests_with(PUBLISHES)
    (tmp_path / "run").mkdir()
    night = Night(tmp_path / "run").begin().save(5)
    with journal_of(night) as written:
        assert not publisher_of(night, written).publish()
    assert starts.read_text() == ""
