"""A model as a value, from its configuration alone.

In: a model folder or a hub name. Out: `ModelProfile`, counted on a model without memory (the `meta`
device); or one sentence about what the folder lacks. Never: weights read, random states moved,
foreign code run unless asked to.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from overnight.probe.weights import stored_bytes, weight_files
from overnight.values.errors import ModelError
from overnight.values.facts import ModelProfile

if TYPE_CHECKING:
    from torch import nn

NO_LIMIT = 2**31 - 1
"""`max_positions` of a model without a table of positions."""
POSITIONS = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "max_sequence_length",
    "n_ctx",
)
TOKENIZERS = (
    "tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model",
    "sentencepiece.bpe.model", "tekken.json", "*.tiktoken",
)  # fmt: skip
"""One of these holds the vocabulary, whatever the tokenizer."""


def profile(path: str, *, trust_remote_code: bool = False) -> ModelProfile:
    """The model in folder `path` (or of that name on the hub), counted exactly, weights unread.

    Raises:
        ModelError: no such model, no usable configuration, or not a causal language model.
    """
    config = _config(path, trust_remote_code=trust_remote_code)
    model = _built(path, config, trust_remote_code=trust_remote_code)
    text = config.get_text_config()
    heads = text.num_attention_heads
    return ModelProfile(
        path=path,
        architecture=type(model).__name__,
        num_parameters=sum(parameter.numel() for parameter in model.parameters()),
        embedding_parameters=model.get_input_embeddings().weight.numel(),
        hidden_size=text.hidden_size,
        intermediate_size=_intermediate(text),
        num_layers=text.num_hidden_layers,
        num_heads=heads,
        num_kv_heads=getattr(text, "num_key_value_heads", None) or heads,
        vocab_size=text.vocab_size,
        max_positions=_first(text, POSITIONS) or NO_LIMIT,
        weight_bytes=_weight_bytes(path, model),
        linear_shapes=tuple(linear_shapes(model)),
    )


def check_weights(path: str) -> None:
    """See that a folder holds all that training needs; a hub name is left to the download.

    Raises:
        ModelError: configuration, weights or tokenizer are missing, torn, or pickles only.
    """
    folder = Path(path)
    if not folder.is_dir():
        return
    _require_config(folder)
    for file in weight_files(folder):
        stored_bytes(file)
    check_tokenizer_files(path)


def check_tokenizer_files(path: str) -> None:
    """See that a folder holds a tokenizer's vocabulary; a hub name is left to the download.

    Raises:
        ModelError: none of the files that could hold it is there.
    """
    folder = Path(path)
    if folder.is_dir() and not any(next(folder.glob(name), None) for name in TOKENIZERS):
        raise ModelError(
            f"{path} has no tokenizer (tokenizer.json, tokenizer.model or vocab.json ...); "
            "copy the tokenizer's files from where the model came from"
        )


def linear_shapes(model: "nn.Module") -> list[tuple[int, int]]:
    """(in, out) of every linear layer but the head, in the order of the model."""
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    head = model.get_output_embeddings()  # type: ignore[operator]
    layers = [layer for layer in model.modules() if layer is not head]
    return [_shape(layer) for layer in layers if isinstance(layer, (nn.Linear, Conv1D))]


def _shape(layer: Any) -> tuple[int, int]:
    """GPT-2's Conv1D keeps its weight as (in, out), a linear layer as (out, in)."""
    if hasattr(layer, "in_features"):
        return layer.in_features, layer.out_features
    return layer.nx, layer.nf


def _config(path: str, *, trust_remote_code: bool) -> Any:
    from transformers import AutoConfig

    folder = Path(path)
    if folder.is_dir():
        _require_config(folder)
    elif folder.exists():
        raise ModelError(f"{path} is a file; a model is a folder or a hub name")
    else:
        _require_on_hub(path)
    try:
        return AutoConfig.from_pretrained(path, trust_remote_code=trust_remote_code)
    except Exception as error:  # a wrong value raises whatever its model's class stumbles over
        if "trust_remote_code" in str(error):
            raise ModelError(
                f"{path} needs code of its own; if you trust it, add --trust-remote-code"
            ) from error
        raise ModelError(f"{path}: its config.json cannot be used: {_first_line(error)}") from error


def _require_config(folder: Path) -> None:
    if (folder / "config.json").is_file():
        return
    if (folder / "adapter_config.json").is_file():
        raise ModelError(f"{folder} is an adapter, not a model; give the base model's folder")
    raise ModelError(
        f"{folder} has no config.json; a model folder holds config.json, the weights as "
        ".safetensors and the tokenizer's files"
    )


def _require_on_hub(name: str) -> None:
    """One question, since the download itself would ask for half a minute where nobody answers."""
    from huggingface_hub import HfApi, try_to_load_from_cache

    try:
        if not isinstance(try_to_load_from_cache(name, "config.json"), str):
            HfApi().auth_check(name)
    except Exception as error:
        raise ModelError(f"no folder {name} here{_hub_answer(error)}") from error


def _hub_answer(error: Exception) -> str:
    """What to add for people; nothing where the name can only be a folder's."""
    from huggingface_hub import errors

    answers = (
        (errors.HFValidationError, ""),
        (errors.GatedRepoError, ", and on the hub it is gated: accept its terms, `hf auth login`"),
        (errors.RepositoryNotFoundError, ", and no model of that name on the hub"),
        (Exception, ", and the hub cannot be reached"),
    )
    return next(answer for kind, answer in answers if isinstance(error, kind))


def _built(path: str, config: Any, *, trust_remote_code: bool) -> Any:
    """The model without memory for its weights."""
    import torch
    from transformers import AutoModelForCausalLM

    _refuse_other_kinds(path, config)
    try:
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)
    except Exception as error:  # likewise: a division by no heads, a missing package
        raise ModelError(
            f"{path} ({config.model_type}) cannot be built as a causal language model: "
            f"{_first_line(error)}"
        ) from error


def _refuse_other_kinds(path: str, config: Any) -> None:
    """Some of these could be built as a decoder, and would learn nothing sensible."""
    names = getattr(config, "architectures", None) or [""]
    kind = ""
    if getattr(config, "is_encoder_decoder", False):
        kind = "an encoder-decoder"
    elif "MaskedLM" in names[0]:
        kind = "a masked language model"
    if kind:
        raise ModelError(
            f"{path} ({config.model_type}) is {kind}; overnight tunes causal language models"
        )


def _weight_bytes(path: str, model: Any) -> int:
    """Bytes as stored where the files are there, else as the configuration's type would take."""
    folder = Path(path)
    if folder.is_dir() and any(folder.glob("*.safetensors")):
        return sum(stored_bytes(file) for file in weight_files(folder))
    return sum(parameter.numel() * parameter.itemsize for parameter in model.parameters())


def _intermediate(text: Any) -> int:
    """Four times the width is what GPT-2 and its kin mean by leaving it out."""
    named = _first(text, ("intermediate_size", "ffn_dim", "ffn_hidden_size", "n_inner"))
    return named or 4 * int(text.hidden_size)


def _first(config: Any, names: tuple[str, ...]) -> int | None:
    values = (getattr(config, name, None) for name in names)
    return next((value for value in values if isinstance(value, int) and value > 0), None)


def _first_line(error: Exception) -> str:
    """The first line that says something: not one that only announces the next."""
    said = " ".join(part.strip() for part in _announced(str(error).strip().splitlines()))
    return said.rstrip(".") or repr(error)


def _announced(lines: list[str]) -> list[str]:
    return lines[:2] if lines and lines[0].endswith(":") else lines[:1]
