"""A model as a value, from its configuration alone.

In: a model folder (config.json is enough) or a hub name. Out: `ModelProfile`, counted on a model
without memory (the `meta` device); or one sentence about what the folder lacks. Never: weights
read, random states moved, foreign code run unless asked to.
"""

from pathlib import Path
from typing import Any

from overnight.probe import counting, model_config
from overnight.probe.model_config import number, quiet
from overnight.probe.weights import stored_bytes, stored_dtype, weight_files
from overnight.values.errors import ModelError, first_line
from overnight.values.facts import ModelProfile

NO_LIMIT = 2**31 - 1
"""`max_positions` of a model without a table of positions."""
POSITIONS = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "max_sequence_length",
    "n_ctx",
)
FEED_FORWARD = ("intermediate_size", "ffn_dim", "ffn_hidden_size", "n_inner", "decoder_ffn_dim")
EXPERT = ("moe_intermediate_size", "expert_ffn_hidden_size")
KV_HEADS = ("num_key_value_heads", "num_kv_heads")
PAIR = "vision-encoder-decoder"
TOKENIZERS = (
    "tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model",
    "sentencepiece.bpe.model", "tekken.json", "*.tiktoken",
)  # fmt: skip
"""One of these holds the vocabulary, whatever the tokenizer."""


def profile(path: str, *, trust_remote_code: bool = False) -> ModelProfile:
    """The model in folder `path` (or of that name on the hub), counted exactly, weights unread.

    Raises:
        ModelError: no such model, no usable configuration, or nothing that can be planned for.
    """
    config = model_config.load(path, trust_remote_code=trust_remote_code)
    _refuse_other_kinds(path, config)
    model = _built(path, config, trust_remote_code=trust_remote_code)
    language, text = (model.decoder, config.decoder) if _is_pair(config) else (model, config)
    text = text.get_text_config()
    _require_attention(path, config, text)
    count, passed = _experts(path, language)
    return ModelProfile(
        path=path,
        architecture=type(model).__name__,
        num_parameters=counting.total(model.parameters()),
        embedding_parameters=counting.embedding_parameters(language, text),
        weight_bytes=_weight_bytes(path, model),
        linear_shapes=tuple(counting.linear_shapes(model)),
        kind=PAIR if _is_pair(config) else "causal-lm",
        active_parameters=None if _is_pair(config) else counting.active_parameters(model),
        tied_embeddings=counting.tied(language),
        num_experts=count,
        experts_per_token=passed,
        stored_dtype=_stored_dtype(path, config, model),
        writes_scores=_writes_scores(language),
        **_sizes(text, experts=count),
    )


def check_weights(path: str) -> None:
    """See that a folder holds all that training needs; a hub name is left to the download.

    Raises:
        ModelError: configuration, weights or tokenizer are missing, torn, or pickles only.
    """
    folder = Path(path)
    if not folder.is_dir():
        return
    model_config.require_config(folder)
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


def check_trainable(model: ModelProfile) -> None:
    """See that a model is of a kind that is trained here and not only planned for.

    Raises:
        ModelError: it is not.
    """
    if model.kind != "causal-lm":
        raise ModelError(
            f"{model.path} is a vision encoder-decoder, which overnight plans but does not train; "
            "keep your own Seq2SeqTrainer and give it overnight's DeadlineCallback"
        )


def _is_pair(config: Any) -> bool:
    return bool(config.model_type == PAIR)


def _built(path: str, config: Any, *, trust_remote_code: bool) -> Any:
    """The model without memory for its weights."""
    import torch
    from transformers import AutoModelForCausalLM, VisionEncoderDecoderModel

    try:
        with torch.device("meta"), quiet():
            if _is_pair(config):
                return VisionEncoderDecoderModel(config)
            return AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)
    except Exception as error:  # likewise: a division by no heads, a missing package
        kind = "such a pair" if _is_pair(config) else "a causal language model"
        unknown = "Unrecognized configuration class" in str(error)
        why = "transformers has none of this type" if unknown else first_line(error)
        raise ModelError(
            f"{path} ({config.model_type}) cannot be built as {kind}: {why}"
        ) from error


