"""A model's configuration, from its folder or the hub, or one sentence about what it lacks.

In: a folder or a hub name. Out: transformers' configuration, and numbers read from it by any of the
names that model families give them. Never: weights, a model built, foreign code run unless asked.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from overnight.values.errors import ModelError, first_line

WIDTHS = ("hidden_size", "n_embd", "d_model", "dim", "model_dim", "embed_dim")
"""What families call their width. A configuration that names none would be built from the defaults
of transformers, as another model than the user's."""


ATTENTION = ("attn_implementation", "attn_implementation_internal")
"""Keys of a configuration that name what computes attention: a word of transformers' own, or
`org/name` of the hub."""


def load(path: str, *, trust_remote_code: bool = False) -> Any:
    """The configuration of the model at `path`, a folder or a hub name.

    Raises:
        ModelError: no such model, or no usable configuration.
    """
    from transformers import AutoConfig

    folder = Path(path)
    if os.path.isdir(path):  # unlike the path's own methods these take any name
        require_config(folder)
    elif os.path.exists(path):
        raise ModelError(f"{path} is a file; a model is a folder or a hub name")
    else:
        _require_on_hub(path)
    _refuse_foreign_kernels(path)
    try:
        with quiet():
            config = AutoConfig.from_pretrained(path, trust_remote_code=trust_remote_code)
    except Exception as error:  # a wrong value raises whatever its model's class stumbles over
        if "trust_remote_code" in str(error):
            raise ModelError(
                f"{path} needs code of its own; if you trust it, add --trust-remote-code"
            ) from error
        raise ModelError(f"{path}: its config.json cannot be used: {first_line(error)}") from error
    _require_sizes(path, config)
    return config


@contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' remarks on a configuration, which nobody who plans can act upon."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def require_config(folder: Path) -> None:
    """See that a folder is a model's.

    Raises:
        ModelError: it has no configuration.
    """
    if (folder / "config.json").is_file():
        return
    if (folder / "adapter_config.json").is_file():
        raise ModelError(f"{folder} is an adapter, not a model; give the base model's folder")
    raise ModelError(
        f"{folder} has no config.json; a model folder holds config.json, the weights as "
        ".safetensors and the tokenizer's files"
    )


def number(config: Any, *names: str) -> int | None:
    """The first of these that is a positive whole number; the largest where layers differ."""
    for name in names:
        found = [value for value in _values(config, name) if isinstance(value, int) and value > 0]
        if found:
            return max(found)
    return None


def _values(config: Any, name: str) -> list[Any]:
    try:
        return [getattr(config, name, None)]
    except RuntimeError:  # transformers 5: layers differ, and there is no one value
        return [getattr(layer, name, None) for layer in config.per_layer_config]


def _refuse_foreign_kernels(path: str) -> None:
    """A configuration may name code on the hub that computes attention; transformers before 5.3
    runs it though nobody said to trust it (CVE-2026-4372)."""
    from transformers import PretrainedConfig

    try:
        written, _ = PretrainedConfig.get_config_dict(path)
    except Exception:  # what is wrong with the file is said when it is read for good
        return
    named = [(key, str(value)) for key, value in _items(written) if key.endswith(ATTENTION)]
    for key, value in named:
        if "/" in value:
            raise ModelError(f"{path}: its config.json asks for {key}={value[:60]}, which is code "
                             "of its own from the hub; remove the line")  # fmt: skip


def _items(written: Any) -> Iterator[tuple[str, Any]]:
    """Every key of a configuration and of those inside it, with its value."""
    if isinstance(written, dict):
        for key, value in written.items():
            yield str(key), value
            yield from _items(value)


def _require_sizes(path: str, config: Any) -> None:
    """See that the file itself says how wide the model is."""
    from transformers import PretrainedConfig

    written, _ = PretrainedConfig.get_config_dict(path)
    if "auto_map" in written:  # its own code may have words of its own
        return
    alias = getattr(config, "attribute_map", {}).get("hidden_size", WIDTHS[0])
    if not _mentions(written, {*WIDTHS, alias}):
        raise ModelError(
            f"{path}: its config.json does not say hidden_size, so any other size would be a "
            "guess; take the file from where the model came from"
        )


def _mentions(written: Any, names: set[str]) -> bool:
    if not isinstance(written, dict):
        return False
    return bool(names & written.keys()) or any(_mentions(one, names) for one in written.values())


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
