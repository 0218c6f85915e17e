"""Answers of real small models: the base's and the tuned one's are what each would write."""

from pathlib import Path

import pytest
import torch
from tests.small_nights import Small
from transformers import AutoModelForCausalLM, AutoTokenizer

from overnight.training import talking
from overnight.training.talking import Manner, Said, Talker
from overnight.values.errors import InputError, ModelError

pytestmark = pytest.mark.tiny
CERTAIN = Manner(new_tokens=12, temperature=0.0)
PROMPT = "<|im_start|>user\nWhat is 3 + 3?<|im_end|>\n<|im_start|>assistant\n"


def talker(run: Path, small: Small) -> Talker:
    tokenizer = AutoTokenizer.from_pretrained(run / "tokenizer")
    return Talker(run / "final", str(small.model), tokenizer, device="cpu")


def greedy(model, tokenizer) -> str:
    ids = torch.tensor([tokenizer(PROMPT, add_special_tokens=False)["input_ids"]])
    with torch.no_grad():
        written = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids),
                                 max_new_tokens=12, do_sample=False,
                                 pad_token_id=tokenizer.eos_token_id)  # fmt: skip
    return tokenizer.decode(written[0, ids.shape[1] :], skip_special_tokens=True).strip()


@pytest.mark.parametrize("kind", ["finished", "adapted"])
def test_base_and_tuned_say_what_each_would_say_alone(kind: str, request, small: Small):
    run = request.getfixturevalue(kind)
    one = talker(run, small)
    said = {who: "".join(one.answer(PROMPT, who, CERTAIN)).strip()
            for who in ("tuned", "base", "tuned")}  # fmt: skip
    base = AutoModelForCausalLM.from_pretrained(small.model)
    assert said["base"] == greedy(base, one.tokenizer)
    if kind == "finished":
        tuned = AutoModelForCausalLM.from_pretrained(run / "final")
    else:
        from peft import AutoPeftModelForCausalLM

        tuned = AutoPeftModelForCausalLM.from_pretrained(run / "final")
    assert said["tuned"] == greedy(tuned, one.tokenizer)
    assert said["tuned"] != said["base"]


def test_of_whole_models_one_is_held_at_a_time(finished: Path, small: Small):
    one = talker(finished, small)
    list(one.answer(PROMPT, "tuned", CERTAIN))
    tuned = one._model
    list(one.answer(PROMPT, "base", CERTAIN))
    assert one._model is not tuned
    kept = one._model
    list(one.answer(PROMPT, "base", CERTAIN))
    assert one._model is kept


def test_an_adapter_is_switched_off_for_its_base(adapted: Path, small: Small):
    one = talker(adapted, small)
    list(one.answer(PROMPT, "base", CERTAIN))
    kept = one._model
    list(one.answer(PROMPT, "tuned", CERTAIN))
    assert one._model is kept


def test_what_is_drawn_hangs_on_the_seed_alone(finished: Path, small: Small):
    one, manner = talker(finished, small), Manner(new_tokens=12, temperature=2.0, seed=7)
    first, again = ("".join(one.answer(PROMPT, "tuned", manner)) for _ in range(2))
    other = "".join(one.answer(PROMPT, "tuned", Manner(new_tokens=12, temperature=2.0, seed=8)))
    assert first == again != other


def test_a_long_conversation_keeps_its_newest_part(finished: Path, small: Small):
    one = talker(finished, small)
    assert list(one.answer("What is 3 + 3? " * 200, "tuned", CERTAIN)) != []


def test_a_model_that_cannot_be_loaded_is_told(tmp_path: Path, finished: Path):
    tokenizer = AutoTokenizer.from_pretrained(finished / "tokenizer")
    with pytest.raises(ModelError, match="cannot be loaded"):
        list(Talker(tmp_path, "", tokenizer, device="cpu").answer("a", "tuned", CERTAIN))


def test_plain_text_is_gone_on_with_and_chats_go_through_their_template(finished: Path):
    tokenizer = AutoTokenizer.from_pretrained(finished / "tokenizer")
    turns = [Said("system", "Be short."), Said("user", "What is 3 + 3?")]
    assert talking.prompt_of(tokenizer, "none", turns) == "What is 3 + 3?"
    told = talking.prompt_of(tokenizer, "the tokenizer's own", turns)
    assert told.endswith("<|im_start|>assistant\n") and "Be short." in told


def test_a_template_that_refuses_is_told(finished: Path):
    tokenizer = AutoTokenizer.from_pretrained(finished / "tokenizer")
    tokenizer.chat_template = "{{ raise_exception('only users here') }}"
    with pytest.raises(InputError, match="only users here"):
        talking.prompt_of(tokenizer, "the tokenizer's own", [Said("user", "a")])


def test_a_card_that_trains_is_left_alone():
    assert talking.device(busy=True) == "cpu"
    assert talking.device(busy=True, wanted="cpu") == "cpu"
    with pytest.raises(InputError, match="--device nowhere"):
        talking.device(busy=False, wanted="nowhere")
