"""The multi-encoder model: page image -> translated text.

Several pre-trained image encoders look at the same page (a layout encoder such as DiT, a text
recognition encoder such as Nougat's), a Q-Former gathers what they saw into a fixed number of query
tokens, a decoder of few layers writes the translation from them. All parts are transformers' own,
so their published weights load; saving, loading and generating are VisionEncoderDecoderModel's.
"""

from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    BartConfig,
    BartForCausalLM,
    Blip2QFormerConfig,
    Blip2QFormerModel,
    PretrainedConfig,
    PreTrainedModel,
    VisionEncoderDecoderModel,
)
from transformers.modeling_outputs import BaseModelOutput


class MultiEncoderConfig(PretrainedConfig):
    """Encoders and Q-Former, each as the dictionary of its own configuration."""

    model_type = "multi-encoder"

    def __init__(self, encoders: list[dict[str, Any]] | None = None,
                 qformer: dict[str, Any] | None = None, query_tokens: int = 256,
                 **more: Any) -> None:  # fmt: skip
        self.encoders = encoders or []
        self.qformer = qformer or {}
        self.query_tokens = query_tokens
        self.hidden_size = self.qformer.get("hidden_size", 768)
        super().__init__(**more)


class MultiEncoder(PreTrainedModel):
    """Pages (rows x 3 x height x width, values as the encoders were trained on) -> query tokens
    (rows x query_tokens x hidden_size)."""

    config_class = MultiEncoderConfig
    main_input_name = "pixel_values"
    supports_gradient_checkpointing = True

    def __init__(self, config: MultiEncoderConfig) -> None:
        super().__init__(config)
        made = [AutoConfig.for_model(**one) for one in config.encoders]
        self.encoders = nn.ModuleList(AutoModel.from_config(one) for one in made)
        width = config.hidden_size
        self.projections = nn.ModuleList(nn.Linear(one.hidden_size, width) for one in made)
        self.sources = nn.Embedding(len(made), width)
        self.query_tokens = nn.Parameter(torch.zeros(1, config.query_tokens, width))
        self.qformer = Blip2QFormerModel(
            Blip2QFormerConfig(**{**config.qformer, "encoder_hidden_size": width})
        )
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if module is self:
            nn.init.normal_(self.query_tokens, std=0.02)
        else:
            super()._init_weights(module)

    def seen(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """What all encoders saw, one after the other: rows x features x hidden_size."""
        found = []
        parts = zip(self.encoders, self.projections, self.sources.weight, strict=True)
        for encoder, projection, source in parts:
            states = encoder(sized(pixel_values, encoder.config.image_size)).last_hidden_state
            found.append(projection(states) + source)
        return torch.cat(found, dim=1)

    def forward(self, pixel_values: torch.Tensor, **more: Any) -> BaseModelOutput:
        """The query tokens after they have looked at everything."""
        seen = self.seen(pixel_values)
        asked = self.query_tokens.expand(len(pixel_values), -1, -1)
        told = self.qformer(query_embeds=asked, encoder_hidden_states=seen)
        return BaseModelOutput(last_hidden_state=told.last_hidden_state)


def sized(pixel_values: torch.Tensor, size: Any) -> torch.Tensor:
    """The page in the size that an encoder was trained on."""
    wanted = (size, size) if isinstance(size, int) else tuple(size)
    if tuple(pixel_values.shape[-2:]) == wanted:
        return pixel_values
    return nn.functional.interpolate(pixel_values, wanted, mode="bilinear", antialias=True)


class PageTranslator(VisionEncoderDecoderModel):
    """The whole model. Its weights are saved under the names that they have in it: transformers
    5.23 writes some encoders' under older ones, and a Trainer that goes on from such a checkpoint,
    or takes its best model, leaves these encoders as they were."""

    def save_pretrained(self, *given: Any, **more: Any) -> Any:
        """As a folder that `from_pretrained` and every Trainer read."""
        return super().save_pretrained(*given, **{"save_original_format": False, **more})


AutoConfig.register("multi-encoder", MultiEncoderConfig, exist_ok=True)
AutoModel.register(MultiEncoderConfig, MultiEncoder, exist_ok=True)


def built(shape: dict[str, Any], *, vocabulary: int, tokens: dict[str, int]) -> PageTranslator:
    """A fresh model of a shape (`encoders`, `qformer`, `query_tokens`, `decoder`)."""
    wanted = MultiEncoderConfig(shape["encoders"], shape["qformer"], shape["query_tokens"])
    encoder = MultiEncoder(wanted)
    decoder = BartForCausalLM(BartConfig(
        **shape["decoder"], vocab_size=vocabulary, is_decoder=True, add_cross_attention=True,
        is_encoder_decoder=False, **tokens))  # fmt: skip
    model = PageTranslator(encoder=encoder, decoder=decoder)
    start = tokens["bos_token_id"]
    for config in (model.config, model.generation_config):
        config.decoder_start_token_id, config.bos_token_id = start, start
        config.pad_token_id, config.eos_token_id = tokens["pad_token_id"], tokens["eos_token_id"]
    return model


def with_weights(model: PageTranslator, folders: list[Path]) -> list[str]:
    """Puts published weights into the encoders, folder by folder; what did not fit, by name.

    A folder of an encoder-decoder model (Nougat, Donut, TrOCR) gives its encoder.
    """
    left = []
    for encoder, folder in zip(model.encoder.encoders, folders, strict=True):
        missing, unexpected = encoder.load_state_dict(_published(folder), strict=False)
        left += [f"{folder}: {name}" for name in (*missing, *unexpected)]
    return left


def _published(folder: Path) -> dict[str, torch.Tensor]:
    if AutoConfig.from_pretrained(folder).model_type == "vision-encoder-decoder":
        source = VisionEncoderDecoderModel.from_pretrained(folder).encoder
    else:
        source = AutoModel.from_pretrained(folder)
    weights: dict[str, torch.Tensor] = source.state_dict()
    return weights
