"""What a night leaves for other tools: each form loads there; nothing in place is touched."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.small_nights import content

from overnight.story import exporting
from overnight.story.exporting import Wish, export_as
from overnight.values.errors import InputError

pytestmark = pytest.mark.tiny


def export(run: Path, to: str, output: Path | None = None) -> tuple[str, ...]:
    return export_as(Wish(run=run, to=to, output=output))


def test_a_night_leaves_its_settings_for_other_tools(finished: Path):
    assert "GRADIENT_ACCUMULATION_STEPS=" in (finished / exporting.SETTINGS).read_text("utf-8")
    told = json.loads((finished / exporting.ARGUMENTS).read_text("utf-8"))
    assert told["max_steps"] == 60 and told["output_dir"] == "run-again"


def test_an_adapter_is_exported_with_its_card_and_loads(adapted: Path, tmp_path: Path):
    from peft import AutoPeftModelForCausalLM

    (place,) = export(adapted, "adapter", tmp_path / "adapter")
    assert Path(place) == tmp_path / "adapter"
    AutoPeftModelForCausalLM.from_pretrained(place)
    names = {path.name for path in Path(place).iterdir()}
    assert {"adapter_model.safetensors", "tokenizer.json", "README.md"} <= names
    assert "COMPLETE" not in names


def test_a_merged_model_is_checked_against_the_night_s_own_probe(adapted: Path, tmp_path: Path):
    from transformers import AutoModelForCausalLM

    before = content(adapted / "final")
    place, said = export(adapted, "merged", tmp_path / "merged")
    AutoModelForCausalLM.from_pretrained(place)
    assert said.startswith("merged in bfloat16: loss ")
    assert content(adapted / "final") == before
    assert [path.name for path in tmp_path.iterdir()] == ["merged"]


@pytest.mark.parametrize(
    ("to", "name"),
    [("env", "settings.env"), ("training-args", "training_args.json"),
     ("sft-args", "sft_config.json"), ("card", "README.md")],
)  # fmt: skip
def test_a_text_goes_where_it_is_wanted(finished: Path, tmp_path: Path, to: str, name: str):
    assert export(finished, to, tmp_path) == (str(tmp_path / name),)
    assert (tmp_path / name).read_text("utf-8")


@pytest.mark.parametrize(
    ("kind", "to", "wrong"),
    [("finished", "gguf", "expected one of adapter, merged, env"),
     ("finished", "adapter", "a whole model, no adapter"),
     ("finished", "merged", "no adapter")],
)  # fmt: skip
def test_what_cannot_be_is_refused(request, tmp_path: Path, kind: str, to: str, wrong: str):
    with pytest.raises(InputError, match=wrong):
        export(request.getfixturevalue(kind), to, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_what_is_in_place_stays(adapted: Path, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError, match="is there already"):
        export(adapted, "adapter", tmp_path / "mine")
    assert list((tmp_path / "mine").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(adapted: Path, tmp_path: Path):
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(InputError, match="cannot be written"):
        export(adapted, "adapter", tmp_path / "file" / "below")
    with pytest.raises(InputError, match="cannot be written"):
        export(adapted, "env", tmp_path / "file" / "below.env")


def test_the_command_says_what_lies_where(adapted: Path, tmp_path: Path):
    words = [sys.executable, "-m", "overnight", "export", str(adapted), "--to", "env",
             "--output", "mine.env"]  # fmt: skip
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False,
                          timeout=60)  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "mine.env\n"), done.stderr
