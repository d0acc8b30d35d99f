"""What IAM refuses when a policy is saved: unknown, missing and misplaced elements.

Source: IAM User Guide, reference_policies_grammar; worded like IAM's MalformedPolicyDocument errors.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from sandbox.aws.policy.model import MalformedPolicyDocument

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Kind = Literal["identity", "trust", "resource"]
VERSIONS = {"2008-10-17", "2012-10-17"}
_ELEMENTS = {"Version", "Id", "Statement"}
_PAIRS = (("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal"))
_STATEMENT_ELEMENTS = {"Sid", "Effect", "Condition"}.union(*_PAIRS)
_PROHIBITED: dict[Kind, tuple[str, ...]] = {
    "identity": ("Principal", "NotPrincipal"),
    "trust": ("Resource", "NotResource", "NotPrincipal"),
    "resource": (),
}
_ACTION = re.compile(r"\*|[\w-]+:[\w*?-]+", re.ASCII)
_RESOURCE = re.compile(r"\*|arn:.+", re.DOTALL)
_SID = re.compile(r"[A-Za-z0-9]*")
_TRUST_ACTION = re.compile(r"sts:(assumerole|tagsession|setsourceidentity|setcontext)[\w*?]*", re.IGNORECASE)


def check_document(document: Mapping[str, Any], kind: Kind) -> Sequence[Mapping[str, Any]]:
    """The raw statements of a document whose outer elements are in order; raises MalformedPolicyDocument."""
    _known(document, _ELEMENTS)
    if document.get("Version", "2008-10-17") not in VERSIONS:
        raise MalformedPolicyDocument(f"The policy must contain a valid version string, not {document['Version']!r}")
    if kind == "identity" and "Id" in document:
        raise MalformedPolicyDocument("Has prohibited field Id")
    listed = document.get("Statement")
    statements: list[Any] = listed if isinstance(listed, list) else [listed]
    if not statements or not all(isinstance(each, dict) for each in statements):
        raise _syntax("Statement must be one or more statements")
    _distinct_ids(statements, kind)
    return statements


def check_statement(raw: Mapping[str, Any], kind: Kind) -> None:
    """Raises MalformedPolicyDocument unless the statement's elements are those its kind of policy has."""
    _known(raw, _STATEMENT_ELEMENTS)
    if raw.get("Effect") not in {"Allow", "Deny"}:
        raise _syntax(f"Effect must be Allow or Deny, not {raw.get('Effect')!r}")
    for name in _PROHIBITED[kind]:
        if name in raw:
            raise MalformedPolicyDocument(f"Has prohibited field {name}")
    for one, other in _PAIRS:
        if one in raw and other in raw:
            raise _syntax(f"{one} and {other} exclude each other")
    _check_principal(raw, kind)
    _check_actions(raw, kind)
    _check_resources(raw, kind)


def texts(value: Any) -> list[str]:
    """One text or a list of them, as Action and Resource are written."""
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(each, str) for each in listed):
        raise _syntax(f"expected one or more strings, found {value!r}")
    return listed


def _check_principal(raw: Mapping[str, Any], kind: Kind) -> None:
    if kind != "identity" and "Principal" not in raw and "NotPrincipal" not in raw:
        raise MalformedPolicyDocument("Missing required field Principal")
    if "NotPrincipal" in raw and raw["Effect"] == "Allow":
        raise _syntax("NotPrincipal with Allow is not supported")


def _check_actions(raw: Mapping[str, Any], kind: Kind) -> None:
    if "Action" not in raw and "NotAction" not in raw:
        raise MalformedPolicyDocument("Policy statement must contain actions.")
    for action in texts(raw.get("Action", raw.get("NotAction"))):
        if not _ACTION.fullmatch(action):
            raise MalformedPolicyDocument(
                f"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: {action}"
            )
        if kind == "trust" and not _TRUST_ACTION.fullmatch(action):
            raise MalformedPolicyDocument(f"AssumeRole policy may only specify STS AssumeRole actions: {action}")


def _check_resources(raw: Mapping[str, Any], kind: Kind) -> None:
    if kind == "trust":
        return
    if "Resource" not in raw and "NotResource" not in raw:
        raise MalformedPolicyDocument("Policy statement must contain resources.")
    for resource in texts(raw.get("Resource", raw.get("NotResource"))):
        if not _RESOURCE.fullmatch(resource):
            raise MalformedPolicyDocument(f'Resource {resource} must be in ARN format or "*".')


def _distinct_ids(statements: Sequence[Mapping[str, Any]], kind: Kind) -> None:
    ids = [each["Sid"] for each in statements if "Sid" in each]
    if not all(isinstance(each, str) for each in ids):
        raise _syntax("Sid must be a string")
    if kind == "resource":  # services have their own rules
        return
    if not all(_SID.fullmatch(each) for each in ids):
        raise MalformedPolicyDocument("Statement IDs (SID) must be alpha-numeric.")
    named = [each for each in ids if each]
    if len(set(named)) != len(named):
        raise MalformedPolicyDocument("Statement IDs (SID) in a single policy must be unique.")


def _known(raw: Mapping[str, Any], elements: set[str]) -> None:
    for name in raw:
        if name not in elements:
            raise _syntax(f"unknown element {name}")


def _syntax(detail: str) -> MalformedPolicyDocument:
    return MalformedPolicyDocument(f"Syntax errors in policy: {detail}")
