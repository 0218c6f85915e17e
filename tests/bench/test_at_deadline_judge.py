"""The judge and the material on real saved folders: what loads, what does not, what it measures."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests import small_nights

import at_deadline_judge
import at_deadline_ready
import at_deadline_runs
from at_deadline_arms import ARMS, BASE, BUDGET, OURS
from at_deadline_disk import artefacts
from at_deadline_plans import Cell, Run, base_cell

pytestmark = pytest.mark.tiny
ROWS = {
    "tokens": np.array([5, 6, 7, 8, 9, 10, 11, 12, 13]),
    "learn": np.array([0, 0, 1, 1, 0, 1, 1, 1, 1], dtype=bool),
    "offsets": np.array([0, 4, 9]),
}


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> small_nights.Small:
    return small_nights.make(tmp_path_factory.mktemp("small"))


@pytest.fixture
def run(small, tmp_path) -> Path:
    """A run with three checkpoints of the same weights."""
    for step in (5, 10, 15):
        shutil.copytree(small.model, tmp_path / f"checkpoint-{step}")
    return tmp_path


def judged(small, run: Path) -> dict:
    np.savez(run / "rows.npz", **ROWS)
    spec = {"base": str(small.model), "rows": str(run / "rows.npz"),
            "artefacts": [str(one) for one in artefacts(run)]}  # fmt: skip
    return at_deadline_judge.judge(spec)


def one_by_one(model) -> list[float]:
    """The rows without a batch, straight from the definition."""
    import torch

    sums = []
    for low, high in ((0, 4), (4, 9)):
        ids = torch.tensor([ROWS["tokens"][low:high].tolist()])
        with torch.no_grad():
            chances = model(ids).logits[0].log_softmax(-1)
        learnt = [at for at in range(1, high - low) if ROWS["learn"][low + at]]
        sums.append(-sum(float(chances[at - 1, ids[0, at]]) for at in learnt))
    return sums


def test_the_judge_measures_what_the_definition_says(small, run):
    model = at_deadline_judge.load(small.model, small.model)
    assert judged(small, run)["sums"] == pytest.approx(one_by_one(model), abs=1e-4)


def test_the_newest_artefact_that_loads_counts_and_the_torn_one_is_named(small, run):
    torn = run / "checkpoint-15" / "model.safetensors"
    torn.write_bytes(torn.read_bytes()[:-100])
    found = judged(small, run)
    assert Path(found["artefact"]).name == "checkpoint-10"
    assert [one.split(":")[0] for one in found["passed_over"]] == ["checkpoint-15"]


def test_weights_that_are_missing_are_not_drawn_anew(small, run):
    from safetensors.torch import load_file, save_file

    path = run / "checkpoint-15" / "model.safetensors"
    weights = load_file(path)
    weights.pop(next(name for name in weights if "mlp" in name))
    save_file(weights, path, metadata={"format": "pt"})
    assert Path(judged(small, run)["artefact"]).name == "checkpoint-10"


def test_a_run_that_left_nothing_has_no_loss(small, tmp_path):
    found = judged(small, tmp_path)
    assert (found["artefact"], found["sums"]) == (None, None)


def test_an_adapter_is_read_onto_its_base(small, run):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(small.model, dtype=torch.float32),
        LoraConfig(**BUDGET, init_lora_weights=False),
    )
    model.save_pretrained(run / "checkpoint-20")
    found = judged(small, run)
    assert Path(found["artefact"]).name == "checkpoint-20"
    assert found["sums"] == pytest.approx(one_by_one(model.eval()), abs=1e-4)


def test_long_rows_share_batches_with_like_ones_and_none_is_left_out():
    lengths = np.array([8000, 10, 5000, 4000, 20, 30])
    found = [batch.tolist() for batch in at_deadline_judge.batches(lengths)]
    assert sorted(row for batch in found for row in batch) == list(range(6))
    assert all(len(b) * max(lengths[b]) <= at_deadline_judge.BATCH_TOKENS for b in found)


@pytest.fixture(scope="module")
def material(small, tmp_path_factory):
    """What arms are given of the small model's rows."""
    work = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        lines = small.data.read_text().splitlines()
        patch.setitem(at_deadline_ready.DATA, "sums", lambda data: iter(lines))
        patch.setattr(at_deadline_ready, "base_of", lambda *asked: small.model)
        yield at_deadline_ready.ready("small", "sums", work, work)


