"""JSONata as Step Functions reads it: expressions between `{%` and `%}`, compiled once per thread."""

import math
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jsonata.jsonata import Jsonata
from jsonata.parser import Parser
from jsonata.utils import Utils

from sandbox.aws.asl.effects import StateError
from sandbox.aws.asl.functions import ADDED

# The clock, chance and the digest differ between engines or cannot be replayed; Step Functions has no $eval.
FORBIDDEN = frozenset({"now", "millis", "random", "uuid", "hash", "shuffle", "eval"})
FUNCTIONS = (frozenset(Jsonata.static_frame.bindings) | ADDED.keys()) - FORBIDDEN
WHOLE = re.compile(r"\{%(.*)%\}", re.DOTALL)
PATH = re.compile(r"\$[A-Za-z]\w*(\.[A-Za-z]\w*)*")  # a variable's member, and that one's: most expressions are no more

# jsonata-python keeps "the current expression" per thread and writes to the syntax tree while it evaluates.
_compiled = threading.local()


class NotJsonata(ValueError):
    """The text is no expression we accept; the message says why."""


@dataclass(frozen=True)
class Expression:
    """One JSONata expression, and where in its state it stands, for error messages."""

    source: str
    field: str

    def check(self) -> frozenset[str]:
        """Compile it; the names of the variables it expects from outside. Raises `NotJsonata`."""
        try:
            names, local = _names_in(self.source)
        except Exception as error:
            raise NotJsonata(f"{self.field} does not compile: {error}: {self.source}") from error
        if forbidden := names & FORBIDDEN:
            raise NotJsonata(f"{self.field} uses ${', $'.join(sorted(forbidden))}: {self.source}")
        return names - local - FUNCTIONS

    def evaluate(self, variables: Mapping[str, Any]) -> Any:
        """The value as plain JSON. Raises States.QueryEvaluationError, also when it is undefined."""
        path = _path(self.source)
        found = _walk(path, variables) if path else None
        if found is not None:
            return self._plain(found)
        bindings = {name: Utils.NULL_VALUE if value is None else value for name, value in variables.items()}
        try:
            value = _compile(self.source).evaluate(None, bindings)
        except Exception as error:  # whatever jsonata-python stumbles over
            raise self._failure(str(error)) from error
        if value is None:
            raise self._failure("returned nothing (undefined)")
        return self._plain(value)

    def _plain(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: self._plain(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._plain(item) for item in value]
        if value is None or value is Utils.NULL_VALUE:
            return None
        if isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
            return value
        raise self._failure("returned an unsupported result type")

    def _failure(self, what: str) -> StateError:
        cause = f"The JSONata expression '{self.source}' specified for the field '{self.field}' {what}."
        return StateError("States.QueryEvaluationError", cause)


def template(value: Any, field: str) -> Any:
    """The value of a field with every `{% ... %}` in it replaced by an `Expression`. Raises `NotJsonata`."""
    if isinstance(value, dict):
        return {key: template(item, f"{field}/{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [template(item, f"{field}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, str) and ("{%" in value or "%}" in value):
        whole = WHOLE.fullmatch(value)
        if not whole:
            raise NotJsonata(f"{field} is no expression: it must begin with {{% and end with %}}: {value}")
        return Expression(whole[1].strip(), field)
    return value


def fill(value: Any, variables: Mapping[str, Any]) -> Any:
    """The template with its expressions evaluated."""
    if isinstance(value, Expression):
        return value.evaluate(variables)
    if isinstance(value, dict):
        return {key: fill(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, variables) for item in value]
    return value


def expressions(value: Any) -> Iterator[Expression]:
    """Every expression in a template."""
    if isinstance(value, Expression):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from expressions(item)


@lru_cache(4096)
def _path(source: str) -> tuple[str, ...]:
    """The names in an expression that is a path and nothing else."""
    return tuple(source[1:].split(".")) if PATH.fullmatch(source) else ()


def _walk(path: tuple[str, ...], variables: Mapping[str, Any]) -> Any:
    """What is at the end of a path through objects; None where JSONata has rules of its own, as for arrays and null."""
    found: Any = variables
    for name in path:
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return None if isinstance(found, list) else found


def _compile(source: str) -> Any:
    cache = _compiled.__dict__
    if source not in cache:
        cache[source] = Jsonata(source)
        cache[source].set_output_convert_nulls(False)  # keeps null apart from undefined
        for name, function in ADDED.items():
            cache[source].register_lambda(name, function)
    return cache[source]


@lru_cache(4096)
def _names_in(source: str) -> tuple[frozenset[str], frozenset[str]]:
    mentioned, bound = _names(_compile(source).ast)
    return frozenset(mentioned), frozenset(bound)


def _names(tree: Any) -> tuple[set[str], set[str]]:
    """The variables a syntax tree mentions, and those of them it binds itself."""
    mentioned: set[str] = set()
    bound: set[str] = set()
    seen: set[int] = set()
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node, list | tuple):
            left.extend(node)
        elif isinstance(node, Parser.Symbol) and id(node) not in seen:
            seen.add(id(node))
            left.extend(vars(node).values())
            if node.type == "variable":
                mentioned.add(str(node.value))
            bound.update(str(name) for name in _binders(node))
    return mentioned, bound


def _binders(node: Any) -> list[Any]:
    if node.type == "lambda":
        return [name.value for name in node.arguments]
    if node.type == "bind":
        return [node.lhs.value]
    return [getattr(node, "focus", None), getattr(node, "index", None)]  # @$x and #$i
