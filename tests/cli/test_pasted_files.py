from datetime import UTC
from pathlib import Path

import pytest
from tests.cli.test_settings import NOW, config
from tests.fakes import FakeClock

from overnight.cli.settings import Surroundings, gather

AXOLOTL = """
base_model: base
datasets:
  - path: chats.jsonl
    type: alpaca
adapter: lora
load_in_4bit: true
sequence_len: 2048
micro_batch_size: 2
num_epochs: 1
lr_scheduler: cosine
learning_rate: 2e-4
bf16: auto
fp16:
sample_packing: true
special_tokens:
  pad_token: "<|end_of_text|>"
"""
FACTORY = """
model_name_or_path: base
dataset: chats.jsonl
finetuning_type: lora
quantization_bit: 4
cutoff_len: 2048
per_device_train_batch_size: 2
num_train_epochs: 1.0
lr_scheduler_type: cosine
learning_rate: 2.0e-4
template: llama3
"""
UNSLOTH = """
model: base
data: {local_dataset: [chats.jsonl]}
training:
  training_type: lora
  load_in_4bit: true
  max_seq_length: 2048
  batch_size: 2
  num_epochs: 1
  lr_scheduler_type: cosine
  learning_rate: 2e-4
logging: {enable_wandb: false}
"""
LITGPT = """
checkpoint_dir: base
data: {class_path: litgpt.data.JSON}
dataset: chats.jsonl
quantize: nf4
train:
  max_seq_length: 2048
  micro_batch_size: 2
  epochs: 1
  learning_rate: 0.0002
lr_scheduler_type: cosine
"""


@pytest.mark.parametrize("text", [AXOLOTL, FACTORY, UNSLOTH, LITGPT])
def test_a_configuration_pasted_from_another_tool_means_the_same_here(
    tmp_path: Path, text: str
) -> None:
    around = Surroundings(environ={}, folder=tmp_path, clock=FakeClock(utc=NOW), zone=UTC)
    request, _ = gather({"config": config(tmp_path, text)}, around=around)
    assert (request.data, request.model, request.method) == ("chats.jsonl", "base", "qlora")
    assert request.settings.given() == {
        "num_train_epochs": 1.0, "per_device_train_batch_size": 2, "learning_rate": 2e-4,
        "lr_scheduler_type": "cosine", "max_length": 2048,
        **({"packing": True} if "packing" in text else {})}  # fmt: skip