def test_no_row_of_the_judge_is_in_anybodys_files(material):
    judge, train, held = (
        set((material.folder / name).read_text().splitlines())
        for name in ("whole.jsonl", "train.jsonl", "held.jsonl")
    )
    judge -= train | held
    assert len(judge) == material.facts["judged_rows"] >= 20
    assert not train & held


def test_everybody_learns_the_same_tokens_of_the_same_rows(material):
    from datasets import load_from_disk
    from transformers import AutoTokenizer

    words = AutoTokenizer.from_pretrained(material.base)
    rows, lines = load_from_disk(material.tokens), material.train.read_text().splitlines()
    assert len(rows) == len(lines) == material.facts["train_rows"]
    for row, line in zip(rows.select(range(5)), lines, strict=False):
        answer = json.loads(line)["messages"][-1]["content"]
        learnt = [one for one in row["labels"] if one != at_deadline_ready.IGNORED]
        assert words.decode(learnt).startswith(answer)
        assert sum(map(len, rows["input_ids"])) == material.facts["train_tokens"]


def test_material_is_made_once(material, monkeypatch):
    monkeypatch.setattr(at_deadline_ready, "_write", None)
    again = at_deadline_ready.ready("small", "sums", material.folder, material.folder.parents[1])
    assert again == material


def test_the_last_of_six_messages_is_what_a_bot_learns_to_say(tmp_path):
    folder = tmp_path / "ubuntu_irc" / "train"
    folder.mkdir(parents=True)
    said = [f"[09:{minute}] <ann> word {minute}" for minute in range(10, 24)]
    said.insert(3, "=== bob has joined #ubuntu")
    (folder / "a.txt").write_text("\n".join(said))
    rows = [json.loads(line) for line in at_deadline_ready.irc(tmp_path)]
    assert [row["completion"] for row in rows] == ["ann: word 15", "ann: word 21"]
    assert rows[0]["prompt"].splitlines() == [f"ann: word {minute}" for minute in range(10, 15)]


@pytest.fixture
def judged_here(monkeypatch):
    """The judge without a process of its own, whose imports would take as long as an arm."""

    def judged(on, found, folder):
        spec = {"base": str(on.base), "rows": str(on.judged), "artefacts": list(map(str, found))}
        return at_deadline_judge.judge(spec)

    monkeypatch.setattr(at_deadline_runs, "judged", judged)


def test_a_peer_trains_on_the_material_and_leaves_what_the_judge_reads(
    material, tmp_path, monkeypatch
):
    few = {"max_steps": 4, "learning_rate": 1e-2, "max_length": 64}
    monkeypatch.setitem(ARMS, "trl", replace(ARMS["trl"], settings=few))
    told = at_deadline_runs.result(
        Run("trl", Cell("small", "sums", "lora", 300.0), 1), material, tmp_path
    )
    assert (told["status"], told["artefact"], told["steps"]) == (0, "final", 4), told["said"]
    assert told["tokens"] > 0
    assert told["loss"] > 0


def test_a_night_of_ours_goes_the_same_way_as_a_peer(material, tmp_path, judged_here):
    run = Run(OURS, Cell("small", "sums", "lora", 300.0), 1)
    few = ("--set", "max_steps=6", "--learning-rate", "1e-2")
    words = at_deadline_runs.our_words(run, material, tmp_path / "run", few)
    told = at_deadline_runs.trial(run, material, tmp_path, words=words)
    base = at_deadline_runs.result(Run(BASE, base_cell(run.cell), 0), material, tmp_path)
    assert (told["status"], told["artefact"], told["steps"]) == (0, "final", 6), told["said"]
    assert told["loss"] < base["loss"]
    assert told["phases"]["publishing"] > 0
    assert told["curve"]
