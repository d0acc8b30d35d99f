"""How a text in a policy matches a text in a request: wildcards, policy variables, ARNs.

Sources: IAM User Guide, reference_policies_elements_resource, reference_policies_variables,
reference_policies_elements_condition_operators.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.aws.policy.model import Context

# An expanded text carries its wildcards as private characters: a `*` that came out of a variable is a star.
ANY, ONE = "\ue000", "\ue001"
ARN_COMPONENTS = 6
_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_WITH_DEFAULT = re.compile(r"([^,']+), '([^']*)'")
_LITERALS = {"*": "*", "?": "?", "$": "$"}


@dataclass(frozen=True)
class Variable:
    """`${key}` or `${key, 'default'}`."""

    key: str
    default: str | None

    def value(self, context: Context) -> str | None:
        """The key's one value; keys with several values can't be variables."""
        values = context.get(self.key, ())
        return values[0] if len(values) == 1 else self.default


@dataclass(frozen=True)
class Template:
    """A policy text whose variables wait for a request."""

    parts: tuple[str | Variable, ...]

    def expand(self, context: Context) -> str | None:
        """The text for this request; None when a variable has no value: nothing equals or resembles that."""
        texts = [part if isinstance(part, str) else part.value(context) for part in self.parts]
        known = [text for text in texts if text is not None]
        return "".join(known) if len(known) == len(texts) else None


@lru_cache(maxsize=8192)
def template(text: str, *, variables: bool, wildcards: bool) -> Template:
    """A condition value, ready to be expanded; without `variables` (Version 2008-10-17) `${x}` is text."""
    if not variables:
        return Template((_plain(text, wildcards=wildcards),))
    pieces = _VARIABLE.split(text)  # text, variable, text, ..., text
    return Template(
        tuple(
            _variable(piece) if index % 2 else _plain(piece, wildcards=wildcards) for index, piece in enumerate(pieces)
        )
    )


@lru_cache(maxsize=8192)
def resource_template(text: str, *, variables: bool) -> Template:
    """A Resource: variables only count in the resource part, after the fifth colon."""
    components = text.split(":", ARN_COMPONENTS - 1)
    if len(components) < ARN_COMPONENTS:
        return template(text, variables=False, wildcards=True)
    head = template(":".join(components[:-1]) + ":", variables=False, wildcards=True)
    tail = template(components[-1], variables=variables, wildcards=True)
    return Template(head.parts + tail.parts)


def _plain(text: str, *, wildcards: bool) -> str:
    return text.replace("*", ANY).replace("?", ONE) if wildcards else text


def _variable(name: str) -> str | Variable:
    if name in _LITERALS:
        return _LITERALS[name]
    match = _WITH_DEFAULT.fullmatch(name)
    if match:
        return Variable(match[1].strip().lower(), match[2])
    return Variable(name.strip().lower(), None)


def text_matches(expanded: str, text: str) -> bool:
    """StringLike: `*` is any run of characters, `?` any single one."""
    return _free(expanded).fullmatch(text) is not None


def arn_matches(expanded: str, text: str) -> bool:
    """ArnLike: six components, each compared by itself; the sixth includes its colons."""
    wanted, found = (arn.split(":", ARN_COMPONENTS - 1) for arn in (expanded, text))
    if len(wanted) != ARN_COMPONENTS or len(found) != ARN_COMPONENTS:
        return False
    return all(map(text_matches, wanted, found))


def resource_matches(expanded: str, text: str) -> bool:
    """Resource: wildcards stay within their segment, but a `*` that ends one may run past its colon.

    The resource part, from the fifth colon on, is taken as one segment (an object key may contain colons).
    """
    return _segmented(expanded).fullmatch(text) is not None


@lru_cache(maxsize=8192)
def _free(expanded: str) -> re.Pattern[str]:
    return re.compile(_source(expanded), re.DOTALL)


@lru_cache(maxsize=8192)
def _segmented(expanded: str) -> re.Pattern[str]:
    components = expanded.split(":", ARN_COMPONENTS - 1)
    sources = [_segment(each) for each in components]
    if len(components) == ARN_COMPONENTS:
        sources[-1] = _source(components[-1])
    return re.compile(":".join(sources), re.DOTALL)


def _segment(expanded: str) -> str:
    if not expanded.endswith(ANY):
        return _source(expanded, character="[^:]")
    return _source(expanded[:-1], character="[^:]") + ".*"


def _source(expanded: str, character: str = ".") -> str:
    return re.escape(expanded).replace(ANY, character + "*").replace(ONE, character)
