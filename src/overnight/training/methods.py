"""Full, LoRA, QLoRA: how each makes a model trainable.

In: a candidate and a model folder. Out: a live model with the right weights trainable. Never:
optimizer, data, loop. A base that is not trained is loaded in the precision it runs in; trained
weights in fp32.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from overnight.training import compiled, kernels, lora_linear
from overnight.values.errors import InputError, ModelError, first_line
from overnight.values.facts import NAMES_OF_EXPERTS
from overnight.values.plan import Candidate

if TYPE_CHECKING:
    import torch

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


@contextmanager
def quiet() -> Iterator[None]:
    """peft 0.21 asks transformers 5.23 by an older name; nobody else can mend that."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        yield


def _load(path: str, *, trust_remote_code: bool, **options: Any) -> Any:
    from transformers import AutoModelForCausalLM

    try:
        return AutoModelForCausalLM.from_pretrained(
            path, trust_remote_code=trust_remote_code, use_safetensors=True, **options
        )
    except (OSError, ValueError) as error:
        reason = first_line(error)
        raise ModelError(f"{path}: the model cannot be loaded: {reason}") from error


def _quantised(dtype: "torch.dtype") -> dict[str, Any]:
    import importlib.util

    if importlib.util.find_spec("bitsandbytes") is None:
        raise InputError("--method qlora needs bitsandbytes: pip install 'overnight[qlora]'")
    from transformers import BitsAndBytesConfig

    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )
    return {"quantization_config": config}


def load_base(path: str, candidate: Candidate, *, trust_remote_code: bool = False) -> Any:
    """The base model in the precision that this method trains in (on the CPU, weights read)."""
    import torch

    runs = getattr(torch, DTYPES[candidate.precision])
    # `sdpa` is what transformers takes by itself, but for the models that cannot do it.
    attention = candidate.attn_implementation
    options = {"attn_implementation": attention} if attention != "sdpa" else {}
    if candidate.method == "full":
        return _load(path, trust_remote_code=trust_remote_code, dtype=torch.float32, **options)
    extra = _quantised(runs) if candidate.method == "qlora" else {}
    return _load(path, trust_remote_code=trust_remote_code, dtype=runs, **options, **extra)


def prepare(model: Any, candidate: Candidate) -> Any:
    """The model with exactly the weights trainable that the method trains, in fp32."""
    kernels.fuse(model, candidate)
    if candidate.method != "full":
        model = _with_adapters(model, candidate)
    if candidate.gradient_checkpointing:
        checkpoint(model, every=candidate.checkpoint_every)
    compiled.compile_layers(model, candidate)
    return model


def _with_adapters(model: Any, candidate: Candidate) -> Any:
    import torch
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
    from transformers.pytorch_utils import Conv1D  # the layers of GPT-2, stored the other way round

    if candidate.method == "qlora":
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
        _keep_layout(model)
    config = LoraConfig(
        r=candidate.lora_r,
        lora_alpha=candidate.lora_alpha,
        lora_dropout=candidate.lora_dropout,
        target_modules=list(candidate.lora_target_modules) or _targets(model),
        fan_in_fan_out=any(isinstance(layer, Conv1D) for layer in model.modules()),
        task_type="CAUSAL_LM",
    )
    try:
        with quiet():
            adapted = get_peft_model(model, config)
    except ValueError as error:
        if not candidate.lora_target_modules:
            raise
        layers = ", ".join(candidate.lora_target_modules)[:200]
        raise ModelError(f"the adapter is of layers that the model has not ({layers}); give the "
                         "base that it was trained on as --model") from error  # fmt: skip
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(torch.float32)
    lora_linear.install(adapted)
    return adapted


def _keep_layout(model: Any) -> None:
    """bitsandbytes 0.50 packs 4-bit weights anew at the first look on a CPU with AVX512-BF16, into
    a layout without a gradient: training would go on as if nothing led through the base."""
    for layer in model.modules():
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            layer.support_avx512bf16_for_cpu = False


def _targets(model: Any) -> str | list[str]:
    """Every linear layer but the head, by name in a mixture of experts.

    There peft 0.21 means the experts too by "all-linear" and by some names (values/facts.py), and
    would hold all of their weights a second time in every forward pass.
    """
    from torch import nn

    if not any("experts" in name.split(".") for name, _ in model.named_parameters()):
        return "all-linear"
    head = model.get_output_embeddings()
    return [
        name
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear)
        and layer is not head
        and name.rpartition(".")[2] not in NAMES_OF_EXPERTS
    ]


def checkpoint(model: Any, *, every: int = 1) -> None:
    """Computes the activations of every n-th decoder layer again in the backward pass.

    Raises:
        InputError: layers are to be chosen, and this model's class checkpoints all or none.
    """
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    if hasattr(inner, "activation_checkpointing_enable"):  # transformers 5.23 renamed it
        inner.activation_checkpointing_enable({"use_reentrant": False})
    else:
        inner.gradient_checkpointing_enable({"use_reentrant": False})
    if every > 1:
        _only_every(inner, every)
    if hasattr(inner, "enable_input_require_grads"):
        inner.enable_input_require_grads()


def _only_every(model: Any, every: int) -> None:
    """Leaves layers 0, n, 2n ... of each stack checkpointed."""
    from torch.nn import ModuleList

    stacks: list[Any] = [part for part in model.modules() if isinstance(part, ModuleList)]
    layers = [[one for one in stack if hasattr(one, "gradient_checkpointing")] for stack in stacks]
    if not any(layers):
        raise InputError(
            f"checkpoint_every={every}: {type(model).__name__} checkpoints all of its layers or "
            "none; set checkpoint_every=1"
        )
    for stack in layers:
        for at, layer in enumerate(stack):
            layer.gradient_checkpointing = at % every == 0
