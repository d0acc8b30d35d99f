"""What a profile's stack set is defined by: the body and the values it was built with, each told by its hash in a tag.

The tags tell an older definition of ours (it agrees with its tags) from one that somebody changed (it does not).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

BODY_TAG, VALUES_TAG = "quick-onboarding:body", "quick-onboarding:values"


def body_hash(text: str) -> str:
    """A body's hash. Ends of lines and trailing blanks do not count: nobody says that AWS keeps them."""
    lines = [line.rstrip() for line in text.splitlines()]
    return hashlib.sha256("\n".join(lines).strip().encode()).hexdigest()


def values_hash(parameters: Mapping[str, str]) -> str:
    """The hash of a stack set's parameters."""
    return hashlib.sha256(json.dumps(dict(parameters), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Definition:
    """A stack set's body and values, as hashes, and what its tags say of them."""

    body: str
    values: str
    tags: Mapping[str, str]

    @property
    def untold(self) -> bool:
        """Whether no tag says anything of it, as before there were such tags."""
        return not {BODY_TAG, VALUES_TAG} & set(self.tags)

    @property
    def lies(self) -> list[str]:
        """What is not as its tag says, in words."""
        seen = {"body": (BODY_TAG, self.body), "parameters": (VALUES_TAG, self.values)}
        wrong = [what for what, (tag, found) in seen.items() if self.tags.get(tag) != found]
        return [] if self.untold else [f"the hash of its {what} is not the one its tag says" for what in wrong]

    def is_of(self, body: str, values: str) -> bool:
        """Whether it is exactly what was built."""
        return (self.body, self.values) == (body, values) and not self.untold and not self.lies


def define(body: str, values: str) -> dict[str, str]:
    """The tags a stack set of that body and these values carries."""
    return {BODY_TAG: body, VALUES_TAG: values}
