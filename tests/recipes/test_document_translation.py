"""Guide 3's recipe: its shapes, settings and pages; a short training killed and gone on with."""

import json
import os
import signal
import sys
import time

import pytest
import yaml
from tests.recipes.copied import Copied

pytestmark = pytest.mark.recipes


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    pytest.importorskip("PIL")
    pytest.importorskip("sacrebleu")
    return Copied.of("document-translation", tmp_path_factory.mktemp("pages"))


@pytest.fixture
def beside(recipe, monkeypatch):
    monkeypatch.syspath_prepend(str(recipe.folder))
    yield recipe.folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "dimtda"]:
        del sys.modules[name]


def test_both_configurations_say_what_the_guide_says(recipe):
    before, after = (yaml.safe_load((recipe.folder / f"{name}.yaml").read_text("utf-8"))
                     for name in ("before", "after"))  # fmt: skip
    names = ("per_device_train_batch_size", "gradient_accumulation_steps", "dataloader_num_workers",
             "num_train_epochs", "logging_steps", "save_steps",
             "gradient_checkpointing")  # fmt: skip
    assert [before[name] for name in names] == [1, 32, 8, 30, 50, 1000, True]
    assert [after[name] for name in names] == [2, 16, 6, 10, 20, 500, True]
    assert (before["eval_strategy"], after["eval_strategy"]) == ("epoch", "steps")
    assert after["eval_steps"] == 200
    assert after["fp16"] and after["max_grad_norm"] == 1.0 and after["load_best_model_at_end"]


def test_the_full_model_has_the_guides_size(beside):
    import torch
    from dimtda.model import built
    from dimtda.shapes import SHAPES

    tokens = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    shape = SHAPES["full"]
    with torch.device("meta"):
        model = built(shape, vocabulary=shape["vocabulary"], tokens=tokens)
    assert abs(sum(one.numel() for one in model.parameters()) / 209e6 - 1) < 0.01
    assert model.encoder.query_tokens.shape[1] == 256
    assert len(model.decoder.model.decoder.layers) == 3 and len(model.encoder.encoders) == 2


@pytest.mark.filterwarnings("ignore")
def test_published_weights_drop_in_and_survive_a_save(beside, tmp_path):
    import torch
    from dimtda.model import PageTranslator, built, with_weights
    from transformers import (
        AutoConfig,
        AutoModel,
        BartConfig,
        BartForCausalLM,
        VisionEncoderDecoderModel,
    )

    beit = {"model_type": "beit", "image_size": 32, "patch_size": 16, "hidden_size": 16,
            "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}  # fmt: skip
    swin = {"model_type": "donut-swin", "image_size": [32, 32], "patch_size": 4, "embed_dim": 8,
            "depths": [1, 1], "num_heads": [1, 2], "window_size": 2}  # fmt: skip
    shape = {"encoders": [beit, swin], "query_tokens": 4,
             "qformer": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
                         "intermediate_size": 32},
             "decoder": {"d_model": 16, "decoder_layers": 1, "decoder_attention_heads": 2,
                         "decoder_ffn_dim": 32, "max_position_embeddings": 32}}  # fmt: skip
    tokens = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    layout = AutoModel.from_config(AutoConfig.for_model(**beit))
    layout.save_pretrained(tmp_path / "dit")
    reader = VisionEncoderDecoderModel(
        encoder=AutoModel.from_config(AutoConfig.for_model(**swin)),
        decoder=BartForCausalLM(BartConfig(**shape["decoder"], vocab_size=9, is_decoder=True,
                                           add_cross_attention=True)))  # fmt: skip
    reader.save_pretrained(tmp_path / "nougat")
    model = built(shape, vocabulary=20, tokens=tokens)
    assert with_weights(model, [tmp_path / "dit", tmp_path / "nougat"]) == []
    for mine, theirs in zip(model.encoder.encoders, (layout, reader.encoder), strict=True):
        true = theirs.state_dict()
        assert all(torch.equal(value, true[name]) for name, value in mine.state_dict().items())
    model.eval().save_pretrained(tmp_path / "saved")
    again = PageTranslator.from_pretrained(tmp_path / "saved").eval()
    shown = {"pixel_values": torch.rand(1, 3, 32, 32), "labels": torch.tensor([[5, 6, 2]])}
    assert torch.equal(model(**shown).logits, again(**shown).logits)


def test_pages_are_drawn_whole_or_not_at_all(beside, tmp_path):
    import numpy as np
    from dimtda import pages

    page = pages.rendered("All human beings are born free.", (160, 80), font_size=11)
    assert page.size == (160, 80) and (np.asarray(page) < 128).sum() > 50
    with pytest.raises(ValueError, match="do not fit"):
        pages.rendered("word " * 200, (160, 80), font_size=11)
    page.save(tmp_path / "a.png")
    page.save(tmp_path / "b.png")
    (tmp_path / "a.txt").write_text("Alle Menschen", "utf-8")
    (found,) = pages.from_folder(tmp_path)
    assert (found.text, found.name) == ("Alle Menschen", "a")
    assert pages.pixels(found.image, (160, 80)).shape == (3, 80, 160)


def test_it_trains_in_a_window_is_killed_and_goes_on(recipe, shared_data):
    texts = str(shared_data / "vision/udhr/udhr_articles.jsonl")
    words = ("train.py", "--texts", texts, "--overfit", "2", "--languages",
             "eng,deu_1996", "--epochs", "5000", "--within", "45s")  # fmt: skip
    process = recipe.start(*words)
    out, limit = recipe.folder / "dimtda_training", time.monotonic() + 90
    while not list(out.glob("checkpoint-*/trainer_state.json")):
        assert time.monotonic() < limit and process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    time.sleep(1)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    done = recipe.run(*words)
    assert done.status == 0, done.said
    assert "Found checkpoint: checkpoint-" in done.said and "chrf: " in done.said
    told = json.loads((out / "judged.json").read_text("utf-8"))
    assert told["judged"]["pages"] == 2
    assert set(told["seconds_a_step"]) == {"data", "forward", "backward", "optimizer"}
    assert "data:image/png;base64," in (out / "pages.html").read_text("utf-8")
