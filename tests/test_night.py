"""A whole small night, from the command to the model that somebody else loads."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import transformers
from tests.fakes import FakeClock
from tests.small_nights import SIXTY_STEPS, Small, content, told, train, write_sums

from overnight import night
from overnight.training import journal
from overnight.values.errors import OvernightError
from overnight.values.ledger import Ended, Event, Prepared, Started
from overnight.values.request import Request

pytestmark = pytest.mark.tiny

OPENING = ["Started", "Prepared", "Saved", "Evaluated", "Promoted", "Evaluated", "Replanned"]
ORDER = [*OPENING, "Stepped", "Rehearsed", "Replanned", "Stopped", "Chosen", "Published", "Ended"]
SPEAK = """
import sys
from transformers import AutoTokenizer, AutoModelForCausalLM
if sys.argv[2] == "lora":
    from peft import AutoPeftModelForCausalLM as AutoModelForCausalLM
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
asked = [{"role": "user", "content": "What is 3 + 3?"}]
prompt = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_tensors="pt",
                                       return_dict=True)
written = model.generate(**prompt, min_new_tokens=8, max_new_tokens=8,
                         do_sample=False)
print("WROTE", written.shape[1] - prompt["input_ids"].shape[1])
"""


def in_order(events: list[Event], names: list[str]) -> bool:
    """Whether `names` are found among the events one after the other."""
    left = iter(type(event).__name__ for event in events)
    return all(name in left for name in names)


def speaks(final: Path, method: str) -> str:
    """What a process that knows nothing of the night prints when it loads the model."""
    done = subprocess.run([sys.executable, "-c", SPEAK, str(final), method], text=True,
                          capture_output=True, check=True, timeout=120)  # fmt: skip
    return done.stdout


def test_a_night_tells_its_story_in_order(finished: Path):
    assert in_order([one.event for one in told(finished)], ORDER)
    assert told(finished, Ended)[-1].event == Ended(
        exit_status=0, why="horizon", deadline_kept=True
    )


def test_the_model_of_a_night_loads_and_writes_in_a_process_of_its_own(finished: Path):
    assert "WROTE 8" in speaks(finished / "final", "full")


def test_a_night_leaves_its_account(finished: Path):
    account = json.loads((finished / "report.json").read_text(encoding="utf-8"))
    assert account["loss"]["test"]["loss"] < account["loss"]["base"]["loss"]
    assert "</html>" in (finished / "report.html").read_text(encoding="utf-8")


def test_the_same_command_again_says_finished_and_changes_nothing(small: Small, finished: Path):
    before = content(finished)
    again = train(small, finished, *SIXTY_STEPS)
    assert again.returncode == 0
    assert f"{finished} is finished: its model is {finished / 'final'}" in again.stdout
    assert content(finished) == before


@pytest.fixture(scope="module")
def adapter(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short LoRA night with held-out rows of one's own that keeps the last checkpoint."""
    folder = tmp_path_factory.mktemp("adapter")
    mine = write_sums(folder / "mine.jsonl", range(1000, 1060))
    done = train(small, folder / "run", "--method", "lora", "--eval", str(mine), "--epochs", "1",
                 "--set", "load_best_model_at_end=false")  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "run"


def test_a_lora_night_leaves_an_adapter_that_loads_and_writes(adapter: Path):
    assert (adapter / "final" / "adapter_model.safetensors").exists()
    assert not (adapter / "final" / "model.safetensors").exists()
    assert "WROTE 8" in speaks(adapter / "final", "lora")


def test_ones_own_held_out_rows_are_what_a_night_is_judged_by(adapter: Path):
    account = json.loads((adapter / "report.json").read_text(encoding="utf-8"))
    assert account["loss"]["select"]["n"] == account["loss"]["test"]["n"] == 30


def test_the_last_checkpoint_is_chosen_where_that_was_asked_for(adapter: Path):
    chosen = next(one.event for one in told(adapter) if type(one.event).__name__ == "Chosen")
    stopped = next(one.event for one in told(adapter) if type(one.event).__name__ == "Stopped")
    assert chosen.name == f"checkpoint-{stopped.step}"
    assert chosen.why == "the last one, as load_best_model_at_end=false asks"


def test_a_survey_shows_what_would_be_learnt(small: Small):
    profile, examples = night.survey(Request(data=str(small.data), model=str(small.model)))
    assert profile.num_rows == 240
    learnt = ["".join(text for text, learn in one if learn) for one in examples]
    assert len(learnt) == 3 and all(text.startswith("It is ") for text in learnt)


def test_a_survey_without_a_model_says_whose_tokens_it_counted(small: Small):
    profile, examples = night.survey(Request(data=str(small.data), model=""))
    assert profile.findings[0] == night.NO_MODEL
    assert profile.num_rows == 240 and len(examples) == 3


def test_a_folder_without_a_beginning_is_refused(tmp_path: Path):
    (tmp_path / journal.EVENTS).write_text("")
    with pytest.raises(OvernightError, match="has no beginning; start with `overnight train`"):
        night.run(tmp_path, clock=FakeClock())


def test_a_pair_of_encoder_and_decoder_is_refused_in_a_sentence(small: Small, tmp_path: Path):
    shutil.copytree(small.model, tmp_path / "pair")
    parts = transformers.VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        transformers.ViTConfig(hidden_size=32, intermediate_size=48, num_hidden_layers=1,
                               num_attention_heads=4, image_size=32),
        transformers.GPT2Config(vocab_size=300, n_embd=32, n_layer=1, n_head=4),
    )  # fmt: skip
    transformers.VisionEncoderDecoderModel(parts).save_pretrained(tmp_path / "pair")
    ended = train(Small(tmp_path / "pair", small.data), tmp_path / "run", "--within", "5m")
    assert ended.returncode == 2
    assert "pair is a vision encoder-decoder, which overnight plans but does not" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_what_was_asked_is_found_in_the_plan_again(small: Small, finished: Path):
    written = json.loads((finished / night.PLAN).read_text(encoding="utf-8"))
    assert written["request"]["settings"]["max_steps"] == 60
    assert written["candidate"]["per_device_train_batch_size"] == 4
    (begun,), (prepared,) = told(finished, Started), told(finished, Prepared)
    assert begun.event.deadline_utc is None
    assert prepared.event.fingerprint == written["dataset"]["fingerprint"]