def _refuse_other_kinds(path: str, config: Any) -> None:
    """Some of these could be built as a decoder, and would learn nothing sensible."""
    names = getattr(config, "architectures", None) or [""]
    kind = ""
    if getattr(config, "is_encoder_decoder", False) and not _is_pair(config):
        kind = "an encoder-decoder"
    elif "MaskedLM" in names[0]:
        kind = "a masked language model"
    if kind:
        raise ModelError(
            f"{path} ({config.model_type}) is {kind}; overnight tunes causal language models"
        )


def _require_attention(path: str, config: Any, text: Any) -> None:
    """The sizes without which neither memory nor pace can be foretold."""
    if number(text, "num_attention_heads") is None:
        raise ModelError(
            f"{path} ({config.model_type}): its config.json gives no num_attention_heads, as "
            "state-space and recurrent models have none; overnight plans for transformers only"
        )
    wanted = ("hidden_size", "num_hidden_layers", "vocab_size")
    missing = [name for name in wanted if number(text, name) is None]
    if missing:
        raise ModelError(
            f"{path}: its config.json gives no usable {' and '.join(missing)}; "
            "take the file from where the model came from"
        )


def _experts(path: str, language: Any) -> tuple[int, int]:
    count, passed = counting.experts(language)
    if passed is None:
        raise ModelError(
            f"{path}: its config.json does not say how many of its {count} experts a token "
            "passes (num_experts_per_tok); take the file from where the model came from"
        )
    return count, passed


def _sizes(text: Any, *, experts: int) -> dict[str, Any]:
    """What the configuration of the language part says; a decoder's own names come first."""
    heads = number(text, "decoder_attention_heads", "num_attention_heads") or 1
    width = number(text, "hidden_size") or 0
    head = number(text, "head_dim") or 0
    return {
        "hidden_size": width,
        # Four times the width is what GPT-2 and its kin mean by leaving it out.
        "intermediate_size": number(text, *(EXPERT if experts else ()), *FEED_FORWARD) or 4 * width,
        "num_layers": number(text, "decoder_layers", "num_hidden_layers"),
        "num_heads": heads,
        "num_kv_heads": _kv_heads(text, heads),
        "vocab_size": number(text, "vocab_size"),
        "max_positions": number(text, *POSITIONS) or NO_LIMIT,
        "head_dim": 0 if head * heads == width else head,
        "sliding_window": _sliding_window(text),
    }


def _writes_scores(language: Any) -> bool:
    """What transformers chose when it built the model; code from elsewhere has kernels of its own,
    whatever it is called."""
    chosen = getattr(language.config.get_text_config(), "_attn_implementation", None)
    return chosen == "eager" and type(language).__module__.startswith("transformers.")


def _kv_heads(text: Any, heads: int) -> int:
    """Falcon and GPT-BigCode say in a word of their own that all heads share one."""
    shared = getattr(text, "multi_query", False)
    if shared and not getattr(text, "new_decoder_architecture", False):
        return 1
    return number(text, *KV_HEADS) or heads


def _sliding_window(text: Any) -> int | None:
    """None too where the size is written, and no layer slides (Qwen 2)."""
    kinds = getattr(text, "layer_types", None)
    if kinds and not any("sliding" in kind for kind in kinds):
        return None
    return number(text, "sliding_window")


def _weight_bytes(path: str, model: Any) -> int:
    """Bytes as stored where the files are there, else as the configuration's type would take."""
    if _has_weights(path):
        return sum(stored_bytes(file) for file in weight_files(Path(path)))
    return sum(parameter.numel() * parameter.itemsize for parameter in model.parameters())


def _stored_dtype(path: str, config: Any, model: Any) -> str:
    """Of most weights: as the files say, else as the configuration does."""
    if _has_weights(path):
        return stored_dtype(weight_files(Path(path)))
    quantised = getattr(config, "quantization_config", None) or {}
    return str(quantised.get("quant_method") or model.dtype).removeprefix("torch.")


def _has_weights(path: str) -> bool:
    folder = Path(path)
    return folder.is_dir() and any(folder.glob("*.safetensors"))
