"""Export: what is published loads anywhere, is what was trained, and replaces nothing."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from tests.training import tiny
from tests.training.nights import Night
from tests.training.small_tokenizer import CHATML, make

from overnight.training import export, manifest, sealed
from overnight.training.export import FINAL, Probe
from overnight.values.errors import InputError, NothingToPublish

pytestmark = pytest.mark.tiny
TOKENS = [5, 60, 70, 80, 90]
USE = """
import sys
import torch
from {library} import {auto}
from transformers import AutoTokenizer

folder = sys.argv[1]
model = {auto}.from_pretrained(folder)
tokenizer = AutoTokenizer.from_pretrained(folder)
asked = tokenizer.apply_chat_template([{{"role": "user", "content": "Hello"}}],
                                      add_generation_prompt=True, return_tensors="pt",
                                      return_dict=True)
written = model.generate(**asked, max_new_tokens=3, do_sample=False)
ids = torch.tensor([{tokens}])
print(written.shape[1] - asked["input_ids"].shape[1], model(ids, labels=ids).loss.item())
"""


def trained(base, folder, candidate=tiny.CANDIDATE):
    """A run folder with checkpoint-3, its tokenizer and its probe; the probe's loss."""
    keeper, session = tiny.keeper(Night(folder).begin()), tiny.session(base, candidate)
    make(CHATML).save_pretrained(folder / export.TOKENIZER)
    tiny.train(session, 3)
    keeper.save(session)
    probe = Probe(name="checkpoint-3", tokens=TOKENS, loss=session.loss_of(TOKENS))
    export.write_probe(folder, probe)
    return probe.loss


def user(folder, library, auto, cwd):
    """What a user's own program says of `final/`: tokens written, loss on the probe."""
    program = USE.format(library=library, auto=auto, tokens=TOKENS)
    command = [sys.executable, "-I", "-c", program, str(folder)]
    told = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=cwd, timeout=120
    )
    assert told.returncode == 0, told.stderr
    count, loss = told.stdout.split()[-2:]
    return int(count), float(loss)


@pytest.mark.parametrize(
    ("candidate", "library", "auto"),
    [(tiny.CANDIDATE, "transformers", "AutoModelForCausalLM"),
     (tiny.LORA, "peft", "AutoPeftModelForCausalLM")],
    ids=["full", "lora"],
)  # fmt: skip
def test_final_loads_and_writes_in_a_users_own_program(
    base, tmp_path, tmp_path_factory, candidate, library, auto
):
    loss = trained(base, tmp_path, candidate)
    assert export.publish(tmp_path, "checkpoint-3") == 0
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    count, found = user(tmp_path / FINAL, library, auto, elsewhere)
    assert 1 <= count <= 3
    assert found == pytest.approx(loss, abs=1e-3)


