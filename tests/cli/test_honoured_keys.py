import json
from pathlib import Path

import pytest
from tests.cli.test_settings import config, gathered

from overnight.values.request import Request

# Every honoured key of DESIGN 9: how it is written, and what arrives.
HONOURED: dict[str, tuple[str, object]] = {
    "num_train_epochs": ("2.5", 2.5),
    "max_steps": ("500", 500),
    "per_device_train_batch_size": ("8", 8),
    "gradient_accumulation_steps": ("32", 32),
    "learning_rate": ("2.5e-4", 2.5e-4),
    "warmup_ratio": ("0.1", 0.1),
    "lr_scheduler_type": ("cosine", "cosine"),
    "max_grad_norm": ("0.5", 0.5),
    "weight_decay": ("0.01", 0.01),
    "fp16": ("true", True),
    "bf16": ("true", True),
    "gradient_checkpointing": ("false", False),
    "max_length": ("1024", 1024),
    "dataloader_num_workers": ("2", 2),
    "dataloader_pin_memory": ("true", True),
    "logging_steps": ("10", 10),
    "eval_steps": ("100", 100),
    "save_steps": ("500", 500),
    "save_minutes": ("7.5", 7.5),
    "save_total_limit": ("3", 3),
    "load_best_model_at_end": ("false", False),
    "seed": ("7", 7),
    "output_dir": ("nights/one", "nights/one"),
    "lora_r": ("8", 8),
    "lora_alpha": ("16", 16),
    "lora_dropout": ("0.05", 0.05),
    "packing": ("true", True),
    "use_liger_kernel": ("true", True),
    "torch_compile": ("true", True),
}
EVERY_KEY = pytest.mark.parametrize(
    "key, text, value", [(key, *how) for key, how in HONOURED.items()]
)


def arrived(request: Request, key: str) -> object:
    return request.output_dir if key == "output_dir" else getattr(request.settings, key)


@EVERY_KEY
def test_every_key_arrives_from_set(tmp_path: Path, key: str, text: str, value: object) -> None:
    assert arrived(gathered(tmp_path, set=[f"{key}={text}"])[0], key) == value


@EVERY_KEY
def test_every_key_arrives_from_the_environment(
    tmp_path: Path, key: str, text: str, value: object
) -> None:
    environ = {f"OVERNIGHT_{key.upper()}": text}
    assert arrived(gathered(tmp_path, environ=environ)[0], key) == value


@EVERY_KEY
@pytest.mark.parametrize("form", ["yaml", "toml", "json"])
def test_every_key_arrives_from_a_file(
    tmp_path: Path, key: str, text: str, value: object, form: str
) -> None:
    written = {"yaml": f"{key}: {text}", "toml": f"{key} = {json.dumps(value)}",
               "json": json.dumps({key: value})}[form]  # fmt: skip
    path = config(tmp_path, written, name=f"run.{form}")
    assert arrived(gathered(tmp_path, config=path)[0], key) == value


@EVERY_KEY
def test_every_key_arrives_from_a_dotenv(
    tmp_path: Path, key: str, text: str, value: object
) -> None:
    config(tmp_path, f"{key.upper()}={text}\n", name=".env")
    request, said = gathered(tmp_path)
    assert arrived(request, key) == value
    assert f"taken from .env: {key}={text}" in said


@pytest.mark.parametrize("name, key, value", [
    ("EPOCHS=2", "num_train_epochs", 2),
    ("BATCH_SIZE=4", "per_device_train_batch_size", 4),
    ("GRADIENT_ACCUMULATION_STEPS=32", "gradient_accumulation_steps", 32),
    ("USE_FP16=true", "fp16", True),
    ("LEARNING_RATE=2.5e-4", "learning_rate", 2.5e-4),
    ("GRADIENT_CHECKPOINTING=False", "gradient_checkpointing", False),
])  # fmt: skip
def test_the_guides_dotenv_is_understood(
    tmp_path: Path, name: str, key: str, value: object
) -> None:
    config(tmp_path, name, name=".env")
    assert getattr(gathered(tmp_path)[0].settings, key) == value


def test_the_guides_other_words_are_said_to_have_no_effect(tmp_path: Path) -> None:
    config(tmp_path, "ESTIMATED_THROUGHPUT=800\nUSE_FUSED_OPTIMIZER=true\n", name=".env")
    said = gathered(tmp_path)[1]
    assert ".env: without effect here: ESTIMATED_THROUGHPUT, USE_FUSED_OPTIMIZER" in said


def test_the_guides_words_for_samples_mean_what_they_mean_there(tmp_path: Path) -> None:
    words = 'SAMPLE_RATIO=0.5\nSAMPLING_STRATEGY="prioritized"\nSAMPLE_SIZE=5000\n'
    config(tmp_path, words, name=".env")
    request = gathered(tmp_path)[0]
    assert (request.sample, request.prefer) == (0.5, "engagement,recent")
    assert request.settings.stage2_rows == 5000
