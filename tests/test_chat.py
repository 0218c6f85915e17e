"""Talking to a night's model, as lines that are typed and as a sheet of prompts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from overnight import chat
from overnight.training.talking import Manner, Said
from overnight.values.errors import InputError

pytestmark = pytest.mark.tiny
CERTAIN = Manner(new_tokens=8, temperature=0.0)


class Heard:
    """What was written to the terminal, and what was remarked beside it."""

    def __init__(self) -> None:
        self.written, self.said = "", []

    def write(self, text: str) -> None:
        self.written += text

    def open(self, run: Path, **more) -> chat.Chat:
        asked = chat.Asked(run=run, manner=CERTAIN, **more)
        return chat.opened(asked, write=self.write, say=self.said.append)


def test_a_conversation_goes_on_from_its_own_answers(finished: Path):
    heard = Heard()
    one = heard.open(finished)
    assert chat.talk(one, ["What is 3 + 3?", "", "And 4 + 4?"], say=heard.said.append) == 0
    assert [turn.role for turn in one.turns] == ["user", "assistant", "user", "assistant"]
    assert one.turns[1].content in heard.written
    assert f"talking to {finished / 'final'}" in heard.said[0]


def test_commands_change_the_conversation(finished: Path):
    heard = Heard()
    one = heard.open(finished)
    chat.talk(one, ["/system Be short.", "/nonsense", "/exit", "never read"], say=heard.said.append)
    assert one.turns == [Said("system", "Be short.")]
    assert heard.said.count(chat.HELP) == 2
    chat.talk(one, ["/reset"], say=heard.said.append)
    assert one.turns == [] and heard.written == ""


def test_base_and_tuned_stand_side_by_side(adapted: Path):
    heard = Heard()
    answer = heard.open(adapted, compare=True).ask("What is 3 + 3?")
    base, tuned = heard.written.strip().splitlines()[0], heard.written.strip().splitlines()[-1]
    assert base.strip().startswith("base>") and tuned.strip().startswith("tuned>")
    assert answer in tuned


def test_an_answer_cannot_act_on_the_terminal(finished: Path, monkeypatch: pytest.MonkeyPatch):
    heard = Heard()
    one = heard.open(finished)
    monkeypatch.setattr(one.talker, "answer", lambda *_: iter(["a\x1b[2J", "\u202eb"]))
    one.ask("?")
    assert heard.written == "a\\x1b[2J\\u202eb\n"


def test_a_checkpoint_is_talked_to_by_its_step(finished: Path):
    heard = Heard()
    step = max(int(path.name.rpartition("-")[2]) for path in finished.glob("checkpoint-*"))
    heard.open(finished, checkpoint=str(step)).ask("What is 3 + 3?")
    assert f"checkpoint-{step}" in heard.said[0]
    with pytest.raises(InputError, match=r"checkpoint-7: there is none; there are: checkpoint-"):
        heard.open(finished, checkpoint="7")
    with pytest.raises(InputError, match=r"no checkpoint of this night|there is none"):
        heard.open(finished, checkpoint="../elsewhere")


def test_a_folder_that_is_no_night_s_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"holds no plan\.json"):
        Heard().open(tmp_path)


def test_prompts_are_lines_or_json_lines(tmp_path: Path):
    plain, rows = tmp_path / "a.txt", tmp_path / "a.jsonl"
    plain.write_text("\ufeffone\n\ntwo\n", "utf-8")
    turns = [{"role": "user", "content": "b"}, {"role": "assistant", "content": "c"}]
    rows.write_text('{"prompt": "a"}\n' + json.dumps({"messages": turns}) + "\n", "utf-8")
    assert list(chat.prompts_of(plain)) == [(Said("user", "one"),), (Said("user", "two"),)]
    assert list(chat.prompts_of(rows)) == [(Said("user", "a"),), (Said("user", "b"),)]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("", "holds no prompt"), ("{", r"a\.jsonl:1: no JSON"), ("[]", r"a\.jsonl:1: expected"),
     ('{"messages": [{"role": "assistant", "content": "x"}]}', "nobody says anything")],
)  # fmt: skip
def test_a_file_of_prompts_that_is_none_is_refused(tmp_path: Path, text: str, wrong: str):
    (tmp_path / "a.jsonl").write_text(text, "utf-8")
    with pytest.raises(InputError, match=wrong):
        list(chat.prompts_of(tmp_path / "a.jsonl"))


def test_the_command_makes_a_sheet_of_both(adapted: Path, tmp_path: Path):
    (tmp_path / "p.txt").write_text("What is 3 + 3?\nWhat is 9 + 2?\n", "utf-8")
    words = [sys.executable, "-m", "overnight", "chat", str(adapted), "--compare", "--json",
             "--prompts", "p.txt", "--max-new-tokens", "6", "--temperature", "0"]  # fmt: skip
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=120)  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["prompt"] for row in rows] == ["What is 3 + 3?", "What is 9 + 2?"]
    assert all(set(row) == {"prompt", "base", "tuned"} for row in rows)


def test_the_command_talks_through_a_pipe(finished: Path, tmp_path: Path):
    words = [sys.executable, "-m", "overnight", "chat", str(finished), "--temperature", "0",
             "--max-new-tokens", "6"]  # fmt: skip
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False,
                          input="What is 3 + 3?\n/exit\n", timeout=120)  # fmt: skip
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 1
    assert "/reset forgets" in done.stderr
