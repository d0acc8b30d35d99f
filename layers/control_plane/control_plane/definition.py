"""A stack set's definition: its template body and its parameter values. The hash of each is stored in a tag.

An older definition of ours agrees with its tags. A definition that somebody changed does not.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import NamedTuple

BODY_TAG, VALUES_TAG = "quick-onboarding:body", "quick-onboarding:values"


def body_hash(text: str) -> str:
    """The hash of a template body. Line endings and trailing spaces are ignored: AWS may not keep them."""
    lines = [line.rstrip() for line in text.splitlines()]
    return hashlib.sha256("\n".join(lines).strip().encode()).hexdigest()


def values_hash(parameters: Mapping[str, str]) -> str:
    """The hash of a stack set's parameters."""
    return hashlib.sha256(json.dumps(dict(parameters), sort_keys=True).encode()).hexdigest()


class Definition(NamedTuple):
    """The hashes of a stack set's body and parameter values, and the stack set's tags."""

    body: str
    values: str
    tags: Mapping[str, str]

    @property
    def untagged(self) -> bool:
        """Whether it has none of these tags: it was created before they existed."""
        return not {BODY_TAG, VALUES_TAG} & set(self.tags)

    @property
    def tag_mismatches(self) -> list[str]:
        """A description of each part whose hash differs from its tag."""
        parts = {"body": (BODY_TAG, self.body), "parameters": (VALUES_TAG, self.values)}
        wrong = [what for what, (tag, found) in parts.items() if self.tags.get(tag) != found]
        return [] if self.untagged else [f"the hash of its {what} is not the one its tag says" for what in wrong]

    def matches(self, body: str, values: str) -> bool:
        """Whether it is exactly the definition that was built."""
        return (self.body, self.values) == (body, values) and not self.untagged and not self.tag_mismatches


def definition_tags(body: str, values: str) -> dict[str, str]:
    """The tags of a stack set with that body and these parameter values (both as hashes)."""
    return {BODY_TAG: body, VALUES_TAG: values}


def version_of(body: str, parameters: Mapping[str, str]) -> str:
    """A short name for a version of the consumer role: its template body (as a hash) and its parameters."""
    return f"{body[:10]}-{values_hash(parameters)[:10]}"
