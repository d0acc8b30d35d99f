"""The rules for tags of accounts, OUs, roots and policies; moto has none of them.

Source: Organizations User Guide, orgs_tagging (restrictions); botocore model, ConstraintViolationException.
"""

import re
from collections.abc import Iterable, Mapping

from sandbox.gateway import AwsError
from sandbox.services.organizations import errors

MOST_TAGS = 50
_TEXT = re.compile(r"[\w .:/=+\-@]*")  # letters, digits, spaces and these: nothing else, no comma


def checked_tags(present: Mapping[str, str], added: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The tags after adding some; raises AwsError where Organizations refuses them, and nothing is added."""
    listed = [(tag["Key"], tag["Value"]) for tag in added]
    for key, value in listed:
        _check(key, value)
    if len(dict(listed)) != len(listed):
        raise errors.invalid_input("DUPLICATE_TAG_KEY", "Tag keys must be unique among the tags of a request.")
    result = {**present, **dict(listed)}
    if len(result) > MOST_TAGS:
        raise errors.constraint_violation(
            "MAX_TAG_LIMIT_EXCEEDED",
            f"You have exceeded the number of tags allowed on this resource: {MOST_TAGS}.",
        )
    return result


def _check(key: str, value: str) -> None:
    if not 1 <= len(key) <= 128 or len(value) > 256:
        raise _invalid("A tag key has 1 to 128 characters, a value at most 256.")
    if not _TEXT.fullmatch(key) or not _TEXT.fullmatch(value):
        raise _invalid("Tags may contain letters, digits, spaces and _ . : / = + - @ only.")
    if key.lower().startswith("aws:"):
        raise errors.invalid_input("INVALID_SYSTEM_TAGS_PARAMETER", "Tag keys can't begin with aws:.")


def _invalid(message: str) -> AwsError:
    return errors.invalid_input("INVALID_PATTERN", message)
