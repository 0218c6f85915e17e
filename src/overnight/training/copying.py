"""Whether a chat template does no more with what is said than copy it, so that the text of a
conversation can be put together without running it.

In: a template's source. Out: yes or no, by its syntax alone. Never: a template run; a guess: what
is not understood is a no.
"""

import re
from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Any

from jinja2 import Environment, TemplateError, nodes

_GENERATION = re.compile(r"(\{%[-+]?\s*)(end)?generation(\s*[-+]?%\})")
"""Tags of transformers' own; as syntax they are a block like any other."""


class Kind(IntEnum):
    """What an expression may hold."""

    PLAIN = 0
    """Nothing of what is said: constants, roles, places in the conversation."""
    WHOLE = 1
    """A message, or the list of them."""
    SAID = 2
    """A content, or text that it was copied into."""


PLAIN, WHOLE, SAID = Kind
_METHODS = frozenset((*dir(dict), *dir(list)))
_TYPES = frozenset(("string", "none", "defined", "undefined", "mapping", "sequence", "iterable",
                    "number", "boolean"))  # fmt: skip
"""Tests of what every content is alike: text."""
_STRIPS = ("strip", "lstrip", "rstrip")
_SEQUENCES = ("list", "first", "last")


class _Strange(Exception):
    """Something that is not understood."""


def copies(source: str) -> bool:
    """Whether contents that say anything at all (not only white space) are copied, whole or with
    the white space at their ends left out, and nothing else depends on what they say."""
    box = Environment(extensions=["jinja2.ext.loopcontrols"])  # nothing is rendered
    try:
        tree = box.parse(_GENERATION.sub(_as_block, source))
        return _Reading().settles(tree)
    except (TemplateError, RecursionError, _Strange):
        return False


def _as_block(found: "re.Match[str]") -> str:
    return found[1] + ("endif" if found[2] else "if true") + found[3]


