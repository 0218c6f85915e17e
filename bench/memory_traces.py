"""Others' training steps traced: transformers' models and loss, as their programs drive them.

In: a row of `memory_rows`. Out: its `Trace`. Never: weights; the models are built from shapes, as
Llama where their own class is not in transformers (Qwen's first), and the loss is transformers'.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import shapes
from memory_rows import COPIED, DIVIDED, SHORT_AUTOCAST, Row
from overnight.probe import four_bit, trace
from overnight.probe.trace import Recorder, Trace

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj", "c_attn")


def traced(row: Row) -> Trace:
    """Two steps of a Trainer-like loop."""
    import torch

    model = _model(row)
    with trace.weightless(), trace.unmasked(), trace.as_on_cuda():
        trace.filled(model)
        trained = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=1e-4, foreach=True)
        vocab = row.model.vocab_size
        recorder = Recorder(lambda tensor: "logits" if tensor.shape[-1:] == (vocab,) else "")
        recorder.name("weights", [*model.parameters(), *model.buffers()])
        with recorder.watching():
            for _ in range(2):
                _step(model, row, trained, optimizer)
    return recorder.trace()


def _step(model: Any, row: Row, trained: list[Any], optimizer: Any) -> None:
    import torch

    size = (row.candidate.per_device_train_batch_size, row.candidate.max_length)
    ids = torch.zeros(size, dtype=torch.long)
    flag = torch.autocast("cpu", torch.bfloat16) if row.stack.autocast else nullcontext()
    with flag, _cache(model, row):
        loss = _loss(model, row, ids)
    loss.backward()
    del loss
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    optimizer.zero_grad()


def _loss(model: Any, row: Row, ids: Any) -> Any:
    """As models of the time found it; a name here holds a tensor as long as theirs held it."""
    from torch.nn.functional import cross_entropy

    logits = model(input_ids=ids, use_cache=False).logits
    if row.loss is None:
        logits = logits.float()
        return cross_entropy(logits.view(-1, logits.shape[-1]), ids.view(-1))
    if row.loss is DIVIDED:
        logits = logits / 2
        logits = logits.float()
    wide = logits.float() if row.loss is COPIED else logits
    cut = wide[:, :-1].contiguous().view(-1, wide.shape[-1])
    last = cut.float() if row.loss is SHORT_AUTOCAST else cut
    return cross_entropy(last, ids[:, 1:].reshape(-1))


@contextmanager
def _cache(model: Any, row: Row) -> Iterator[None]:
    """While it lasts what `cached_layer_bytes` means is held: the whole result of `c_attn`."""
    held: list[Any] = []
    found = [part for name, part in model.named_modules() if name.endswith(".attn.c_attn")]
    hooks = [
        part.register_forward_hook(lambda _module, _inputs, result: held.append(result))
        for part in found
        if row.stack.cached_layer_bytes
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _model(row: Row) -> Any:
    """As loaded, quantised, adapted and checkpointed by the program."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(_config(row), dtype=torch.bfloat16)
        if row.candidate.method == "qlora":
            model = four_bit.quantised(model, torch.bfloat16)
        if row.candidate.method != "full":
            model = _adapted(model, row)
        if row.candidate.gradient_checkpointing:
            inner = model.get_base_model() if hasattr(model, "get_base_model") else model
            inner.activation_checkpointing_enable({"use_reentrant": False})
            inner.enable_input_require_grads()
    return model.train()


def _adapted(model: Any, row: Row) -> Any:
    import torch
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    if row.candidate.method == "qlora" and row.stack.left_bytes == 4:
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    every = "all-linear" if row.source == "Qwen README" else list(ATTENTION)
    config = LoraConfig(
        r=row.candidate.lora_r, lora_dropout=row.candidate.lora_dropout, target_modules=every,
        task_type="CAUSAL_LM",
    )  # fmt: skip
    adapted = get_peft_model(model, config)
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(torch.float32)
    return adapted


def _config(row: Row) -> Any:
    """The configuration of the shape."""
    from transformers import GPTBigCodeConfig, LlamaConfig

    shape = shapes.SHAPES[row.model.path]
    if not shape.gated:
        return GPTBigCodeConfig(
            vocab_size=shape.vocab, n_positions=row.candidate.max_length, n_embd=shape.hidden,
            n_layer=shape.layers, n_head=shape.heads, n_inner=shape.inner,
        )  # fmt: skip
    return LlamaConfig(
        vocab_size=shape.vocab, hidden_size=shape.hidden, intermediate_size=shape.inner,
        num_hidden_layers=shape.layers, num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads, tie_word_embeddings=shape.tied,
        max_position_embeddings=max(row.candidate.max_length, 2048),
    )  # fmt: skip
