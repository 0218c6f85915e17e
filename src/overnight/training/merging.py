"""An adapter merged into its base, the base reloaded in 16 bits, and checked to say the same.

In: a folder with an adapter. Out: a folder with a whole model. Never: the 4-bit base of a QLoRA
night, whose rounding would be merged with it; a merged model that answers otherwise.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overnight.values.errors import InputError, ModelError, first_line

TOLERANCE = 0.01
"""Nats by which what the merged model foretells may diverge from what adapter and base do, in the
mean over the check's tokens. Sums rounded once to bf16 (8 bits of mantissa, 0.4 % of a weight)
diverge by far less: 0.0000002 in a model of 30 thousand weights."""
CHECK = 256
"""Tokens of the check, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What came of it."""

    folder: Path
    dtype: str
    loss_apart: float
    """On the check's tokens: base and adapter in fp32."""
    loss_merged: float
    divergence: float
    """Of what they foretell (Kullback-Leibler), nats a token."""
    largest: float
    """The largest difference of two logits."""


def merge(folder: Path, out: Path, *, tokens: list[int], trust_remote_code: bool = False) -> Merged:
    """Writes the merged model to `out`, a folder that is not there yet.

    The sum of a weight and its update is taken in fp32 and rounded once. `tokens` are read by both.

    Raises:
        InputError: there is no adapter in `folder`.
        ModelError: the base cannot be loaded, or the merged model does not say the same.
    """
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    if not (folder / "adapter_config.json").exists():
        raise InputError(f"{folder} holds a whole model, no adapter: it is what `merged` would be")
    model = _adapted(folder, trust_remote_code=trust_remote_code)
    stored = next(model.parameters()).dtype
    dtype = stored if stored in (torch.bfloat16, torch.float16) else torch.bfloat16
    apart = _logits(model.float(), tokens)
    _add_updates(model)
    _write(model.unload().to(dtype), folder, out)
    del model
    try:
        together = _logits(_loaded(out, trust_remote_code=trust_remote_code), tokens)
        found = Merged(folder=out, dtype=str(dtype).removeprefix("torch."),
                       loss_apart=_loss(apart, tokens), loss_merged=_loss(together, tokens),
                       divergence=_divergence(apart, together),
                       largest=float((apart - together).abs().max()))  # fmt: skip
        _refuse_other(found)
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)
        raise
    return found


def _loaded(folder: Path, *, trust_remote_code: bool) -> Any:
    """The model as whoever uses it will have it."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(
        folder, dtype="auto", trust_remote_code=trust_remote_code, use_safetensors=True
    ).eval()


def _adapted(folder: Path, *, trust_remote_code: bool) -> Any:
    """Base and adapter, the base in the precision that it is stored in: never in 4 bits."""
    from peft import PeftConfig, PeftModel
    from transformers import AutoModelForCausalLM

    try:
        base = PeftConfig.from_pretrained(folder).base_model_name_or_path
        model = AutoModelForCausalLM.from_pretrained(
            base, dtype="auto", trust_remote_code=trust_remote_code, use_safetensors=True
        )
        return PeftModel.from_pretrained(model, folder).eval()
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder}: its base cannot be loaded: {first_line(error)}") from error


def _add_updates(model: Any) -> None:
    """Every adapted weight becomes the sum that the adapter meant."""
    import torch
    from peft.tuners.lora import LoraLayer

    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, LoraLayer):
                for name in layer.active_adapters:
                    layer.get_base_layer().weight += layer.get_delta_weight(name)


def _logits(model: Any, tokens: list[int]) -> Any:
    import torch

    with torch.no_grad():
        return model(torch.tensor([tokens[:CHECK]])).logits[0].float()


def _loss(logits: Any, tokens: list[int]) -> float:
    import torch

    wanted = torch.tensor(tokens[1 : len(logits)])
    return float(torch.nn.functional.cross_entropy(logits[: len(wanted)], wanted))


def _divergence(apart: Any, together: Any) -> float:
    import torch

    found = torch.nn.functional.kl_div(together.log_softmax(-1), apart.log_softmax(-1),
                                       log_target=True, reduction="batchmean")  # fmt: skip
    return float(found)


def _refuse_other(found: Merged) -> None:
    if not found.divergence <= TOLERANCE:  # a NaN diverges too
        raise ModelError(
            f"merged in {found.dtype} it would say something else (loss {found.loss_merged:.3f}, "
            f"adapter and base have {found.loss_apart:.3f}, divergence {found.divergence:.3g}): "
            "nothing is kept; use the adapter as it is"
        )


def _write(model: Any, folder: Path, out: Path) -> None:
    """Weights and configuration, then the tokenizer's files as they were published."""
    model.save_pretrained(out)
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.name.startswith("adapter_") and not (
            (out / path.name).exists() or path.name in ("COMPLETE", "README.md")
        ):  # fmt: skip
            shutil.copyfile(path, out / path.name)