class _Reading:
    """Follows contents through a template's syntax tree."""

    def __init__(self) -> None:
        self._names: dict[str, Kind] = {"messages": WHOLE}

    def settles(self, tree: nodes.Template) -> bool:
        """True once no name's kind changes any more; raises `_Strange` where it cannot follow."""
        before: dict[str, Kind] = {}
        while before != self._names:
            before = dict(self._names)
            self._body(tree.body)
        return True

    def _body(self, statements: Iterable[nodes.Node]) -> None:
        for statement in statements:
            self._statement(statement)

    def _statement(self, node: nodes.Node) -> None:
        if isinstance(node, nodes.Output):
            self._no(WHOLE, node.nodes)
        elif isinstance(node, nodes.If):
            self._kind(node.test)
            self._body((*node.body, *node.elif_, *node.else_))
        elif isinstance(node, nodes.For) and not node.recursive:
            self._name(node.target, self._only(node.iter, (PLAIN, WHOLE)))
            self._only(node.test, (PLAIN,))
            self._body((*node.body, *node.else_))
        elif isinstance(node, nodes.Assign):
            self._name(node.target, self._kind(node.node))
        elif not isinstance(node, nodes.Break | nodes.Continue):
            raise _Strange

    def _name(self, target: nodes.Node, kind: Kind) -> None:
        """Gives names their kind; of several the one that allows least."""
        if isinstance(target, nodes.Name):
            self._names[target.name] = _strongest((self._names.get(target.name, PLAIN), kind))
        elif kind is not PLAIN:
            raise _Strange

    def _only(self, node: nodes.Node | None, allowed: tuple[Kind, ...]) -> Kind:
        kind = PLAIN if node is None else self._kind(node)
        if kind not in allowed:
            raise _Strange
        return kind

    def _no(self, kind: Kind, parts: Iterable[nodes.Node]) -> Kind:
        kinds = [self._kind(part) for part in parts]
        if kind in kinds:
            raise _Strange
        return _strongest(kinds)

    def _kind(self, node: nodes.Node) -> Kind:
        if isinstance(node, nodes.Name) and node.name != "loop":
            return self._names.get(node.name, PLAIN)
        if isinstance(node, nodes.Getattr | nodes.Getitem):
            return self._part(node)
        if isinstance(node, nodes.Add | nodes.Concat):
            return self._no(WHOLE, node.iter_child_nodes())
        if isinstance(node, nodes.And | nodes.Or | nodes.CondExpr):
            return _strongest([self._kind(part) for part in node.iter_child_nodes()])
        if isinstance(node, nodes.Not):
            self._kind(node.node)
            return PLAIN
        special: dict[type[nodes.Node], Callable[[Any], Kind]] = {
            nodes.Filter: self._filter, nodes.Test: self._test, nodes.Call: self._call,
            nodes.Compare: self._compare,
        }  # fmt: skip
        read = special.get(type(node))
        if isinstance(node, nodes.Name):
            raise _Strange  # a loop knows the messages before and after
        return read(node) if read else self._plain(node.iter_child_nodes())

    def _plain(self, parts: Iterable[nodes.Node]) -> Kind:
        for part in parts:
            self._only(part, (PLAIN,))
        return PLAIN

    def _part(self, node: Any) -> Kind:
        """An attribute or an item of something."""
        key = node.attr if isinstance(node, nodes.Getattr) else _constant(node.arg)
        if isinstance(node.node, nodes.Name) and node.node.name == "loop" and key:
            return WHOLE if key in ("previtem", "nextitem") else PLAIN
        if self._only(node.node, (PLAIN, WHOLE)) is PLAIN:
            return self._plain([node.arg] if isinstance(node, nodes.Getitem) else ())
        if isinstance(key, str):
            if key in _METHODS:
                raise _Strange
            return SAID if key == "content" else PLAIN
        if not _number(node.arg):
            raise _Strange
        return WHOLE

    def _filter(self, node: Any) -> Kind:
        kind, name = self._kind(node.node) if node.node else WHOLE, node.name
        given = [*node.args, *node.kwargs, node.dyn_args, node.dyn_kwargs]
        if kind is PLAIN:
            return self._plain(filter(None, given))
        if kind is SAID and name == "trim" and not any(given):
            return SAID
        if kind is WHOLE and name in ("length", "count", *_SEQUENCES) and not any(given):
            return WHOLE if name in _SEQUENCES else PLAIN
        raise _Strange

    def _test(self, node: Any) -> Kind:
        kind = self._kind(node.node)
        if kind is not PLAIN and node.name not in _TYPES:
            raise _Strange
        return self._plain(node.args)

    def _call(self, node: Any) -> Kind:
        given = [*node.args, *(pair.value for pair in node.kwargs)]
        strips = isinstance(node.node, nodes.Getattr) and node.node.attr in _STRIPS
        if strips and not given and self._kind(node.node.node) is SAID:
            return SAID
        if node.dyn_args or node.dyn_kwargs:
            raise _Strange
        return self._plain((node.node, *given))

    def _compare(self, node: Any) -> Kind:
        """`'key' in message` hangs on no content; nor does what compares what is plain."""
        (one, *more) = node.ops
        inside = one.op in ("in", "notin") and isinstance(node.expr, nodes.Const) and not more
        if inside and self._kind(one.expr) is WHOLE:
            return PLAIN
        return self._plain((node.expr, *(operand.expr for operand in node.ops)))


def _strongest(kinds: Iterable[Kind]) -> Kind:
    return max(kinds, default=PLAIN)


def _constant(node: nodes.Node) -> Any:
    return node.value if isinstance(node, nodes.Const) else None


def _number(node: nodes.Node) -> bool:
    """Whether a place in a list is reckoned from numbers and a loop's counter alone."""
    parts = [node, *node.find_all(nodes.Expr)]
    return all(
        isinstance(part, nodes.Slice | nodes.Add | nodes.Sub | nodes.Neg)
        or isinstance(_constant(part), int)
        or (isinstance(part, nodes.Getattr) and isinstance(part.node, nodes.Name))
        or (isinstance(part, nodes.Name) and part.name == "loop")
        for part in parts
    )
