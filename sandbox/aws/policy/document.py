"""A policy document, parsed once: its statements, and which of them apply to a request.

Sources: IAM User Guide, reference_policies_grammar, reference_policies_elements.
"""

from __future__ import annotations

import json
import marshal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, cast

from sandbox.aws.policy.conditions import Condition, NullCondition, parse_conditions
from sandbox.aws.policy.model import (
    Context,
    Document,
    MalformedPolicyDocument,
    Principal,
    Request,
    condition_context,
)
from sandbox.aws.policy.patterns import Template, resource_matches, resource_template, template, text_matches
from sandbox.aws.policy.principals import Grant, PrincipalElement, parse_principal
from sandbox.aws.policy.syntax import Kind, check_document, check_statement, texts

VARIABLES_SINCE = "2012-10-17"
WITHOUT_REFERENCES = 2  # a version of marshal that writes equal content as equal bytes


@dataclass(frozen=True)
class PreparedRequest:
    """A request prepared for matching against many statements."""

    principal: Principal
    action: str
    resource: str
    context: Context
    bounded: bool

    @classmethod
    def of(cls, request: Request, *, bounded: bool) -> PreparedRequest:
        """Derives the condition keys once; `bounded` says whether the caller has a permissions boundary."""
        return cls(request.principal, request.action.lower(), request.resource, condition_context(request), bounded)


@dataclass(frozen=True)
class Statement:
    """One statement."""

    effect: Literal["Allow", "Deny"]
    principal: PrincipalElement | None
    actions: tuple[str, ...]
    excludes_actions: bool
    resources: tuple[Template, ...] | None
    excludes_resources: bool
    conditions: tuple[Condition | NullCondition, ...]

    def applies(self, prepared: PreparedRequest) -> bool:
        """Whether every element of the statement matches the request."""
        return (
            self._covers_action(prepared.action)
            and self._covers_resource(prepared)
            and (self.principal is None or self.principal.concerns(prepared.principal, bounded=prepared.bounded))
            and all(condition.holds(prepared.context) for condition in self.conditions)
        )

    def _covers_action(self, action: str) -> bool:
        return _is_among(action, self.actions) != self.excludes_actions

    def _covers_resource(self, prepared: PreparedRequest) -> bool:
        if self.resources is None:  # a trust policy: the resource is the role it is attached to
            return True
        expanded = (each.expand(prepared.context) for each in self.resources)
        found = any(text is not None and resource_matches(text, prepared.resource) for text in expanded)
        return found != self.excludes_resources


@dataclass(frozen=True, eq=False)
class Policy:
    """A parsed document. Two are the same if they are one object: documents are parsed once.

    `reads_time` says whether the time of a request may matter to it.
    """

    statements: tuple[Statement, ...]
    reads_time: bool

    def denies(self, prepared: PreparedRequest) -> bool:
        """Whether a Deny statement applies."""
        return any(each.effect == "Deny" and each.applies(prepared) for each in self.statements)

    def allows(self, prepared: PreparedRequest) -> bool:
        """Whether an Allow statement applies."""
        return any(each.effect == "Allow" and each.applies(prepared) for each in self.statements)

    def grant(self, prepared: PreparedRequest) -> Grant:
        """How directly the Allow statements that apply name the caller."""
        return max(self._grants(prepared), default=Grant.NONE)

    def _grants(self, prepared: PreparedRequest) -> Iterator[Grant]:
        for each in self.statements:
            if each.effect == "Allow" and each.principal and each.applies(prepared):
                yield each.principal.grant(prepared.principal)


@lru_cache(maxsize=8192)
def _is_among(action: str, patterns: tuple[str, ...]) -> bool:
    """Whether an action matches one of a statement's: few actions are asked for, and again and again."""
    return any(text_matches(pattern, action) for pattern in patterns)


class KeptDocument(dict[str, Any]):
    """A document that nobody changes: it is parsed once for each kind."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        super().__init__(document)
        self.parsed: dict[Kind, Policy] = {}


def validate(document: Document, kind: Kind = "identity") -> None:
    """Accepts a document as IAM would when it is saved.

    Raises:
        MalformedPolicyDocument: with what is wrong, in IAM's words where they are known.
    """
    parse(document, kind)


def parse(document: Document, kind: Kind) -> Policy:
    """The statements of a document, cached by its content; raises MalformedPolicyDocument."""
    if isinstance(document, KeptDocument):
        if kind not in document.parsed:
            document.parsed[kind] = _parse_json(_json(document), kind)
        return document.parsed[kind]
    if not isinstance(document, Mapping):
        raise MalformedPolicyDocument("Syntax errors in policy: a policy is a JSON object")
    try:
        content = marshal.dumps(cast(Any, document), WITHOUT_REFERENCES)
    except ValueError:  # not of plain dictionaries alone
        return _parse_json(_json(document), kind)
    return _parse(content, kind)


def _json(document: Document) -> str:
    try:
        return json.dumps(document, default=dict)
    except (TypeError, ValueError) as error:
        raise MalformedPolicyDocument(f"Syntax errors in policy: {error}") from error


@lru_cache(maxsize=4096)
def _parse(content: bytes, kind: Kind) -> Policy:
    """Of a document that marshal wrote: its policies are looked up at each call, and JSON takes ten times as long."""
    return _parse_json(_json(marshal.loads(content)), kind)  # noqa: S302 - written a moment ago


@lru_cache(maxsize=4096)
def _parse_json(text: str, kind: Kind) -> Policy:
    document = json.loads(text)
    statements: Sequence[Mapping[str, Any]] = check_document(document, kind)
    variables = document.get("Version") == VARIABLES_SINCE
    parsed = tuple(_statement(each, kind, variables=variables) for each in statements)
    return Policy(parsed, reads_time="time" in text.lower())


def _statement(raw: Mapping[str, Any], kind: Kind, *, variables: bool) -> Statement:
    check_statement(raw, kind)
    return Statement(
        effect=raw["Effect"],
        principal=_principal(raw),
        actions=tuple(_action(text) for text in texts(raw.get("Action", raw.get("NotAction")))),
        excludes_actions="NotAction" in raw,
        resources=_resources(raw, variables=variables),
        excludes_resources="NotResource" in raw,
        conditions=parse_conditions(raw.get("Condition", {}), variables=variables),
    )


def _principal(raw: Mapping[str, Any]) -> PrincipalElement | None:
    for name in ("Principal", "NotPrincipal"):
        if name in raw:
            return parse_principal(raw[name], negated=name == "NotPrincipal")
    return None


def _action(text: str) -> str:
    expanded = template(text.lower(), variables=False, wildcards=True).expand({})
    assert expanded is not None
    return expanded


def _resources(raw: Mapping[str, Any], *, variables: bool) -> tuple[Template, ...] | None:
    listed = raw.get("Resource", raw.get("NotResource"))
    return None if listed is None else tuple(resource_template(text, variables=variables) for text in texts(listed))