def test_final_holds_what_a_user_needs_and_nothing_else(base, tmp_path):
    trained(base, tmp_path)
    export.publish(tmp_path, "checkpoint-3")
    names = {path.name for path in (tmp_path / FINAL).iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"} <= names
    # What COMPLETE says there is of final/ itself, and not the checkpoint's.
    assert not (names - {manifest.COMPLETE}) & set(export.NOT_FOR_USE)
    assert export.damage(tmp_path) == ""


def test_a_damaged_checkpoint_is_not_published(base, tmp_path):
    trained(base, tmp_path)
    path = tmp_path / "checkpoint-3/model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(NothingToPublish, match=r"checkpoint-3 .*model\.safetensors"):
        export.publish(tmp_path, "checkpoint-3")
    assert not (tmp_path / FINAL).exists()


@pytest.mark.parametrize("off", [0.4, -0.4, float("nan")])
def test_another_loss_than_in_training_is_noticed(base, tmp_path, off):
    loss = trained(base, tmp_path)
    export.write_probe(tmp_path, Probe(name="checkpoint-3", tokens=TOKENS, loss=loss + off))
    with pytest.raises(NothingToPublish, match="its loss on the probe is"):
        export.publish(tmp_path, "checkpoint-3")
    assert not (tmp_path / FINAL).exists()
    assert not list(tmp_path.glob(f"{export.STAGING}*"))


def test_weights_that_are_no_numbers_are_noticed(base, tmp_path):
    trained(base, tmp_path)
    staging = export.stage(tmp_path, "checkpoint-3")
    model = export.load(staging)
    model.lm_head.weight.data[0, 0] = torch.nan
    model.save_pretrained(staging)
    assert export.load_test(tmp_path, staging, "checkpoint-3") == "its logits are not finite"


@pytest.mark.parametrize(
    "text", [None, "{", '{"tokens": 3, "loss": 1}', '{"tokens": [5], "loss": 1}']
)
def test_without_a_usable_probe_the_rest_is_tested_still(base, tmp_path, text):
    trained(base, tmp_path)
    (tmp_path / export.PROBE).unlink()
    if text is not None:
        (tmp_path / export.PROBE).write_text(text)
    staging = export.stage(tmp_path, "checkpoint-3")
    assert export.load_test(tmp_path, staging, "checkpoint-3") == ""


@pytest.mark.parametrize("changes", [{"name": "checkpoint-9"}, {"compare": False}])
def test_a_probe_of_another_checkpoint_or_other_weights_is_not_compared(base, tmp_path, changes):
    loss = trained(base, tmp_path)
    probe = Probe(name="checkpoint-3", tokens=TOKENS, loss=loss + 9.0)
    export.write_probe(tmp_path, replace(probe, **changes))
    assert export.publish(tmp_path, "checkpoint-3") == 0


@pytest.mark.parametrize("trusted", [False, True])
def test_what_the_run_folder_says_makes_no_code_trusted(base, tmp_path, monkeypatch, trusted):
    trained(base, tmp_path)
    probe = {"name": "checkpoint-3", "tokens": TOKENS, "loss": 9.0, "compare": False}
    sealed.write(tmp_path / export.PROBE, probe | {"trust_remote_code": True})
    asked, load = [], export.load

    def seen(folder, *, trust_remote_code):
        asked.append(trust_remote_code)
        return load(folder, trust_remote_code=trust_remote_code)

    monkeypatch.setattr(export, "load", seen)
    assert export.publish(tmp_path, "checkpoint-3", trust_remote_code=trusted) == 0
    assert asked == [trusted]


def test_in_the_last_moment_files_are_linked_and_not_read(base, tmp_path):
    trained(base, tmp_path)
    staging = export.stage(tmp_path, "checkpoint-3", linked=True)
    weights = "model.safetensors"
    assert (staging / weights).samefile(tmp_path / "checkpoint-3" / weights)
    assert not (staging / "optimizer.pt").exists()


def test_a_final_folder_in_place_is_set_aside(base, tmp_path):
    trained(base, tmp_path)
    (tmp_path / FINAL).mkdir()
    (tmp_path / FINAL / "precious.txt").write_text("mine")
    export.publish(tmp_path, "checkpoint-3")
    assert (tmp_path / "set-aside/final-1/precious.txt").read_text() == "mine"
    assert not (tmp_path / FINAL / "precious.txt").exists()


def test_a_tokenizer_with_more_than_one_template_is_published_whole(base, tmp_path):
    trained(base, tmp_path)
    tokenizer = make({"default": CHATML, "tools": CHATML + " "})
    tokenizer.save_pretrained(tmp_path / export.TOKENIZER)
    export.publish(tmp_path, "checkpoint-3")
    from transformers import AutoTokenizer

    published = AutoTokenizer.from_pretrained(tmp_path / FINAL)
    assert published.chat_template == {"default": CHATML, "tools": CHATML + " "}


def test_what_an_interrupted_publication_left_is_cleared(base, tmp_path):
    trained(base, tmp_path)
    export.stage(tmp_path, "checkpoint-3")
    export.clear(tmp_path)
    assert not list(tmp_path.glob(f"{export.STAGING}*"))


def small(folder, text):
    """A run folder whose newest checkpoint is made of small files; no torch is needed."""
    if not (folder / export.TOKENIZER).exists():
        (folder / export.TOKENIZER).mkdir()
        (folder / export.TOKENIZER / "tokenizer.json").write_text("{}")
    return Night(folder).begin().write(5, text).name


def test_final_says_what_it_holds_and_damage_is_named(tmp_path):
    export.put_in_place(tmp_path, export.stage(tmp_path, small(tmp_path, "5")))
    assert export.damage(tmp_path) == ""
    (tmp_path / FINAL / "README.md").write_text("my own model card")
    assert export.damage(tmp_path) == ""
    (tmp_path / FINAL / "tokenizer.json").write_text("[]")
    with pytest.raises(
        InputError, match=r"final is not what was published \(tokenizer\.json: hash"
    ):
        export.check(tmp_path)


@pytest.mark.parametrize("can", [True, False], ids=["at one blow", "one after the other"])
@pytest.mark.parametrize("linked", [True, False])
def test_a_new_model_takes_the_place_of_the_old_one(tmp_path, monkeypatch, can, linked):
    if not can:
        monkeypatch.setattr(export, "exchange", lambda *_: False)
    for text in ("old", "new"):
        staged = export.stage(tmp_path, small(tmp_path, text), linked=linked)
        export.put_in_place(tmp_path, staged)
    assert (tmp_path / FINAL / "adapter_model.safetensors").read_bytes().startswith(b"new")
    aside = [path.read_bytes()[:3] for path in (tmp_path / "set-aside").glob("final-*/adapter_m*")]
    assert aside == [b"old"]
    assert export.damage(tmp_path) == ""
    assert not list(tmp_path.glob(".staging*"))


def test_a_tokenizer_file_of_a_checkpoints_name_leaves_the_checkpoint_alone(tmp_path):
    name = small(tmp_path, "5")
    (tmp_path / export.TOKENIZER / "adapter_model.safetensors").write_text("no weights")
    export.stage(tmp_path, name, linked=True)
    assert manifest.problem(tmp_path / name) is None


@pytest.mark.parametrize("name", ["../checkpoint-5", "checkpoint-../../etc", "final", "", "/etc"])
def test_a_name_that_is_no_checkpoint_s_is_not_published(tmp_path, name):
    with pytest.raises(NothingToPublish, match="no checkpoint's name; nothing is published of it"):
        export.stage(tmp_path, name, linked=True)


def test_what_a_link_among_the_tokenizer_s_files_leads_to_is_not_published(base, tmp_path):
    trained(base, tmp_path)
    (tmp_path / "secret").write_text("secret")
    (tmp_path / export.TOKENIZER / "more.json").symlink_to(tmp_path / "secret")
    with pytest.raises(NothingToPublish, match=r"more\.json is a link"):
        export.publish(tmp_path, "checkpoint-3")
    assert not (tmp_path / FINAL).exists()
