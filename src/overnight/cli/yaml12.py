"""YAML as version 1.2 reads it: `1e-4` is a number, `no` a word, `8:30` not 510.

In: the text of a file. Out: what it holds, of JSON's types. Never: Python objects, silent repeats.
"""

import re
from collections.abc import Hashable
from typing import Any

import yaml

from overnight.values.errors import InputError

_BOOL = r"true|True|TRUE|false|False|FALSE"
_NULL = r"~|null|Null|NULL|"
_INT = r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"
_FLOAT = (r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
          r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")  # fmt: skip
MOST_MERGED = 10_000
_STARTS = "-+.0123456789"


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the core schema of YAML 1.2 (section 10.3.2) for plain words."""

    # Of its own and empty: else the resolvers of YAML 1.1 are inherited.
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Takes in what is merged; a few lines can ask for more than any memory holds."""
        super().flatten_mapping(node)
        if len(node.value) > MOST_MERGED:
            raise yaml.constructor.ConstructorError(
                None, None, f"more than {MOST_MERGED:,} keys are merged", node.start_mark
            )

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping whose every key was written once."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value!r} is written twice", key.start_mark)  # fmt: skip
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _whole(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    """Decimal with any leading zeros; `0o` and `0x` say otherwise."""
    text = str(loader.construct_scalar(node))
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


for _tag, _pattern, _first in (
    ("bool", _BOOL, "tTfF"),
    ("null", _NULL, ["~", "n", "N", ""]),
    ("int", _INT, _STARTS),
    ("float", _FLOAT, _STARTS),
    ("merge", "<<", "<"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), list(_first)
    )
_Loader.add_constructor("tag:yaml.org,2002:int", _whole)


def read_yaml(text: str, *, where: str) -> Any:
    """What the text holds; None where it is empty.

    Raises:
        InputError: not YAML, with the line at fault.
    """
    try:
        # A subclass of SafeLoader: it makes no objects but JSON's.
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise InputError(f"{where}{line}: not YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError) as error:  # the latter: a number of thousands of digits
        raise InputError(f"{where}: not YAML: {' '.join(str(error).split())}") from error
