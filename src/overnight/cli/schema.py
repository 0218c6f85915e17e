"""What each key of a request may be: its type and its limits.

In: values as they were written, by key. Out: the same of the right types, or one line that says
which value, from where, and what was expected. Never: where values come from, what they mean.
"""

from collections.abc import Mapping
from reprlib import Repr
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from overnight.values.errors import InputError
from overnight.values.request import Request, Settings

_COUNT: dict[str, Any] = {"ge": 1}
_NOT_NEGATIVE: dict[str, Any] = {"ge": 0}
_SHARE: dict[str, Any] = {"ge": 0, "lt": 1}
LIMITS: dict[str, dict[str, Any]] = {
    "num_train_epochs": {"gt": 0, "le": 10_000},
    "max_steps": {"ge": 1, "le": 10**9},
    "per_device_train_batch_size": _COUNT,
    "gradient_accumulation_steps": _COUNT,
    "learning_rate": {"gt": 0, "le": 1},
    "warmup_ratio": _SHARE,
    "max_grad_norm": _NOT_NEGATIVE,
    "weight_decay": _NOT_NEGATIVE,
    "max_length": {"ge": 2},  # one token to read and one to learn
    "dataloader_num_workers": _NOT_NEGATIVE,
    "logging_steps": _COUNT,
    "eval_steps": _COUNT,
    "save_steps": _COUNT,
    "save_minutes": {"gt": 0},
    "save_total_limit": _COUNT,
    "seed": {"ge": 0, "lt": 2**32},  # what numpy takes as a seed
    "lora_r": _COUNT,
    "lora_alpha": _COUNT,
    "lora_dropout": _SHARE,
    "stage2_rows": _COUNT,
    "sample": {"gt": 0, "le": 1},
    "sample_total": _COUNT,
    "processes": _COUNT,
    "patience": _COUNT,
}
_WORDS = {"ge": "from {} up", "gt": "above {}", "le": "at most {}", "lt": "below {}"}
_KINDS: dict[Any, str] = {int: "a whole number", float: "a number", bool: "true or false"}
_COMPOSED = ("window", "settings")
LONGEST = 4096
"""Characters of a text: as long as a path may be on Linux."""
_SHORT = Repr()  # few lines of YAML can stand for a value of gigabytes
_SHORT.maxstring, _SHORT.maxlevel = 80, 1


def keys() -> dict[str, Any]:
    """Every key that can be given, with its type; `within` and `by` stand for the window."""
    hints = get_type_hints(Settings) | get_type_hints(Request)
    plain = {key: _without_none(hint) for key, hint in hints.items() if key not in _COMPOSED}
    return plain | {"within": str, "by": str}


def _without_none(hint: Any) -> Any:
    """`int | None` is `int`."""
    inner = [part for part in get_args(hint) if part is not NoneType]
    return inner[0] if len(inner) == 1 and get_origin(hint) is not Literal else hint


def expected(key: str) -> str:
    """What a key may be, in words: "a whole number from 1 up"."""
    kind = keys()[key]
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    limits = [_WORDS[name].format(bound) for name, bound in LIMITS.get(key, {}).items()]
    return " ".join([_KINDS.get(kind, "text"), " and ".join(limits)]).strip()


def check(values: Mapping[str, object], *, places: Mapping[str, str]) -> dict[str, Any]:
    """The values in their right types; `places` says for each key where it came from.

    Raises:
        InputError: a value is of the wrong type or out of its limits.
    """
    for key, value in values.items():
        if isinstance(value, str) and ("\0" in value or len(value) > LONGEST):
            raise InputError(f"{places[key]}: {key} holds a zero byte or is longer than {LONGEST} "
                             "characters; give a name or a path")  # fmt: skip
    try:
        wanted = _model().model_validate(dict(values))
    except ValidationError as error:
        wrong = [str(problem["loc"][0]) for problem in error.errors()]
        raise InputError(_refusal(wrong, values=values, places=places)) from error
    return wanted.model_dump(exclude_unset=True)


def _refusal(wrong: list[str], *, values: Mapping[str, object], places: Mapping[str, str]) -> str:
    key, others = wrong[0], list(dict.fromkeys(wrong[1:]))
    more = f" (wrong too: {', '.join(others)})" if others else ""
    return f"{places[key]}: {key} is {_SHORT.repr(values[key])}; expected {expected(key)}{more}"


def _model() -> type[BaseModel]:
    """The keys as a pydantic model."""
    fields: dict[str, Any] = {key: (_checked(key, kind=kind), None) for key, kind in keys().items()}
    config = ConfigDict(extra="forbid", allow_inf_nan=False, coerce_numbers_to_str=True)
    return create_model("Wanted", __config__=config, **fields)


def _checked(key: str, *, kind: Any) -> Any:
    if kind not in (int, float):
        return kind
    return Annotated[kind, BeforeValidator(_no_bool), Field(**LIMITS.get(key, {}))]


def _no_bool(value: object) -> object:
    """Python counts True as 1; a person who writes `true` for a number means something else."""
    if isinstance(value, bool):
        raise ValueError("a number is expected")
    return value
